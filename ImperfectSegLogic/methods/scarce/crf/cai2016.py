"""Cai 2016: masks and boundaries from two branches, joined by a CRF of neighbors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Settings as SupervisedSettings
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.networks.decision_fusion import FEATURES, DecisionFusion
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players


@dataclass(frozen=True)
class Settings:
    """How long mean field goes on, and what the loss is made of.

    Attributes:
        iterations: Of mean field, in training and prediction.
        mask: Weight of the cross-entropy of the mask branch.
        boundary: Weight of the class-balanced cross-entropy of the boundary branch.
        dice: Weight of the Dice loss of what the CRF makes of them, of densely labeled samples.
    """

    iterations: int = setting(10, "mean field iterations", 1, 100)
    mask: float = setting(1.0, "weight of the loss of the mask branch", 0.0, 100.0)
    boundary: float = setting(1.0, "weight of the loss of the boundary branch", 0.0, 100.0)
    dice: float = setting(1.0, "weight of the Dice loss of dense masks", 0.0, 100.0)


class GraphDecisionFusion(TrainingMethod):
    """Trains masks, boundaries and the CRF that joins them (cai2016pancreas; survey 4.6.1).

    The plan's network is the backbone; see `networks.decision_fusion` for the CRF, whose weights
    are learned from the marginals after a fixed number of mean field steps. The trained model
    predicts with the CRF inside, within each window that the network sees.

    Differs from the paper: backbone, branches and CRF are trained together, with one loss for each;
    the network is the plan's; features of neighbors are gray values, masks and boundaries only;
    labels can be more than the pancreas and background; in 2-D and 3-D. A voxel is of a boundary if
    a voxel that shares a face with it has another label.
    """

    card = MethodCard(
        name="cai2016",
        paper=("cai2016pancreas",),
        table_row="CRF-based post segmentation",
        accepts=("DenseMask", "NoisyMask", "SparseMask", "PointGrid", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Joins masks with boundaries; 2.3 points of Dice for the pancreas in MRI.",
    )
    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._supervised = Supervised(SupervisedSettings(dice=self.settings.dice))

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network with both branches and the CRF behind it."""
        backbone = build_network(
            plan.network, plan.dims, plan.channels, FEATURES, dict(plan.network_settings)
        )
        spacing = plan.spacing[3 - plan.dims :]
        labels = len(plan.labels) + 1
        return DecisionFusion(backbone, plan.channels, labels, spacing, self.settings.iterations)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the supervised terms after the CRF, and one of each branch."""
        terms = self._supervised.loss(players, batch)
        if not isinstance(players.segmenter, DecisionFusion):
            return terms  # Somebody looks what the loss is with another network.
        mask, boundary = players.segmenter.before(batch.image)
        if self.settings.mask:
            log = label_log_probabilities(mask, batch.looked_for)
            value = partial_cross_entropy(log, batch.target)
            terms += (Term("mask branch", value, self.settings.mask),)
        if self.settings.boundary:
            value = balanced_cross_entropy(boundary[:, 0], boundaries(batch))
            terms += (Term("boundary branch", value, self.settings.boundary),)
        return terms


def boundaries(batch: Batch) -> Tensor:
    """Gives 1 where a neighbor has another label, 0 where none has, `UNLABELED` where unknown.

    It is unknown at unlabeled voxels; where no other label is seen, but a neighbor is unlabeled;
    and in background if some label was not looked for, as that may be there.
    """
    target = batch.target
    labeled = target != UNLABELED
    other, unsure = torch.zeros_like(labeled), torch.zeros_like(labeled)
    for axis in range(1, target.ndim):
        for here, there in ((0, 1), (1, 0)):
            some = target.shape[axis] - 1
            one, beside = target.narrow(axis, here, some), target.narrow(axis, there, some)
            known = labeled.narrow(axis, there, some)
            other.narrow(axis, here, some).logical_or_(known & (one != beside))
            unsure.narrow(axis, here, some).logical_or_(~known)
    partial = ~batch.looked_for.all(dim=1).to(target.device)
    unsure |= partial.view(-1, *[1] * (target.ndim - 1)) & (target == 0)
    found = other.long().masked_fill(~other & unsure, UNLABELED)
    return found.masked_fill(~labeled, UNLABELED)


def balanced_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Gives the mean of the cross-entropies of both classes; of one, if only that is there; or 0.

    Args:
        logits: Of class 1, shape (sample, *space).
        truth: 0, 1 or `UNLABELED`, the same shape.
    """
    logits = logits.float()
    each = functional.binary_cross_entropy_with_logits(
        logits, truth.clamp_min(0).float(), reduction="none"
    )
    total, classes = (logits * 0).sum(), 0
    for label in (0, 1):
        at = (truth == label).float()
        total = total + (each * at).sum() / at.sum().clamp_min(1)
        classes += int(at.any())
    return total / max(classes, 1)

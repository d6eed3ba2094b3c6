"""Çiçek 2016, 3D U-Net: class-balanced cross-entropy in which unlabeled voxels weigh nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.weak.selective_loss.class_balance import voxel_weights
from ImperfectSegLogic.training.players import Players


@dataclass(frozen=True)
class Settings:
    """How labels are balanced.

    Attributes:
        strength: 1 gives all labels the same say, 0 leaves them as frequent as they are.
    """

    strength: float = setting(1.0, "1 balances labels, 0 leaves them as they are", 0.0, 1.0)


class ClassBalancedSparse(TrainingMethod):
    """Learns volumes from a few annotated slices (cicek2016unet, section 3; survey 5.2.2).

    Voxels of the class "unlabeled" have weight 0; the others are weighted so that frequent
    background counts less and rare structures more. The paper gives no formula for its weights;
    here a label weighs the inverse of its frequency among all annotated voxels of the training
    cases. The paper's network is a 3-D U-Net; here it is any network, 2-D or 3-D.
    """

    card = MethodCard(
        name="sparse-cicek2016",
        paper=("cicek2016unet",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("SparseMask", "PointGrid", "DenseMask", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="IoU rises from 0.40 to 0.86 when 8.9 % instead of 2.5 % of slices are annotated.",
    )
    settings_type = Settings
    supervises = True

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the class-balanced cross-entropy of the labeled voxels."""
        log = label_log_probabilities(players.logits(batch), batch.looked_for)
        counts = torch.tensor(players.plan.label_voxels, dtype=log.dtype, device=log.device)
        weights = voxel_weights(counts.expand(len(batch), -1), batch.target)
        value = partial_cross_entropy(log, batch.target, weights**self.settings.strength)
        return (Term("balanced_cross_entropy", value),)

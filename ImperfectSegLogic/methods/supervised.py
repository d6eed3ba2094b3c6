"""The supervised term that `fit` chooses by the kind of each sample's annotation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from monai.losses.dice import DiceLoss

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.training.players import Players

DENSE = ("DenseMask", "NoisyMask")


@dataclass(frozen=True)
class Settings:
    """How much each part counts.

    Attributes:
        dice: Weight of the Dice loss of densely labeled samples; 0 leaves it out.
    """

    dice: float = setting(1.0, "weight of the Dice loss of dense masks", low=0.0)


class Supervised(TrainingMethod):
    """Cross-entropy over all labeled voxels, and Dice over the samples that are dense masks.

    Dice of a few labeled voxels would say little about the overlap of the whole: samples with
    sparse annotations have cross-entropy only.
    """

    card = MethodCard(
        name="supervised",
        paper=("tajbakhsh2020embracing",),
        table_row="",
        accepts=("DenseMask", "NoisyMask", "SparseMask", "PointGrid", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="The baseline: learns from labeled voxels and from nothing else.",
    )
    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._dice = DiceLoss(
            include_background=False, to_onehot_y=True, batch=True, ignore_index=UNLABELED
        )

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives cross-entropy, and Dice if a sample is dense."""
        log = label_log_probabilities(players.logits(batch), batch.looked_for)
        terms: LossTerms = (Term("cross_entropy", partial_cross_entropy(log, batch.target)),)
        dense = torch.tensor([kind in DENSE for kind in batch.kinds], device=log.device)
        if self.settings.dice and any(kind in DENSE for kind in batch.kinds):
            value = self._dice(log[dense].exp(), batch.target[dense].unsqueeze(1))
            terms += (Term("dice", value, self.settings.dice),)
        return terms

"""Bokhorst 2018: loss on the labeled pixels, balanced within each sample or over the mini-batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.weak.selective_loss.class_balance import counts_of, voxel_weights
from ImperfectSegLogic.training.players import Players


@dataclass(frozen=True)
class Settings:
    """Where labels are balanced.

    Attributes:
        balance: `none`, `instance` (in each sample by itself) or `batch` (over the mini-batch).
    """

    balance: str = setting(
        "batch", "where labels are balanced", choices=("none", "instance", "batch")
    )


class BalancedSparse(TrainingMethod):
    """Learns from sparse pixels with instance- or mini-batch-balanced cross-entropy.

    bokhorst2018sparse; survey 5.2.2. A pixel weighs the inverse of its label's frequency among the
    labeled pixels of its sample (`instance`) or of all samples of the batch (`batch`). Instance
    balancing gives each sample the same say, however few labeled pixels it has; batch balancing
    gives each pixel of a label the same say. `none` is the paper's plain sparse loss.
    """

    card = MethodCard(
        name="sparse-bokhorst2018",
        paper=("bokhorst2018sparse",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("SparseMask", "PointGrid", "DenseMask", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Dice rises by 1 % with instance balancing and by 4 % with mini-batch balancing.",
    )
    settings_type = Settings
    supervises = True

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the balanced cross-entropy of the labeled pixels."""
        logits = players.logits(batch)
        log = label_log_probabilities(logits, batch.looked_for)
        weights = self._weights(counts_of(batch.target, logits.shape[1]), batch.target)
        return (Term("balanced_cross_entropy", partial_cross_entropy(log, batch.target, weights)),)

    def _weights(self, counts: Tensor, target: Tensor) -> Tensor | None:
        if self.settings.balance == "none":
            return None
        if self.settings.balance == "batch":
            return voxel_weights(counts.sum(dim=0).expand_as(counts), target)
        each = counts.sum(dim=1).clamp_min(1).view(-1, *[1] * (target.ndim - 1))
        return voxel_weights(counts, target) * torch.mean(each) / each

"""Fu 2016a, DeepVessel: side outputs of a network, fused and refined by a recurrent CRF."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ImperfectSegLogic.crf.side_outputs import SideOutputs
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.crf.learned import ROW, SUPERVISION
from ImperfectSegLogic.methods.scarce.crf.learned import Settings as LearnedSettings
from ImperfectSegLogic.methods.scarce.crf.zheng2015 import CRFAsRNN
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.weak.selective_loss.class_balance import counts_of, voxel_weights
from ImperfectSegLogic.training.plan import TrainingPlan


@dataclass(frozen=True)
class Settings(LearnedSettings):
    """As of zheng2015, and side outputs.

    Attributes:
        sides: Weight of the mean loss of the side outputs.
    """

    sides: float = setting(1.0, "weight of the loss of the side outputs", 0.0, 100.0)


class DeepVessel(CRFAsRNN):
    """Trains a 2-D network with side outputs and a CRF (fu2016deepvessel; survey 4.6.3).

    Every resolution of the network gives an answer of its own, trained by class-balanced
    cross-entropy, so that fine vessels and coarse context are both learned; their fusion is what
    the CRF refines.

    Differs from the paper: side outputs are put on the plan's network, not on one of four stages;
    what is refined has the losses of zheng2015; labels can be more than vessel and background.
    """

    card = MethodCard(
        name="fu2016a",
        paper=("fu2016deepvessel", "zheng2015conditional"),
        table_row=ROW,
        accepts=SUPERVISION,
        requires=Requires.NOTHING,
        dims=(2,),
        claims="Finds vessels in fundus images by answers of several scales and a learned CRF.",
    )
    settings_type = Settings

    def network(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network with side outputs and their fusion."""
        labels = len(plan.labels) + 1
        return SideOutputs(super().network(plan), plan.channels, labels, plan.patch)

    def own_terms(self, answers: tuple[Tensor, ...], batch: Batch) -> LossTerms:
        """Gives the term of the fusion, and the mean of class-balanced ones of what it fuses."""
        terms, sides = super().own_terms(answers, batch), answers[1:]
        if not self.settings.sides:
            return terms
        weights = voxel_weights(counts_of(batch.target, answers[0].shape[1]), batch.target)
        total = answers[0].new_zeros(())
        for side in sides:
            log = label_log_probabilities(side, batch.looked_for)
            total = total + partial_cross_entropy(log, batch.target, weights)
        return (*terms, Term("side outputs", total / len(sides), self.settings.sides))

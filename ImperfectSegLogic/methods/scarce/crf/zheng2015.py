"""Zheng 2015, CRF-RNN: mean field as layers of a network, trained end to end with it."""

from __future__ import annotations

from ImperfectSegLogic.crf.recurrent import RecurrentCRF
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.crf.learned import (
    ROW,
    SUPERVISION,
    LearnedCRF,
    kernels_of,
    spacing_of,
)
from ImperfectSegLogic.training.plan import TrainingPlan


class CRFAsRNN(LearnedCRF):
    """Trains the plan's 2-D network with a CRF behind it (zheng2015conditional; survey 4.6.3).

    Mean field iterations are layers with the same weights: filter with a kernel of positions and
    one of positions and gray values, weigh by kernel and label, mix labels by a learned
    compatibility matrix. Five iterations in training and ten in prediction, as in the paper.

    Differs from the paper: the network is the plan's; it is not trained before the CRF is put
    behind it, a loss of its own takes the place of that (`own`); kernels have widths in mm and in
    normalized gray values; filters are normalized on both sides, not on one.
    """

    card = MethodCard(
        name="zheng2015",
        paper=("zheng2015conditional",),
        table_row=ROW,
        accepts=SUPERVISION,
        requires=Requires.NOTHING,
        dims=(2,),
        claims="Learns CRF and network together, so that nobody has to tune the CRF.",
    )

    def crf(self, plan: TrainingPlan) -> RecurrentCRF:
        """Makes the CRF with weights of both kernels as set, and the Potts model."""
        known = self.settings
        labels, spacing = len(plan.labels) + 1, spacing_of(plan)
        kernels, after = kernels_of(known), known.iterations_after
        return RecurrentCRF(labels, kernels, spacing, known.iterations, after)

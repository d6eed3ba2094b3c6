"""Sourati 2018: a query distribution by the Fisher information of all weights."""

from __future__ import annotations

from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.fisher import FisherStrategy
from ImperfectSegLogic.methods.scarce.active_learning.measured import ROW


class FisherInformation(FisherStrategy):
    """Optimizes with which probability units are queried (sourati2018active; survey 4.3.1).

    A batch is drawn at once; as similar units share their probability, it needs no second stage
    for diversity. See `fisher.query_distribution` for what is optimized.

    Read as told by the survey. Differs from the paper: the gradient of all weights is projected
    at random on a few numbers, as the whole matrix does not fit into memory; the expectation over
    labels is taken by drawing whole labelings of the unit; the distribution is found by a
    multiplicative algorithm.
    """

    card = MethodCard(
        name="sourati2018",
        paper=("sourati2018active",),
        table_row=ROW,
        accepts=("patch", "slice", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Queries what informs most about the model's weights, as a batch.",
    )
    by_layer = False

"""Sourati 2019: a query distribution by the Fisher information, reduced to layers."""

from __future__ import annotations

from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.fisher import FisherStrategy
from ImperfectSegLogic.methods.scarce.active_learning.measured import ROW


class LayerwiseFisherInformation(FisherStrategy):
    """As sourati2018, with one row of the matrix per layer (sourati2019intelligent; survey 4.3.1).

    Of each layer, the mean gradient of its weights counts. Read as told by the survey; differs
    from the paper as `sourati2018` does, but for the projection.
    """

    card = MethodCard(
        name="sourati2019",
        paper=("sourati2019intelligent",),
        table_row=ROW,
        accepts=("patch", "slice", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Half a percent of the voxels teaches as much as all of them.",
    )
    by_layer = True

"""Entropy: the units whose prediction is least sure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    ROW,
    MeasuredStrategy,
    highest,
    means,
)


class Entropy(MeasuredStrategy):
    """Chooses the units of highest mean entropy (settles2009active), by one pass of the model."""

    card = MethodCard(
        name="entropy",
        paper=("settles2009active",),
        table_row=ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="The simplest informed strategy.",
    )
    maps = ("entropy",)

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives the mean entropy of each unit, from 0 to 1."""
        return {"entropy": means(self.look(volume, segmenter).maps["entropy"], units)}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Gives the highest ones."""
        return highest(table, table["entropy"], count, rng, "mean entropy")

"""Lüth 2025: at random, but most of it where there is something to annotate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    means,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings:
    """How much foreground is wanted.

    Attributes:
        foreground: Share of the chosen units that are drawn where foreground is predicted.
        least: Share of a unit's voxels from which on it counts as having foreground.
    """

    foreground: float = setting(0.66, "share of units drawn where foreground is predicted", 0, 1)
    least: float = setting(0.001, "share of a unit's voxels that makes it foreground", 0, 1)


class ForegroundAwareRandom(MeasuredStrategy):
    """Draws most units where the model predicts foreground (luth2025nnactive, read as abstract).

    Differs from the paper, where foreground is known from annotations: here the model of the last
    round says where it is. What foreground units lack is drawn from the others, and the other way
    round; the reasons tell which is which.
    """

    card = MethodCard(
        name="foreground-random",
        paper=("luth2025nnactive",),
        table_row=ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="A random baseline that no strategy reliably beats in 3-D.",
    )
    settings_type = Settings

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives the share of foreground in each unit."""
        found = self.look(volume, segmenter).most_probable > 0
        return {"foreground": means(found.astype(np.float32), units)}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Draws from units with foreground, then from all others."""
        order = rng.permutation(len(table))
        rich = table["foreground"][order] > self.settings.least
        wanted = min(round(self.settings.foreground * count), int(rich.sum()))
        first, rest = order[rich], order[~rich]
        others = min(count - wanted, len(rest))
        rows = rng.permutation(np.concatenate([first[: count - others], rest[:others]]))
        shares = table["foreground"][rows]
        return ranking(
            table, rows, np.zeros(len(rows)), lambda n: f"at random; {shares[n]:.1%} foreground"
        )

"""BALD: the units that dropout masks disagree about."""

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
    PASSES,
    ROW,
    MeasuredStrategy,
    highest,
    means,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings:
    """How often the model is asked.

    Attributes:
        passes: Dropout masks.
    """

    passes: int = setting(10, PASSES, 2, 1000)


class BALD(MeasuredStrategy):
    """Chooses by the mutual information of labels and weights (houlsby2011bald, gal2016dropout).

    That is the entropy of the mean prediction less the mean entropy of the predictions, averaged
    over the unit.
    """

    card = MethodCard(
        name="bald",
        paper=("houlsby2011bald", "gal2016dropout"),
        table_row=ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Asks for what the model could learn, not for what is noise.",
    )
    settings_type = Settings
    maps = ("mutual_information",)

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives the mean mutual information of each unit, from 0 to 1."""
        return {"bald": means(self.look(volume, segmenter).maps["mutual_information"], units)}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Gives the highest ones."""
        return highest(table, table["bald"], count, rng, "mutual information")

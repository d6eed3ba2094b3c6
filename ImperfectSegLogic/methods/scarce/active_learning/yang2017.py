"""Yang 2017 (suggestive annotation): what an ensemble disagrees about, and stands for the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.coverage import cosine, drawn, max_cover
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    REFERENCES,
    ROW,
    MeasuredStrategy,
    falling,
    means,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings:
    """How many uncertain units are looked at.

    Attributes:
        candidates: The most uncertain units that are candidates, as a multiple of those asked for.
        references: Units that coverage is measured on at most.
    """

    candidates: float = setting(2.0, "most uncertain units to choose from, per unit chosen", 1, 100)
    references: int = setting(20_000, REFERENCES, 1, 10_000_000)


class SuggestiveAnnotation(MeasuredStrategy):
    """Chooses uncertain units that are similar to many others (yang2017suggestive; survey 4.3.1).

    The uncertainty of a unit is the variance of its probabilities over the models of an ensemble,
    summed over labels and averaged over voxels. Of the most uncertain ones, those are chosen that
    cover the pool best: the sum over all units of the highest cosine similarity to a chosen one,
    greedily. Features are the deepest ones of the ensemble's first model, averaged over the unit.

    Read as told by the survey. What makes several passes goes for an ensemble, such as flips.
    """

    card = MethodCard(
        name="yang2017",
        paper=("yang2017suggestive",),
        table_row=ROW,
        accepts=("slice", "patch", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Half of the annotations teach as much as all of them.",
    )
    settings_type = Settings
    maps = ("variance",)

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives the variance over the ensemble, and features."""
        assert segmenter is not None
        return {
            "variance": means(self.look(volume, segmenter).maps["variance"], units),
            "features": segmenter.latent(volume, units),
        }

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Covers the pool with some of the most uncertain units."""
        unsure = falling(table["variance"], rng)[: math.ceil(self.settings.candidates * count)]
        features = cosine(table["features"])
        references = drawn(features, self.settings.references, rng)
        chosen, gains = max_cover(features[unsure], references, count)
        rows = unsure[chosen]
        variance = table["variance"][rows]
        return ranking(
            table,
            rows,
            gains,
            lambda n: f"ensemble variance {variance[n]:.4f}; covers {gains[n]:.4f} of the pool",
        )

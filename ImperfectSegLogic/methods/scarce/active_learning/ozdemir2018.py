"""Ozdemir 2018: uncertain by dropout, far from the others in latent space, fused by Borda count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.coverage import nearest
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    PASSES,
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
        passes: Dropout masks.
        candidates: The most uncertain units that are candidates, as a multiple of those asked for.
    """

    passes: int = setting(10, PASSES, 2, 1000)
    candidates: float = setting(2.0, "most uncertain units to choose from, per unit chosen", 1, 100)


class BordaCount(MeasuredStrategy):
    """Ranks uncertain units by two votes (ozdemir2018active; survey 4.3.1).

    The candidates are the units of highest variance over dropout masks. One vote orders them by
    that, the other by the distance of their latent features to the nearest other candidate or
    labeled unit; a unit gets as many points as it leaves candidates behind it, in both.

    Read as abstract and by the survey. As in the paper, distances say most in the features of a
    model that was trained with the method `ozdemir2018-entropy`, which adds the entropy term to its
    training (see `feature_entropy`); any other model with dropout can be asked, too.
    """

    card = MethodCard(
        name="ozdemir2018",
        paper=("ozdemir2018active", "gal2016dropout"),
        table_row=ROW,
        accepts=("slice", "patch", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="27 % of the annotations teach as much as all of them.",
    )
    settings_type = Settings
    maps = ("variance",)
    measures_labeled = True

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives the variance over dropout masks, and features."""
        assert segmenter is not None
        return {
            "variance": means(self.look(volume, segmenter).maps["variance"], units),
            "features": segmenter.latent(volume, units),
        }

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Counts the votes."""
        unsure = falling(table["variance"], rng)[: math.ceil(self.settings.candidates * count)]
        variance, features = table["variance"][unsure], table["features"][unsure]
        far = nearest(features, features, apart=True)
        if len(known):
            far = np.minimum(far, nearest(features, known["features"]))
        # Ranks count from 1; equal ones share theirs. A lone candidate is infinitely far away.
        points = rankdata(variance) + rankdata(far) - 2
        order = falling(points, rng)[:count]
        return ranking(
            table,
            unsure[order],
            points[order],
            lambda n: (
                f"{points[order[n]]:g} points; dropout variance {variance[order[n]]:.4f},"
                f" {far[order[n]]:.3g} from the nearest"
            ),
        )

"""Mahapatra 2018: what is noise in the image plus what the model does not know."""

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
    falling,
    means,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings:
    """How the two are weighed.

    Attributes:
        passes: Dropout masks.
        aleatoric: Weight of the noise in the image.
        epistemic: Weight of what the model does not know.
    """

    passes: int = setting(10, PASSES, 2, 1000)
    aleatoric: float = setting(1.0, "weight of the noise in the image", 0.0, 1000.0)
    epistemic: float = setting(1.0, "weight of what the model does not know", 0.0, 1000.0)


class AleatoricPlusEpistemic(MeasuredStrategy):
    """Chooses by two kinds of uncertainty (mahapatra2018efficient; survey 4.3.1).

    Epistemic is the variance of the probabilities over dropout masks. Aleatoric is the variance of
    the probabilities by the noise that the model was taught to see in the image, as one that was
    trained with the method `mahapatra2018-noise`; it costs one pass more. A model without an output
    for noise is asked for the mean over the masks of p (1 - p) instead: with equal weights both
    then add up to p (1 - p) of the mean prediction. All are summed over labels and averaged over
    the unit.

    Read as told by the survey. Differs from the paper: candidates are images of the pool, not
    images that a conditional GAN makes of those that are labeled. That part needs a synthesis that
    is not here yet. In the survey's Table 3 this row and that of zheng2019 are swapped: this one is
    iterative.
    """

    card = MethodCard(
        name="mahapatra2018",
        paper=("mahapatra2018efficient", "gal2016dropout", "kendall2017uncertainties"),
        table_row=ROW,
        accepts=("slice", "patch", "volume"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="30 to 35 % of the annotated pixels teach as much as all of them.",
    )
    settings_type = Settings
    maps = ("variance",)

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives both uncertainties of each unit."""
        assert segmenter is not None
        look, noise = self.look(volume, segmenter), segmenter.noise(volume)
        if noise is None:
            # What is not spread between passes is spread within them.
            noise = 1 - (look.probabilities**2).sum(axis=0) - look.maps["variance"]
        return {
            "aleatoric": means(np.maximum(noise, 0), units),
            "epistemic": means(look.maps["variance"], units),
        }

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Gives the highest sums."""
        own = self.settings
        noise, unknown = own.aleatoric * table["aleatoric"], own.epistemic * table["epistemic"]
        rows = falling(noise + unknown, rng)[:count]
        return ranking(
            table,
            rows,
            (noise + unknown)[rows],
            lambda n: f"aleatoric {noise[rows[n]]:.4f} + epistemic {unknown[rows[n]]:.4f}",
        )

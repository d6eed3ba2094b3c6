"""k-center: the units that are farthest from all that is labeled or chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.active.features import pictures, principal_components
from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.coverage import farthest_first
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    ROW,
    MeasuredStrategy,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings:
    """What distances are measured in.

    Attributes:
        components: Principal components of the features that count.
    """

    components: int = setting(64, "principal components that distances are measured in", 1, 1024)


class KCenter(MeasuredStrategy):
    """Chooses greedily the unit that is farthest from labeled and chosen ones (sener2018active).

    Features are the model's deepest ones, averaged over the unit; before there is a model, small
    pictures of the units (`active.features`). Differs from the paper: the greedy start only,
    without the mixed integer program that makes it robust to outliers.
    """

    card = MethodCard(
        name="k-center",
        paper=("sener2018active",),
        table_row=ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Covers the pool evenly, whatever the model is unsure of.",
    )
    settings_type = Settings
    needs_segmenter = False
    measures_labeled = True

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives features of each unit."""
        if segmenter is None:
            return {"features": pictures(volume, units)}
        return {"features": segmenter.latent(volume, units)}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Goes from farthest to farthest; the first one is any where nothing is labeled."""
        both = [one["features"] for one in (table, known) if len(one)]
        every = principal_components(np.concatenate(both), self.settings.components)
        order = rng.permutation(len(table))  # So that among equal ones no case is favored.
        chosen, far = farthest_first(every[order], every[len(table) :], count)
        return ranking(
            table, order[chosen], far, lambda n: f"{far[n]:.3g} away from all labeled or chosen"
        )

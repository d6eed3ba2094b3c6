"""Kuo 2018: the most uncertainty that a budget of annotation time can buy."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ImperfectSegLogic.active.annotation_times import TimedMask
from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.annotation_cost import (
    CostModel,
    fit_cost,
    outlines,
)
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    ROW,
    MeasuredStrategy,
    falling,
    means,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting

GAP = 1e-4
"""Share by which the chosen uncertainty may lie below the best: without it, proofs take minutes."""


@dataclass(frozen=True)
class Settings:
    """The budget, and what annotating costs.

    The default costs are a guess; `CostSensitive.taught` replaces them by a fit to the times that
    a queue has recorded.

    Attributes:
        budget: Minutes for all chosen units together.
        each: Minutes for any unit.
        per_mm: Minutes for each mm of outline.
        per_part: Minutes for each connected part.
        times: Recorded times from which on the three costs are fitted to them.
    """

    budget: float = setting(60.0, "minutes for all chosen units together", 0.0, 1e6)
    each: float = setting(0.5, "minutes for any unit", 0.0, 1e4)
    per_mm: float = setting(0.005, "minutes for each mm of outline", 0.0, 100.0)
    per_part: float = setting(0.1, "minutes for each connected part", 0.0, 1e4)
    times: int = setting(10, "recorded times from which on costs are fitted to them", 3, 1_000_000)


class CostSensitive(MeasuredStrategy):
    """Solves a 0-1 knapsack: uncertainty against minutes (kuo2018cost; survey 4.3.1).

    The uncertainty of a unit is what an ensemble disagrees about: the mean over its voxels of the
    Jensen-Shannon divergence of the models' probabilities. Minutes are predicted from the length
    and number of the predicted outlines. Within the budget, and with no more units than asked for,
    uncertainty is made as large as can be, within 0.01 %, by `scipy.optimize.milp`.

    What annotating costs is learned, too: `taught` fits it to units whose times were recorded, as
    `imperfectseg queue build` does where a queue has enough of them.

    Read as told by the survey, which wants models of patches: those with a small patch. Units that
    nobody disagrees about are not worth a minute and are left out.
    """

    card = MethodCard(
        name="kuo2018",
        paper=("kuo2018cost",),
        table_row=ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="A fifth of the annotation cost teaches as much as all of it.",
    )
    settings_type = Settings
    maps = ("mutual_information",)
    keeps_budget = True

    def __init__(self, settings: Settings | None = None, costs: CostModel | None = None) -> None:
        """Takes the settings, and what annotating costs if somebody knows better than they do."""
        super().__init__(settings)
        own = self.settings
        self.costs = costs or CostModel(own.each, own.per_mm, own.per_part)

    def taught(self, done: Sequence[TimedMask]) -> CostSensitive | None:
        """Gives this strategy with costs fitted to annotations; None if they are too few.

        Args:
            done: Annotations with the minutes that they took, of units like those to choose from:
                slices say little about what volumes cost.
        """
        if len(done) < self.settings.times:
            return None
        drawn = [outlines(one.labels(), one.mask.geometry, [one.unit]) for one in done]
        perimeters, parts = (np.concatenate(each) for each in zip(*drawn, strict=True))
        return CostSensitive(
            self.settings, fit_cost(perimeters, parts, [one.minutes for one in done])
        )

    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Gives uncertainty, outline in mm, and number of parts."""
        look = self.look(volume, segmenter)
        lengths, parts = outlines(look.most_probable, volume.geometry, units)
        divergence = means(look.maps["mutual_information"], units)
        return {"divergence": divergence, "perimeter": lengths, "parts": parts}

    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Packs the knapsack."""
        own = self.settings
        minutes = self.costs.minutes(table["perimeter"], table["parts"])
        value = table["divergence"]
        order = rng.permutation(len(table))  # So that among equal ones no case is favored.
        rows = order[packed(value[order], minutes[order], own.budget, count)]
        rows = rows[falling(value[rows], rng)]
        return ranking(
            table,
            rows,
            value[rows],
            lambda n: f"divergence {value[rows[n]]:.4f} for about {minutes[rows[n]]:.1f} min",
        )


def packed(
    value: NDArray[np.float64], cost: NDArray[np.float64], budget: float, count: int
) -> NDArray[np.intp]:
    """Gives which things to take: the highest total value within the budget, at most `count`.

    Args:
        value: From 0; what has none is not taken.
        cost: From 0, in the unit of the budget.
        budget: Never exceeded.
        count: How many at most.
    """
    useful = np.flatnonzero((value > 0) & (cost <= budget))
    useful = useful[_undominated(value[useful], cost[useful], count)]
    if not len(useful):
        return useful
    limits = optimize.LinearConstraint(
        np.vstack([cost[useful], np.ones(len(useful))]), ub=[budget, count]
    )
    found = optimize.milp(
        -value[useful] / value[useful].max(),
        integrality=np.ones(len(useful)),
        bounds=optimize.Bounds(0, 1),
        constraints=limits,
        options={"mip_rel_gap": GAP},
    )
    assert found.x is not None, found.message  # Taking nothing is always allowed.
    taken = useful[found.x > 0.5]
    while cost[taken].sum() > budget or len(taken) > count:  # By the solver's tolerance only.
        taken = np.delete(taken, np.argmin(value[taken]))
    return taken


def _undominated(
    value: NDArray[np.float64], cost: NDArray[np.float64], count: int
) -> NDArray[np.intp]:
    """Leaves out what at least `count` others beat in both, and a best packing never needs."""
    best: list[float] = []
    kept = []
    for row in np.lexsort((-value, cost)):
        if len(best) < count:
            heapq.heappush(best, value[row])
        elif value[row] > best[0]:
            heapq.heapreplace(best, value[row])
        else:
            continue
        kept.append(row)
    return np.array(kept, dtype=np.intp)

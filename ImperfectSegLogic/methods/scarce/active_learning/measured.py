"""What strategies share that measure each unit once and then select by what they measured."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ImperfectSegLogic.active.measured_folders import key_of
from ImperfectSegLogic.active.measurements import Columns, Table
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Look, Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.base import QueryStrategy, Ranking
from ImperfectSegLogic.methods.progress import Progress

ROW = "Active learning"
VERSION = 2
"""Rises when the same name comes to mean other measurements: what was kept is measured anew."""
PASSES = "how many dropout masks to draw"
REFERENCES = "units, drawn at random, that coverage is measured on if there are more"


class MeasuredStrategy(QueryStrategy):
    """Measures unit by unit, in a pool that keeps what was measured; then selects.

    Attributes:
        maps: Uncertainties to ask the segmenter for.
        measured_by: Settings that change what is measured; the others only change the selection.
        measures_labeled: Whether it needs to know the labeled units too.
    """

    maps: ClassVar[tuple[str, ...]] = ()
    measured_by: ClassVar[tuple[str, ...]] = ()
    measures_labeled: ClassVar[bool] = False

    def rank(
        self,
        pool: Pool,
        segmenter: Segmenter | None,
        count: int,
        rng: np.random.Generator,
        progress: Progress | None = None,
    ) -> Ranking:
        """See `QueryStrategy.rank`."""
        check_count(self.card.name, count)
        table, known = self.measured(pool, segmenter, progress)
        if not len(table):
            return Ranking((), ())
        return self.select(table, known, min(count, len(table)), rng)

    def measured(
        self, pool: Pool, segmenter: Segmenter | None, progress: Progress | None = None
    ) -> tuple[Table, Table]:
        """Gives what is measured of unlabeled and of labeled units; see `rank` for errors."""
        self.check(pool, segmenter)

        def measure(volume: Volume, units: Sequence[Unit]) -> Columns:
            return self.measure(volume, units, segmenter)

        return pool.measured(self._key(segmenter), measure, self.measures_labeled, progress)

    @abstractmethod
    def measure(
        self, volume: Volume, units: Sequence[Unit], segmenter: Segmenter | None
    ) -> Columns:
        """Measures some units of an image; gives columns with a row for each.

        Raises:
            ValueError: If the image cannot be measured; its case is left out.
        """

    @abstractmethod
    def select(self, table: Table, known: Table, count: int, rng: np.random.Generator) -> Ranking:
        """Selects units.

        Args:
            table: The unlabeled units, at least one.
            known: The labeled units; empty unless `measures_labeled`.
            count: How many, at most all.
            rng: All chance comes from it.
        """

    def check(self, pool: Pool, segmenter: Segmenter | None) -> None:
        """Checks what `rank` is given; raises the ValueErrors that it documents."""
        name = self.card.name
        if segmenter is None:
            if self.needs_segmenter:
                raise ValueError(
                    f"{name}: got no model; it needs one to tell what it is unsure of. Give the"
                    " model of the last round, or begin with random or zheng2019."
                )
            return
        if dict(segmenter.labels) != dict(pool.images.labels):
            raise ValueError(
                f"{name}: got a model of labels {dict(segmenter.labels)}, allowed are those of the"
                f" data set, {dict(pool.images.labels)}. Choose another model."
            )
        segmenter.check(self.maps, self.samples)

    @property
    def samples(self) -> int:
        """How many dropout masks to draw; 0 for strategies without."""
        return int(getattr(self.settings, "passes", 0))

    def look(self, volume: Volume, segmenter: Segmenter | None) -> Look:
        """Asks the segmenter for what the strategy needs."""
        assert segmenter is not None
        return segmenter.look(volume, self.maps, self.samples)

    def _key(self, segmenter: Segmenter | None) -> str:
        said = {
            name: getattr(self.settings, name)
            for name in ("passes", *self.measured_by)
            if hasattr(self.settings, name)
        }
        how = repr((VERSION, self.card.name, sorted(said.items())))
        return key_of(self.card.name, how, segmenter.identity if segmenter else None)


def check_count(name: str, count: int) -> None:
    """Checks how many units are asked for.

    Raises:
        ValueError: If that is less than 1.
    """
    if count < 1:
        raise ValueError(f"{name}: got {count} units to choose, allowed are 1 or more.")


def means(values: NDArray[np.floating], units: Sequence[Unit]) -> NDArray[np.float64]:
    """Gives the mean of a map (slice, row, column) over each unit."""
    shape = (values.shape[0], values.shape[1], values.shape[2])
    return np.array([values[unit.slices(shape)].mean(dtype=np.float64) for unit in units])


def falling(scores: ArrayLike, rng: np.random.Generator) -> NDArray[np.intp]:
    """Gives the order of scores, highest first; ties at random, which favors no case."""
    given = np.asarray(scores)
    return np.lexsort((rng.permutation(len(given)), -given))


def ranking(
    table: Table,
    rows: Sequence[int] | NDArray[np.intp],
    scores: Sequence[float] | NDArray[np.floating],
    reason: Callable[[int], str],
) -> Ranking:
    """Makes a ranking of rows of a table.

    Args:
        table: The units.
        rows: Most wanted first.
        scores: One for each of them.
        reason: From the place in `rows` to why it is wanted.
    """
    names = tuple(table.units[int(row)].name() for row in rows)
    reasons = tuple(reason(n) for n in range(len(names)))
    return Ranking(names, tuple(float(score) for score in scores), reasons)


def highest(
    table: Table, scores: NDArray[np.floating], count: int, rng: np.random.Generator, what: str
) -> Ranking:
    """Makes a ranking of the units of highest score.

    Args:
        table: The units.
        scores: One per unit.
        count: How many to give.
        rng: Breaks ties.
        what: The score's name, for people.
    """
    rows = falling(scores, rng)[:count]
    found = scores[rows]
    return ranking(table, rows, found, lambda n: f"{what} {found[n]:.4f}")

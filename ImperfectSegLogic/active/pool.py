"""The unlabeled units of a data set: measured case by case, and never held as images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ImperfectSegLogic.active.measured_folders import remove_superseded
from ImperfectSegLogic.active.measurements import Columns, Measurements, Table
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Dataset, Volume
from ImperfectSegLogic.methods.progress import Progress

Measure = Callable[[Volume, Sequence[Unit]], Columns]
"""From an image and some units of it to columns with a row for each of them."""


class Images(Protocol):
    """Where a pool's images come from."""

    @property
    def labels(self) -> Mapping[int, str]:
        """The name of every label but 0."""

    def image(self, case: str) -> Volume:
        """Reads an image.

        Raises:
            OSError: If it is gone.
            ValueError: If it is damaged.
        """

    def stamp(self, case: str) -> str:
        """Gives a text that is another one once the image has changed; errors as `image`."""


class DatasetImages:
    """The images of a data set."""

    def __init__(self, dataset: Dataset) -> None:
        """Takes the data set."""
        self._dataset = dataset

    @property
    def labels(self) -> Mapping[int, str]:
        """See `Images`."""
        return self._dataset.labels

    def image(self, case: str) -> Volume:
        """See `Images`."""
        return self._dataset.image(case)

    def stamp(self, case: str) -> str:
        """Gives size and time of change of the image's file; see `Images`."""
        path = self._dataset.record(case).image_path(self._dataset.folder)
        try:
            said = path.stat()
        except FileNotFoundError:
            raise FileNotFoundError(f"{path}: there is no such image. Bring it back.") from None
        return f"{said.st_size}-{said.st_mtime_ns}"


class Pool:
    """What can be annotated next.

    Attributes:
        images: Where the images are.
        units: Unlabeled units, sorted.
        labeled: Units that are labeled already, sorted.
        problems: Of cases that could not be measured, why; they are left out of rankings.
    """

    def __init__(
        self,
        images: Images,
        units: Iterable[Unit],
        labeled: Iterable[Unit] = (),
        folder: Path | None = None,
    ) -> None:
        """Takes units in any order.

        Args:
            images: Where the images are.
            units: Unlabeled units.
            labeled: Units that are labeled already.
            folder: Where to keep what is measured, so that later calls go on with it, also in
                another process; None keeps nothing.
        """
        self.images = images
        self.units, self.labeled = _sorted(units), _sorted(labeled)
        assert not set(self.units) & set(self.labeled)
        self.problems: dict[str, str] = {}
        self._folder = folder

    def measured(
        self, key: str, measure: Measure, labeled: bool = False, progress: Progress | None = None
    ) -> tuple[Table, Table]:
        """Measures units that were not measured before, one case at a time.

        Args:
            key: A file name as `measurements.key_of` makes it; the same one only for the same way
                to measure. What other models measured and nobody used for a day is removed.
            measure: Called once for each case that has units left to measure.
            labeled: Whether to measure labeled units too.
            progress: Told how far the work is; cancels it. What was measured by then stays.

        Returns:
            The rows of the unlabeled and of the labeled units, without those of `problems`.

        Raises:
            ValueError: If no case at all can be measured, or a file of measured units is damaged.
            OSError: If what was measured cannot be written.
            CancelledError: If it was cancelled.
        """
        self.problems = {}
        known = Measurements(self._folder / key if self._folder else None)
        wanted = _sorted(self.units + self.labeled) if labeled else self.units
        cases = [(c, list(own)) for c, own in itertools.groupby(wanted, lambda unit: unit.case)]
        report = (progress or Progress()).report
        try:
            for number, (case, units) in enumerate(cases):
                report(number / len(cases), f"measuring {case}")
                self._measure(case, units, known, measure)
        finally:
            known.write()
        if cases and len(self.problems) == len(cases):
            first, why = next(iter(self.problems.items()))
            raise ValueError(f"pool: none of {len(cases)} cases can be measured; {first}: {why}")
        if self._folder:
            remove_superseded(self._folder, key)
        report(1.0, "measured")
        tables = (self.units, self.labeled if labeled else ())
        of, others = (known.table([u for u in t if u.case not in self.problems]) for t in tables)
        return of, others

    def _measure(
        self, case: str, units: Sequence[Unit], known: Measurements, measure: Measure
    ) -> None:
        try:
            stamp = self.images.stamp(case)
            left = [unit for unit in units if not known.has(unit.name(), stamp)]
            if not left:
                return
            columns = measure(self.images.image(case), left)
        except (OSError, ValueError) as error:
            self.problems[case] = str(error)
            return
        known.add(left, stamp, columns)


def _sorted(units: Iterable[Unit]) -> tuple[Unit, ...]:
    # By hand: the order of the dataclass makes two tuples for each comparison.
    return tuple(sorted(units, key=lambda u: (u.case, u.axis, u.index, u.start, u.size)))

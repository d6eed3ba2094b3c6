"""Items that several people have read: how far they agree, and one annotation of all of theirs.

Nothing here touches a node or a widget, so that everything can be done beside the window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.KeptImages import KeptImages
from ImperfectSegLib.QueueStart import Start, startOf
from ImperfectSegLogic.active.disagreement import (
    CONSENSUS,
    STAPLE,
    Disagreement,
    Labels,
    disagreements,
    readings,
    resolve,
    resolved,
    staple,
)
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.queue_saving import save
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Dataset,
    DenseMask,
    Geometry,
    SparseMask,
    Volume,
)
from ImperfectSegLogic.methods.progress import Progress

Versions = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Compared:
    """How far the readers of a queue agree.

    Attributes:
        rows: Of each item, label and two readers; the worst agreement first.
        items: The items that were compared.
        resolved: By which version of the consensus an item is resolved.
        problems: Why some items could not be compared.
    """

    rows: tuple[Disagreement, ...] = ()
    items: tuple[Item, ...] = ()
    resolved: Mapping[Unit, int] | None = None
    problems: tuple[str, ...] = ()

    def item(self, unit: Unit) -> Item:
        """Gives the item of a unit that was compared."""
        return next(item for item in self.items if item.unit == unit)

    def version(self, unit: Unit) -> int:
        """Gives by which version of the consensus a unit is resolved; 0 if it is not."""
        return (self.resolved or {}).get(unit, 0)


@dataclass(frozen=True, eq=False)
class OpenedReadings:
    """What the readers of an item said, read from the data set.

    Attributes:
        item: The item.
        volume: The image.
        readers: What each has labeled, by name.
        label: Which label the views are to show.
        start: What a new annotation is started from, and the place to look at.
        source: Where that is from, for people.
    """

    item: Item
    volume: Volume
    readers: Mapping[str, Start]
    label: int
    start: Start
    source: str


class QueueReaders:
    """Compares and resolves what several people have read in one data set."""

    def __init__(self, dataset: Dataset, images: KeptImages) -> None:
        """Takes the data set, and who reads images."""
        self._dataset, self._images = dataset, images
        self._known: dict[tuple[Unit, Versions], list[Disagreement]] = {}

    def compare(self, items: Sequence[Item], progress: Progress) -> Compared:
        """Compares the readers of items; what was compared before is not read again."""
        rows: list[Disagreement] = []
        problems: list[str] = []
        for number, item in enumerate(items):
            progress.report(number / len(items), item.unit.name())
            try:
                key = (item.unit, versionsOf(item))
                if key not in self._known:
                    self._known[key] = disagreements(self._dataset, item)
                rows += self._known[key]
            except (OSError, ValueError) as error:
                problems.append(str(error))
        units: dict[Unit, int] = {}
        for case in sorted({item.unit.case for item in items}):
            progress.report(1.0, case)
            try:
                own = [item.unit for item in items if item.unit.case == case]
                units |= resolved(self._dataset, own)
            except (OSError, ValueError) as error:
                problems.append(str(error))
        rows.sort(key=_badness)
        return Compared(tuple(rows), tuple(items), units, tuple(problems))

    def open(self, row: Disagreement, item: Item, by: str = STAPLE) -> OpenedReadings:
        """Reads what the readers of an item said, and what a new annotation starts from.

        Args:
            row: What is to be looked at.
            item: The item.
            by: `staple`, a reader, or the consensus that there is.

        Raises:
            ValueError: If an annotation is no mask or damaged, or there is none of `by`.
            OSError: If an image or annotation is gone.
        """
        unit, volume = item.unit, self._images.read(item.unit.case)
        grid, masks = volume.geometry, readings(self._dataset, item)
        readers = {name: startOf(_whole(masks[name], unit, grid), unit, grid) for name in masks}
        labels = staple(masks) if by == STAPLE else masks.get(by)
        if labels is None:
            labels = self._saved(unit, by)
        start = startOf(_whole(labels, unit, grid), unit, grid)
        ours, theirs = (masks[name] for name in row.readers)
        focus = _focus(ours, theirs, row.label)
        if focus is not None:
            first = [place.start for place in unit.slices(grid.shape)]
            start = replace(start, focus=focus + np.array(first))
        source = "STAPLE" if by == STAPLE else by
        return OpenedReadings(item, volume, readers, row.label, start, source)

    def resolve(self, item: Item, by: str) -> tuple[int, int]:
        """Makes one annotation of all readers'; see `resolve`.

        Returns:
            The version's number, and how many voxels of the item are left unlabeled in it.
        """
        version = resolve(self._dataset, item, by, CONSENSUS)
        found = self._saved(item.unit, CONSENSUS, version)
        return version, int(np.count_nonzero(found == UNLABELED))

    def save(self, unit: Unit, annotation: Annotation) -> int:
        """Saves what was drawn by hand as a version of the consensus, and gives its number.

        Raises:
            ValueError: If nothing is labeled in the item.
            OSError: If it cannot be written, as on a full disk; older versions stay.
        """
        return save(self._dataset, unit, annotation, CONSENSUS)

    def _saved(self, unit: Unit, name: str, version: int | None = None) -> Labels:
        """Gives what somebody has labeled in a unit, by default in the newest version."""
        found = self._dataset.find_version(unit.case, name, version)
        annotation = self._dataset.read(unit.case, found) if found else None
        if not isinstance(annotation, DenseMask | SparseMask):
            raise ValueError(
                f"{unit.name()}: got no mask of {name!r} to start from. Start from STAPLE, or"
                " from a reader's."
            )
        return np.asarray(annotation.labels[unit.slices(annotation.geometry.shape)], np.int32)


def readBySeveral(items: Sequence[Item]) -> list[Item]:
    """Gives those items that at least two have read and done."""
    return [item for item in items if len(versionsOf(item)) > 1]


def versionsOf(item: Item) -> Versions:
    """Gives who has done an item, and in which version."""
    done = (reading for reading in item.standing.readings if reading.done)
    return tuple(sorted((reading.annotator, reading.version) for reading in done))


def _badness(row: Disagreement) -> tuple[float, float, str, int, tuple[str, str]]:
    """Orders by Dice, and where that is equal by distance."""
    far = -row.hd95 if np.isfinite(row.hd95) else (0.0 if np.isnan(row.hd95) else -np.inf)
    return row.dice, far, row.unit.name(), row.label, row.readers


def _whole(labels: Labels, unit: Unit, grid: Geometry) -> Labels:
    whole = np.full(grid.shape, UNLABELED, np.int32)
    whole[unit.slices(grid.shape)] = labels
    return whole


def _focus(ours: Labels, theirs: Labels, label: int) -> NDArray[np.float64] | None:
    """Gives the middle of where two disagree most on a label, else of the label; None if nowhere.

    In the slice with most of it: the middle of all of it could be where they agree.
    """
    both = (ours != UNLABELED) & (theirs != UNLABELED)
    wanted = ((ours == label) != (theirs == label)) & both
    if not wanted.any():
        wanted = ours == label
    if not wanted.any():
        return None
    k = int(wanted.sum(axis=(1, 2)).argmax())
    return np.array([k, *np.argwhere(wanted[k]).mean(axis=0)])

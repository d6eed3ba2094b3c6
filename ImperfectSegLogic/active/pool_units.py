"""Which units there are in a data set, and which of them nobody has labeled."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool import DatasetImages, Pool
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Dataset, DenseMask, SparseMask
from ImperfectSegLogic.methods.progress import Progress

KINDS = ("volume", "slice", "patch")


@dataclass(frozen=True)
class Division:
    """How images are divided into units.

    Attributes:
        kind: One of `KINDS`.
        axis: The array axis that slices lie across.
        patch: Voxels of a patch along the slice's two axes.

    Raises:
        ValueError: If one of them is not allowed.
    """

    kind: str = "slice"
    axis: int = 0
    patch: tuple[int, int] = (64, 64)

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.axis not in (0, 1, 2) or min(self.patch) < 1:
            raise ValueError(
                f"units: got {self.kind!r} across axis {self.axis} with patches of {self.patch}"
                f" voxels, allowed are {', '.join(KINDS)}, axes 0 to 2, and 1 voxel or more."
            )

    def units(self, case: str, shape: tuple[int, int, int]) -> list[Unit]:
        """Gives all units of an image.

        Patches cover each slice; those at its end overlap, so that all are of one size. A slice
        that is smaller than a patch is one patch.
        """
        if self.kind == "volume":
            return [Unit(case)]
        slices = [Unit(case, self.axis, n) for n in range(shape[self.axis])]
        if self.kind == "slice":
            return slices
        sides = [n for axis, n in enumerate(shape) if axis != self.axis]
        size = (min(sides[0], self.patch[0]), min(sides[1], self.patch[1]))
        starts = [_starts(n, own) for n, own in zip(sides, size, strict=True)]
        places = list(itertools.product(*starts))
        return [Unit(case, self.axis, s.index, place, size) for s in slices for place in places]


def make_pool(
    dataset: Dataset,
    cases: Iterable[str],
    division: Division,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Pool:
    """Makes the pool of a data set.

    A unit is labeled if somebody's newest mask labels a voxel of it. Boxes, points and the like
    label none.

    Args:
        dataset: The data set.
        cases: Which cases.
        division: Into which units.
        folder: Where the pool keeps what it measures; None keeps nothing.
        progress: Told how far the work is; cancels it.

    Raises:
        FileNotFoundError: If there is no such case.
        ValueError: If an annotation is damaged.
        CancelledError: If it was cancelled.
    """
    unlabeled: list[Unit] = []
    labeled: list[Unit] = []
    listed, report = sorted(set(cases)), (progress or Progress()).report
    for number, case in enumerate(listed):
        report(number / len(listed), f"looking for unlabeled units in {case}")
        shape = dataset.record(case).geometry.shape
        marked = _labeled(dataset, case)
        for unit in division.units(case, shape):
            (labeled if marked[unit.slices(shape)].any() else unlabeled).append(unit)
    return Pool(DatasetImages(dataset), unlabeled, labeled, folder)


def _labeled(dataset: Dataset, case: str) -> np.ndarray:
    marked = np.zeros(dataset.record(case).geometry.shape, dtype=bool)
    for annotator in dataset.annotators(case):
        mask = dataset.read(case, dataset.versions(case, annotator)[-1])
        if isinstance(mask, DenseMask):
            marked[...] = True
        elif isinstance(mask, SparseMask):
            marked |= mask.labeled
    return marked


def _starts(total: int, own: int) -> list[int]:
    count = math.ceil(total / own)
    return [int(n) for n in np.linspace(0, total - own, count).round()]

"""What of a proposal goes into the scene: cut out beside the window, as images can be large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, Geometry, Region

Part = tuple[Region, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Start:
    """What an item is started from.

    Attributes:
        parts: Of each label that is there, in which region of the image, and its voxels in it.
        isSparse: Whether some voxels of the item are unlabeled and others known as background.
        focus: The index (slice, row, column) to look at.
    """

    parts: Mapping[int, Part]
    isSparse: bool
    focus: NDArray[np.float64]


def startOf(labels: NDArray[Any] | None, unit: Unit, grid: Geometry) -> Start:
    """Cuts out what is in an item.

    Args:
        labels: Of the whole image, shape (slice, row, column); None if nothing is proposed.
        unit: The item.
        grid: The image's.
    """
    whole = regionOf(unit, grid)
    middle = (np.array(whole.start) + np.array(whole.stop) - 1) / 2
    if labels is None:
        return Start({}, False, middle)
    inside = labels[whole.slices]
    isSparse = bool((inside == UNLABELED).any() and (inside == 0).any())
    parts = {}
    for label in np.unique(inside):
        if label > 0 or (label == 0 and isSparse):
            parts[int(label)] = _cut(inside == label, whole)
    if unit.axis < 0 and (inside > 0).any():
        # The slice with most of it, and there the middle of it.
        k = int((inside > 0).sum(axis=(1, 2)).argmax())
        middle = np.array([k, *np.argwhere(inside[k] > 0).mean(axis=0)])
    return Start(parts, isSparse, middle)


def regionOf(unit: Unit, grid: Geometry) -> Region:
    """Gives where a unit is in its image."""
    k, j, i = unit.slices(grid.shape)
    return Region((k.start, j.start, i.start), (k.stop, j.stop, i.stop))


def _cut(mask: NDArray[np.bool_], whole: Region) -> Part:
    """Gives the smallest region with all voxels of a mask that is not empty."""
    start, stop = [], []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        start.append(int(used[0]))
        stop.append(int(used[-1]) + 1)
    inner = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    ends = ((a + o, b + o) for a, b, o in zip(start, stop, whole.start, strict=True))
    (k0, k1), (j0, j1), (i0, i1) = ends
    return Region((k0, j0, i0), (k1, j1, i1)), mask[inner.slices].copy()

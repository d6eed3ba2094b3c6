"""Where a simulated user looks: the largest error, in 3-D or on one slice, and the middle of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data import Geometry, Region

Mask = NDArray[np.bool_]
VOLUME = -1
"""Instead of an axis: errors are looked for in 3-D."""


@dataclass(frozen=True, eq=False)
class Error:
    """One connected error.

    Attributes:
        mask: Its voxels, cut to `region`.
        region: Where it is in the image.
        missed: Whether it is missed rather than wrong.
        axis: The axis that runs across the slice it was looked for on, or `VOLUME`.
    """

    mask: Mask
    region: Region
    missed: bool
    axis: int = VOLUME

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.count_nonzero(self.mask))


def check_masks(geometry: Geometry, **masks: Mask) -> None:
    """Checks that masks are on a grid.

    Raises:
        ValueError: If one is not; the message has its name.
    """
    for name, mask in masks.items():
        if mask.shape != geometry.shape:
            raise ValueError(
                f"{name}: got a mask of shape {mask.shape}, allowed is the grid's {geometry.shape}."
            )


def largest_error(prediction: Mask, truth: Mask, axis: int = VOLUME) -> Error | None:
    """Gives the largest connected error; neighbors share a face.

    Of errors of one size, a missed one comes before a wrong one, then the first in raster order.

    Args:
        prediction: The mask so far, shape (slice, row, column).
        truth: What it should be, same shape.
        axis: Errors are those on the one slice along this axis that has most wrong voxels; in 3-D
            if it is `VOLUME`.
    """
    first = 0
    if axis != VOLUME:
        wrong = (prediction != truth).sum(axis=tuple(a for a in range(3) if a != axis))
        first = int(np.argmax(wrong))
        at = tuple(slice(first, first + 1) if a == axis else slice(None) for a in range(3))
        prediction, truth = prediction[at], truth[at]
    missed = _largest(truth & ~prediction, True)
    wrong_one = _largest(prediction & ~truth, False)
    if missed is None or (wrong_one is not None and wrong_one.size > missed.size):
        missed = wrong_one
    if missed is None or axis == VOLUME:
        return missed
    return Error(missed.mask, _moved(missed.region, axis, first), missed.missed, axis)


def piece_on_slice(mask: Mask, axis: int, number: int, pixel: NDArray[np.int64]) -> Error:
    """Gives the connected piece of a mask on one slice that holds a voxel.

    Args:
        mask: Shape (slice, row, column).
        axis: That runs across the slice.
        number: The slice's index along it.
        pixel: Index (k, j, i) of a voxel of the mask on that slice.
    """
    at = tuple(slice(number, number + 1) if a == axis else slice(None) for a in range(3))
    parts, _ = ndimage.label(mask[at])
    inside = pixel.copy()
    inside[axis] = 0
    found = _cut(parts == parts[tuple(inside)], True)
    return Error(found.mask, _moved(found.region, axis, number), True, axis)


def deepest(error: Error, geometry: Geometry) -> NDArray[np.int64]:
    """Gives the index (k, j, i) of the error's voxel that is farthest from all others, in mm."""
    depth = _depths(error, geometry)
    inside = np.array(np.unravel_index(np.argmax(depth), depth.shape), dtype=np.int64)
    return inside + np.array(error.region.start)


def near_the_middle(
    error: Error, geometry: Geometry, off: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draws a voxel that is deep in an error; gives its index (k, j, i).

    Args:
        error: The error.
        geometry: Its grid.
        off: How far off the middle it may be: 0 gives the deepest voxel, 1 any voxel; between, any
            that is at least 1 - `off` of the greatest depth deep.
        rng: All chance.
    """
    if off == 0:
        return deepest(error, geometry)
    depth = _depths(error, geometry)
    deep = np.argwhere(error.mask & (depth >= (1 - off) * depth.max()))
    return deep[rng.integers(len(deep))] + np.array(error.region.start)


def _depths(error: Error, geometry: Geometry) -> NDArray[np.float64]:
    """Gives how far each voxel is from those outside the error, in mm; 0 outside.

    The image's border counts as outside, but not along axes with one voxel only, nor across the
    slice that is looked at.
    """
    flat = [n == 1 or axis == error.axis for axis, n in enumerate(geometry.shape)]
    pad = [(0, 0) if one else (1, 1) for one in flat]
    depth = ndimage.distance_transform_edt(np.pad(error.mask, pad), sampling=geometry.spacing)
    shape = error.mask.shape
    inner = tuple(slice(a, a + n) for (a, _), n in zip(pad, shape, strict=True))
    return np.asarray(depth[inner], dtype=np.float64)


def _largest(errors: Mask, missed: bool) -> Error | None:
    parts, count = ndimage.label(errors)
    if not count:
        return None
    number = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    return _cut(parts == number, missed)


def _cut(mask: Mask, missed: bool) -> Error:
    region = Region.around(np.argwhere(mask))
    return Error(mask[region.slices], region, missed)


def _moved(region: Region, axis: int, by: int) -> Region:
    start, stop = list(region.start), list(region.stop)
    start[axis] += by
    stop[axis] += by
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

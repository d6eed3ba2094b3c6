"""How far apart the surfaces of two masks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data.geometry import Geometry, Region

NOTHING = np.zeros(0)


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """The distance of every surface voxel of one mask to the nearest one of the other's surface.

    If both masks are empty, nothing is defined, and every number is NaN. If one is empty, distances
    are infinite and no part of the surface is near.

    Attributes:
        from_mask: Of the mask's surface voxels to the truth's surface, in mm, shape (N,).
        from_truth: Of the truth's surface voxels to the mask's surface, in mm, shape (M,).
    """

    from_mask: NDArray[np.float64]
    from_truth: NDArray[np.float64]

    @property
    def hd95(self) -> float:
        """The larger of the two directions' 95th percentiles, in mm."""
        if not self._both_there:
            return self._missing
        return float(max(np.percentile(d, 95) for d in (self.from_mask, self.from_truth)))

    @property
    def assd(self) -> float:
        """The average symmetric surface distance, the mean over both surfaces' voxels, in mm."""
        if not self._both_there:
            return self._missing
        return float(np.concatenate((self.from_mask, self.from_truth)).mean())

    def surface_dice(self, tolerance: float) -> float:
        """Gives the share of both surfaces' voxels that is at most `tolerance` mm away, 0 to 1.

        Raises:
            ValueError: If the tolerance is not 0 or more.
        """
        check_tolerance(tolerance)
        both = np.concatenate((self.from_mask, self.from_truth))
        return float(np.count_nonzero(both <= tolerance) / len(both)) if len(both) else np.nan

    @property
    def _both_there(self) -> bool:
        return bool(len(self.from_mask) and len(self.from_truth))

    @property
    def _missing(self) -> float:
        return np.inf if len(self.from_mask) or len(self.from_truth) else np.nan


def surface_distances(
    mask: NDArray[Any], truth: NDArray[Any], geometry: Geometry
) -> SurfaceDistances:
    """Measures the distances between the surfaces of two masks, once for all that is told of them.

    A surface voxel is one of the mask with a face on the outside, which is also beyond the image's
    border. In an image of one slice only faces within the slice count. Distances are between voxel
    centers along the voxel axes, so these have to be at right angles.

    Args:
        mask: What was found, shape (slice, row, column); nonzero is inside.
        truth: What is there, same shape.
        geometry: The grid of both.

    Raises:
        ValueError: If shapes differ, or the grid is sheared.
    """
    if not mask.shape == truth.shape == geometry.shape:
        raise ValueError(
            f"surface distances: got masks of shapes {mask.shape} and {truth.shape} for a grid of"
            f" {geometry.shape}, allowed are equal ones. Resample one to the other first."
        )
    if geometry.is_sheared:
        raise ValueError(
            "surface distances: got a sheared grid, allowed are axes at right angles, along which"
            " distances are measured. Resample image and masks to such a grid first."
        )
    one, other = mask.astype(bool), truth.astype(bool)
    boxes = [Region(*b) for b in (_box(one), _box(other)) if b]
    if not boxes:
        return SurfaceDistances(NOTHING, NOTHING)
    box = boxes[0].united(boxes[-1]).grown((1, 1, 1), geometry.shape).slices
    # In all of the image's axes but those of length 1, where everything would be surface.
    axes = [a for a in range(3) if geometry.shape[a] > 1] or [0, 1, 2]
    surfaces = [_surface(m[box], axes) for m in (one, other)]
    return SurfaceDistances(
        _distances(surfaces[0], surfaces[1], geometry.spacing),
        _distances(surfaces[1], surfaces[0], geometry.spacing),
    )


def check_tolerance(tolerance: float) -> None:
    """Checks the tolerance of the surface Dice.

    Raises:
        ValueError: If it is not a finite number of mm from 0.
    """
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance: got {tolerance}, allowed are mm from 0, such as 2.")


def _box(mask: NDArray[np.bool_]) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Gives start and stop of the smallest box around a mask, without listing all its voxels."""
    ends = []
    for axis in range(3):
        there = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(there):
            return None
        ends.append((int(there[0]), int(there[-1]) + 1))
    (k0, k1), (j0, j1), (i0, i1) = ends
    return (k0, j0, i0), (k1, j1, i1)


def _surface(mask: NDArray[np.bool_], axes: list[int]) -> NDArray[np.bool_]:
    neighbors = np.zeros((3, 3, 3), dtype=bool)
    for axis in axes:
        line: list[int | slice] = [1, 1, 1]
        line[axis] = slice(None)
        neighbors[tuple(line)] = True
    return np.asarray(mask & ~ndimage.binary_erosion(mask, neighbors))


def _distances(
    surface: NDArray[np.bool_], other: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    if not surface.any():
        return NOTHING
    if not other.any():
        return np.full(np.count_nonzero(surface), np.inf)
    return np.asarray(ndimage.distance_transform_edt(~other, sampling=spacing)[surface])

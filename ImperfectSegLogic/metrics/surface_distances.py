"""How far apart the surfaces of two masks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ImperfectSegLogic.data.geometry import Geometry, Region

NOTHING = np.zeros(0)
TIE = 1e-5
"""Share by which a distance may exceed a tolerance; files hold matrices with seven digits."""


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
        near = np.count_nonzero(both <= tolerance * (1 + TIE))
        return float(near / len(both)) if len(both) else np.nan

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
    centers in the patient, so that they are exact on sheared grids too.

    Args:
        mask: What was found, shape (slice, row, column); nonzero is inside.
        truth: What is there, same shape.
        geometry: The grid of both.

    Raises:
        ValueError: If the shapes differ.
    """
    if not mask.shape == truth.shape == geometry.shape:
        raise ValueError(
            f"surface distances: got masks of shapes {mask.shape} and {truth.shape} for a grid of"
            f" {geometry.shape}, allowed are equal ones. Resample one to the other first."
        )
    one, other = mask.astype(bool), truth.astype(bool)
    boxes = [Region(*b) for b in (_box(one), _box(other)) if b]
    if not boxes:
        return SurfaceDistances(NOTHING, NOTHING)
    box = boxes[0].united(boxes[-1]).grown((1, 1, 1), geometry.shape).slices
    ours, theirs = (_surface(m[box], geometry) for m in (one, other))
    places, others = (_places(m, geometry) for m in (ours, theirs))
    return SurfaceDistances(
        _to_nearest(places, theirs[ours], others), _to_nearest(others, ours[theirs], places)
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


def _surface(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    inner = mask.copy()
    for axis, length in enumerate(geometry.shape):
        if length > 1 or max(geometry.shape) == 1:
            # Several times as fast as a binary erosion.
            kept, all_of = np.moveaxis(inner, axis, 0), np.moveaxis(mask, axis, 0)
            kept[1:] &= all_of[:-1]
            kept[:-1] &= all_of[1:]
            # Here the box ends, and so does the image, or else the box has a rim without mask.
            kept[0] = kept[-1] = False
    return np.asarray(mask & ~inner)


def _places(surface: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.float64]:
    """Gives places in mm from the first voxel, which loses no digits far from the origin."""
    return np.argwhere(surface)[:, ::-1] @ geometry.ijk_to_ras[:3, :3].T


def _to_nearest(
    places: NDArray[np.float64], common: NDArray[np.bool_], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Gives the distance to the nearest of others; there is none to those in common."""
    if not len(others):
        return np.full(len(places), np.inf)
    distances = np.zeros(len(places))
    if not common.all():
        # Unbalanced, because places on a grid have many ties, over which balancing is slow.
        tree = KDTree(others, balanced_tree=False)
        distances[~common] = tree.query(places[~common])[0]
    return distances

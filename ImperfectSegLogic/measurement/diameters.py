"""The two diameters of a lesion on the slice where it is largest, in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform

from ImperfectSegLogic.data import Geometry, Recist
from ImperfectSegLogic.data.slices import nearest_axis

Points = NDArray[np.float64]
Ends = Literal["borders", "corners", "centers"]
_AROUND: dict[Ends, list[tuple[float, float]]] = {
    "borders": [(-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)],
    "corners": [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)],
    "centers": [(0, 0)],
}
THICK = 1.25
"""Slices that much thicker than the next spacing are the ones that were acquired."""


@dataclass(frozen=True, eq=False)
class Diameters:
    """The longest diameter on a slice, and the longest one at a right angle to it.

    Attributes:
        axis: Array axis across the slice: 0 slice, 1 row, 2 column.
        index: Number of the slice along this axis.
        long_axis: The two ends, shape (2, 3), RAS in mm.
        short_axis: The two ends, shape (2, 3), RAS in mm.
    """

    axis: int
    index: int
    long_axis: Points
    short_axis: Points

    @property
    def long_mm(self) -> float:
        """Length of the longest diameter."""
        return float(np.linalg.norm(self.long_axis[1] - self.long_axis[0]))

    @property
    def short_mm(self) -> float:
        """Length of the longest diameter at a right angle to it, the short axis."""
        return float(np.linalg.norm(self.short_axis[1] - self.short_axis[0]))

    def mark(self, label: int = 1) -> Recist:
        """Gives the diameters as what a user would have drawn."""
        return Recist(self.long_axis, self.short_axis, label=label)


def slice_axis(geometry: Geometry) -> int:
    """Gives the axis across the slices to measure on.

    That is the axis with thick slices, along which the image was acquired; where there is none,
    the axis of the slices that are the most axial.
    """
    if 1 in geometry.shape:
        return geometry.shape.index(1)
    order = np.argsort(geometry.spacing)
    if geometry.spacing[order[2]] > THICK * geometry.spacing[order[1]]:
        return int(order[2])
    return nearest_axis(geometry, (0.0, 0.0, 1.0))


def largest_slice(mask: NDArray[Any], axis: int) -> tuple[int, NDArray[np.bool_]]:
    """Gives the slice with the largest connected area, and this area alone.

    Args:
        mask: Shape (slice, row, column); nonzero is inside, at least one voxel.
        axis: Across the slices.

    Returns:
        The number of the slice (the first one of equals), and a mask of its two other axes.
    """
    turned = np.moveaxis(np.asarray(mask) != 0, axis, 0)
    within = np.zeros((3, 3, 3), dtype=bool)
    within[1] = True
    parts, count = ndimage.label(turned, structure=within)
    assert count, "an empty mask has no largest slice"
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    index = int(np.flatnonzero((parts == largest).any(axis=(1, 2)))[0])
    return index, parts[index] == largest


def diameters(
    mask: NDArray[Any], geometry: Geometry, axis: int | None = None, ends: Ends = "borders"
) -> Diameters:
    """Measures a mask on the slice where it is largest; of several parts there, the largest one.

    Both diameters are exact on the convex hull: the long one between two of its corners, the short
    one where the hull is widest at a right angle to it, which is at a corner too, so both cross.
    RECIST 1.1 (Eisenhauer 2009) measures so, but by hand.

    Args:
        mask: Shape (slice, row, column); nonzero is inside.
        geometry: The grid; it may be oblique, anisotropic or sheared.
        axis: Across the slices (0, 1, 2 for slice, row, column); by default `slice_axis`.
        ends: Where they may end: half-way to the neighbors (`borders`, as in PyRadiomics; a disk's
            diameters come out 0.75 and 0.3 of a voxel too long in the mean), at `corners` of
            voxels (1.2 and 0.75 too long), or at their `centers` (0.2 and 0.65 too short, and a
            single voxel has none).

    Raises:
        ValueError: If the mask is empty or not on the grid, or there is no such axis.
    """
    axis = slice_axis(geometry) if axis is None else axis
    if mask.shape != geometry.shape or axis not in (0, 1, 2):
        raise ValueError(
            f"diameters: got a mask of shape {mask.shape} for a grid of {geometry.shape} and axis"
            f" {axis}, allowed are equal shapes and axes 0 to 2."
        )
    if not np.any(mask):
        raise ValueError("diameters: got an empty mask, which has none. Measure what has voxels.")
    box = ndimage.find_objects(np.asarray(mask != 0).astype(np.uint8))[0]
    index, area = largest_slice(mask[box], axis)
    pixels = _outline(area)
    points = (pixels[:, np.newaxis] + np.array(_AROUND[ends])).reshape(-1, 2)
    places = np.insert(points, axis, index, axis=1)
    corners = geometry.to_ras(places[_hull(points)] + [one.start for one in box])
    long_axis, short_axis = _on_hull(corners)
    return Diameters(axis, index + box[axis].start, long_axis, short_axis)


def _outline(area: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Gives the first and last pixel of each row, shape (N, 2): only they can be on the hull."""
    rows = np.flatnonzero(area.any(axis=1))
    first = area[rows].argmax(axis=1)
    last = area.shape[1] - 1 - area[rows, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([rows, one], axis=1) for one in (first, last)])


def _hull(points: Points) -> NDArray[np.int64]:
    """Gives which points are the corners of the hull, in order around it."""
    try:
        return np.asarray(ConvexHull(points).vertices, dtype=np.int64)
    except QhullError:  # All on one line, or fewer than three: its ends are the hull.
        order = np.lexsort(points.T)
        return np.asarray([order[0], order[-1]], dtype=np.int64)


def _on_hull(corners: Points) -> tuple[Points, Points]:
    """Gives the two diameters of a flat convex polygon, corners (N, 3) in order around it."""
    apart = squareform(pdist(corners))
    one, other = np.unravel_index(int(np.argmax(apart)), apart.shape)
    long_axis = corners[[one, other]]
    if apart[one, other] == 0:
        return long_axis, long_axis.copy()
    along = (long_axis[1] - long_axis[0]) / apart[one, other]
    t = (corners - long_axis[0]) @ along
    across = (corners - long_axis[0]) - t[:, np.newaxis] * along
    side = across[int(np.argmax(np.linalg.norm(across, axis=1)))]
    width = float(np.linalg.norm(side))
    if width < 1e-9:  # A line of pixels: it is as wide as a point.
        return long_axis, np.repeat(long_axis.mean(axis=0)[np.newaxis], 2, axis=0)
    side = side / width
    low, high = _sides(t, across @ side)
    widest = int(np.argmax(high - low))
    foot = long_axis[0] + t[widest] * along
    return long_axis, np.stack([foot + low[widest] * side, foot + high[widest] * side])


def _sides(t: Points, s: Points) -> tuple[Points, Points]:
    """Gives how far a convex polygon reaches to both sides of its long axis at each corner's t."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (t[:, np.newaxis] - t) / (np.roll(t, -1) - t)
    # Edges at a right angle to the long axis count through the edges that they meet.
    passed = (share > -1e-9) & (share < 1 + 1e-9)
    share[~passed] = 0
    reach = np.where(passed, s + share * (np.roll(s, -1) - s), 0)
    return reach.min(axis=1), reach.max(axis=1)

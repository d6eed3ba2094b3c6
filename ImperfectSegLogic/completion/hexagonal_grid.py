"""A hexagonal grid of points to label on each slice, and discs that labeled points stand for."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ImperfectSegLogic.data import UNLABELED, Geometry, PointGrid, SparseMask

CLOSEST = 2.0
"""Fewest voxels between neighbors: closer ones would fall on the same voxel."""


def hexagonal_grid(
    geometry: Geometry, stride: float, axis: int = 0, unit: Literal["voxels", "mm"] = "voxels"
) -> NDArray[np.float64]:
    """Gives the points of a hexagonal grid on every slice (silvestri2018stereology, survey 5.2.2).

    Each point has six neighbors a stride away; rows lie sqrt(3) / 2 strides apart and every second
    row is shifted by half a stride. Each point stands for the same area of the slice. Points are
    moved to the center of the voxel that they fall into, at most half a voxel.

    Args:
        geometry: The image's grid.
        stride: Distance of neighboring points.
        axis: Array axis that slices lie across: 0 slice, 1 row, 2 column.
        unit: Of the stride: voxels of the slice, or mm, which is the same distance in both
            directions where voxels are not square.

    Returns:
        RAS in mm, shape (N, 3), in the order in which to label them: slice by slice, one row
        forward and the next one back, so that the view hardly moves from point to point.

    Raises:
        ValueError: If there is no such axis or unit, the points would lie closer than two voxels,
            or no point would fall on a slice.
    """
    if axis not in (0, 1, 2) or unit not in ("voxels", "mm"):
        raise ValueError(
            f"hexagonal grid: got axis {axis} and unit {unit!r}, allowed are 0 to 2 and voxels, mm."
        )
    down, right = (n for n in range(3) if n != axis)
    steps = [stride / geometry.spacing[n] if unit == "mm" else stride for n in (down, right)]
    sizes = geometry.shape[down], geometry.shape[right]
    if not CLOSEST <= min(steps) <= max(steps) < math.inf:
        least = CLOSEST * (max(geometry.spacing[n] for n in (down, right)) if unit == "mm" else 1)
        raise ValueError(
            f"hexagonal grid: got a stride of {stride:g} {unit}, allowed is {least:.4g} {unit} or"
            " more, two voxels. Label the whole slice instead."
        )
    flat = _on_a_slice(sizes, steps)
    if not len(flat):
        raise ValueError(
            f"hexagonal grid: got a stride of {stride:g} {unit}, with which no point falls on a"
            f" slice of {sizes[0]} x {sizes[1]} voxels. Choose a smaller stride."
        )
    slices = geometry.shape[axis]
    index = np.empty((slices, len(flat), 3))
    index[..., axis] = np.arange(slices)[:, None]
    index[..., [down, right]] = flat
    return geometry.to_ras(index.reshape(-1, 3))


def _on_a_slice(sizes: tuple[int, int], steps: list[float]) -> NDArray[np.int64]:
    """Gives rows and columns of a slice's points, shape (N, 2); half a step from its borders."""
    apart = steps[0] * math.sqrt(3) / 2
    found = []
    for number, row in enumerate(np.arange(apart / 2, sizes[0], apart)):
        columns = np.arange(steps[1] * (0.75 if number % 2 else 0.25), sizes[1], steps[1])
        # From borders of voxels to numbers of voxels: the first one reaches from 0 to 1.
        line = np.stack([np.full(len(columns), row), columns], axis=1).astype(np.int64)
        found.append(line[::-1] if number % 2 else line)
    return np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)


def padded(points: PointGrid, geometry: Geometry, radius_voxels: int, axis: int = 0) -> SparseMask:
    """Makes labeled points to labeled discs on their slices.

    A voxel gets the label of the nearest point within the radius; of two points equally near that
    differ, none. A labeled point always keeps its label.

    Args:
        points: Labeled points.
        geometry: The image's grid.
        radius_voxels: Of the discs, in voxels of the slice; 0 labels the points' own voxels.
        axis: Array axis that slices lie across: 0 slice, 1 row, 2 column.

    Raises:
        ValueError: If the radius is negative, a point lies outside the image, or one voxel has
            points of two labels.
    """
    if radius_voxels < 0:
        raise ValueError(f"padding: got a radius of {radius_voxels} voxels, allowed is 0 or more.")
    index = geometry.to_index(points.positions)
    outside = ~geometry.contains(index)
    if outside.any():
        raise ValueError(
            f"point grid: got {np.count_nonzero(outside)} positions outside the image, such as"
            f" {points.positions[outside][0].tolist()} (RAS, mm). Choose the image that they were"
            " made on."
        )
    labels = np.full(geometry.shape, UNLABELED, dtype=np.int32)
    labels[tuple(index.T)] = points.labels
    if (labels[tuple(index.T)] != points.labels).any():
        raise ValueError("point grid: got points of two labels on one voxel. Remove one of them.")
    slices = np.moveaxis(labels, axis, 0)  # A view: what is padded here is padded in `labels`.
    for k in np.flatnonzero((slices != UNLABELED).any(axis=(1, 2))):
        slices[k] = _padded_slice(slices[k], radius_voxels)
    return SparseMask(labels, geometry)


def _padded_slice(labels: NDArray[np.int32], radius: int) -> NDArray[np.int32]:
    """Pads the labeled voxels of one slice, shape (row, column); gives the same shape."""
    known = np.unique(labels[labels != UNLABELED])
    away = np.stack([distance_transform_edt(labels != label) for label in known])
    nearest = away.min(axis=0)
    is_clear = (nearest <= radius) & (np.count_nonzero(away == nearest, axis=0) == 1)
    return np.where(is_clear, known[away.argmin(axis=0)], UNLABELED)

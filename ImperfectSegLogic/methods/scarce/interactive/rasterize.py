"""Which voxels a prompt covers, on a grid of any rotation, spacing or shear."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Click, Geometry, Lasso, Prompt, Region, Scribble
from ImperfectSegLogic.data.geometry import Index

Voxels = NDArray[np.int64]
"""Indices (k, j, i), shape (N, 3)."""

CORE = 0.6
"""A voxel is deep inside a lasso when it is this part of the greatest depth away from the line."""


def click_voxels(click: Click, geometry: Geometry) -> Voxels:
    """Gives the one voxel under a click."""
    return geometry.to_index(click.position)[np.newaxis]


def scribble_voxels(scribble: Scribble, geometry: Geometry) -> Voxels:
    """Gives the voxels that the line runs through or that are within its radius in mm."""
    path = geometry.to_continuous_index(scribble.points)
    found = [geometry.to_index(scribble.points)]
    for a, b in pairwise(path):
        steps = int(np.ceil(np.abs(b - a).max() * 4)) + 1
        line = a + np.linspace(0, 1, steps)[:, np.newaxis] * (b - a)
        found.append(np.floor(line + 0.5).astype(np.int64))
    if scribble.radius > 0:
        ends = list(pairwise(scribble.points))
        for start, stop in ends or [(scribble.points[0], scribble.points[0])]:
            near = _candidates(np.array([start, stop]), scribble.radius, geometry)
            distance = _to_segment(geometry.to_ras(near), start, stop)
            found.append(near[distance <= scribble.radius])
    voxels = np.unique(np.concatenate(found), axis=0)
    return voxels[geometry.contains(voxels)]


def box_region(box: Box, geometry: Geometry) -> Region | None:
    """Gives the region of the voxels that a box can hold; exact if it is parallel to the grid."""
    corners = geometry.to_continuous_index(box.corners)
    low = np.maximum(np.ceil(corners.min(axis=0) - 1e-6), 0).astype(int).tolist()
    high = np.minimum(np.floor(corners.max(axis=0) + 1e-6) + 1, geometry.shape).astype(int).tolist()
    if any(a >= b for a, b in zip(low, high, strict=True)):
        return None
    return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def box_holds_any(box: Box, geometry: Geometry) -> bool:
    """Tells whether a box holds any voxel's center; looks at one slice at a time."""
    region = box_region(box, geometry)
    if region is None:
        return False
    shape = (1, *region.shape[1:])
    for k in range(region.start[0], region.stop[0]):
        parts = box_coordinates(box, geometry, (k, *region.start[1:]), shape)
        if np.all([np.abs(part) <= 1 + 1e-6 for part in parts], axis=0).any():
            return True
    return False


def box_coordinates(
    box: Box, geometry: Geometry, start: Index, shape: Index, step: Index = (1, 1, 1)
) -> tuple[NDArray[np.float32], ...]:
    """Gives where voxels are along the three axes of a box, -1 to 1 inside it.

    Args:
        box: The box.
        geometry: The grid.
        start: The first voxel.
        shape: Number of blocks of voxels along k, j, i.
        step: Number of voxels in a block; the middle of a block is what counts.
    """
    first = np.array(start) + (np.array(step) - 1) / 2
    scale = box.axes / np.maximum(box.size / 2, 1e-6)
    origin = (geometry.to_ras(first) - box.center) @ scale
    along = (geometry.to_ras(first + np.diag(step)) - geometry.to_ras(first)) @ scale
    k, j, i = (np.arange(n)[:, np.newaxis] * a for n, a in zip(shape, along, strict=True))
    return tuple(
        ((k[:, n] + origin[n])[:, None, None] + (j[:, n, None] + i[:, n])).astype(np.float32)
        for n in range(3)
    )


def box_voxels(box: Box, geometry: Geometry) -> Voxels:
    """Gives the voxels whose center is in the box, its surface included."""
    candidates = _candidates(box.corners, 0.0, geometry)
    return candidates[box_holds(box, geometry.to_ras(candidates))]


def box_holds(box: Box, ras: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tells which RAS positions, shape (..., 3), are in the box, its surface included."""
    local = np.abs((ras - box.center) @ box.axes)
    return np.asarray((local <= box.size / 2 + 1e-6).all(axis=-1))


def lasso_voxels(lasso: Lasso, geometry: Geometry) -> tuple[Voxels, Voxels, Voxels]:
    """Gives the voxels inside a lasso, the deep ones among them, and a ring just outside it.

    Raises:
        ValueError: If the outline is not in one plane.
    """
    center = lasso.points.mean(axis=0)
    _, _, axes = np.linalg.svd(lasso.points - center)
    step = np.array(geometry.spacing)
    thickness = np.abs(geometry.ijk_to_ras[:3, :3].T @ axes[2]).max() / 2
    off = np.abs((lasso.points - center) @ axes[2]).max()
    if off > 2 * thickness + 1e-6:
        raise ValueError(
            f"lasso: got points up to {off:.1f} mm off their common plane, allowed is one slice"
            f" ({2 * thickness:.1f} mm). Draw the outline in one slice view."
        )
    margin = 4.0 * step.max() if geometry.shape[0] > 1 else 4.0 * step[1:].max()
    near = _candidates(lasso.points, margin, geometry)
    local = (geometry.to_ras(near) - center) @ axes.T
    in_plane = np.abs(local[:, 2]) <= thickness * (1 - 1e-6)
    near, local = near[in_plane], local[in_plane]
    outline = (lasso.points - center) @ axes[:2].T
    inside = _in_polygon(local[:, :2], outline)
    depth = _to_polygon(local[:, :2], outline)
    pixel = np.sort(step)[1] if geometry.shape[0] > 1 else step[1:].max()
    core = inside & (depth >= CORE * depth[inside].max(initial=0.0))
    ring = ~inside & (depth > 0.75 * pixel) & (depth <= 2.5 * pixel)
    return near[inside], near[core], near[ring]


def given_positions(prompt: Prompt) -> NDArray[np.float64]:
    """Gives the RAS positions that the user placed and that must lie in the image."""
    if isinstance(prompt, Click):
        return prompt.position[np.newaxis]
    return prompt.points if isinstance(prompt, Scribble | Lasso) else np.zeros((0, 3))


def _candidates(points: NDArray[np.float64], margin: float, geometry: Geometry) -> Voxels:
    """Gives all voxels of the image in a box of voxels around RAS points and a margin in mm."""
    index = geometry.to_continuous_index(points)
    reach = margin * np.linalg.norm(geometry.ras_to_ijk[:3, :3], axis=1)[::-1]
    low = np.maximum(np.floor(index.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + reach) + 1, geometry.shape).astype(int)
    if (low >= high).any():
        return np.zeros((0, 3), dtype=np.int64)
    region = Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    return np.indices(region.shape).reshape(3, -1).T + low


def _to_segment(
    points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    along = b - a
    share = (points - a) @ along / max(float(along @ along), 1e-12)
    nearest = a + np.clip(share, 0, 1)[:, np.newaxis] * along
    return np.asarray(np.linalg.norm(points - nearest, axis=1))


def _to_polygon(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = np.full(len(points), np.inf)
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        np.minimum(distance, _to_segment(points, a, b), out=distance)
    return distance


def _in_polygon(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.zeros(len(points), dtype=bool)
    x, y = points[:, 0], points[:, 1]
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if ay != by:
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside

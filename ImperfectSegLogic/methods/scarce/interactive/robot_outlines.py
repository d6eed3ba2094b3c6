"""Boxes and lassos that a simulated user draws around an object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import approximate_polygon

from ImperfectSegLogic.data import Box, Geometry, Lasso
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_voxels, lasso_voxels
from ImperfectSegLogic.methods.scarce.interactive.robot_errors import Error, Mask, deepest
from ImperfectSegLogic.methods.scarce.interactive.robot_scribbles import longest_contour
from ImperfectSegLogic.methods.scarce.interactive.robot_slices import picture_of

_STRAIGHT = 0.25
"""How far an outline may be off, in pixels, for fewer corners: it still runs between pixels."""


def box_around(
    truth: Mask, geometry: Geometry, looseness: float, rng: np.random.Generator, label: int
) -> Box:
    """Gives a box that holds a whole object, along the image's axes.

    On a sheared grid its axes are the rotation next to the image's axes.

    Args:
        truth: At least one voxel.
        geometry: Its grid.
        looseness: How far each side is moved out at most, as part of the object's size along that
            axis; 0 for the tightest box around the voxels, whole.
        rng: How far each side is moved.
        label: Of the prompt.
    """
    matrix = geometry.ijk_to_ras[:3, :3]
    left, _, right = np.linalg.svd(matrix / np.linalg.norm(matrix, axis=0))
    axes = left @ right
    if np.linalg.det(axes) < 0:
        axes[:, 2] *= -1
    along = geometry.to_ras(np.argwhere(truth)) @ axes
    half = np.abs(axes.T @ matrix).sum(axis=1) / 2
    low, high = along.min(axis=0) - half, along.max(axis=0) + half
    size = high - low
    low -= rng.uniform(0, looseness, 3) * size
    high += rng.uniform(0, looseness, 3) * size
    return Box(center=axes @ (low + high) / 2, size=high - low, axes=axes, label=label)


def box_within(error: Error, forbidden: Mask, geometry: Geometry, label: int) -> Box | None:
    """Gives a box in the middle of a wrong part that says "not this label" of all it holds.

    It grows from the deepest voxel, along one axis after the other, as long as it stays in the
    part.

    Args:
        error: The part that is wrong.
        forbidden: What the box must not hold, shape of the grid.
        geometry: The grid.
        label: Of the prompt.

    Returns:
        None if even one voxel is too much, as on grids that are sheared.
    """
    low = deepest(error, geometry) - np.array(error.region.start)
    high = low.copy()
    growing = True
    while growing:
        growing = False
        for axis in range(3):
            for side, step in ((low, -1), (high, 1)):
                side[axis] += step
                if _inside(error.mask, low, high):
                    growing = True
                else:
                    side[axis] -= step
    inside = np.zeros(geometry.shape, dtype=bool)
    first, last = low + np.array(error.region.start), high + np.array(error.region.start)
    inside[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))] = True
    box = box_around(inside, geometry, 0.0, np.random.default_rng(0), label)
    box = Box(center=box.center, size=box.size, axes=box.axes, label=label, positive=False)
    voxels = box_voxels(box, geometry)
    return None if forbidden[tuple(voxels.T)].any() else box


def lasso_around(
    truth: Error,
    whole: Mask,
    geometry: Geometry,
    jitter: float,
    rng: np.random.Generator,
    label: int,
) -> Lasso | None:
    """Gives an outline around an object on one slice, a bit outside of it and not quite even.

    Args:
        truth: The object; the slice where it is largest is taken.
        whole: All of the label, which the line must not leave out nearby.
        geometry: The grid.
        jitter: How far outside it may be, in pixels, beyond half a pixel.
        rng: All chance.
        label: Of the prompt.

    Returns:
        None if no such outline says what is true: of a ring, whose middle is not the object, or
        where another part of the label is near.
    """
    picture = picture_of(truth, geometry)
    signed = picture.outside() - picture.depth()
    uneven = ndimage.gaussian_filter(rng.uniform(size=signed.shape), 3.0)
    uneven = (uneven - uneven.min()) / max(float(np.ptp(uneven)), 1e-9)
    for far in (jitter, jitter / 2, 0.0):
        level = (0.5 + far * uneven) * picture.pixel
        line = _corners(longest_contour(level - signed, 0.0, picture))
        if len(line) < 3:
            continue
        lasso = Lasso(points=_within(picture.to_index(line), geometry), label=label)
        inside, core, ring = lasso_voxels(lasso, geometry)
        if len(core) and _all(whole, core) and not _any(whole, ring) and len(inside):
            return lasso
    return None


def lasso_within(error: Error, truth: Mask, geometry: Geometry, label: int) -> Lasso | None:
    """Gives an outline inside a wrong part on one slice that says "not this label" of its inside.

    Returns:
        None if the part is too thin, or has a hole that is not wrong.
    """
    picture = picture_of(error, geometry)
    line = _corners(longest_contour(picture.depth(), 0.5 * min(picture.spacing), picture))
    if len(line) < 3:
        return None
    points = _within(picture.to_index(line), geometry)
    lasso = Lasso(points=points, label=label, positive=False)
    inside = lasso_voxels(lasso, geometry)[0]
    return lasso if len(inside) and not _any(truth, inside) else None


def _inside(mask: Mask, low: NDArray[np.int64], high: NDArray[np.int64]) -> bool:
    if (low < 0).any() or (high >= mask.shape).any():
        return False
    return bool(mask[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))].all())


def _corners(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives a closed line's corners, as few as hardly change it; its last point is its first."""
    return np.asarray(approximate_polygon(line, _STRAIGHT)[:-1], dtype=np.float64)


def _within(index: NDArray[np.float64], geometry: Geometry) -> NDArray[np.float64]:
    """Gives RAS positions of indices, those beyond the image's edge moved onto it."""
    inner = np.clip(index, -0.49, np.array(geometry.shape) - 0.51)
    return geometry.to_ras(inner)


def _all(mask: Mask, voxels: NDArray[np.int64]) -> bool:
    return bool(mask[tuple(voxels.T)].all())


def _any(mask: Mask, voxels: NDArray[np.int64]) -> bool:
    return bool(mask[tuple(voxels.T)].any())

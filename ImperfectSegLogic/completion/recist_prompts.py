"""Two diameters, and the mask of their slice, as prompts that any interactive engine takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.completion.recist_shape import Shape
from ImperfectSegLogic.data import Box, Geometry, Prompt, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels

_INSIDE = 0.9
"""Part of the diameters that is surely inside: their ends are on the border."""
_WIDER = 1.2
"""A box on the slice is so much wider than the diameters: a lesion is no ellipse."""
_ROOM = 0.12
"""What a box leaves around a mask, as part of each diameter."""
_DEEP = 1.4
"""Thickness of the box, as part of the longest diameter."""
_NEAR, _FAR = 1.0, 3.5
"""Pixels from the mask between which a slice is surely background."""


def flat_prompts(shape: Shape, grid: Geometry) -> list[Prompt]:
    """Gives the prompts for the marked slice as an image of its own: strokes and a box."""
    strokes: list[Prompt] = []
    for ends in (shape.ends, shape.across):
        middle = ends.mean(axis=0)
        strokes.append(Scribble(middle + _INSIDE * (ends - middle)))
    return [*strokes, _box(shape, grid, shape.center, np.array(shape.size) * _WIDER)]


def deep_prompts(shape: Shape, mask: NDArray[np.bool_], grid: Geometry) -> list[Prompt]:
    """Gives the prompts for the whole image: strokes, a ring of background, and a box.

    What is inside the mask is not prompted: engines learn from all prompted gray values alike, and
    measured on synthetic lesions the strokes alone were better.

    Args:
        shape: The diameters.
        mask: The lesion on the marked slice, of the image's two other axes.
        grid: The image's.
    """
    spacing = np.delete(np.array(grid.spacing), shape.axis)
    away = ndimage.distance_transform_edt(~mask, sampling=spacing / spacing.min())
    ring = (away > _NEAR) & (away <= _FAR)
    strokes: list[Prompt] = [Scribble(shape.ends), Scribble(shape.across)]
    for stroke in strokes:
        assert isinstance(stroke, Scribble)
        ring[tuple(np.delete(scribble_voxels(stroke, grid), shape.axis, axis=1).T)] = False
    inside = grid.to_ras(_on_slice(np.argwhere(mask), shape)) - shape.center
    local = inside @ shape.axes[:, :2]
    low, high = local.min(axis=0), local.max(axis=0)
    center = shape.center + shape.axes[:, :2] @ ((low + high) / 2)
    size = high - low + 2 * _ROOM * np.array(shape.size)
    return [*strokes, *_background(ring, shape, grid), _box(shape, grid, center, size)]


def _background(ring: NDArray[np.bool_], shape: Shape, grid: Geometry) -> list[Prompt]:
    """Gives a stroke of background for each run of pixels in a row."""
    padded = np.pad(ring.astype(np.int8), ((0, 0), (1, 1)))
    rows, starts = np.nonzero(np.diff(padded, axis=1) == 1)
    _, stops = np.nonzero(np.diff(padded, axis=1) == -1)
    ends = np.stack([np.stack([rows, starts], 1), np.stack([rows, stops - 1], 1)], axis=1)
    return [Scribble(grid.to_ras(_on_slice(run, shape)), label=0) for run in ends]


def _box(
    shape: Shape, grid: Geometry, center: NDArray[np.float64], size: NDArray[np.float64]
) -> Box:
    """Gives a box around the lesion that holds a voxel at least."""
    least = 2 * max(s for s, n in zip(grid.spacing, grid.shape, strict=True) if n > 1)
    whole = np.array([*size, _DEEP * shape.size[0]])
    return Box(center, np.maximum(whole, least), shape.axes)


def _on_slice(pixels: NDArray[np.int64], shape: Shape) -> NDArray[np.float64]:
    return np.insert(pixels.astype(np.float64), shape.axis, shape.index, axis=1)

"""A small picture of a unit, with the outline of what a model or person says is there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.data.segmentation import distinct_color

FRAME = (255, 215, 0)
"""Of a patch, around its place in the slice."""


def unit_picture(
    volume: Volume, unit: Unit, labels: NDArray[Any] | None, side: int
) -> NDArray[np.uint8]:
    """Draws a slice of a unit, the patient's anterior or superior side up.

    A patch is framed in its slice. Of a volume it is the slice across the first axis with the most
    labeled voxels, the middle one if there are none.

    Args:
        volume: The image; gray values are those between its 1st and 99th percentile there.
        unit: What to draw.
        labels: Labels of the whole image, shape (slice, row, column); only those above 0 are
            outlined. None if there are none.
        side: How many pixels the picture's longer side gets; pixels are square, in mm.

    Returns:
        Red, green, blue, shape (row, column, 3).

    Raises:
        ValueError: If the unit reaches out of the image.
    """
    grid = volume.geometry
    unit.slices(grid.shape)
    axis, index = max(unit.axis, 0), unit.index if unit.axis >= 0 else _fullest(labels, grid.shape)
    gray = _gray(volume, axis, index)
    flips = _flips(grid.ijk_to_ras, axis)
    within = [a for a in range(3) if a != axis]
    millimeters = [grid.shape[a] * grid.spacing[a] for a in within]
    scale = side / max(millimeters)
    rows, columns = (max(round(length * scale), 1) for length in millimeters)
    picture = Image.fromarray(np.ascontiguousarray(gray[flips])).convert("RGB")
    picture = picture.resize((columns, rows), Image.Resampling.BILINEAR)
    drawn = np.asarray(picture).copy()
    if labels is not None:
        _outline(drawn, np.ascontiguousarray(np.take(labels, index, axis)[flips]))
    if unit.start:
        drawn = _framed(drawn, unit, gray.shape, flips)
    return drawn


def _fullest(labels: NDArray[Any] | None, shape: tuple[int, int, int]) -> int:
    if labels is None or not (labels > 0).any():
        return shape[0] // 2
    return int((labels > 0).sum(axis=(1, 2)).argmax())


def _gray(volume: Volume, axis: int, index: int) -> NDArray[np.uint8]:
    array = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
    values = np.nan_to_num(np.take(array[0], index, axis).astype(float), posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, (1, 99))
    return np.rint(np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)


def _flips(ijk_to_ras: NDArray[np.float64], axis: int) -> tuple[slice, slice]:
    """Tells how to flip a slice so that anterior or superior is up, and left is at the right."""
    down, across = (ijk_to_ras[:3, 2 - a] for a in range(3) if a != axis)
    turned = [bool(way[np.abs(way).argmax()] > 0) for way in (down, across)]
    one, other = (slice(None, None, -1 if turn else 1) for turn in turned)
    return one, other


def _outline(drawn: NDArray[np.uint8], labels: NDArray[Any]) -> None:
    """Draws outlines one pixel wide, whatever the size of a voxel in the picture."""
    rows, columns = (
        np.minimum((np.arange(n) + 0.5) * old / n, old - 1).astype(int)
        for n, old in zip(drawn.shape, labels.shape, strict=False)
    )
    seen = labels[np.ix_(rows, columns)]
    for label in np.unique(seen[seen > 0]):
        color = [round(255 * c) for c in distinct_color(int(label))]
        inside = seen == label
        drawn[inside & ~ndimage.binary_erosion(inside, border_value=1)] = color


def _framed(
    drawn: NDArray[np.uint8], unit: Unit, shape: tuple[int, ...], flips: tuple[slice, slice]
) -> NDArray[np.uint8]:
    ends = []
    for first, count, n, flip, pixels in zip(
        unit.start, unit.size, shape, flips, drawn.shape, strict=False
    ):
        low, high = first / n * pixels, (first + count) / n * pixels
        if flip.step == -1:
            low, high = pixels - high, pixels - low
        ends.append((round(low), max(round(high) - 1, round(low))))
    picture = Image.fromarray(drawn)
    (top, bottom), (left, right) = ends
    ImageDraw.Draw(picture).rectangle((left, top, right, bottom), outline=FRAME)
    return np.asarray(picture).copy()

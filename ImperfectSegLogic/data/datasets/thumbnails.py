"""One slice of a case as a small picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ImperfectSegLogic.data.annotations import (
    UNLABELED,
    Annotation,
    Boxes,
    DenseMask,
    ImageLabels,
    PointGrid,
    RecistMarks,
    SparseMask,
)
from ImperfectSegLogic.data.case import Case
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.prompts import Box
from ImperfectSegLogic.data.segmentation import Color, distinct_color
from ImperfectSegLogic.data.volume import Volume

OPACITY = 0.45
BACKGROUND_STROKE: Color = (0.55, 0.55, 0.55)


def thumbnail(case: Case, side: int) -> tuple[Image.Image, str]:
    """Draws the middle slice through a case's annotation, anterior or superior up.

    Args:
        case: The case.
        side: How many pixels the longer side gets; pixels are square, in mm.

    Returns:
        The picture, and a few words about it.
    """
    grid, annotation = case.volume.geometry, case.annotation
    marks = _marks(annotation, grid)
    k = _middle(marks, annotation, grid)
    picture = _gray(case.volume, k)
    if marks is not None:
        _color(picture, marks[k], sparse=not isinstance(annotation, DenseMask))
    picture = picture[_upright(grid)]
    height, width = (n * s for n, s in zip(grid.shape[1:], grid.spacing[1:], strict=True))
    scale = side / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    larger = max(grid.shape[1:]) < side
    small = Image.fromarray(np.ascontiguousarray(picture)).resize(
        size, Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    )
    kind = type(annotation).__name__ if annotation is not None else "not annotated"
    return small, f"{kind}, slice {k + 1} of {grid.shape[0]}"


def rgb(color: Color) -> tuple[int, int, int]:
    """Gives a color from 0 to 255."""
    red, green, blue = (round(255 * c) for c in color)
    return red, green, blue


def _marks(annotation: Annotation | None, grid: Geometry) -> NDArray[Any] | None:
    """Gives a label map of an annotation; of boxes, diameters and points just their lines."""
    if annotation is None or isinstance(annotation, ImageLabels):
        return None
    if isinstance(annotation, DenseMask | SparseMask):
        return annotation.labels
    marks = np.full(grid.shape, UNLABELED, dtype=np.int32)
    for label, positions in _positions(annotation, grid):
        index = grid.to_index(positions)
        marks[tuple(index[grid.contains(index)].T)] = label
    return marks


def _positions(
    annotation: Boxes | RecistMarks | PointGrid, grid: Geometry
) -> list[tuple[int, NDArray[np.float64]]]:
    """Gives labels and the RAS positions to draw: points, diameters, the middle of boxes."""
    if isinstance(annotation, PointGrid):
        pairs = zip(annotation.labels, annotation.positions, strict=True)
        return [(int(label), position[np.newaxis]) for label, position in pairs]
    if isinstance(annotation, Boxes):
        return [(box.label, grid.to_ras(_outline(box, grid))) for box in annotation.boxes]
    steps = np.linspace(0, 1, 2 * max(grid.shape))[:, np.newaxis]
    return [
        (mark.label, axis[0] + steps * (axis[1] - axis[0]))
        for mark in annotation.marks
        for axis in (mark.long_axis, mark.short_axis)
    ]


def _outline(box: Box, grid: Geometry) -> NDArray[np.int64]:
    """Gives the indices (k, j, i) around a box on its middle slice."""
    corners = grid.to_index(box.corners)
    low = np.maximum(corners.min(axis=0), 0)
    high = np.minimum(corners.max(axis=0), np.array(grid.shape) - 1)
    k = int(grid.to_index(box.center)[0])
    rows, columns = np.arange(low[1], high[1] + 1), np.arange(low[2], high[2] + 1)
    edges = [[(k, j, i) for j in rows] for i in (low[2], high[2])]
    edges += [[(k, j, i) for i in columns] for j in (low[1], high[1])]
    return np.array([index for edge in edges for index in edge]).reshape(-1, 3)


def _middle(marks: NDArray[Any] | None, annotation: Annotation | None, grid: Geometry) -> int:
    if marks is not None:
        # Slices with a structure first; where there are none, those with strokes of background.
        for said in (marks > 0, marks != UNLABELED):
            slices = np.flatnonzero(said.any(axis=(1, 2)))
            if len(slices) and not (isinstance(annotation, DenseMask) and said.all()):
                return int(slices[len(slices) // 2])
    return grid.shape[0] // 2


def _gray(volume: Volume, k: int) -> NDArray[np.uint8]:
    """Gives a slice as red, green, blue from 0 to 255; of channels the first, of colors all."""
    array = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
    if len(array) == 3 and array.dtype == np.uint8:
        return np.moveaxis(array[:, k], 0, -1).copy()
    values = np.nan_to_num(array[0, k].astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, (1, 99))
    gray = np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255
    return np.repeat(gray.astype(np.uint8)[..., np.newaxis], 3, axis=-1)


def _color(picture: NDArray[np.uint8], labels: NDArray[Any], sparse: bool) -> None:
    opacity = 1.0 if sparse else OPACITY
    for label in np.unique(labels):
        if label > 0 or (label == 0 and sparse):
            color = distinct_color(int(label)) if label > 0 else BACKGROUND_STROKE
            inside = labels == label
            mixed = picture[inside] * (1 - opacity) + np.array(rgb(color)) * opacity
            picture[inside] = np.rint(mixed).astype(np.uint8)


def _upright(grid: Geometry) -> tuple[slice, slice]:
    """Tells how to flip rows and columns so that anterior or superior is up and left is right."""
    matrix = grid.ijk_to_ras
    down, across = matrix[:3, 1], matrix[:3, 0]
    turn_rows = down[np.abs(down).argmax()] > 0
    axis = int(np.abs(across).argmax())
    # To the right of the picture goes the patient's left, or in a sagittal slice the back.
    turn_columns = across[axis] > 0
    return slice(None, None, -1 if turn_rows else 1), slice(None, None, -1 if turn_columns else 1)

"""From annotations of any kind to what a network is trained on: one label index per voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Case,
    DenseMask,
    PointGrid,
    RecistMarks,
    Scribble,
    SparseMask,
)
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels


def target_of(case: Case, labels: tuple[int, ...]) -> NDArray[np.int16]:
    """Gives the index of each voxel's label, 0 for background, `UNLABELED` where nobody said any.

    Points and the two diameters of a lesion label the voxels that they lie on. Labels of the whole
    image and boxes say nothing about single voxels.

    Args:
        case: The image and its annotation.
        labels: The data set's labels from 1, in rising order.

    Returns:
        Shape (slice, row, column) of the image as it is.

    Raises:
        ValueError: If the annotation has a label that is not among them.
    """
    values = _values(case)
    table = np.full(int(values.max(initial=0)) + 2, UNLABELED - 1, dtype=np.int16)
    table[UNLABELED], table[0] = UNLABELED, 0  # -1 is the last entry.
    for index, label in enumerate(labels, start=1):
        if label < len(table) - 1:
            table[label] = index
    target = table[values]
    if target.size and target.min() < UNLABELED:
        unknown = sorted({int(v) for v in np.unique(values[target < UNLABELED])})
        raise ValueError(
            f"case {case.identifier}: got labels {unknown} in its annotation, allowed are"
            f" {list(labels)} and 0. Change the annotation, or add the labels to dataset.json."
        )
    return target


def _values(case: Case) -> NDArray[np.int64]:
    annotation: Annotation | None = case.annotation
    grid = case.volume.geometry
    if isinstance(annotation, DenseMask | SparseMask):
        return annotation.labels.astype(np.int64)
    values: NDArray[np.int64] = np.full(grid.shape, UNLABELED, dtype=np.int64)
    if isinstance(annotation, PointGrid):
        index = grid.to_index(annotation.positions)
        values[tuple(index.T)] = annotation.labels
    elif isinstance(annotation, RecistMarks):
        for mark in annotation.marks:
            for axis in (mark.long_axis, mark.short_axis):
                voxels = scribble_voxels(Scribble(axis, label=mark.label), grid)
                values[tuple(voxels.T)] = mark.label
    return values

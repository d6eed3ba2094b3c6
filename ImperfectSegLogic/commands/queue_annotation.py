"""Reading the annotation of a unit from a file that somebody drew in any program."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, SparseMask
from ImperfectSegLogic.data.datasets.annotation_content import mask_of_file


def read_annotation(
    dataset: Dataset, unit: Unit, path: Path, unlabeled: int | None = None
) -> DenseMask | SparseMask:
    """Reads a segmentation or label map of a whole image.

    Args:
        dataset: The data set; its names of labels number the segments of a segmentation.
        unit: What was annotated; of a slice or patch only what is in it is taken.
        path: The file.
        unlabeled: The number of voxels in a label map that nobody labeled; None if there are none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or its grid is not the image's.
    """
    grid = dataset.record(unit.case).geometry
    kind = "DenseMask" if unlabeled is None else "SparseMask"
    mask = mask_of_file(kind, path, grid, dataset.labels, -1 if unlabeled is None else unlabeled)
    if unit.axis < 0:
        return mask
    labels = np.full(grid.shape, UNLABELED, np.int32)
    place = unit.slices(grid.shape)
    labels[place] = mask.labels[place]
    return SparseMask(labels, grid)

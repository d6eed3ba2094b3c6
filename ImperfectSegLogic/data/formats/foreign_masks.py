"""Label maps from somewhere else, and how they become masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data.annotations import UNLABELED, DenseMask, SparseMask
from ImperfectSegLogic.data.datasets.annotation_content import mask_of_file
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.segmentation_files import SLICER, read_segmentation


@dataclass(frozen=True)
class ForeignMask:
    """A label map that is to become an annotation.

    Attributes:
        path: The file.
        annotator: Whose it will be.
        unlabeled: The number that means that nobody said anything; None makes a dense mask.
    """

    path: Path
    annotator: str
    unlabeled: int | None = None


def read_mask(
    mask: ForeignMask, grid: Geometry, names: Mapping[int, str]
) -> DenseMask | SparseMask:
    """Reads a label map from somewhere else.

    A mask is sparse only if it has unlabeled voxels.

    Args:
        mask: Which.
        grid: The image's grid.
        names: The name of every label; segments of a `.seg.nrrd` get their numbers by it.

    Raises:
        FileNotFoundError: If the file is not there.
        ValueError: If it is damaged, no label map, or not on the image's grid.
    """
    if mask.path.name.lower().endswith(SLICER) and mask.unlabeled is None:
        return mask_of_file("DenseMask", mask.path, grid, names, -1)
    volume = read_volume(mask.path)
    if volume.channels > 1 or not volume.geometry.matches(grid):
        raise ValueError(
            f"{mask.path}: got a mask of {volume.geometry.shape} voxels and {volume.channels}"
            f" channels, on another grid than the image's {grid.shape} voxels. Resample it to the"
            " image first."
        )
    values = volume.array.reshape(grid.shape)
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise ValueError(
            f"{mask.path}: got {values.dtype} voxels with fractions, allowed are whole numbers."
            " Choose a label map, not an image."
        )
    labels = values.astype(np.int32)
    unlabeled = labels == mask.unlabeled if mask.unlabeled is not None else np.zeros(1, dtype=bool)
    try:
        if unlabeled.any():
            return SparseMask(np.where(unlabeled, UNLABELED, labels), grid)
        return DenseMask(labels, grid)
    except ValueError as error:
        raise ValueError(f"{mask.path}: {error}") from error


def names_in(mask: ForeignMask) -> dict[int, str]:
    """Gives the labels of a file with their names, `label_1` and so on where it has no names.

    Raises:
        FileNotFoundError: If the file is not there.
        ValueError: If it is damaged.
    """
    if mask.path.name.lower().endswith(SLICER):
        return {s.label: s.name for s in read_segmentation(mask.path).segments}
    values = {int(v) for v in np.unique(read_volume(mask.path).array)} - {0, mask.unlabeled}
    return {value: f"label_{value}" for value in sorted(v for v in values if v is not None)}

"""The kinds of annotation a case can have. No annotation means unlabeled, never background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.prompts import Box, Recist
from ImperfectSegLogic.data.volume import frozen_view

UNLABELED = -1
"""The value of a voxel in a `SparseMask` that nobody has labeled."""


@dataclass(frozen=True, eq=False)
class DenseMask:
    """A label for every voxel.

    Attributes:
        labels: Whole numbers, 0 background, shape (slice, row, column); a read-only view.
        geometry: The grid, the same as the image's.

    Raises:
        ValueError: If labels are not whole numbers >= 0 on the geometry's grid.
    """

    labels: NDArray[Any]
    geometry: Geometry

    def __post_init__(self) -> None:
        _check_labels(self, lowest=0)


@dataclass(frozen=True, eq=False)
class NoisyMask(DenseMask):
    """A label for every voxel, some of them wrong."""


@dataclass(frozen=True, eq=False)
class SparseMask:
    """Labels for some voxels; `UNLABELED` (-1) where nobody said anything, 0 where background.

    Attributes:
        labels: Whole numbers >= -1, shape (slice, row, column); a read-only view.
        geometry: The grid, the same as the image's.

    Raises:
        ValueError: If labels are not whole numbers >= -1 on the geometry's grid.
    """

    labels: NDArray[Any]
    geometry: Geometry

    def __post_init__(self) -> None:
        _check_labels(self, lowest=UNLABELED)

    @property
    def labeled(self) -> NDArray[np.bool_]:
        """Where somebody gave a label, background included."""
        return np.asarray(self.labels != UNLABELED)


@dataclass(frozen=True)
class ImageLabels:
    """Which labels are somewhere in the image, without saying where."""

    present: frozenset[int]
    absent: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        both = self.present & self.absent
        if both:
            raise ValueError(f"image labels: {sorted(both)} are both present and absent.")


@dataclass(frozen=True)
class Boxes:
    """A box around every object."""

    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class RecistMarks:
    """Two diameters per lesion."""

    marks: tuple[Recist, ...]


@dataclass(frozen=True, eq=False)
class PointGrid:
    """Labels at single positions.

    Attributes:
        positions: RAS in mm, shape (N, 3).
        labels: One whole number >= 0 per position, shape (N,).
    """

    positions: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.positions.shape != (len(self.labels), 3) or self.labels.ndim != 1:
            raise ValueError(
                f"point grid: got positions of shape {self.positions.shape} and labels of shape"
                f" {self.labels.shape}, allowed are (N, 3) and (N,)."
            )


Annotation = DenseMask | SparseMask | ImageLabels | Boxes | RecistMarks | PointGrid


def _check_labels(mask: DenseMask | SparseMask, lowest: int) -> None:
    labels, kind = mask.labels, type(mask).__name__
    if labels.shape != mask.geometry.shape:
        raise ValueError(
            f"{kind}: got labels of shape {labels.shape} for an image of {mask.geometry.shape}"
            " voxels. Resample the mask to the image first."
        )
    if labels.dtype.kind not in "biu" or (labels.size and int(labels.min()) < lowest):
        raise ValueError(
            f"{kind}: got {labels.dtype} labels from {labels.min()}, allowed are whole numbers from"
            f" {lowest}."
        )
    object.__setattr__(mask, "labels", frozen_view(labels))

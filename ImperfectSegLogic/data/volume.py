"""An image in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.geometry import Geometry


def frozen_view(array: NDArray[Any]) -> NDArray[Any]:
    """Gives a view of an array that cannot be written through; the array itself stays as it is."""
    view = np.asarray(array).view()
    view.setflags(write=False)
    return view


@dataclass(frozen=True, eq=False)
class Volume:
    """An image and its place in the patient.

    A 2-D image is a volume of one slice, as in 3D Slicer.

    Attributes:
        array: Voxels in array order (slice, row, column), optionally with a channel axis first;
            a read-only view.
        ijk_to_ras: 4x4 matrix from voxel index (i, j, k) to RAS in mm.
        name: What the image is called in messages; usually the file name.

    Raises:
        ValueError: If the array is not 3-D or 4-D numbers, or the matrix is no affine matrix.
    """

    array: NDArray[Any]
    ijk_to_ras: NDArray[np.float64]
    name: str = "image"

    def __post_init__(self) -> None:
        array = frozen_view(self.array)
        if array.ndim not in (3, 4) or array.dtype.kind not in "biuf" or array.size == 0:
            raise ValueError(
                f"{self.name}: got a {array.ndim}-D array of {array.dtype} with shape"
                f" {array.shape}, allowed are numbers in (slice, row, column), optionally with a"
                " channel axis first."
            )
        geometry = Geometry(array.shape[-3:], self.ijk_to_ras)
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "ijk_to_ras", geometry.ijk_to_ras)
        object.__setattr__(self, "_geometry", geometry)

    @property
    def geometry(self) -> Geometry:
        """The grid without the voxels."""
        geometry: Geometry = self.__dict__["_geometry"]
        return geometry

    @property
    def is_2d(self) -> bool:
        """Whether there is only one slice."""
        return self.geometry.shape[0] == 1

    @property
    def channels(self) -> int:
        """Number of channels; 1 for a scalar image."""
        return int(self.array.shape[0]) if self.array.ndim == 4 else 1

    def check_scalar(self) -> None:
        """Checks that there is one finite number per voxel and that they are not all the same.

        Raises:
            ValueError: If the image has channels, NaN or infinite voxels, or one value only.
        """
        if self.array.ndim == 4:
            raise ValueError(
                f"{self.name}: got {self.channels} values per voxel (color, vector or time series),"
                " allowed is one. Choose one channel or time point, or convert to gray first."
            )
        if self.array.dtype.kind == "f":
            bad = int(self.array.size - np.count_nonzero(np.isfinite(self.array)))
            if bad:
                raise ValueError(
                    f"{self.name}: got {bad} NaN or infinite voxels of {self.array.size}, allowed"
                    " are finite numbers. Replace them, for example with the background value."
                )
        if self.array.min() == self.array.max():
            raise ValueError(
                f"{self.name}: got the same value {self.array.flat[0]} in every voxel, which shows"
                " nothing to segment. Check that the right image was loaded."
            )

"""Where the voxels of an image are on the slices that a 2-D network is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Region
from ImperfectSegLogic.data.geometry import Index

if TYPE_CHECKING:  # What prepares images needs torch, which 3D Slicer does not bring.
    from torch import Tensor

    from ImperfectSegLogic.training.preprocessing import Preprocessing

Line = NDArray[np.float64]
"""Positions along one axis of the prepared image, in its voxels."""


class SliceFrame:
    """Turns voxels of an image into positions on its prepared slices, and arrays back.

    Attributes:
        axis: Which of the image's axes (0, 1, 2 for k, j, i) runs across the slices.
    """

    def __init__(self, preprocessing: Preprocessing, geometry: Geometry) -> None:
        """Takes how images are prepared for the 2-D network, and the grid of one."""
        from ImperfectSegLogic.training.orientation import canonical_turn

        assert preprocessing.dims == 2
        turn = canonical_turn(geometry, 2)
        self._order, self._flipped, self._shape = turn.order, turn.flipped, geometry.shape
        prepared = preprocessing.prepared_shape(geometry)
        self._scale = [n / m for n, m in zip(prepared, turn.of(geometry.shape), strict=True)]
        self.axis = turn.order[0]

    def position(self, voxel: NDArray[np.int64]) -> tuple[float, float, float]:
        """Gives slice, row and column of a voxel (k, j, i)."""
        k, j, i = (
            float(self._along(to, np.array([float(voxel[axis])]))[0])
            for to, axis in enumerate(self._order)
        )
        return k, j, i

    def lines(self, region: Region, step: Index) -> tuple[Line, Line, Line]:
        """Gives the slices, rows and columns that the middles of blocks of voxels are on.

        Args:
            region: Of the image.
            step: Voxels per block along k, j, i; blocks begin where the region begins.
        """
        found = []
        for to, axis in enumerate(self._order):
            blocks = np.arange(-(-region.shape[axis] // step[axis]), dtype=np.float64)
            middles = region.start[axis] + blocks * step[axis] + (step[axis] - 1) / 2
            found.append(self._along(to, middles))
        return found[0], found[1], found[2]

    def region_around(self, voxel: NDArray[np.int64], reach: float) -> Region:
        """Gives the part of a voxel's slice that is at most so many prepared pixels away."""
        margin = [0, 0, 0]
        for to, axis in enumerate(self._order):
            if to:
                margin[axis] = int(np.ceil(reach / self._scale[to]))
        return Region.around(voxel[np.newaxis]).grown(
            (margin[0], margin[1], margin[2]), self._shape
        )

    def in_image_order(self, values: Tensor) -> Tensor:
        """Gives values (..., slice, row, column) on `lines` as (..., k, j, i)."""
        more = values.ndim - 3
        places = [more + self._order.index(axis) for axis in range(3)]
        return values.permute(*range(more), *places)

    def in_slice_order(self, values: NDArray[Any]) -> NDArray[Any]:
        """Gives values (..., k, j, i) as (..., slice, row, column) on `lines`; a view."""
        more = values.ndim - 3
        return values.transpose(*range(more), *(more + axis for axis in self._order))

    def _along(self, to: int, voxels: Line) -> Line:
        if self._flipped[to]:
            voxels = self._shape[self._order[to]] - 1 - voxels
        # Borders of voxels stay where they are when an image is resampled, not their middles.
        return (voxels + 0.5) * self._scale[to] - 0.5

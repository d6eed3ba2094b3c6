"""Where voxels are: the image grid in the patient, and boxes of voxels in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Index = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of an image in the patient: any rotation, flip, spacing or shear.

    Attributes:
        shape: Number of voxels in array order (slice, row, column) = (k, j, i).
        ijk_to_ras: 4x4 matrix from voxel index (i, j, k) to RAS in mm; read-only.

    Raises:
        ValueError: If the shape is not three positive numbers, or the matrix is not a finite,
            invertible 4x4 affine matrix.
    """

    shape: Index
    ijk_to_ras: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(
                f"image shape: got {self.shape}, allowed are three positive numbers (slice, row,"
                " column). Add a slice axis of length 1 to a 2-D image."
            )
        object.__setattr__(self, "shape", shape)
        matrix = _checked_matrix(self.ijk_to_ras)
        object.__setattr__(self, "ijk_to_ras", matrix)
        inverse = np.linalg.inv(matrix)
        inverse.setflags(write=False)
        object.__setattr__(self, "_ras_to_ijk", inverse)

    @property
    def ras_to_ijk(self) -> NDArray[np.float64]:
        """4x4 matrix from RAS in mm to voxel index (i, j, k); read-only."""
        inverse: NDArray[np.float64] = self.__dict__["_ras_to_ijk"]
        return inverse

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between neighboring voxels in array order (slice, row, column)."""
        i, j, k = (float(n) for n in np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0))
        return k, j, i

    @property
    def is_sheared(self) -> bool:
        """Whether the three axes are not at right angles, which some file formats cannot hold."""
        axes = self.ijk_to_ras[:3, :3] / np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)
        return not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4)

    @property
    def whole(self) -> Region:
        """The region that holds every voxel."""
        return Region((0, 0, 0), self.shape)

    def to_index(self, ras: ArrayLike) -> NDArray[np.int64]:
        """Gives the voxels that hold RAS positions, also when they lie outside the image.

        Args:
            ras: Positions in mm, shape (..., 3).

        Returns:
            Integer indices in array order (k, j, i), shape (..., 3).
        """
        return np.floor(self.to_continuous_index(ras) + 0.5).astype(np.int64)

    def to_continuous_index(self, ras: ArrayLike) -> NDArray[np.float64]:
        """Gives fractional indices (k, j, i), shape (..., 3), of RAS positions in mm."""
        points = np.asarray(ras, dtype=np.float64)
        inverse = self.ras_to_ijk
        return (points @ inverse[:3, :3].T + inverse[:3, 3])[..., ::-1]

    def to_ras(self, index: ArrayLike) -> NDArray[np.float64]:
        """Gives the RAS positions in mm, shape (..., 3), of (fractional) indices (k, j, i)."""
        ijk = np.asarray(index, dtype=np.float64)[..., ::-1]
        return ijk @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]

    def contains(self, index: ArrayLike) -> NDArray[np.bool_]:
        """Tells for indices (k, j, i), shape (..., 3), which lie inside the image."""
        kji = np.asarray(index)
        return np.all((kji >= 0) & (kji < np.array(self.shape)), axis=-1)

    def matches(self, other: Geometry) -> bool:
        """Whether both grids put every voxel at the same place, to a thousandth of a voxel."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        moved = other.to_continuous_index(self.to_ras(corners)) - corners
        return bool(np.abs(moved).max() < 1e-3)


@dataclass(frozen=True)
class Region:
    """A box of voxels, `start` inclusive and `stop` exclusive, in array order (k, j, i)."""

    start: Index
    stop: Index

    def __post_init__(self) -> None:
        assert all(0 <= a < b for a, b in zip(self.start, self.stop, strict=True)), self

    @property
    def shape(self) -> Index:
        """Number of voxels per axis."""
        k, j, i = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return k, j, i

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index expression that cuts the region out of an array whose last axes are k, j, i."""
        k, j, i = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return k, j, i

    def grown(self, margin: Index, within: Index) -> Region:
        """Gives the region with `margin` voxels more on every side, cut at the image's shape."""
        start = [max(a - m, 0) for a, m in zip(self.start, margin, strict=True)]
        stop = [min(b + m, n) for b, m, n in zip(self.stop, margin, within, strict=True)]
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def united(self, other: Region) -> Region:
        """Gives the smallest region that holds both."""
        start = [min(a, b) for a, b in zip(self.start, other.start, strict=True)]
        stop = [max(a, b) for a, b in zip(self.stop, other.stop, strict=True)]
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    @classmethod
    def around(cls, indices: NDArray[np.int64]) -> Region:
        """Gives the smallest region that holds the indices (k, j, i), shape (N, 3), N > 0."""
        low, high = indices.min(axis=0), indices.max(axis=0) + 1
        return cls(
            (int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2]))
        )


def _checked_matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    checked = np.array(matrix, dtype=np.float64)
    if checked.shape != (4, 4) or not np.isfinite(checked).all():
        raise ValueError(f"IJK-to-RAS matrix: got {checked!r}, allowed is a finite 4x4 matrix.")
    lengths = np.linalg.norm(checked[:3, :3], axis=0)
    flat = lengths.min() == 0 or abs(np.linalg.det(checked[:3, :3] / lengths)) < 1e-9
    if flat or not np.allclose(checked[3], (0, 0, 0, 1)):
        raise ValueError(
            f"IJK-to-RAS matrix: got {checked.tolist()}, allowed is an affine matrix with last row"
            " 0 0 0 1 and three independent axes. Check the image's spacing and orientation."
        )
    checked.setflags(write=False)
    return checked

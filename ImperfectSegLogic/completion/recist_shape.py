"""What two diameters alone say about a lesion: an ellipse on their slice, and its height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import log_ndtr

from ImperfectSegLogic.completion.recist_checks import recist_slice
from ImperfectSegLogic.data import Geometry, Recist, Region
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats

Points = NDArray[np.float64]
MOST_LOGIT = 8.0
_SIDE, _REST = 1.5, 3
"""The region reaches so many half diameters from the middle, and so many voxels more."""
_DISK = 1.05
"""No voxel is farther from an end of the longest diameter than it is long, by that factor."""


@dataclass(frozen=True, eq=False)
class Shape:
    """Two diameters as a frame in the patient.

    Attributes:
        axis, index: Array axis across the slice of the marks, and its number.
        ends: Of the long axis, moved into the middle plane of the slice, shape (2, 3), RAS in mm.
        across: Ends of the short axis, likewise.
        center: Middle of the long axis, moved across it to the middle of the short one, RAS in mm.
        axes: Directions of the long axis, across it, and across the slice: columns of a rotation.
        size: Length of the long axis and extent across it, in mm.
    """

    axis: int
    index: int
    ends: Points
    across: Points
    center: Points
    axes: Points
    size: tuple[float, float]

    @classmethod
    def of(cls, mark: Recist, geometry: Geometry) -> Shape:
        """Gives the frame of checked marks."""
        axis, index = recist_slice(mark, geometry)
        flat = geometry.to_continuous_index(np.concatenate([mark.long_axis, mark.short_axis]))
        flat[:, axis] = index
        ras = geometry.to_ras(flat)
        ends, across = ras[:2], ras[2:]
        length = float(np.linalg.norm(ends[1] - ends[0]))
        along = (ends[1] - ends[0]) / length
        plane = np.delete(geometry.ijk_to_ras[:3, :3], 2 - axis, axis=1)
        normal = np.cross(plane[:, 0], plane[:, 1])
        normal = normal / np.linalg.norm(normal)
        side = np.cross(normal, along)
        reach = (across - ends[0]) @ side
        center = ends.mean(axis=0) + reach.mean() * side
        axes = np.stack([along, side, normal], axis=1)
        return cls(axis, index, ends, across, center, axes, (length, float(np.ptp(reach))))

    @property
    def mean_mm(self) -> float:
        """The geometric mean of both diameters."""
        return float(np.sqrt(self.size[0] * self.size[1]))

    def region(self, geometry: Geometry) -> Region:
        """Gives the voxels that can be of the lesion, and some around them."""
        signs = np.array(np.meshgrid((-1, 1), (-1, 1), (-1, 1))).reshape(3, -1).T
        half = np.array([self.size[0], max(self.size), self.size[0]]) * _SIDE / 2
        corners = geometry.to_continuous_index(self.center + (signs * half) @ self.axes.T)
        low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - _REST, 0).tolist()
        high = np.ceil(corners.max(axis=0)).astype(int) + _REST + 1
        high = np.minimum(high, geometry.shape).tolist()
        return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    def radius(self, places: Points) -> Floats:
        """Gives the elliptic radius of RAS positions, (..., 3): 0 in the middle, 1 at the ends."""
        local = (places - self.center) @ self.axes[:, :2]
        return np.asarray(2 * np.linalg.norm(local / self.size, axis=-1), dtype=np.float32)

    def depth(self, places: Points) -> Floats:
        """Gives how far RAS positions, (..., 3), are from the slice, in mm."""
        return np.asarray(np.abs((places - self.center) @ self.axes[:, 2]), dtype=np.float32)

    def reachable(self, places: Points) -> NDArray[np.bool_]:
        """Tells which places, on the slice or beside it, the longest diameter does not rule out."""
        away = [(places - end) @ self.axes[:, :2] for end in self.ends]
        return np.all([np.linalg.norm(a, axis=-1) <= _DISK * self.size[0] for a in away], axis=0)

    def slice_cut(self, region: Region) -> tuple[slice, slice, slice]:
        """Gives the index expression of the marked slice in an array of a region."""
        cut = [slice(None), slice(None), slice(None)]
        at = self.index - region.start[self.axis]
        cut[self.axis] = slice(at, at + 1)
        return cut[0], cut[1], cut[2]


def places_of(geometry: Geometry, region: Region, step: Index = (1, 1, 1)) -> Points:
    """Gives the RAS positions of the middles of blocks of voxels, shape (k, j, i, 3)."""
    lines = [
        a + np.arange(-(-n // s)) * s + (s - 1) / 2
        for a, n, s in zip(region.start, region.shape, step, strict=True)
    ]
    return geometry.to_ras(np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1))


def in_plane_guess(radius: Floats, doubt: float) -> Floats:
    """Gives the logit that a voxel of the slice is in, where a radius of 1 is the border.

    Args:
        radius: From `Shape.radius`.
        doubt: Standard deviation of the border's radius.
    """
    inside = (1 - radius) / doubt
    return _logit(log_ndtr(inside), log_ndtr(-inside))


def radius_of_mask(mask: NDArray[np.bool_], spacing: tuple[float, ...]) -> Floats:
    """Gives a radius like that of an ellipse for a mask: 0 deepest inside, 1 at its border."""
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    outside = ndimage.distance_transform_edt(~mask, sampling=spacing)
    half = min(spacing) / 2
    deepest = max(float(inside.max()), half)
    found = np.where(mask, 1 - (inside - half) / deepest, 1 + (outside - half) / deepest)
    return np.asarray(found, dtype=np.float32)


def depth_guess(radius: Floats, depth: Floats, half: float, doubt: tuple[float, float]) -> Floats:
    """Gives the logit that voxels off the slice are in: under a dome of uncertain height.

    Args:
        radius: On the slice, that of the voxel below; any shape that fits `depth`.
        depth: Distance from the slice, above 0.
        half: Most probable height of the dome, in the unit of `depth`.
        doubt: Standard deviations of the border's radius, and of the logarithm of the height.
    """
    dome = half * np.sqrt(np.clip(1 - np.square(np.clip(radius, 0, 1)), 0.02, 1))
    inside = log_ndtr((1 - radius) / doubt[0]) + log_ndtr(-np.log(depth / dome) / doubt[1])
    inside = np.minimum(inside, -1e-6)
    return _logit(inside, np.log1p(-np.exp(inside)))


def _logit(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> Floats:
    return np.asarray(np.clip(inside - outside, -MOST_LOGIT, MOST_LOGIT), dtype=np.float32)

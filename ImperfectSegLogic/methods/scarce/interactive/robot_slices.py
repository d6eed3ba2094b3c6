"""One slice of an error, seen as a picture, for what a simulated user draws on slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data import Geometry
from ImperfectSegLogic.methods.scarce.interactive.robot_errors import VOLUME, Error, Mask

Points = NDArray[np.float64]
_ROOM = 6
"""Pixels of room around a picture, for lines drawn outside of it."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A connected piece of a mask on one slice.

    Attributes:
        mask: Shape (row, column), with room on all sides.
        spacing: Distance of neighboring pixels in mm along both axes.
        axis: The image's axis that runs across the slice.
        number: The slice's index along it.
        corner: Index of the first pixel along the two other axes; may lie outside the image.
    """

    mask: Mask
    spacing: tuple[float, float]
    axis: int
    number: int
    corner: tuple[int, int]

    @property
    def pixel(self) -> float:
        """The longer edge of a pixel in mm."""
        return max(self.spacing)

    def depth(self) -> NDArray[np.float64]:
        """Gives how far each pixel is from the outside, in mm."""
        depth = ndimage.distance_transform_edt(self.mask, sampling=self.spacing)
        return np.asarray(depth, dtype=np.float64)

    def outside(self) -> NDArray[np.float64]:
        """Gives how far each pixel is from the mask, in mm."""
        away = ndimage.distance_transform_edt(~self.mask, sampling=self.spacing)
        return np.asarray(away, dtype=np.float64)

    def to_index(self, points: NDArray[Any]) -> Points:
        """Gives positions in the image (k, j, i), shape (N, 3), of positions (row, column)."""
        return np.insert(points + np.array(self.corner), self.axis, self.number, axis=1)


def picture_of(error: Error, geometry: Geometry) -> Picture:
    """Gives the slice on which an error is largest, its largest connected piece there.

    An error that was looked for on a slice is drawn on there. Otherwise slices run along the axis
    with the largest spacing, as they were acquired; of equal ones the first.
    """
    axis = _across(error, geometry)
    areas = error.mask.sum(axis=tuple(a for a in range(3) if a != axis))
    number = int(np.argmax(areas))
    flat = np.take(error.mask, number, axis=axis)
    parts, _ = ndimage.label(flat)
    flat = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    row, column = (a for a in range(3) if a != axis)
    spacing = geometry.spacing
    start = error.region.start
    return Picture(
        np.pad(flat, _ROOM),
        (spacing[row], spacing[column]),
        axis,
        start[axis] + number,
        (start[row] - _ROOM, start[column] - _ROOM),
    )


def _across(error: Error, geometry: Geometry) -> int:
    if error.axis != VOLUME:
        return error.axis
    flat = [axis for axis in range(3) if geometry.shape[axis] == 1]
    return flat[0] if flat else int(np.argmax(geometry.spacing))

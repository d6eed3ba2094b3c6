"""One slice of an image, or another part of it, worked on as if it were an image of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ImperfectSegLogic.data.geometry import Geometry, Index, Region
from ImperfectSegLogic.data.prediction import Prediction
from ImperfectSegLogic.data.prompts import Box, Click, Lasso, Prompt, Scribble
from ImperfectSegLogic.data.volume import Volume

AXIS_NAMES = ("k", "j", "i")
_ORDERS: tuple[Index, ...] = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
_MOST_TILT = 0.75
"""How far, in slices, a stroke may leave its slice: its view may be a little oblique."""


@dataclass(frozen=True)
class Cut:
    """A part of a grid.

    Attributes:
        region: Which voxels of the whole.
        axis: Which axis of the whole (0, 1, 2 for k, j, i) goes from slice to slice of the part;
            the other two, in their order, become its rows and columns.
    """

    region: Region
    axis: int = 0

    @classmethod
    def slice_at(cls, geometry: Geometry, axis: int, index: int) -> Cut:
        """Gives the cut that is one slice.

        Args:
            geometry: The whole.
            axis: The axis (0, 1, 2 for k, j, i) that the slice is at a right angle to, on a grid
                without shear.
            index: Which slice along it, from 0.

        Raises:
            ValueError: If there is no such slice.
        """
        if axis not in (0, 1, 2) or not 0 <= index < geometry.shape[axis]:
            raise ValueError(
                f"slice: got number {index} along axis {axis}, allowed are axes 0 to 2 (k, j, i)"
                f" with {geometry.shape} slices, counted from 0."
            )
        start, stop = [0, 0, 0], list(geometry.shape)
        start[axis], stop[axis] = index, index + 1
        return cls(Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])), axis)

    @property
    def order(self) -> Index:
        """Which axes of the whole are slice, row and column of the part."""
        return _ORDERS[self.axis]

    def geometry(self, whole: Geometry) -> Geometry:
        """Gives the grid of the part."""
        shape = self.region.shape
        matrix = np.eye(4)
        for column, axis in zip((2, 1, 0), self.order, strict=True):
            matrix[:, column] = whole.ijk_to_ras[:, 2 - axis]
        matrix[:3, 3] = whole.to_ras(self.region.start)
        return Geometry((shape[self.order[0]], shape[self.order[1]], shape[self.order[2]]), matrix)

    def volume(self, whole: Volume) -> Volume:
        """Gives the image of the part; nothing is copied if it is the whole."""
        if self.axis == 0 and self.region == whole.geometry.whole:
            return whole
        inside = whole.array[(..., *self.region.slices)]
        channels = inside.ndim - 3
        turned = inside.transpose(*range(channels), *(channels + axis for axis in self.order))
        name = whole.name
        if self.axis or self.region.shape[0] == 1:
            name += f", slice {AXIS_NAMES[self.axis]}={self.region.start[self.axis]}"
        return Volume(np.ascontiguousarray(turned), self.geometry(whole.geometry).ijk_to_ras, name)

    def back(self, prediction: Prediction, whole: Geometry) -> Prediction:
        """Gives a prediction for the part as one for the whole; it shares the probabilities."""
        assert prediction.geometry.matches(self.geometry(whole)), "a prediction for another part"
        places = [self.order.index(axis) for axis in range(3)]
        found = prediction.region
        start = [self.region.start[a] + found.start[p] for a, p in enumerate(places)]
        stop = [self.region.start[a] + found.stop[p] for a, p in enumerate(places)]
        return replace(
            prediction,
            probabilities=prediction.probabilities.transpose(0, *(p + 1 for p in places)),
            region=Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])),
            geometry=whole,
        )


def slice_of(volume: Volume, axis: int, index: int) -> Volume:
    """Gives one slice as an image of shape (1, rows, columns), at its place in the patient.

    Raises:
        ValueError: If there is no such slice.
    """
    return Cut.slice_at(volume.geometry, axis, index).volume(volume)


def nearest_axis(geometry: Geometry, normal: ArrayLike) -> int:
    """Gives the axis whose slices are the most parallel to a plane.

    Args:
        geometry: The grid.
        normal: A vector at a right angle to the plane, RAS, of any length but 0.
    """
    across = geometry.ras_to_ijk[:3, :3]
    lengths = np.linalg.norm(across, axis=1)
    return 2 - int(np.argmax(np.abs(across @ np.asarray(normal, dtype=np.float64)) / lengths))


def slice_index(prompt: Prompt, geometry: Geometry, axis: int) -> int:
    """Gives the slice along an axis that a prompt lies in; of a box, the one in its middle.

    Raises:
        ValueError: If a stroke or outline crosses slices.
    """
    along = geometry.to_continuous_index(_positions(prompt))[:, axis]
    middle = float(np.median(along))
    if np.abs(along - middle).max() > _MOST_TILT:
        raise ValueError(
            f"{type(prompt).__name__.lower()}: it runs through the slices"
            f" {int(np.floor(along.min() + 0.5))} to {int(np.floor(along.max() + 0.5))} along"
            f" {AXIS_NAMES[axis]}, allowed in 2-D is one. Rotate the view to the volume plane"
            " before drawing, or work in 3-D."
        )
    return int(np.floor(middle + 0.5))


def in_slice(prompt: Prompt, geometry: Geometry, axis: int, index: int) -> Prompt:
    """Gives the prompt as it is meant in a slice: points in its middle plane, boxes through it."""
    if isinstance(prompt, Box):
        return _through(prompt, geometry, axis, index)
    moved = geometry.to_continuous_index(_positions(prompt))
    moved[:, axis] = index
    points = geometry.to_ras(moved)
    if isinstance(prompt, Click):
        return replace(prompt, position=points[0])
    assert isinstance(prompt, Scribble | Lasso)
    return replace(prompt, points=points)


def _positions(prompt: Prompt) -> NDArray[np.float64]:
    if isinstance(prompt, Click):
        return prompt.position[np.newaxis]
    if isinstance(prompt, Box):
        return prompt.center[np.newaxis]
    if isinstance(prompt, Scribble | Lasso):
        return prompt.points
    raise ValueError(
        f"{type(prompt).__name__}: it has no place in one slice. Use clicks, scribbles, boxes or"
        " lassos in 2-D."
    )


def _through(box: Box, geometry: Geometry, axis: int, index: int) -> Box:
    """Makes a box, which may be flat, thick enough across the slice to hold its voxel centers."""
    row = geometry.ras_to_ijk[2 - axis, :3]
    normal = row / np.linalg.norm(row)
    across = int(np.argmax(np.abs(normal @ box.axes)))
    center = geometry.to_continuous_index(box.center)
    off = abs(float(center[axis]) - index) / float(np.linalg.norm(row))
    size = box.size.copy()
    tilt = float(np.abs(np.delete(normal @ box.axes, across)) @ np.delete(size, across)) / 2
    reach = (off + tilt + geometry.spacing[axis] / 4) / abs(float(normal @ box.axes[:, across]))
    size[across] = max(float(size[across]), 2 * reach)
    return replace(box, size=size)

"""Where a trained network looks: windows of the image as it was prepared for the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Region
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.training.orientation import Turn, canonical_turn

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor

CONTEXT = 0.125
"""Share of a patch that a window shows around what is prompted, at least, on each side."""


@dataclass(frozen=True)
class ModelWindow:
    """A window of a prepared image; it may reach beyond the image, where gray values are 0.

    Attributes:
        start: Its first voxel (slice, row, column).
        size: Voxels per axis.
    """

    start: Index
    size: Index

    def inside(self, shape: Index) -> tuple[Index, Index]:
        """Gives the first voxel, and the one after the last, that lie in an image of a shape."""
        low = [max(a, 0) for a in self.start]
        high = [min(a + n, m) for a, n, m in zip(self.start, self.size, shape, strict=True)]
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def cut(self, image: Floats) -> Floats:
        """Cuts the window out of an image (channel, slice, row, column), with 0 beyond it."""
        k, j, i = image.shape[1:]
        low, high = self.inside((k, j, i))
        made = np.zeros((len(image), *self.size), dtype=np.float32)
        to = [slice(a - s, b - s) for a, b, s in zip(low, high, self.start, strict=True)]
        of = [slice(a, b) for a, b in zip(low, high, strict=True)]
        made[(slice(None), *to)] = image[(slice(None), *of)]
        return made


class ModelGrid:
    """How voxels of an image and of the same image prepared for a network belong together.

    A prepared image is the image after a canonical turn, at another number of voxels per axis for
    the same place.

    Attributes:
        turn: The canonical turn.
        shape: Of the prepared image.
    """

    def __init__(
        self, geometry: Geometry, shape: Index, patch: Sequence[int], divisors: Sequence[int]
    ) -> None:
        """Takes the image's grid and the prepared image's shape.

        Args:
            geometry: The image's grid.
            shape: Voxels (slice, row, column) of the prepared image.
            patch: Voxels per axis that the network was trained on, 2 or 3 numbers.
            divisors: By what each axis of a window must be divisible, as many numbers.
        """
        self.turn: Turn = canonical_turn(geometry, len(patch))
        self.shape = shape
        self._own, self._turned = geometry.shape, self.turn.of(geometry.shape)
        self._patch, self._divisors, self._dims = list(patch), list(divisors), len(patch)

    def places(self, voxels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Gives the prepared voxels that hold voxels (k, j, i) of the image, shape (N, 3)."""
        turned = voxels[:, list(self.turn.order)].copy()
        for axis in range(3):
            if self.turn.flipped[axis]:
                turned[:, axis] = self._turned[axis] - 1 - turned[:, axis]
        scale = np.array(self.shape) / np.array(self._turned)
        return np.minimum(((turned + 0.5) * scale).astype(np.int64), np.array(self.shape) - 1)

    def window_around(self, region: Region) -> ModelWindow:
        """Gives the window of a patch's size around a region of the image, larger if it must be."""
        corners = np.array([region.start, np.array(region.stop) - 1], dtype=np.int64)
        ends = self.places(corners)
        low, high = ends.min(axis=0), ends.max(axis=0) + 1
        for axis in range(3 - self._dims, 3):
            margin = round(CONTEXT * self._patch[axis - 3])
            low[axis] = max(low[axis] - margin, 0)
            high[axis] = min(high[axis] + margin, self.shape[axis])
        return self._fitted(low, high)

    def grown(self, window: ModelWindow, faces: Sequence[tuple[int, bool]]) -> ModelWindow:
        """Gives the window moved outwards by half a patch at faces (axis of the image, far end)."""
        low, high = (np.array(ends) for ends in window.inside(self.shape))
        for own, is_far in faces:
            axis = self.turn.order.index(own)
            if axis < 3 - self._dims:
                continue
            by = self._patch[axis - 3] // 2
            if is_far != self.turn.flipped[axis]:
                high[axis] = min(high[axis] + by, self.shape[axis])
            else:
                low[axis] = max(low[axis] - by, 0)
        return self._fitted(low, high)

    def region_of(self, window: ModelWindow) -> Region:
        """Gives the voxels of the image that a window covers."""
        start, stop = [0, 0, 0], [0, 0, 0]
        low, high = window.inside(self.shape)
        for axis, own in enumerate(self.turn.order):
            before, after = self._turned[axis], self.shape[axis]
            a, b = low[axis] * before // after, -(-high[axis] * before // after)
            if self.turn.flipped[axis]:
                a, b = before - b, before - a
            start[own], stop[own] = a, b
        return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def to_image(self, values: Tensor, window: ModelWindow, region: Region, step: Index) -> Tensor:
        """Brings values of a window to a working grid of the image, by linear interpolation.

        Args:
            values: Shape (label, slice, row, column) of the window.
            window: The window.
            region: The voxels of the image that the working grid covers.
            step: How many of them are one of the working grid, along k, j, i.

        Returns:
            Shape (label, k, j, i) of the working grid; differentiable in the values.
        """
        import torch

        for axis, own in enumerate(self.turn.order):
            count = -(-region.shape[own] // step[own])
            at = region.start[own] + np.arange(count) * step[own] + (step[own] - 1) / 2
            if self.turn.flipped[axis]:
                at = self._own[own] - 1 - at
            at = (at + 0.5) * self.shape[axis] / self._turned[axis] - 0.5 - window.start[axis]
            at = np.clip(at, 0, window.size[axis] - 1)
            low = np.minimum(at.astype(np.int64), max(window.size[axis] - 2, 0))
            high = np.minimum(low + 1, window.size[axis] - 1)
            share = torch.as_tensor(at - low, dtype=values.dtype, device=values.device)
            share = share.view([-1 if a == axis + 1 else 1 for a in range(4)])
            near, far = (
                values.index_select(axis + 1, torch.as_tensor(n, device=values.device))
                for n in (low, high)
            )
            values = near + (far - near) * share
        back = [1 + self.turn.order.index(own) for own in range(3)]
        return values.permute(0, *back)

    def _fitted(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> ModelWindow:
        """Gives a window that holds some voxels and lies in the image, where the image is larger.

        Samples lie like this in training.
        """
        start, size = [int(n) for n in low], [int(n) for n in high - low]
        for axis in range(3 - self._dims, 3):
            by, least = self._divisors[axis - 3], self._patch[axis - 3]
            wanted = max(least, -(-size[axis] // by) * by)
            room = self.shape[axis] - wanted
            first = start[axis] - (wanted - size[axis]) // 2
            start[axis] = min(max(first, min(room, 0)), max(room, 0))
            size[axis] = wanted
        return ModelWindow((start[0], start[1], start[2]), (size[0], size[1], size[2]))

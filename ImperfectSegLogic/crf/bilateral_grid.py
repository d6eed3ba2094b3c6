"""Kernels on positions and one gray value: a dense bilateral grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ImperfectSegLogic.crf.grid_axes import (
    GRAY_STEP,
    block_factor,
    block_size,
    gray_axis,
    line_axis,
    line_nodes,
    rank_of,
)

_CHUNK = {"cpu": 1 << 20, "cuda": 1 << 25}
"""Numbers of an expanded part of the image that are worked on at once; fits a CPU's cache."""


class BilateralGridSums:
    """Gives sum_j exp(-|f_i - f_j|^2 / 2) v_j for features (position, gray value).

    After Chen, Paris and Durand (2007), "Real-time edge-aware image processing with the bilateral
    grid" (`chen2007bilateral`): values are spread over a coarse grid of positions and gray values,
    the grid is blurred, and read where each voxel is. A node holds a block of voxels that is small
    beside the kernel; gray values lie between two bins. Other than there, the blur is the one that
    fits the kernel best in the sense of least squares, and that of positions is done by factors of
    low rank, so that the blurred grid is never finer than the kernel needs. Self-adjoint: reading
    is the transpose of spreading, and the blur is symmetric.
    """

    def __init__(self, image: Tensor, steps: Sequence[float], contrast: float) -> None:
        """Makes the grid.

        Args:
            image: Gray values, shape (*space) of 1 to 3 axes.
            steps: Distance of neighboring voxels in standard deviations, per axis.
            contrast: Standard deviation of gray values.
        """
        lead = 3 - image.ndim
        self._shape = (*(1,) * lead, *image.shape)
        steps = (*(1.0,) * lead, *steps)
        self._sizes = tuple(block_size(step) for step in steps)
        self._slices, self._rows = (
            block_factor(n, step, size, image)
            for n, step, size in zip(self._shape[:2], steps, self._sizes, strict=False)
        )
        places, self._gray_blur = gray_axis(image, contrast)
        self._bins = len(self._gray_blur)
        self._places = self._in_blocks(places.reshape(1, *self._shape))[0].contiguous()
        cells, parts, self._line_blur = line_axis(self._shape[2], steps[2], image)
        lines = self._sizes[0] * self._sizes[1]
        self._cells = (cells * self._bins).repeat(lines)
        self._nodes = ((0, None),) if parts is None else self._two_nodes(parts.repeat(lines))

    def _two_nodes(self, parts: Tensor) -> tuple[tuple[int, Tensor | None], ...]:
        """Gives the distance in cells to both nodes of the last axis, and their weights."""
        return (0, 1 - parts), (self._bins, parts)

    def __call__(self, values: Tensor) -> Tensor:
        """Filters values of shape (label, *space)."""
        grid = self._spread(values.reshape(len(values), *self._shape))
        shape = grid.shape
        grid = torch.matmul(self._line_blur, grid.reshape(*shape[:-1], -1, self._bins))
        grid = torch.matmul(grid, self._gray_blur).reshape(shape)
        return self._read(grid).reshape(values.shape)

    def _spread(self, values: Tensor) -> Tensor:
        """Gives the grid, shape (label, k', j', node * bin)."""
        size, labels = len(self._line_blur) * self._bins, len(values)
        slices, rows = self._slices, self._rows
        grid = values.new_zeros(labels, slices.shape[1], rows.shape[1] * size)
        for part in self._parts():
            low, high_part = self._corners(part)
            for label in range(labels):
                some = self._in_blocks(values[label : label + 1, self._voxels(part)])[0]
                spread = values.new_zeros(*some.shape[:2], size)
                for distance, weights in self._nodes:
                    shared = some if weights is None else some * weights
                    high = shared * high_part
                    spread[..., distance + 1 :].scatter_add_(2, low, high)
                    spread[..., distance:].scatter_add_(2, low, shared - high)
                reduced = torch.matmul(rows.T, spread).reshape(len(spread), -1)
                grid[label].addmm_(slices[part].T, reduced)
        return grid.reshape(labels, slices.shape[1], rows.shape[1], size)

    def _read(self, grid: Tensor) -> Tensor:
        """Gives values, shape (label, k, j, i), by the transpose of `_spread`."""
        size, values = grid.shape[3], grid.new_empty(len(grid), *self._shape)
        for part in self._parts():
            low, high_part = self._corners(part)
            for label, cells in enumerate(grid):
                reduced = self._slices[part] @ cells.reshape(len(cells), -1)
                spread = torch.matmul(self._rows, reduced.reshape(len(reduced), -1, size))
                found: Tensor | None = None
                for distance, weights in self._nodes:
                    at_low = torch.gather(spread[..., distance:], 2, low)
                    at_high = torch.gather(spread[..., distance + 1 :], 2, low)
                    read = at_low.lerp_(at_high, high_part)
                    read = read if weights is None else read.mul_(weights)
                    found = read if found is None else found.add_(read)
                assert found is not None
                target = values[label, self._voxels(part)]
                target.copy_(self._from_blocks(found, len(target)))
        return values

    def _parts(self) -> Iterator[slice]:
        """Gives ranges of blocks along k that are worked on at once."""
        blocks, rows, columns = self._places.shape
        each = rows * max(len(self._line_blur) * self._bins, columns)
        step = max(_CHUNK.get(self._places.device.type, _CHUNK["cpu"]) // each, 1)
        for start in range(0, blocks, step):
            yield slice(start, min(start + step, blocks))

    def _voxels(self, part: slice) -> slice:
        return slice(part.start * self._sizes[0], min(part.stop * self._sizes[0], self._shape[0]))

    def _corners(self, part: slice) -> tuple[Tensor, Tensor]:
        """Gives cells and how far voxels are to the next one, both (k block, j block, voxel)."""
        places = self._places[part]
        low = places.to(torch.int64)
        high_part = places - low
        return low.add_(self._cells), high_part

    def _in_blocks(self, values: Tensor) -> Tensor:
        """Gives voxels by blocks of k and j, shape (label, k block, j block, voxel)."""
        high, wide, _ = self._sizes
        labels, slices, rows, columns = values.shape
        if high == wide == 1:
            return values
        missing = (-slices % high, -rows % wide)
        if any(missing):
            values = functional.pad(values, (0, 0, 0, missing[1], 0, missing[0]))
        parts = values.reshape(labels, -(-slices // high), high, -(-rows // wide), wide, columns)
        return parts.transpose(2, 3).flatten(3)

    def _from_blocks(self, values: Tensor, slices: int) -> Tensor:
        """Gives voxels (k, j, i) again."""
        high, wide, _ = self._sizes
        if high == wide == 1:
            return values
        parts = values.reshape(*values.shape[:2], high, wide, self._shape[2]).transpose(1, 2)
        whole = parts.reshape(len(values) * high, values.shape[1] * wide, self._shape[2])
        return whole[:slices, : self._shape[1]]


def grid_cells(image: Tensor, steps: Sequence[float], contrast: float) -> int:
    """Gives the size of the grid that an image would need, about, without making it."""
    low, high = torch.aminmax(image)
    bins = float(high - low) / contrast / GRAY_STEP + 2
    *lead, last = zip(image.shape, steps, strict=True)
    return int(math.prod(rank_of(n, step) for n, step in lead) * line_nodes(*last) * bins)

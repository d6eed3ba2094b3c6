"""Kernels on positions and one gray value: a bilateral grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ImperfectSegLogic.crf.grid_axes import GRAY_STEP, PlaceAxis, gray_axis, node_count, place_axis
from ImperfectSegLogic.crf.interpolation import Interpolation
from ImperfectSegLogic.crf.separable import multiplied

_TOGETHER = {"cpu": 1 << 18, "cuda": 1 << 25}
"""Voxels that are worked on at once; on a CPU what they need about fits its cache."""
_REACH = 8
"""Nodes after which a blur is below 1e-4 of its middle and falls tenfold every other node."""


class BilateralGridSums:
    """Gives sum_j exp(-|f_i - f_j|^2 / 2) v_j for features (position, gray value).

    After Chen, Paris and Durand (2007), "Real-time edge-aware image processing with the bilateral
    grid" (`chen2007bilateral`): values are spread over a coarse grid of positions and gray values,
    the grid is blurred, and read where each voxel is. Other than there, the blur of each axis is
    the one that fits the kernel best in the sense of least squares; and voxels in a block that is
    small beside the kernel, with the same two bins of gray values, are spread as one.
    Self-adjoint: reading is the transpose of spreading, and the blur is symmetric.
    """

    def __init__(self, image: Tensor, steps: Sequence[float], contrast: float) -> None:
        """Makes the grid.

        Args:
            image: Gray values, shape (*space).
            steps: Distance of neighboring voxels in standard deviations, per axis.
            contrast: Standard deviation of gray values.
        """
        extents = [(n, s) for n, s in zip(image.shape, steps, strict=True) if n > 1]
        axes = [place_axis(n, step) for n, step in extents or [(1, 1.0)]]
        places, gray_blur = gray_axis(image.reshape([axis.voxels for axis in axes]), contrast)
        self._blurs = [*(axis.blur.to(image) for axis in axes), gray_blur]
        self._parts = list(_in_parts(axes, places, len(gray_blur)))

    def __call__(self, values: Tensor) -> Tensor:
        """Filters values of shape (label, *space)."""
        found = values.new_empty(values.shape)

        def keep(voxels: slice, read: Tensor) -> None:
            found.view(len(values), -1)[:, voxels] = read.T

        self.each(values, keep)
        return found

    def each(self, values: Tensor, use: Callable[[slice, Tensor], None]) -> None:
        """Filters values of shape (label, *space), and hands the answer out part by part.

        Args:
            values: What to filter.
            use: Gets a range of voxels and their values, shape (voxel, label), which it may change.
        """
        flat = values.reshape(len(values), -1)
        grid = flat.new_zeros(*(len(blur) for blur in self._blurs), len(flat))
        for part in self._parts:
            spread = part.spread(flat[:, part.voxels].T.contiguous())
            grid[part.nodes] += spread.view(-1, *grid.shape[1:])
        grid = self._blurred(grid)
        for part in self._parts:
            use(part.voxels, part.read(grid[part.nodes].reshape(-1, len(flat))))

    def _blurred(self, grid: Tensor) -> Tensor:
        """Blurs all axes of a grid, shape (*node, bin, label)."""
        *places, gray = self._blurs
        for axis, blur in enumerate(places):
            grid = multiplied(blur, grid, axis, _REACH)
        # Bins last, so that it is one product of large matrices.
        grid = multiplied(gray, grid.transpose(-1, -2).contiguous(), grid.ndim - 1, _REACH)
        return grid.transpose(-1, -2)


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows of blocks, and how their voxels lie in the grid.

    Attributes:
        voxels: Which voxels.
        nodes: Between which nodes of the first axis they lie.
        steps: From voxels to these nodes.
    """

    voxels: slice
    nodes: slice
    steps: tuple[Interpolation, ...]

    def spread(self, values: Tensor) -> Tensor:
        """Gives values of its nodes, shape (node, label), from those of its voxels."""
        for step in self.steps:
            values = step.spread(values)
        return values

    def read(self, grid: Tensor) -> Tensor:
        """Gives values of its voxels, shape (voxel, label), from those of its nodes."""
        for step in reversed(self.steps):
            grid = step.read(grid)
        return grid


def _in_parts(axes: Sequence[PlaceAxis], places: Tensor, bins: int) -> Iterator[_Part]:
    """Cuts the first axis, between blocks, and finds where voxels of each part lie."""
    first, inner = axes[0], places[0].numel()
    together = _TOGETHER.get(places.device.type, _TOGETHER["cpu"])
    size = max(together // (inner * first.block), 1) * first.block
    for start in range(0, len(places), size):
        stop = min(start + size, len(places))
        cut, nodes = first.cut(start, stop)
        steps = _steps([cut, *axes[1:]], places[start:stop], bins)
        yield _Part(slice(start * inner, stop * inner), nodes, steps)


def _steps(axes: Sequence[PlaceAxis], places: Tensor, bins: int) -> tuple[Interpolation, ...]:
    """Gives the steps from voxels to the grid: gray values first, then one axis after the other.

    Between two steps there are only the nodes that voxels need.
    """
    sizes = [axis.blocks for axis in axes]
    order = list(range(len(axes) - 1, -1, -1))
    last = axes[-1]
    corners = torch.arange(last.voxels, dtype=torch.int32)[:, None] // last.block
    shares = torch.ones(last.voxels, 1)
    if all(axis.block == 1 for axis in axes) and len(axes) > 1:  # Blocks would save nothing.
        corners, shares = last.corners, last.parts
        sizes[order.pop(0)] = last.nodes
    low, high_part = _split(places)
    lines = _lines(axes[:-1], places.device)[..., None, None] * sizes[-1]
    numbers = (lines + corners.to(low.device)) * bins + low[..., None]
    shares = shares.to(places)
    numbers, kept = _used(numbers.reshape(low.numel(), -1), math.prod(sizes) * bins, both=True)
    numbers = torch.stack([numbers, numbers + 1], dim=-1).flatten(1)
    parts = torch.stack([shares - shares * high_part, shares * high_part], dim=-1)
    steps = [Interpolation(numbers, parts.view(numbers.shape), len(kept))]
    for axis in order:
        if axis and sizes[axis] == axes[axis].nodes:
            continue
        numbers, parts = _along(axes[axis], kept, sizes, axis, bins, places)
        if axis:
            numbers, kept = _used(numbers, math.prod(sizes) * bins)
        steps.append(Interpolation(numbers, parts, len(kept) if axis else math.prod(sizes) * bins))
    return tuple(steps)


def _split(places: Tensor) -> tuple[Tensor, Tensor]:
    """Gives the lower bin, int32, and how far it is to the next one, shape (*space, 1)."""
    low = places.to(torch.int32)
    return low, (places - low)[..., None]


def _lines(axes: Sequence[PlaceAxis], device: torch.device) -> Tensor:
    """Gives the number of the line of blocks that each line of voxels is in."""
    number = torch.zeros((), dtype=torch.int32, device=device)
    for axis in axes:
        own = torch.arange(axis.voxels, dtype=torch.int32, device=device) // axis.block
        number = number[..., None] * axis.blocks + own
    return number


def _along(
    axis: PlaceAxis, numbers: Tensor, sizes: list[int], number: int, bins: int, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Goes from blocks to nodes on one axis.

    Args:
        axis: Which one.
        numbers: Of places in a grid of these sizes, int32, shape (place).
        sizes: Blocks, or nodes, of all axes; changed.
        number: Which of them is this axis.
        bins: How many bins of gray values there are.
        like: Says type and device of the parts.

    Returns:
        Numbers in the grid of the changed sizes, and parts, both of shape (place, corner).
    """
    after = math.prod(sizes[number + 1 :]) * bins
    before = numbers // after
    own = before % sizes[number]
    rest = numbers + before.sub_(own).floor_divide_(sizes[number]) * (
        (axis.nodes - sizes[number]) * after
    )
    corners = (axis.corners - torch.arange(axis.blocks, dtype=torch.int32)[:, None]) * after
    sizes[number] = axis.nodes
    found = torch.index_select(corners.to(own.device), 0, own) + rest[:, None]
    return found, torch.index_select(axis.parts.to(like), 0, own)


def _used(numbers: Tensor, count: int, both: bool = False) -> tuple[Tensor, Tensor]:
    """Numbers anew what is used: gives new numbers, and the old number of each, int32.

    Args:
        numbers: Old ones, int32.
        count: How many there were.
        both: Whether the next number after each is used too.
    """
    used = torch.zeros(count, dtype=torch.bool, device=numbers.device)
    used[numbers.long()] = True
    if both:
        used[1:] |= used[:-1].clone()
    new = torch.cumsum(used, 0, dtype=torch.int32).sub_(1)
    found = torch.index_select(new, 0, numbers.reshape(-1)).view(numbers.shape)
    return found, torch.nonzero(used)[:, 0].to(torch.int32)


def grid_cells(image: Tensor, steps: Sequence[float], contrast: float) -> int:
    """Gives the size of the grid that an image would need, about, without making it."""
    low, high = torch.aminmax(image)
    bins = float(high - low) / contrast / GRAY_STEP + 2
    nodes = math.prod(node_count(n, step) for n, step in zip(image.shape, steps, strict=True))
    return int(nodes * bins)

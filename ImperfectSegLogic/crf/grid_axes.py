"""Axes of a bilateral grid: where its nodes are, and the blur that fits a Gaussian best."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

GRAY_STEP = 1.0
"""Distance of bins of gray values, in standard deviations."""
_BLOCK = 0.2
"""Largest block of voxels that is taken for one, in standard deviations."""
_NODE_STEP = 0.8
"""Distance of nodes on an axis of positions, in standard deviations."""
_FEW_BINS = 48
"""As many bins are always kept; the middle of an axis of as many is that of any longer one."""
_PART = 1 << 18
"""Voxels that are counted at once."""


@dataclass(frozen=True, eq=False)
class PlaceAxis:
    """An axis of positions: voxels in blocks, blocks between nodes.

    Attributes:
        voxels: How many there are.
        block: Voxels in a block; the last one may have fewer.
        corners: The nodes around each block, int32, shape (block, 1 or 2).
        parts: How much of a block each of them holds, same shape.
        blur: Symmetric, shape (node, node).
    """

    voxels: int
    block: int
    corners: Tensor
    parts: Tensor
    blur: Tensor

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.corners)

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.blur)

    def cut(self, start: int, stop: int) -> tuple[PlaceAxis, slice]:
        """Gives the axis of some voxels, beginning with a block, and the nodes it is left with."""
        kept = slice(start // self.block, -(-stop // self.block))
        corners = self.corners[kept]
        nodes = slice(int(corners.min()), int(corners.max()) + 1)
        blur = self.blur[nodes, nodes]
        return PlaceAxis(
            stop - start, self.block, corners - nodes.start, self.parts[kept], blur
        ), nodes


@functools.lru_cache(maxsize=32)
def place_axis(count: int, step: float) -> PlaceAxis:
    """Gives an axis of positions.

    Args:
        count: Voxels.
        step: Their distance in standard deviations.
    """
    size, nodes = block_size(step), node_count(count, step)
    places = torch.arange(count, dtype=torch.float64) * step
    blocks = torch.arange(count) // size
    if nodes == int(blocks[-1]) + 1:
        hats = torch.nn.functional.one_hot(blocks, nodes).to(places)
        means = hats / hats.sum(dim=0)
        blur = means.T @ _gaussian(places, places) @ means
        corners = torch.arange(nodes, dtype=torch.int32)[:, None]
        return PlaceAxis(count, size, corners, torch.ones(nodes, 1), blur)
    centers = torch.stack([part.mean() for part in torch.split(places, size)])
    # Nodes lie symmetrically, so that a flipped image gets the flipped answer.
    at = (centers - (places[-1] - (nodes - 1) * _NODE_STEP) / 2) / _NODE_STEP
    before = at.floor().clamp(0, nodes - 2)
    parts = at - before
    blur = _fitted_blur(before.long()[blocks], parts[blocks], places, nodes)
    corners = torch.stack([before, before + 1], dim=1).to(torch.int32)
    return PlaceAxis(count, size, corners, torch.stack([1 - parts, parts], dim=1), blur)


def block_size(step: float) -> int:
    """Gives how many voxels in a row, `step` deviations apart, are taken for one."""
    return max(int(_BLOCK / step * (1 + 1e-9)), 1)


def node_count(count: int, step: float) -> int:
    """Gives the number of nodes on an axis of positions."""
    blocks = -(-count // block_size(step))
    nodes = math.ceil((count - 1) * step / _NODE_STEP) + 1
    return nodes if 2 <= nodes < 0.75 * blocks else blocks


def gray_axis(image: Tensor, contrast: float) -> tuple[Tensor, Tensor]:
    """Gives the axis of an image's gray values.

    Where most bins hold no voxel, as with a few extreme gray values, only bins that voxels lie in,
    and the next ones, are kept.

    Returns:
        Each voxel's bin plus how far it is to the next one, shape (*space); and the blur,
        symmetric, shape (bin, bin).
    """
    step = GRAY_STEP * contrast
    low, high = torch.aminmax(image)
    count = int((high - low).item() / step) + 2
    places = (image.contiguous() - low).div_(step).clamp_(0, count - 1 - 1e-6 * count)
    if count <= _FEW_BINS:
        return places, _even_blur(count).to(image)
    # In parts, since whole numbers take twice the memory.
    flat = places.view(-1)
    parts = [flat[start : start + _PART] for start in range(0, len(flat), _PART)]
    used = torch.zeros(count, dtype=torch.bool)
    for part in parts:
        used |= torch.bincount(part.to(torch.int64), minlength=count).cpu() > 0
    used[1:] |= used[:-1].clone()
    if 2 * int(used.sum()) >= count:
        return places, _even_blur(count).to(image)
    starts = torch.cumsum(used, 0) - 1
    shift = (torch.arange(count) - starts).to(image.device)
    for part in parts:
        part -= shift[part.to(torch.int64)].to(places.dtype)
    return places, _bin_blur(torch.nonzero(used)[:, 0]).to(image)


@functools.lru_cache(maxsize=64)
def _even_blur(count: int) -> Tensor:
    """Gives the blur of bins without a gap, shape (count, count)."""
    few = min(count, _FEW_BINS)
    blur = _bin_blur(torch.arange(few))
    if few == count:
        return blur
    # Away from the ends, all bins are alike; what is far from each other does not count.
    half = few // 2
    whole = blur.new_zeros(count, count)
    for distance in range(half):
        whole.diagonal(distance)[:] = blur[half - distance // 2, half - distance // 2 + distance]
    whole[:half, :half] = blur[:half, :half]
    whole[-half:, -half:] = blur[-half:, -half:]
    return whole.triu() + whole.triu(1).T


def _bin_blur(bins: Tensor) -> Tensor:
    """Gives the blur of bins at these places; all gray values between two neighbors count alike."""
    fine = 16
    before = torch.nonzero(bins[1:] - bins[:-1] == 1)[:, 0].repeat_interleave(fine)
    shares = (torch.arange(fine, dtype=torch.float64) + 0.5).repeat(len(before) // fine) / fine
    return _fitted_blur(before, shares, (bins[before] + shares) * GRAY_STEP, len(bins))


def _fitted_blur(before: Tensor, parts: Tensor, places: Tensor, nodes: int) -> Tensor:
    """Gives the blur of nodes with the least squared error.

    Args:
        before: The node before each place.
        parts: How far each place is from it to the next one, 0 to 1.
        places: In standard deviations; these count.
        nodes: How many nodes there are.
    """
    hats = torch.zeros(len(places), nodes, dtype=torch.float64)
    rows = torch.arange(len(places))
    hats[rows, before], hats[rows, before + 1] = 1 - parts, parts
    inverse = torch.linalg.pinv(hats)
    blur = inverse @ _gaussian(places, places) @ inverse.T
    return (blur + blur.T) / 2


def _gaussian(one: Tensor, other: Tensor) -> Tensor:
    return torch.exp(-0.5 * (one[:, None] - other[None]).square())

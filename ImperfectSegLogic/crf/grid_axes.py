"""Axes of a bilateral grid: where its nodes are, and the blur that fits a Gaussian best."""

from __future__ import annotations

import math

import torch
from torch import Tensor

GRAY_STEP = 1.0
"""Distance of bins of gray values, in standard deviations."""
_BLOCK = 0.2
"""Largest block of voxels that is taken for one, in standard deviations."""
_LINE_STEP = 0.8
"""Distance of nodes on an axis with linear interpolation, in standard deviations."""
_FACTOR_STEP = 1.0
_BEYOND = 2.0
"""How far nodes of a factor lie beyond the ends, in standard deviations."""
_LEAST = 1e-5
"""Part of the largest eigenvalue below which others are left out."""
_PART = 1 << 18
"""Voxels that are counted at once."""


def block_size(step: float) -> int:
    """Gives how many voxels in a row, `step` deviations apart, are taken for one."""
    return max(int(_BLOCK / step * (1 + 1e-9)), 1)


def rank_of(count: int, step: float) -> int:
    """Gives the rank of `block_factor`, about."""
    return min(
        -(-count // block_size(step)), math.ceil((count - 1) * step / _FACTOR_STEP + 2 * _BEYOND)
    )


def block_factor(count: int, step: float, size: int, like: Tensor) -> Tensor:
    """Gives a matrix A, shape (block, rank), where A A^T is an axis's Gaussian, averaged in blocks.

    By the Nyström method with evenly spaced nodes, of which a Gaussian needs few.

    Args:
        count: Voxels.
        step: Their distance in standard deviations.
        size: Voxels in a block; the last block may have fewer.
        like: Says type and device.
    """
    places = torch.arange(count, dtype=torch.float64) * step
    length = (count - 1) * step
    nodes = math.ceil((length + 2 * _BEYOND) / _FACTOR_STEP) + 1
    at = places
    if nodes < count:
        spread = (nodes - 1) * _FACTOR_STEP
        at = torch.linspace((length - spread) / 2, (length + spread) / 2, nodes, dtype=places.dtype)
    values, vectors = torch.linalg.eigh(_gaussian(at, at))
    kept = values > _LEAST * values[-1]
    factor = _gaussian(places, at) @ (vectors[:, kept] * values[kept].rsqrt())
    means = torch.stack([part.mean(dim=0) for part in factor.split(size)])
    return means.to(like)


def line_axis(count: int, step: float, like: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
    """Gives the last axis of positions, where nodes are blocks, or voxels lie between two nodes.

    Returns:
        The node of each voxel (the one before it); how far it is to the next node, None if it is in
        a block; both of shape (voxel); and the blur, symmetric, shape (node, node).
    """
    size, nodes = block_size(step), line_nodes(count, step)
    if size > 1 or nodes == count:
        factor = block_factor(count, step, size, like)
        return torch.arange(count, device=like.device) // size, None, factor @ factor.T
    places = torch.arange(count, dtype=torch.float64) * step
    # Nodes lie symmetrically, so that a flipped image gets the flipped answer.
    at = (places - (places[-1] - (nodes - 1) * _LINE_STEP) / 2) / _LINE_STEP
    cells = at.floor().clamp(0, nodes - 2)
    blur = _fitted_blur(cells.to(torch.int64), at - cells, places, nodes)
    return cells.to(like.device, torch.int64), (at - cells).to(like), blur.to(like)


def line_nodes(count: int, step: float) -> int:
    """Gives the number of nodes on the last axis of positions."""
    if block_size(step) > 1:
        return -(-count // block_size(step))
    nodes = math.ceil((count - 1) * step / _LINE_STEP) + 1
    return nodes if 2 <= nodes < 0.75 * count else count


def gray_axis(image: Tensor, contrast: float) -> tuple[Tensor, Tensor]:
    """Gives the axis of an image's gray values.

    Only bins that voxels lie in, and the next ones, are kept, however wide the gaps between them.

    Returns:
        Each voxel's bin plus how far it is to the next one, shape (*space); and the blur,
        symmetric, shape (bin, bin).
    """
    step = GRAY_STEP * contrast
    low, high = torch.aminmax(image)
    count = int((high - low).item() / step) + 2
    places = (image.contiguous() - low).div_(step).clamp_(0, count - 1 - 1e-6 * count)
    # In parts, since whole numbers take twice the memory.
    flat = places.view(-1)
    parts = [flat[start : start + _PART] for start in range(0, len(flat), _PART)]
    used = torch.zeros(count, dtype=torch.bool)
    for part in parts:
        used |= torch.bincount(part.to(torch.int64), minlength=count).cpu() > 0
    used[1:] |= used[:-1].clone()
    starts = torch.cumsum(used, 0) - 1
    if not bool(used.all()):
        shift = (torch.arange(count) - starts).to(image.device)
        for part in parts:
            part -= shift[part.to(torch.int64)].to(places.dtype)
    # All gray values between two neighboring bins count alike.
    fine, bins = 16, torch.nonzero(used)[:, 0]
    before = torch.nonzero(bins[1:] - bins[:-1] == 1)[:, 0].repeat_interleave(fine)
    shares = (torch.arange(fine, dtype=torch.float64) + 0.5).repeat(len(before) // fine) / fine
    blur = _fitted_blur(before, shares, (bins[before] + shares) * GRAY_STEP, len(bins))
    return places, blur.to(image)


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

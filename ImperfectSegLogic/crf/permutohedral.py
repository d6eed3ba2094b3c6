"""Kernels on any number of features: the permutohedral lattice."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class _Simplices(NamedTuple):
    """Where features lie: `low` (voxel, d + 1), their order `rank`, and `weights` by remainder."""

    low: Tensor
    rank: Tensor
    weights: Tensor


class PermutohedralSums:
    """Gives sum_j exp(-|f_i - f_j|^2 / 2) v_j, up to a factor that is the same for all voxels.

    After Adams, Baek and Davis (2010), "Fast high-dimensional filtering using the permutohedral
    lattice" (`adams2010fast`): each voxel lies in a simplex with d + 1 corners; values are spread
    over them, blurred along the d + 1 axes of the lattice, and read again. Corners are found by
    sorting instead of in a hash table, so that it runs wherever torch does. The blur is the mean of
    both orders of the axes, which makes it self-adjoint; as there, corners that no voxel touches
    are left out, which is why it is less exact than a grid.
    """

    def __init__(self, features: Tensor) -> None:
        """Makes the lattice.

        Args:
            features: In units of the kernel's standard deviations, shape (voxel, feature).
        """
        dims = features.shape[1]
        found = _simplices(features)
        # A node's code is a sum of its coordinates times odd numbers of 64 bits, so that a step
        # along an axis always adds the same; two of ten million nodes share one with odds of 1e-5.
        generator = torch.Generator().manual_seed(20100507)
        factors = torch.randint(-(2**62), 2**62, (dims + 1,), generator=generator) * 2 + 1
        factors[-1] = 0  # The coordinates sum to 0: the last one says nothing new.
        factors = factors.to(features.device)
        codes, self._nodes, start = [], [], 0
        for remainder in range(dims + 1):
            corner = torch.where(found.rank <= dims - remainder, remainder, remainder - dims - 1)
            code = ((found.low + corner) * factors).sum(dim=1)
            unique, inverse = torch.unique(code, return_inverse=True)
            codes.append(unique)
            self._nodes.append((inverse + start).to(torch.int32))
            start += len(unique)
        self._weights = found.weights.T.contiguous()
        self._neighbors = _neighbors(torch.cat(codes), factors)
        self.nodes = start

    def __call__(self, values: Tensor) -> Tensor:
        """Filters values of shape (label, *space), each label by itself."""
        flat = values.reshape(len(values), -1)
        answer = torch.empty_like(flat)
        for label, channel in enumerate(flat):
            nodes = channel.new_zeros(self.nodes + 1)
            for places, weights in zip(self._nodes, self._weights, strict=True):
                nodes.index_add_(0, places, channel * weights)
            nodes = (self._blurred(nodes, False) + self._blurred(nodes, True)) / 2
            heard = torch.zeros_like(channel)
            for places, weights in zip(self._nodes, self._weights, strict=True):
                heard += nodes.index_select(0, places) * weights
            answer[label] = heard
        return answer.reshape(values.shape)

    def _blurred(self, nodes: Tensor, backward: bool) -> Tensor:
        for before, after in reversed(self._neighbors) if backward else self._neighbors:
            sides = nodes.index_select(0, before).add_(nodes.index_select(0, after))
            nodes = torch.add(nodes, sides, alpha=0.5)
        return nodes


def _simplices(features: Tensor) -> _Simplices:
    """Finds the simplex around each voxel and the weights of its corners."""
    count, dims = features.shape
    lifted = _lifted(features)
    low = (lifted / (dims + 1)).round() * (dims + 1)
    total = (low.sum(dim=1) / (dims + 1)).round().to(torch.int64)
    order = torch.argsort(lifted - low, dim=1, descending=True, stable=True)
    rank = torch.empty_like(order)
    rank.scatter_(1, order, torch.arange(dims + 1, device=order.device).expand(count, -1))
    rank += total[:, None]
    under, over = rank < 0, rank > dims
    turn = (under.to(torch.int64) - over.to(torch.int64)) * (dims + 1)
    rank += turn
    low += turn
    offsets = (lifted - low) / (dims + 1)
    weights = features.new_zeros(count, dims + 2)
    weights.scatter_add_(1, dims - rank, offsets)
    weights.scatter_add_(1, dims + 1 - rank, -offsets)
    weights[:, 0] += 1 + weights[:, -1]
    return _Simplices(low.to(torch.int64), rank, weights[:, :-1])


def _lifted(features: Tensor) -> Tensor:
    """Moves features onto the plane of the lattice, whose coordinates sum to 0."""
    dims = features.shape[1]
    scales = [math.sqrt(2 / 3) * (dims + 1) / math.sqrt((i + 1) * (i + 2)) for i in range(dims)]
    scaled = features * torch.tensor(scales, dtype=features.dtype, device=features.device)
    after = scaled.flip(1).cumsum(dim=1).flip(1)
    steps = torch.arange(1, dims + 1, dtype=features.dtype, device=features.device)
    rest = after - scaled - steps * scaled
    return torch.cat([after[:, :1], rest], dim=1)


def _neighbors(codes: Tensor, factors: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Gives the nodes before and after each node along each axis; the last one, always 0, if none.

    Returns:
        One pair per axis, each of shape (node + 1).
    """
    dims, count = len(factors) - 1, len(codes)
    ordered, places = torch.sort(codes)
    found = []
    for axis in range(dims + 1):
        step = factors.sum() - (dims + 1) * factors[axis]
        pair = []
        for wanted in (codes - step, codes + step):
            at = torch.searchsorted(ordered, wanted).clamp_max_(count - 1)
            node = torch.where(ordered[at] == wanted, places[at], count)
            last = node.new_full((1,), count)
            pair.append(torch.cat([node, last]).to(torch.int32))
        found.append((pair[0], pair[1]))
    return found

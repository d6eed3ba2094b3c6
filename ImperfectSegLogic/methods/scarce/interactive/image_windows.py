"""A network's answer in a region of an image, window by window; what it has seen is remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from ImperfectSegLogic.data import Region, Volume
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.prediction.windows import Start, cut_window, importance, overlap_of, starts
from ImperfectSegLogic.training.orientation import canonical_turn
from ImperfectSegLogic.training.resampling import weights_across

OVERLAP = 0.25
"""Share of a window that the next one covers again; half of what `imperfectseg predict` takes."""
MOST_BYTES = 512 * 2**20
"""Answers that are remembered."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a network has to look at to answer in a region.

    Attributes:
        inputs: The prepared image around the region, shape (1, channel, slice, row, column) after
            the canonical turn; 0 beyond the image.
        first: The place of its first voxel in the prepared image.
        starts: Where windows start in the prepared image.
        needed: The first voxel and the shape of what the region is interpolated from.
        across: For each axis after the turn, how much each prepared voxel counts for each voxel
            of the working grid, shape (working, needed).
    """

    inputs: Tensor
    first: Start
    starts: list[Start]
    needed: tuple[Start, Index]
    across: tuple[Tensor, ...]


class ImageWindows:
    """One image, prepared for a network.

    Windows are spread over the whole image, so that an answer does not depend on the region.
    """

    def __init__(self, brought: BroughtNetwork, volume: Volume) -> None:
        """Prepares the image; raises as `BroughtNetwork.prepare` does."""
        self._is_2d = brought.preprocessing.dims == 2
        self._exclusive = brought.exclusive
        self._image = torch.from_numpy(np.ascontiguousarray(brought.prepare(volume)))
        self._turn = canonical_turn(volume.geometry, brought.preprocessing.dims)
        k, j, i = (1, *brought.patch) if self._is_2d else brought.patch
        self._window = (k, j, i)
        self._importance = importance(self._window)
        own = self._turn.of(volume.geometry.shape)
        prepared = tuple(self._image.shape[1:])
        self._starts = [starts(n, w, OVERLAP) for n, w in zip(prepared, self._window, strict=True)]
        self._across = []
        for before, after, flipped in zip(prepared, own, self._turn.flipped, strict=True):
            weights = weights_across(before, after)
            self._across.append(weights[::-1].copy() if flipped else weights)
        self._kept: OrderedDict[Start, Tensor] = OrderedDict()

    def look(self, region: Region, step: Index) -> Look:
        """Gives what the network has to look at.

        Args:
            region: Voxels of the image.
            step: How many of them are one of the working grid, along k, j, i.
        """
        across, first, shape, places = [], [], [], []
        begins, ends = (self._turn.of(corner) for corner in (region.start, region.stop))
        for axis, (a, b, by) in enumerate(zip(begins, ends, self._turn.of(step), strict=True)):
            rows = self._across[axis][a:b]
            rows = np.add.reduceat(rows, np.arange(0, len(rows), by), axis=0)
            rows = rows / rows.sum(axis=1, keepdims=True)
            used = np.flatnonzero(rows.any(axis=0))
            low, high = int(used[0]), int(used[-1]) + 1
            across.append(torch.from_numpy(np.ascontiguousarray(rows[:, low:high])))
            first.append(low)
            shape.append(high - low)
            size = self._window[axis]
            places.append([n for n in self._starts[axis] if n < high and n + size > low])
        corner = (places[0][0], places[1][0], places[2][0])
        extent = [p[-1] - p[0] + w for p, w in zip(places, self._window, strict=True)]
        inputs = cut_window(self._image, corner, extent)[None]
        needed = ((first[0], first[1], first[2]), (shape[0], shape[1], shape[2]))
        every = [(k, j, i) for k, j, i in product(places[0], places[1], places[2])]
        return Look(inputs, corner, every, needed, tuple(across))

    def probabilities(
        self, network: nn.Module, look: Look, keep: bool, tick: Callable[[float], None]
    ) -> Tensor:
        """Asks a network.

        Args:
            network: The user's, or one that was adapted; on any device.
            look: Where.
            keep: Whether answers are remembered, and remembered ones taken; not with gradients.
            tick: Told the share that is done, between windows.

        Returns:
            Probabilities of all of the network's labels, shape (label, k, j, i) of the working
            grid, each for itself if they may overlap; differentiable in the network's weights.
        """
        first, shape = look.needed
        sums: Tensor | None = None
        weights = torch.zeros(shape)
        for number, start in enumerate(look.starts):
            tick(number / len(look.starts))
            logits = self._logits(network, look, start, keep)
            sums = torch.zeros((len(logits), *shape)) if sums is None else sums
            to, of = overlap_of(start, self._window, first, shape)
            share = self._importance[of]
            sums[(slice(None), *to)] += logits[(slice(None), *of)] * share
            weights[to] += share
        assert sums is not None
        mean = sums / weights
        answer = torch.softmax(mean, dim=0) if self._exclusive else torch.sigmoid(mean)
        for axis, rows in enumerate(look.across, start=1):
            if rows.shape[0] != rows.shape[1] or not torch.equal(rows, torch.eye(len(rows))):
                moved = torch.tensordot(rows, answer, dims=([1], [axis]))
                answer = torch.movedim(moved, 0, axis)
        back = [1 + self._turn.order.index(axis) for axis in range(3)]
        return answer.permute(0, *back)

    def _logits(self, network: nn.Module, look: Look, start: Start, keep: bool) -> Tensor:
        if keep and start in self._kept:
            self._kept.move_to_end(start)
            return self._kept[start]
        at = tuple(
            slice(s - f, s - f + w) for s, f, w in zip(start, look.first, self._window, strict=True)
        )
        seen = look.inputs[(slice(None), slice(None), *at)]
        seen = seen[:, :, 0] if self._is_2d else seen
        logits = network(seen.to(next(network.parameters()).device)).float().cpu()[0]
        logits = logits[:, None] if self._is_2d else logits
        if keep:
            self._kept[start] = logits
            while len(self._kept) * logits.numel() * 4 > max(MOST_BYTES, logits.numel() * 4):
                self._kept.popitem(last=False)
        return logits

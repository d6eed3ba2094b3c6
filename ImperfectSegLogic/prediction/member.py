"""One model on one image: probabilities of some slices, on the image's own grid."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ImperfectSegLogic.data import Geometry
from ImperfectSegLogic.prediction.dropout import dropped
from ImperfectSegLogic.prediction.running import Runner
from ImperfectSegLogic.prediction.settings import PredictionSettings
from ImperfectSegLogic.prediction.windows import (
    Start,
    cut_window,
    importance,
    overlap_of,
    window_of,
    window_starts,
)
from ImperfectSegLogic.training.devices import memory_of
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.orientation import canonical_turn
from ImperfectSegLogic.training.resampling import resized, weights_across


@dataclass(frozen=True)
class Pass:
    """One look at the image.

    Attributes:
        flip: Which axes of a window (negative, from the last) run the other way.
        sample: Which dropout mask; None for no dropout.
    """

    flip: tuple[int, ...] = ()
    sample: int | None = None


def passes_of(dims: int, settings: PredictionSettings) -> list[Pass]:
    """Gives all passes of one model."""
    axes = range(-dims, 0)
    count = dims + 1 if settings.flips else 1
    flips = [flip for n in range(count) for flip in itertools.combinations(axes, n)]
    samples = range(settings.mc_samples) if settings.mc_samples else (None,)
    return [Pass(flip, sample) for flip in flips for sample in samples]


class Member:
    """One model on one image.

    Slices are counted on the image's own grid after the model's canonical turn.
    """

    def __init__(
        self, model: TrainedModel, image: Tensor, grid: Geometry, settings: PredictionSettings
    ) -> None:
        """Takes a model, the prepared image (channel, slice, row, column), and its own grid."""
        self.model, self._image, self._settings = model, image, settings
        self.turn = canonical_turn(grid, model.preprocessing.dims)
        self.own_shape = self.turn.of(grid.shape)
        self.shape = tuple(image.shape[1:])
        self.window = window_of(model)
        self.passes = passes_of(model.preprocessing.dims, settings)
        self._importance = importance(self.window)
        self._across = weights_across(self.shape[0], self.own_shape[0])

    def steps(self, slices: range) -> int:
        """Gives how many batches of windows one pass over some slices has."""
        return -(-len(self._starts(self._needed(slices))) // self._settings.windows_at_once)

    def probabilities(
        self, one: Pass, slices: range, runner: Runner, tick: Callable[[], None]
    ) -> NDArray[np.float32]:
        """Gives probabilities of some slices, shape (label, slice, row, column).

        Args:
            one: Which pass.
            slices: Consecutive slices.
            runner: Runs the network.
            tick: Called after each batch of windows.
        """
        needed = self._needed(slices)
        prepared = self._prepared(one, needed, runner, tick)
        weights = self._across[slices.start : slices.stop, needed.start : needed.stop]
        across = len(self._across) != self._across.shape[1]
        shape = (len(slices), *self.own_shape[1:])
        if not across and prepared.shape[1:] == shape:
            return prepared
        own = np.empty((len(prepared), *shape), dtype=np.float32)
        for to, label in zip(own, prepared, strict=True):  # One by one, to save memory.
            moved = np.tensordot(weights, label, 1) if across else label
            to[...] = resized(moved, shape)
        return own

    def _needed(self, slices: range) -> range:
        """Gives which slices of the prepared image some slices are interpolated from."""
        used = np.flatnonzero(self._across[slices.start : slices.stop].any(axis=0))
        return range(int(used[0]), int(used[-1]) + 1)

    def _starts(self, needed: range) -> list[Start]:
        return window_starts(self.shape, self.window, self._settings.overlap, needed)

    def _prepared(
        self, one: Pass, needed: range, runner: Runner, tick: Callable[[], None]
    ) -> NDArray[np.float32]:
        labels = len(self.model.labels) + 1
        first, shape = (needed.start, 0, 0), (len(needed), *self.shape[1:])
        place = self._place_for(runner, labels, shape)
        sums = torch.zeros((labels, *shape), device=place)
        weights = torch.zeros(shape, device=place)
        gaussian = self._importance.to(place)
        starts = self._starts(needed)
        with self._dropout(one):
            for n in range(0, len(starts), self._settings.windows_at_once):
                batch = starts[n : n + self._settings.windows_at_once]
                for start, logits in zip(batch, self._logits(one, batch, runner), strict=True):
                    to, of = overlap_of(start, self.window, first, shape)
                    share = gaussian[of]
                    sums[(slice(None), *to)] += logits[(slice(None), *of)].to(place) * share
                    weights[to] += share
                tick()
        for k in range(len(needed)):  # Slice by slice and in place, to save memory.
            sums[:, k] = torch.softmax(sums[:, k] / weights[k], dim=0)
        return sums.cpu().numpy()

    def _dropout(self, one: Pass) -> contextlib.AbstractContextManager[None]:
        if one.sample is None:
            return contextlib.nullcontext()
        return dropped(self.model.network, (self._settings.seed, one.sample))

    def _logits(self, one: Pass, starts: Sequence[Start], runner: Runner) -> Tensor:
        cut = torch.stack([cut_window(self._image, start, self.window) for start in starts])
        is_2d = self.model.preprocessing.dims == 2
        seen = cut[:, :, 0] if is_2d else cut
        logits = runner.run(self.model.network, torch.flip(seen, one.flip))
        logits = torch.flip(logits, one.flip)
        return logits[:, :, None] if is_2d else logits

    def _place_for(self, runner: Runner, labels: int, shape: Sequence[int]) -> torch.device:
        if runner.device.type != "cuda":
            return torch.device("cpu")
        free = memory_of(runner.device) or 0
        wanted = 4 * (labels + 1) * int(np.prod(shape))
        return runner.device if 4 * wanted < free else torch.device("cpu")

"""What a network sees of a unit: windows of the prepared image that cover it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.prediction.windows import cut_window, overlap_of, starts, window_of
from ImperfectSegLogic.training.model_file import TrainedModel
from ImperfectSegLogic.training.orientation import canonical_turn

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Windows:
    """Some windows.

    Attributes:
        seen: Shape (window, channel, *space).
        inside: Which voxels belong to the unit, shape (window, *space).
    """

    seen: Tensor
    inside: Tensor


class UnitWindows:
    """Prepares an image once, and cuts windows for its units.

    A unit that is smaller than a window is in the middle of one, with what is around it.
    """

    def __init__(self, model: TrainedModel, volume: Volume) -> None:
        """Prepares the image.

        Raises:
            ValueError: If the image does not suit the model.
        """
        self._model, self._shape = model, volume.geometry.shape
        self._turn = canonical_turn(volume.geometry, model.preprocessing.dims)
        self._image = torch.from_numpy(model.preprocessing.prepare(volume))
        self._window = window_of(model)

    def batches(self, unit: Unit, at_once: int) -> Iterator[Windows]:
        """Gives windows that cover a unit, some at a time."""
        box = self._box(unit)
        first, size = [low for low, _ in box], [high - low for low, high in box]
        k, j, i = (
            [low + start for start in starts(high - low, window, 0.0)]
            for (low, high), window in zip(box, self._window, strict=True)
        )
        every = list(itertools.product(k, j, i))
        for n in range(0, len(every), at_once):
            seen, inside = [], []
            for start in every[n : n + at_once]:
                seen.append(cut_window(self._image, start, self._window))
                own = torch.zeros(self._window, dtype=torch.bool)
                own[overlap_of(start, self._window, first, size)[1]] = True
                inside.append(own)
            both = torch.stack(seen), torch.stack(inside)
            if self._model.preprocessing.dims == 2:
                both = both[0][:, :, 0], both[1][:, 0]
            yield Windows(*both)

    def _box(self, unit: Unit) -> Box:
        """Gives where a unit is on the prepared grid, at least one voxel along each axis."""
        place = self._turn.of(unit.slices(self._shape))
        own, prepared = self._turn.of(self._shape), self._image.shape[1:]
        box = []
        for axis, (part, n, m) in enumerate(zip(place, own, prepared, strict=True)):
            low, high = part.start, part.stop
            if self._turn.flipped[axis]:
                low, high = n - high, n - low
            first = min(low * m // n, m - 1)
            box.append((first, max(-(-high * m // n), first + 1)))
        return tuple(box)

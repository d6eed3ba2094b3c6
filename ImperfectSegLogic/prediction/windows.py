"""Windows that a network looks through, one after the other, until it has seen the whole image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from monai.data.utils import compute_importance_map
from torch import Tensor

from ImperfectSegLogic.training.model_file import TrainedModel

Start = tuple[int, int, int]


def window_of(model: TrainedModel) -> tuple[int, int, int]:
    """Gives the size (slice, row, column) of a model's windows: what it was trained on."""
    k, j, i = (1, *model.patch) if model.preprocessing.dims == 2 else model.patch
    return k, j, i


def starts(size: int, window: int, overlap: float) -> list[int]:
    """Gives where windows start along one axis, evenly spread from one end to the other.

    Where the image is smaller than the window there is one, around the image's middle, which
    starts before the image.
    """
    if size <= window:
        return [-((window - size) // 2)]
    step = max(int(window * (1 - overlap)), 1)
    count = math.ceil((size - window) / step) + 1
    return [int(n) for n in np.linspace(0, size - window, count).round()]


def window_starts(
    shape: Sequence[int], window: Sequence[int], overlap: float, slices: range
) -> list[Start]:
    """Gives where windows start that reach into some slices of an image.

    Args:
        shape: Of the image, (slice, row, column).
        window: Size of the windows, in the same order.
        overlap: Share of a window that the next one covers again.
        slices: Consecutive slices.
    """
    k, j, i = (starts(n, w, overlap) for n, w in zip(shape, window, strict=True))
    k = [one for one in k if one < slices.stop and one + window[0] > slices.start]
    return list(itertools.product(k, j, i))


def importance(window: Sequence[int]) -> Tensor:
    """Gives how much each voxel of a window counts: a Gaussian, as borders see less context."""
    made = compute_importance_map(tuple(window), mode="gaussian", sigma_scale=0.125)
    return torch.as_tensor(made, dtype=torch.float32)


def cut_window(image: Tensor, start: Start, window: Sequence[int]) -> Tensor:
    """Cuts a window out of an image (channel, slice, row, column), with 0 beyond the image.

    0 is the mean of normalized gray values, and what samples have there in training.
    """
    shape = image.shape[1:]
    inside, place = overlap_of(start, window, (0, 0, 0), shape)
    if all(p == slice(0, w) for p, w in zip(place, window, strict=True)):
        return image[(slice(None), *inside)]
    made = image.new_zeros((image.shape[0], *window))
    made[(slice(None), *place)] = image[(slice(None), *inside)]
    return made


def overlap_of(
    start: Sequence[int], size: Sequence[int], first: Sequence[int], shape: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Gives what two boxes have in common, seen from the second and from the first.

    Args:
        start: Where the first box starts.
        size: Of the first box.
        first: Where the second box starts.
        shape: Of the second box.
    """
    inside, place = [], []
    for a, n, b, m in zip(start, size, first, shape, strict=True):
        low, high = max(a, b), min(a + n, b + m)
        inside.append(slice(low - b, high - b))
        place.append(slice(low - a, high - a))
    return tuple(inside), tuple(place)

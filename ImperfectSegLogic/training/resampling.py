"""Images, labels and probabilities at another number of voxels for the same place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

Shape = tuple[int, int, int]


def resized(array: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """Interpolates linearly; where it shrinks, averages over what a voxel covers (anti-aliasing).

    Borders of voxels stay where they are, so that the whole covers the same place.

    Args:
        array: Shape (slice, row, column).
        shape: How many voxels there are to be.

    Returns:
        The array itself if it has this shape, else a new one.
    """
    if array.shape == shape:
        return array
    steps = [_in_slices, _across_slices]
    if shape[0] < array.shape[0]:
        steps.reverse()  # What shrinks first leaves less to do.
    made = torch.from_numpy(np.require(array, requirements=("C", "W")))
    for step in steps:
        made = step(made, shape)
    return np.asarray(made.contiguous().numpy(), dtype=np.float32)


def nearest(labels: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Gives each voxel of another shape the label of the nearest one; a new array."""
    places = [
        np.minimum(((np.arange(to) + 0.5) * n / to).astype(np.int64), n - 1)
        for n, to in zip(labels.shape, shape, strict=True)
    ]
    return np.ascontiguousarray(labels[np.ix_(*places)])


def weights_across(before: int, after: int) -> NDArray[np.float32]:
    """Gives what share each slice before has in each slice after `resized`, (after, before)."""
    if before == after:
        return np.eye(before, dtype=np.float32)
    made = _linear(torch.eye(before)[None, None], (after, before))[0, 0]
    return np.asarray(made.numpy(), dtype=np.float32)


def _in_slices(array: Tensor, shape: Shape) -> Tensor:
    if tuple(array.shape[1:]) == shape[1:]:
        return array
    return _linear(array[:, None], shape[1:])[:, 0]


def _across_slices(array: Tensor, shape: Shape) -> Tensor:
    if array.shape[0] == shape[0]:
        return array
    rows, columns = array.shape[1:]
    flat = _linear(array.reshape(1, 1, array.shape[0], rows * columns), (shape[0], rows * columns))
    return flat.reshape(shape[0], rows, columns)


def _linear(array: Tensor, size: tuple[int, ...]) -> Tensor:
    return interpolate(array, size=size, mode="bilinear", align_corners=False, antialias=True)

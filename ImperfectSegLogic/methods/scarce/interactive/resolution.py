"""Lower resolution and back, a slab at a time, so that large images can be cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report

Factor = tuple[int, ...]

SLAB = 2_000_000
"""Voxels that are worked on between two reports."""


def pooled(values: Floats, factor: Factor) -> Floats:
    """Gives means over blocks of `factor` voxels; the last block may be smaller."""
    for axis, f in enumerate(factor):
        if f == 1:
            continue
        first = np.take(values, range(0, values.shape[axis], f), axis=axis)
        counts = np.ones(first.shape[axis], dtype=np.float32)
        for shift in range(1, f):
            part = [slice(None)] * values.ndim
            part[axis] = slice(shift, None, f)
            other = values[tuple(part)]
            pairs = [slice(None)] * values.ndim
            pairs[axis] = slice(0, other.shape[axis])
            first[tuple(pairs)] += other
            counts[: other.shape[axis]] += 1
        values = first / counts.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return values


def averaged(image: NDArray[Any], factor: Factor, report: Report) -> Floats:
    """Gives an image as 32-bit numbers, means over blocks of `factor` voxels."""
    shape = tuple(-(-n // f) for n, f in zip(image.shape, factor, strict=True))
    result = np.empty(shape, dtype=np.float32)
    for start, stop in _slabs(shape[0], int(np.prod(image.shape)) // shape[0], report):
        part = image[start * factor[0] : stop * factor[0]].astype(np.float32)
        result[start:stop] = pooled(part, factor)
    return result


def stretched(values: Floats, axis: int, length: int, factor: int) -> Floats:
    """Interpolates means over `factor` voxels to `length` voxels along an axis."""
    return _between(values, axis, np.arange(length), factor)


def at_full_resolution(values: Floats, shape: Factor, factor: Factor, report: Report) -> Floats:
    """Interpolates probabilities (label, k, j, i), and makes them sum to 1."""
    result = np.empty((len(values), *shape), dtype=np.float32)
    for start, stop in _slabs(shape[0], len(values) * shape[1] * shape[2], report):
        slab = _between(values, 1, np.arange(start, stop), factor[0])
        for axis in (1, 2):
            slab = stretched(slab, 1 + axis, shape[axis], factor[axis])
        np.divide(slab, slab.sum(axis=0), out=result[:, start:stop])
    return result


def _between(values: Floats, axis: int, at: NDArray[np.int64], factor: int) -> Floats:
    if factor == 1:
        return np.take(values, at, axis)
    position = np.clip((at - (factor - 1) / 2) / factor, 0, values.shape[axis] - 1)
    low = position.astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [-1 if a == axis else 1 for a in range(values.ndim)]
    share = (position - low).astype(np.float32).reshape(shape)
    return np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share


def _slabs(count: int, voxels: int, report: Report) -> Iterator[tuple[int, int]]:
    """Gives ranges of planes, each with about `SLAB` voxels; reports before each."""
    planes = max(1, SLAB // max(voxels, 1))
    for start in range(0, count, planes):
        report(start / count)
        yield start, min(start + planes, count)

"""How far the gray values of an image spread, so that settings suit images of any scale."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.data import Volume

_ENOUGH = 100_000
"""Voxels that tell percentiles well enough, so that a slice is as fast in a large image."""


def gray_spread(volume: Volume) -> tuple[float, ...]:
    """Gives the 99th less the 1st percentile of each channel of the whole image, in gray values.

    The same for every part of an image. Where most voxels are alike, the whole range; 1 where all
    are. Voxels that are not finite do not count.
    """
    array = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
    return tuple(_spread(channel.reshape(-1)) for channel in array)


def _spread(values: np.ndarray[tuple[int], np.dtype[np.generic]]) -> float:
    # An odd step does not fall in step with rows and columns.
    step = len(values) // _ENOUGH | 1
    some = values[::step].astype(np.float64)
    some = some[np.isfinite(some)]
    if not len(some):
        return 1.0
    low, high = np.percentile(some, (1, 99))
    if low == high:
        finite = values[np.isfinite(values)].astype(np.float64)
        low, high = finite.min(), finite.max()
    return float(high - low) or 1.0

"""What the default network sees: the image, a first answer, and prompts as maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data import Prediction, Region
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.resolution import averaged
from ImperfectSegLogic.methods.scarce.interactive.window import Window

CHANNELS = ("image", "denoised", "answer", "positive", "negative", "box", "previous")
"""What the channels are, in their order."""
ANSWER = CHANNELS.index("answer")
NEAR = 5.0
"""A prompt counts 1/e at this distance, in voxels of the finest axis."""


def image_channels(raw: NDArray[Any], window: Window) -> Floats:
    """Gives the channels that show the image, shape (2, k, j, i).

    Args:
        raw: Gray values of the window's region, at full resolution.
        window: The same without noise.
    """
    values = averaged(raw, window.step, lambda _: None)
    values = (values - values.mean()) / max(float(values.std()), 1e-6)
    return np.stack([np.clip(values, -4, 4), window.gray]).astype(np.float32)


def label_channels(
    window: Window,
    answer: Floats,
    seeds: NDArray[np.int64],
    channel: int,
    box: Floats | None,
    previous: Prediction | None,
    label: int,
) -> Floats:
    """Gives the channels that are about one label, shape (5, k, j, i).

    Args:
        window: The grid that the network sees.
        answer: Probability of the label by the first answer.
        seeds: The channel of each seed's label, -1 elsewhere.
        channel: The label's own.
        box: 1 where a box allows the label, -1 where not; None if there is no box.
        previous: An earlier answer; None if there is none.
        label: Its number.
    """
    return np.stack(
        [
            answer,
            _nearness(seeds == channel, window.spacing),
            _nearness((seeds >= 0) & (seeds != channel), window.spacing),
            np.zeros_like(answer) if box is None else box,
            _before(previous, label, window),
        ]
    ).astype(np.float32)


def _nearness(at: NDArray[np.bool_], spacing: tuple[float, float, float]) -> Floats:
    """Gives 1 at some voxels, less the farther away from them, 0 everywhere if there are none."""
    if not at.any():
        return np.zeros(at.shape, dtype=np.float32)
    finest = min(s for s, n in zip(spacing, at.shape, strict=True) if n > 1)
    distance = ndimage.distance_transform_edt(~at, sampling=[s / finest for s in spacing])
    return np.exp(distance / -NEAR).astype(np.float32)


def _before(previous: Prediction | None, label: int, window: Window) -> Floats:
    """Gives 1 where an earlier answer says the label, -1 where another, 0 where it says nothing."""
    if previous is None or label not in previous.labels:
        return np.zeros(window.gray.shape, dtype=np.float32)
    said = np.where(previous.region_labels() == label, np.float32(1), np.float32(-1))
    whole = np.zeros(window.region.shape, dtype=np.float32)
    to, of = _shared(window.region, previous.region)
    whole[to] = said[of]
    return averaged(whole, window.step, lambda _: None)


def _shared(region: Region, other: Region) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Gives the voxels that two regions share, as slices of the one and of the other."""
    low = np.maximum(region.start, other.start)
    high = np.maximum(np.minimum(region.stop, other.stop), low)
    return (
        tuple(slice(a - s, b - s) for a, b, s in zip(low, high, region.start, strict=True)),
        tuple(slice(a - s, b - s) for a, b, s in zip(low, high, other.start, strict=True)),
    )

"""From gray values of any range to those that networks learn well from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMES = ("zscore", "ct", "none")


@dataclass(frozen=True)
class ChannelIntensity:
    """How the gray values of one channel are normalized.

    Attributes:
        scheme: `zscore` takes the image's own mean and standard deviation (an image with one
            value only becomes 0 everywhere); `ct` clips to `low` and `high` and takes `mean` and
            `std` of the data set, as gray values of CT mean the same in every image; `none` leaves
            them as they are.
        low: Darkest value for `ct`.
        high: Brightest value for `ct`.
        mean: What becomes 0 with `ct`.
        std: What becomes 1 with `ct`.

    Raises:
        ValueError: If one of them is not allowed.
    """

    scheme: str = "zscore"
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(
                f"intensity scheme: got {self.scheme!r}, allowed are {', '.join(SCHEMES)}."
            )
        numbers = (self.low, self.high, self.mean, self.std)
        good = all(math.isfinite(n) for n in numbers) and self.std > 0
        if not good or (self.scheme == "ct" and self.low >= self.high):
            raise ValueError(
                f"intensity: got low {self.low}, high {self.high}, mean {self.mean}, std"
                f" {self.std}, allowed are finite numbers with low < high and std > 0."
            )


def normalized(gray: NDArray[Any], said: ChannelIntensity, name: str) -> NDArray[np.float32]:
    """Normalizes one channel, slice by slice to save memory.

    Args:
        gray: Shape (slice, row, column).
        said: How.
        name: What the image is called in messages.

    Returns:
        A new array of the same shape.

    Raises:
        ValueError: If there are NaN or infinite voxels.
    """
    made = np.empty(gray.shape, dtype=np.float32)
    mean, std = _mean_and_std(gray, name)
    if said.scheme == "ct":
        mean, std = said.mean, said.std
    for to, one in zip(made, gray, strict=True):
        if said.scheme == "none":
            to[...] = one
        elif said.scheme == "ct":
            to[...] = (np.clip(one.astype(np.float64), said.low, said.high) - mean) / std
        else:
            to[...] = (one.astype(np.float64) - mean) / std
    return made


def _mean_and_std(gray: NDArray[Any], name: str) -> tuple[float, float]:
    # Copies of slices lie in memory in one order, however the image does: the sums are the same
    # bit by bit.
    total = math.fsum(float(one.astype(np.float64).ravel().sum()) for one in gray)
    if not math.isfinite(total):
        bad = int(gray.size - np.count_nonzero(np.isfinite(gray)))
        raise ValueError(
            f"{name}: got {bad} NaN or infinite voxels of {gray.size}, allowed are finite numbers."
            " Replace them, for example with the background value."
        )
    mean = total / gray.size
    squares = math.fsum(float(((one.astype(np.float64).ravel() - mean) ** 2).sum()) for one in gray)
    std = math.sqrt(squares / gray.size)
    if std <= 1e-9 * abs(mean):  # One value only; rounding of the mean leaves some dust.
        return float(gray.flat[0]), 1.0
    return mean, std

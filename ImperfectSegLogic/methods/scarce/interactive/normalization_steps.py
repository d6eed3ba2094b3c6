"""How gray values are normalized for networks that somebody else trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats

Step = Callable[[Floats], Floats]
"""Normalizes a prepared image (channel, slice, row, column)."""


def ranged(
    low: float, high: float, to_low: float = 0.0, to_high: float = 1.0, clip: bool = True
) -> Step:
    """Gives a step that maps `low` to `to_low` and `high` to `to_high`."""
    if not low < high:
        raise ValueError(f"normalization: got low {low} and high {high}, allowed is low < high.")

    def step(image: Floats) -> Floats:
        share = (image - np.float32(low)) / np.float32(high - low)
        made = share * np.float32(to_high - to_low) + np.float32(to_low)
        return np.clip(made, min(to_low, to_high), max(to_low, to_high)) if clip else made

    return step


def normalized(nonzero: bool = False, by_channel: bool = True) -> Step:
    """Gives a step to mean 0 and standard deviation 1, of voxels that are not 0 if asked for."""

    def step(image: Floats) -> Floats:
        parts = image if by_channel else image[None]
        made = np.empty_like(parts)
        for to, part in zip(made, parts, strict=True):
            seen = part != 0 if nonzero else np.ones(part.shape, dtype=bool)
            values = part[seen].astype(np.float64)
            std = float(values.std()) if values.size else 0.0
            mean = float(values.mean()) if values.size else 0.0
            to[...] = np.where(seen, (part - mean) / (std or 1.0), part)
        return made if by_channel else made[0]

    return step


def scaled(to_low: float = 0.0, to_high: float = 1.0) -> Step:
    """Gives a step that maps the darkest value to `to_low` and the brightest to `to_high`."""

    def step(image: Floats) -> Floats:
        low, high = float(image.min()), float(image.max())
        return ranged(low, high if high > low else low + 1, to_low, to_high, clip=False)(image)

    return step


def normalization(said: Any) -> Step:
    """Gives a step from plain JSON: a scheme's name, or a scheme with its arguments.

    Raises:
        ValueError: If there is no such scheme.
        TypeError: If an argument is missing or not known.
    """
    scheme, more = (said, {}) if isinstance(said, str) else (said.get("scheme"), dict(said))
    more.pop("scheme", None)
    makers: dict[Any, Callable[..., Step]] = {
        "none": lambda: lambda image: image,
        "zscore": normalized,
        "range": ranged,
        "minmax": scaled,
    }
    if scheme not in makers:
        raise ValueError(f"normalization: got {scheme!r}, allowed are {', '.join(makers)}.")
    return makers[scheme](**more)

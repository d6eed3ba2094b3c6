"""What the gray values of the seeds say about the voxels around them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.rasterize import Voxels
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import BIN_RANGE, Window

_SAMPLES = 24
"""Seeds of a label whose gray values are looked at, evenly among all of them."""
_FAINT = np.float32(1e-6)
"""Weight of a seed beyond all reach, so that some seed counts everywhere."""


def likeness(
    window: Window,
    seeds: Voxels,
    ranks: NDArray[np.int64],
    settings: Settings,
    report: Callable[[], None],
) -> Floats:
    """Tells how much each voxel's gray value is like that of a label's seeds around it.

    Near seeds outweigh far ones, and the later a prompt, the shorter its reach: the first ones
    tell what the object looks like everywhere, the others correct what is wrong where they are.
    Were all equal, one correction would teach a wrong gray value to the whole region.

    Args:
        window: The image.
        seeds: Voxels of the window with the label, shape (N, 3).
        ranks: How many corrections were made up to each of them, 0 for first prompts.
        settings: Those of the method.
        report: Called between seeds.

    Returns:
        0 (unlike, or out of reach) to 1 (alike), shape (k, j, i).
    """
    alike, weights, cover = (np.zeros(window.gray.shape, dtype=np.float32) for _ in range(3))
    every = np.linspace(0, len(seeds) - 1, min(len(seeds), _SAMPLES)).round().astype(int)
    gray = np.linspace(*BIN_RANGE, 256, dtype=np.float32)
    for place, rank in zip(seeds[every], ranks[every].tolist(), strict=True):
        report()
        reach = max(settings.reach * settings.recede**rank, settings.least_reach)
        within, away = _around(window, place, reach)
        np.maximum(cover, within, out=cover)
        within += _FAINT
        within /= away + np.float32(settings.core**2)
        weights += within
        value = _gray_around(window, place)
        table = np.exp(-np.square((gray - value) / settings.likeness) / 2).astype(np.float32)
        within *= table[window.bins]
        alike += within
    if len(seeds):
        alike *= cover
        alike /= weights
    return alike


def _around(window: Window, place: NDArray[np.int64], reach: float) -> tuple[Floats, Floats]:
    """Gives how much voxels are in reach of a place, 0 to 1, and their squared distances."""
    k, j, i = (
        np.square((np.arange(n) - p) * s).astype(np.float32)
        for n, p, s in zip(window.gray.shape, place, window.spacing, strict=True)
    )
    near = [np.exp(-square / np.float32(2 * reach**2)) for square in (k, j, i)]
    within = near[0][:, None, None] * (near[1][:, None] * near[2])
    return within, k[:, None, None] + (j[:, None] + i)


def _gray_around(window: Window, place: NDArray[np.int64]) -> float:
    cut = tuple(
        slice(max(p - r, 0), p + r + 1)
        for p, r in zip(place.tolist(), window.radius(2.0), strict=True)
    )
    return float(np.median(window.gray[cut]))

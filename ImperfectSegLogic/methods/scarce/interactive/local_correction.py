"""Corrects a segmentation where prompts contradict it, and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.geodesic import (
    Floats,
    Report,
    geodesic_distance,
)
from ImperfectSegLogic.methods.scarce.interactive.likeness import likeness
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.window import Window

REACH = 1.4
"""Geodesic distance that a correction reaches; what looks alike ends after about 16 voxels."""
_FAR = np.float32(1e4)
_NEAR = np.float32(1e-3)


def corrected(
    probabilities: Floats,
    seeds: NDArray[np.int64],
    window: Window,
    settings: Settings,
    report: Report,
) -> Floats:
    """Lets what is near a contradicting seed, and looks like it, go with the seed.

    Distance is geodesic: cheap where gray values are like the seed's, dear across edges. A seed
    that the segmentation agrees with changes nothing by itself, but holds off others.

    Args:
        probabilities: What is to be corrected, shape (label, k, j, i).
        seeds: The channel of each seed's label, -1 elsewhere, shape (k, j, i).
        window: The image.
        settings: How likeness and distances are measured.
        report: Told how far it is.

    Returns:
        Probabilities that sum to 1; the given ones if no seed contradicts them.
    """
    said = np.argmax(probabilities, axis=0)
    places = [np.argwhere((seeds == c) & (said != c)) for c in range(len(probabilities))]
    channels = [c for c, wrong in enumerate(places) if len(wrong)]
    if not channels:
        return probabilities
    cost = np.stack([_cost(window, places[c], settings, report) for c in channels])
    start = np.full((2, *cost.shape), np.inf, dtype=np.float32)
    for number, channel in enumerate(channels):
        start[(0, number, *places[channel].T)] = 0
        start[1, number][(seeds >= 0) & (seeds != channel)] = 0
    distance = geodesic_distance(
        start.reshape(-1, *said.shape),
        np.concatenate([cost, cost]),
        window.spacing,
        lambda f: report(0.3 + 0.7 * f),
    )
    near, others = np.minimum(distance, _FAR).reshape(start.shape) + _NEAR
    weight = np.exp(-np.square(near / np.float32(REACH)))
    weight *= np.square(others) / (np.square(near) + np.square(others))
    total = weight.sum(axis=0)
    weight /= np.maximum(total, 1)
    answer = probabilities * (1 - np.minimum(total, 1))
    answer[channels] += weight
    return answer


def _cost(window: Window, places: NDArray[np.int64], settings: Settings, report: Report) -> Floats:
    """Gives the price of a unit of length for one label.

    Unlike the geodesic walker's, edges cost only what is not alike: else a rim of what is taken
    back would stay, and a correction has no later prompts that fill it.
    """
    alike = likeness(window, places, np.ones(len(places), np.int64), settings, lambda: report(0.1))
    price = 1 + np.float32(settings.edge_price) * window.edges
    return np.asarray(np.float32(settings.length_price) + (1 - alike) * price, dtype=np.float32)

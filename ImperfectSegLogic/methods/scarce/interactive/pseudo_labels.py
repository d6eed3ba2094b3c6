"""What an image teaches a network about itself: the labels of a graph cut, and where to trust them.

Wang 2018a, section III-C: scribbled voxels count most, uncertain ones not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data import Region
from ImperfectSegLogic.methods.scarce.interactive.geodesic import (
    Floats,
    Report,
    geodesic_distance,
)
from ImperfectSegLogic.methods.scarce.interactive.smoothing import Spacing, gradient_length

_FLAT = np.float32(1e-4)
"""Price of a unit of length where gray values do not change; distances need one above 0."""
MOST_ISLANDS = 0.3
"""Part of a segment that parts without a seed may make to be taken for errors."""
COMPACT = 0.55
"""Part of each side of its bounding box that a compact thing fills; vessels and walls fill less."""


@dataclass(frozen=True)
class Trust:
    """How much voxels count.

    Attributes:
        seed: Weight of a voxel that the user named; all others have 1 or 0.
        near: Geodesic distance from a seed within which other predictions are not believed.
        low: From this probability of a segment on, background is not believed.
        high: Up to this probability, a segment is not believed.
    """

    seed: float
    near: float
    low: float
    high: float


def seed_distances(
    seeds: NDArray[np.int64], labels: int, gray: Floats, spacing: Spacing, report: Report
) -> Floats:
    """Gives how much gray values change on the way from each label's seeds to every voxel.

    Args:
        seeds: The channel that a voxel has for certain, -1 where none, shape (k, j, i).
        labels: Number of channels.
        gray: Gray values, about 0 to 1, shape (k, j, i).
        spacing: Distance of neighboring voxels along k, j, i.
        report: Told how far it is.

    Returns:
        Geodesic distances, infinite for labels without seeds, shape (label, k, j, i).
    """
    start = np.full((labels, *seeds.shape), np.inf, dtype=np.float32)
    at: Any = np.nonzero(seeds >= 0)
    start[(seeds[at], *at)] = 0
    price = gradient_length(gray, spacing) + _FLAT
    return geodesic_distance(start, np.broadcast_to(price, start.shape), spacing, report)


def trust_weights(
    probabilities: Floats, seeds: NDArray[np.int64], distances: Floats, trust: Trust
) -> Floats:
    """Weighs voxels for the next steps of a network (Wang 2018a, section III-C).

    With one segment as in the paper: 0 where its probability is between `low` and `high`, and where
    a seed is near whose label is not the predicted one. With several, the predicted label is the
    one asked: background by `low`, all others by `high`.

    Args:
        probabilities: The network's, shape (label, k, j, i).
        seeds: The channel that a voxel has for certain, -1 where none, shape (k, j, i).
        distances: From the seeds of each label, shape (label, k, j, i).
        trust: How much voxels count.

    Returns:
        Weights from 0, shape (k, j, i).
    """
    predicted = np.argmax(probabilities, axis=0)
    sure = np.take_along_axis(probabilities, predicted[np.newaxis], axis=0)[0]
    unsure = sure < np.where(predicted == 0, 1 - trust.low, trust.high)
    near = distances < trust.near
    np.put_along_axis(near, predicted[np.newaxis], False, axis=0)
    weights = np.where(unsure | near.any(axis=0), 0, 1).astype(np.float32)
    weights[seeds >= 0] = trust.seed
    return weights


def without_islands(labels: NDArray[np.int64], seeds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Makes background of small parts that no seed is in, of compact segments that have seeds.

    What may well be in many parts keeps them all: a segment of which such parts make more than
    `MOST_ISLANDS`, or whose largest part with a seed is thin and far-flung, such as vessels.

    Args:
        labels: The channel of each voxel's label, shape (k, j, i).
        seeds: The channel that a voxel has for certain, -1 where none, shape (k, j, i).
    """
    kept = labels.copy()
    for channel in np.unique(seeds[seeds > 0]):
        parts, count = ndimage.label(labels == channel)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        named = np.zeros(count + 1, dtype=bool)
        named[parts[seeds == channel]] = True
        named[0] = False
        sizes[0] = 0
        few = sizes[~named].sum() <= MOST_ISLANDS * sizes.sum()
        if few and named.any() and _is_compact(parts == np.argmax(sizes * named)):
            kept[(labels == channel) & ~named[parts]] = 0
    return kept


def _is_compact(mask: NDArray[np.bool_]) -> bool:
    box = mask[Region.around(np.argwhere(mask)).slices]
    axes = sum(n > 1 for n in box.shape)
    return bool(np.count_nonzero(box) >= COMPACT**axes * box.size)

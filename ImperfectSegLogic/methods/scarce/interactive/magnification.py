"""Small 2-D images are worked on magnified: what is right for a few pixels is too coarse there.

Widths of smoothing, borders and layers are meant for objects of some ten pixels across. In a patch
of 48 x 48 pixels an object has often five.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ImperfectSegLogic.data import Geometry, Prediction, Region, Volume
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.resolution import pooled
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds

SMALL = 64
"""Images whose shorter side has fewer pixels are magnified."""
TIMES = 3
"""Odd, so that the middle of a pixel is the middle of one when magnified."""


def magnification_of(geometry: Geometry) -> Index:
    """Gives by how much an image is magnified along k, j, i; 1 where it is not."""
    sides = [n for n in geometry.shape if n > 1]
    if len(sides) != 2 or min(sides) >= SMALL:
        return 1, 1, 1
    k, j, i = (TIMES if n > 1 else 1 for n in geometry.shape)
    return k, j, i


def magnified(volume: Volume, times: Index) -> Volume:
    """Gives an image with more voxels in the same place, linearly interpolated."""
    if times == (1, 1, 1):
        return volume
    array = ndimage.zoom(
        volume.array.astype(np.float32), times, order=1, mode="nearest", grid_mode=True
    )
    # In the matrix the axes are i, j, k. The first voxel's middle moves towards its corner.
    smaller = np.diag([*(1 / t for t in reversed(times)), 1.0])
    smaller[:3, 3] = [(1 / t - 1) / 2 for t in reversed(times)]
    return Volume(array, volume.ijk_to_ras @ smaller, volume.name)


def magnified_prediction(before: Prediction, times: Index, geometry: Geometry) -> Prediction:
    """Gives an answer on the magnified grid, each voxel repeated.

    Args:
        before: On the image's own grid.
        times: How much finer the magnified grid is along k, j, i.
        geometry: The magnified grid.
    """
    if max(times) == 1:
        return before
    probabilities = before.probabilities
    for axis, t in enumerate(times, start=1):
        probabilities = np.repeat(probabilities, t, axis=axis)
    region = before.region
    start = tuple(a * t for a, t in zip(region.start, times, strict=True))
    stop = tuple(b * t for b, t in zip(region.stop, times, strict=True))
    found = Region(start, stop)  # type: ignore[arg-type]
    return Prediction(probabilities, before.labels, found, geometry, before.provenance)


def reduced(found: Prediction, times: Index, geometry: Geometry, seeds: Seeds) -> Prediction:
    """Brings an answer back to the image's own grid; prompted voxels are certain.

    Args:
        found: On the magnified grid.
        times: How much finer that is along k, j, i.
        geometry: The image's own grid.
        seeds: The prompts, voxel by voxel of the image's own grid.
    """
    if max(times) == 1:
        return found
    pairs = list(zip(found.region.start, found.region.stop, times, strict=True))
    start = tuple(a // t for a, _, t in pairs)
    stop = tuple(-(-b // t) for _, b, t in pairs)
    beyond = [(a % t, -b % t) for a, b, t in pairs]
    whole: Floats = np.pad(found.probabilities, [(0, 0), *beyond])
    whole[0][whole.sum(axis=0) == 0] = 1  # Outside of the region all is background.
    means = np.stack([pooled(one, times) for one in whole])
    at = tuple((seeds.voxels - np.array(start)).T)
    labels = np.array(found.labels)
    there = means[(slice(None), *at)]
    # "Not this one" may mean another segment: the likeliest of the others.
    there[labels[:, None] == np.where(seeds.denied > 0, seeds.denied, -1)] = -1
    meant = np.where(seeds.denied > 0, labels[there.argmax(axis=0)], seeds.labels)
    means[(slice(None), *at)] = 0
    means[(np.searchsorted(labels, meant), *at)] = 1
    region = Region(start, stop)  # type: ignore[arg-type]
    return Prediction(means, found.labels, region, geometry, found.provenance, found.notes)

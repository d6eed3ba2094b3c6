"""What prompts say beside a network's answer: which label is meant, and where an object is."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.scarce.interactive.denials import channels_meant
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.network_engine import Prepared
from ImperfectSegLogic.methods.scarce.interactive.window import Window

P = TypeVar("P", bound=Prepared)
_CORE = 0.7
"""How deep in a box its middle begins, as part of the greatest depth."""


def gray_of(volume: Volume) -> Volume:
    """Gives one gray value per voxel: the mean of normalized channels, if there are several.

    Raises:
        ValueError: If there is one value only.
    """
    if volume.channels == 1:
        array = volume.array if volume.array.ndim == 3 else volume.array[0]
    else:
        every = [one.astype(np.float32) for one in volume.array]
        array = np.mean([(one - one.mean()) / max(float(one.std()), 1e-9) for one in every], axis=0)
    gray = Volume(array, volume.ijk_to_ras, volume.name)
    gray.check_scalar()
    return gray


def meant(prepared: P, window: Window, prior: Floats) -> P:
    """Finds out what "not this segment" means by what the network says.

    Args:
        prepared: With the prompts, where such voxels are background so far.
        window: The working grid.
        prior: What the network says, shape (label, k, j, i).
    """
    seeds = prepared.voxels
    open_ = seeds.denied > 0
    if len(seeds.segments) < 2 or not open_.any():
        return prepared
    places = window.places(seeds.voxels[open_])
    chances = prior[(slice(None), *places.T)]
    channels = channels_meant(chances, prepared.labels, seeds.denied[open_])
    labels = seeds.labels.copy()
    labels[open_] = np.array(prepared.labels)[channels]
    grid = prepared.seeds.copy()
    grid[tuple(places.T)] = channels
    return replace(prepared, voxels=replace(seeds, labels=labels), seeds=grid)


def with_cores(prepared: Prepared, prior: Floats) -> NDArray[np.int64]:
    """Gives the seeds, and the middle of boxes in which the network finds nothing.

    Args:
        prepared: With the prompts.
        prior: What the network says, shape (label, k, j, i).

    Returns:
        As `Prepared.seeds`.
    """
    said, hints = np.argmax(prior, axis=0), prepared.seeds.copy()
    for channel, label in enumerate(prepared.labels):
        found = (hints == channel).any() or (said == channel).any()
        if label in prepared.voxels.boxes and not found:
            inside = np.pad(prepared.allowed[channel], 1)
            depth = ndimage.distance_transform_edt(inside, sampling=prepared.spacing)
            depth = depth[1:-1, 1:-1, 1:-1]
            hints[(depth >= _CORE * depth.max()) & (hints < 0)] = channel
    return hints

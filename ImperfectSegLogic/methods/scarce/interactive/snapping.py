"""The last step of every network engine: what the user pointed at is so, and so is what is near."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Region
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.diffusion import diffuse
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.resolution import at_full_resolution
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.smoothing import Spacing

_CERTAIN = np.float32(1e3)
"""Trust in a seed."""
TRUST = 2.0
"""Trust in the network, as part of what a voxel's neighbors count."""
CONTRAST = 40.0
"""How much a difference of gray values separates two neighbors."""


def snapped(
    probabilities: Floats,
    seeds: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    gray: Floats,
    spacing: Spacing,
    trust: float = TRUST,
) -> Floats:
    """Makes an answer agree with the prompts, and smooth where the image is (Grady 2005).

    A random walker with the answer as its prior and the seeds for certain: where the network
    contradicts a seed, the voxels around it that look alike go with the seed.

    Args:
        probabilities: Shape (label, k, j, i).
        seeds: The channel of each seed's label, -1 elsewhere, shape (k, j, i).
        allowed: Which voxels each label may have, shape (label, k, j, i).
        gray: Gray values, about 0 to 1, shape (k, j, i).
        spacing: Distance of neighboring voxels along k, j, i.
        trust: How much the answer counts, as part of what a voxel's neighbors count.

    Returns:
        Probabilities that sum to 1, 1 at seeds, 0 where not allowed.
    """
    prior = np.where(allowed, probabilities, np.float32(0)).astype(np.float32)
    weight = np.full(gray.shape, trust, dtype=np.float32)
    at: Any = np.nonzero(seeds >= 0)
    prior[(slice(None), *at)] = 0
    prior[(seeds[at], *at)] = 1
    weight[at] = _CERTAIN
    answer = np.empty_like(prior)
    answer[1:] = diffuse(prior[1:], weight, gray, spacing, CONTRAST, lambda _: None)
    answer[0] = np.maximum(1 - answer[1:].sum(axis=0), 0)
    answer[~allowed] = 0
    total = answer.sum(axis=0)
    answer[0][total == 0] = total[total == 0] = 1
    answer /= total
    answer[(slice(None), *at)] = 0
    answer[(seeds[at], *at)] = 1
    return answer


def with_seeds(
    answer: Floats,
    labels: tuple[int, ...],
    seeds: Seeds,
    region: Region,
    step: Index,
    report: Report,
) -> Floats:
    """Brings an answer to the resolution of the image; sums to 1, and prompts are certain.

    Args:
        answer: Probabilities, shape (label, k, j, i) of a working grid.
        labels: The label of each channel, 0 first.
        seeds: The prompts voxel by voxel, all inside the region.
        region: The voxels of the image that the working grid covers.
        step: How many of them are one of the working grid, along k, j, i.
        report: Told how far it is.
    """
    full = at_full_resolution(answer, region.shape, step, report)
    at = tuple((seeds.voxels - np.array(region.start)).T)
    full[(slice(None), *at)] = 0
    full[(np.searchsorted(labels, seeds.labels), *at)] = 1
    return full

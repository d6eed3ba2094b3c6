"""Corrections as images that a network can see: near to them, by geodesic distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, geodesic_distance
from ImperfectSegLogic.methods.scarce.interactive.smoothing import gradient_length

LENGTH_PRICE = 0.02
"""Price of a voxel where the image is even, in standard deviations of gray values."""
_FAR = np.float32(80.0)


def geodesic_maps(images: Floats, places: Sequence[Sequence[NDArray[np.int64]]]) -> Floats:
    """Gives exp(-distance) to the nearest correction, for several images at once.

    The length of a path is how much gray values change along it (wang2018deepigeos, equation 1),
    plus a little for each voxel.

    Args:
        images: Normalized gray values, shape (image, channel, *space), 2-D or 3-D.
        places: For each image, the voxels of each of its maps, each of shape (N, axis).

    Returns:
        Shape (image, map, *space), from 0 to 1; 0 everywhere without corrections.
    """
    space = images.shape[2:]
    flat = (1,) * (3 - len(space))
    count = len(places[0]) if len(places) else 0
    start = np.full((len(images), count, *flat, *space), np.inf, dtype=np.float32)
    cost = np.empty_like(start)
    for n, (image, maps) in enumerate(zip(images, places, strict=True)):
        steep = [gradient_length(gray.reshape(*flat, *space), (1.0, 1.0, 1.0)) for gray in image]
        cost[n] = np.mean(steep, axis=0) + LENGTH_PRICE
        for m, one in enumerate(maps):
            index = np.asarray(one, dtype=np.int64).reshape(-1, len(space))
            start[(n, m, *[0] * len(flat), *index.T)] = 0
    shape = start.shape
    distance = geodesic_distance(
        start.reshape(-1, *shape[2:]), cost.reshape(-1, *shape[2:]), (1.0, 1.0, 1.0), lambda _: None
    )
    near = np.exp(-np.minimum(distance, _FAR))
    near[~np.isfinite(distance)] = 0
    return near.reshape(len(images), count, *space).astype(np.float32)

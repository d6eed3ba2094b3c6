"""Features of units without a network: small pictures of them, and their principal components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume

SIDE_2D, SIDE_3D = 16, 6
CHUNK = 8192
"""Rows that are worked on at once, to save memory."""


def pictures(
    volume: Volume, units: Sequence[Unit], side_2d: int = SIDE_2D, side_3d: int = SIDE_3D
) -> NDArray[np.float16]:
    """Gives a small picture of each unit.

    Gray values are those between the 1st and 99th percentile of the image, as 0 to 1. Voxels are
    averaged, not sampled.

    Args:
        volume: The image.
        units: Parts of it, all of one kind.
        side_2d: Sides of the pictures of slices and patches, in pixels.
        side_3d: Sides of those of volumes.

    Returns:
        Shape (unit, channel * side_2d ** 2) of slices and patches, (unit, channel * side_3d ** 3)
        of volumes; half precision, as there may be many of them.
    """
    array = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
    low, high = np.percentile(array, (1, 99), axis=(1, 2, 3), keepdims=True)
    if not np.isfinite(high).all():
        raise ValueError(f"{volume.name}: got NaN or infinite voxels, allowed are numbers.")
    span = np.where(high > low, high - low, 1)
    made = []
    for unit in units:
        place = unit.slices(volume.geometry.shape)
        part = np.clip((array[(slice(None), *place)] - low) / span, 0, 1)
        sides = [side_3d] * 3
        if unit.axis >= 0:
            sides = [1 if axis == unit.axis else side_2d for axis in range(3)]
        for axis, side in enumerate(sides, start=1):
            part = _shrunk(part, axis, side)
        made.append(part.ravel().astype(np.float16))
    return np.stack(made)


def principal_components(rows: NDArray[np.floating], dims: int) -> NDArray[np.float32]:
    """Gives what a linear auto-encoder with `dims` hidden units would learn of all rows.

    Args:
        rows: Shape (unit, number).
        dims: How many components, fewer if there are fewer numbers.

    Returns:
        Shape (unit, component), with mean 0.
    """
    chunks = [slice(n, n + CHUNK) for n in range(0, len(rows), CHUNK)]
    total = sum(rows[chunk].astype(np.float64).sum(axis=0) for chunk in chunks)
    mean = (total / len(rows)).astype(np.float32)
    products = np.zeros((rows.shape[1],) * 2)
    for chunk in chunks:
        away = rows[chunk].astype(np.float32) - mean
        products += away.T @ away
    axes = np.linalg.eigh(products)[1][:, ::-1][:, :dims].astype(np.float32)
    return np.concatenate([(rows[chunk].astype(np.float32) - mean) @ axes for chunk in chunks])


def _shrunk(array: NDArray[np.floating], axis: int, side: int) -> NDArray[np.floating]:
    """Gives the means of `side` parts along an axis; the nearest voxels where there are fewer."""
    total = array.shape[axis]
    first = np.arange(side) * total // side
    counts = np.maximum(np.diff([*first, total]), 1)
    shape = [side if n == axis else 1 for n in range(array.ndim)]
    return np.add.reduceat(array, first, axis=axis) / counts.reshape(shape)

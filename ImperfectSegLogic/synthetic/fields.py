"""Smooth random fields: what bends shapes, textures tissue and shades images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]
Shape = tuple[int, int, int]


def smooth_noise(rng: np.random.Generator, shape: Shape, lengths: Sequence[float]) -> Field:
    """Draws a smooth field with mean 0 and standard deviation 1.

    Args:
        rng: All chance.
        shape: Number of voxels along k, j, i.
        lengths: Distance of its hills in voxels along k, j, i.
    """
    coarse = [max(2, round(n / length) + 2) for n, length in zip(shape, lengths, strict=True)]
    coarse = [1 if n == 1 else c for n, c in zip(shape, coarse, strict=True)]
    field = rng.standard_normal(coarse).astype(np.float32)
    for axis, (n, c) in enumerate(zip(shape, coarse, strict=True)):
        if c >= n:
            field = np.take(field, range(n), axis)
        elif n > 1:
            field = np.moveaxis(field, axis, -1) @ _spread(c, n, rng.uniform()).T
            field = np.moveaxis(field, -1, axis)
    field -= field.mean()
    return np.ascontiguousarray(field / max(float(field.std()), 1e-6), dtype=np.float32)


def _spread(coarse: int, fine: int, shift: float) -> NDArray[np.float32]:
    """Gives weights (fine, coarse) of a smooth interpolation of few values to many."""
    at = (np.arange(fine) / fine) * (coarse - 1.5) + 0.5 * shift
    distance = np.abs(at[:, None] - np.arange(coarse))
    weights = np.clip(1.5 - distance, 0, None) ** 2 / 2  # Quadratic B-spline.
    weights = np.where(distance < 0.5, 0.75 - distance**2, weights)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def blurred(image: Field, widths: Sequence[float]) -> Field:
    """Gives a field smoothed by Gaussians of some widths in voxels along k, j, i."""
    sigma = [0.0 if n == 1 else w for n, w in zip(image.shape, widths, strict=True)]
    return np.asarray(ndimage.gaussian_filter(image, sigma, truncate=2.5), dtype=np.float32)

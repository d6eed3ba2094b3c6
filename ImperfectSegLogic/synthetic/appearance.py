"""How a label map looks on a scanner nobody built: contrast, texture, shading, blur, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.synthetic.fields import Field, blurred, smooth_noise

FAINT = 0.06
"""The least difference between the target and what is around it; black to white is 1."""


def painted(
    labels: NDArray[np.int16],
    target: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    spots: NDArray[np.bool_] | None = None,
) -> Field:
    """Gives a gray image of a label map; the target can be told from what is around it.

    Args:
        labels: Part numbers, shape (k, j, i).
        target: The voxels of one object, same shape.
        spacing: Distance of neighboring voxels along k, j, i; the shortest is 1.
        rng: All chance.
        spots: Voxels that look different and are yet part of the target, same shape.
    """
    means = _means(labels, target, rng)
    image = means[labels]
    if spots is not None and spots.any():
        image[spots] = _around(means, labels, target) if rng.random() < 0.6 else rng.uniform()
    image = _textured(image, labels, len(means), spacing, rng)
    image = _shaded(image, spacing, rng)
    image = blurred(image, [rng.uniform(0, 1.6) / s for s in spacing])
    image = _coarser(image, rng)
    image = _noisy(image, spacing, rng)
    if rng.random() < 0.3:
        low, high = float(image.min()), float(image.max())
        image = ((image - low) / max(high - low, 1e-6)) ** np.float32(np.exp(rng.normal(0, 0.35)))
    return np.asarray(image * 1000, dtype=np.float32)


def _means(labels: NDArray[np.int16], target: NDArray[np.bool_], rng: np.random.Generator) -> Field:
    """Draws a gray value for each part; few different ones now and then, as in real images."""
    count = int(labels.max()) + 1
    means: Field = rng.uniform(0, 1, count).astype(np.float32)
    if rng.random() < 0.4:
        means = rng.choice(rng.uniform(0, 1, int(rng.integers(2, 5))), count).astype(np.float32)
    own = np.unique(labels[target])
    around = _around(means, labels, target)
    inside = float(means[own].mean())
    wanted = rng.uniform(FAINT, 0.5)
    if abs(inside - around) < wanted:
        sign = 1.0 if rng.random() < (0.5 if inside == around else 0.8) else -1.0
        sign *= 1.0 if inside >= around else -1.0
        means[own] += around + sign * wanted - inside
    return means


def _around(means: Field, labels: NDArray[np.int16], target: NDArray[np.bool_]) -> float:
    """Gives the mean gray value just outside the target."""
    rim = ndimage.binary_dilation(target, iterations=2) & ~target
    return float(means[labels[rim]].mean()) if rim.any() else 0.5


def _textured(
    image: Field,
    labels: NDArray[np.int16],
    count: int,
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
) -> Field:
    """Adds to each part its own strength of two textures, one fine and one coarse."""
    for low, high, most in ((1.0, 4.0, 0.08), (4.0, 25.0, 0.1)):
        if rng.random() < 0.6:
            length = rng.uniform(low, high)
            texture = smooth_noise(rng, image.shape, [length / s for s in spacing])
            strength = (rng.uniform(0, most, count) * (rng.random(count) < 0.6)).astype(np.float32)
            image = image + strength[labels] * texture
    return image


def _shaded(image: Field, spacing: tuple[float, float, float], rng: np.random.Generator) -> Field:
    if rng.random() < 0.3:
        return image
    length = max(n * s for n, s in zip(image.shape, spacing, strict=True)) * rng.uniform(0.4, 1.2)
    shade = smooth_noise(rng, image.shape, [length / s for s in spacing])
    return np.asarray(image * np.exp(rng.uniform(0, 0.3) * shade), dtype=np.float32)


def _coarser(image: Field, rng: np.random.Generator) -> Field:
    """Loses resolution along an axis now and then, as where slices are thick."""
    axes = [axis for axis, n in enumerate(image.shape) if n > 8]
    if rng.random() > 0.25:
        return image
    axis, factor = int(rng.choice(axes)), int(rng.integers(2, 4))
    kept = np.take(image, range(0, image.shape[axis], factor), axis)
    return np.take(np.repeat(kept, factor, axis), range(image.shape[axis]), axis)


def _noisy(image: Field, spacing: tuple[float, float, float], rng: np.random.Generator) -> Field:
    """Adds one kind of noise: white, smooth, speckle, or Rician."""
    strength = np.float32(np.exp(rng.uniform(np.log(0.005), np.log(0.15))))
    white = rng.standard_normal(image.shape, dtype=np.float32)
    kind = rng.choice(["white", "smooth", "speckle", "rician"], p=[0.4, 0.2, 0.2, 0.2])
    if kind == "smooth":
        return image + strength * smooth_noise(
            rng, image.shape, [rng.uniform(1.2, 3.0) / s for s in spacing]
        )
    if kind == "speckle":
        grain = blurred(white, [0.8 / s for s in spacing])
        return np.asarray(image * (1 + 4 * strength * grain), dtype=np.float32)
    if kind == "rician":
        other = rng.standard_normal(image.shape, dtype=np.float32)
        return np.asarray(np.hypot(image + strength * white, strength * other), dtype=np.float32)
    return image + strength * white

"""The random walker with a prior: smooth probabilities that change where the image changes."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.resolution import pooled, stretched
from ImperfectSegLogic.methods.scarce.interactive.smoothing import Spacing

_SMALL = 1_500
"""Grids with fewer voxels are solved without a coarser grid before."""


def diffuse(
    prior: Floats,
    trust: Floats,
    image: Floats,
    spacing: Spacing,
    contrast: float,
    report: Report,
    tolerance: float = 1e-4,
) -> Floats:
    """Smooths probabilities, but not across edges (Grady 2005, with priors).

    Finds x that makes the sum of weight (x_a - x_b)^2 over pairs of neighbors plus the sum of trust
    (x - prior)^2 over voxels least, by conjugate gradients that start from the answer on a coarser
    grid. Trust is relative to the weights around a voxel, so that on an edge, where all weights are
    low, a voxel goes with the neighbor most like it, not with its prior.

    Args:
        prior: Shape (label, k, j, i).
        trust: How much the prior counts in each voxel, as part of what all its neighbors count;
            above 0, shape (k, j, i); high at seeds.
        image: Gray values around 0 to 1, shape (k, j, i).
        spacing: Distance of neighboring voxels along k, j, i.
        contrast: How much a difference of gray values separates two neighbors.
        report: Told how far it is.
        tolerance: Mean error of the equations, of neighbors that weigh 1 in all, to stop at.

    Returns:
        Probabilities, shape (label, k, j, i).
    """
    report(0.0)
    start = prior
    if trust.size > _SMALL:
        start = _from_coarse(prior, trust, image, spacing, contrast, report, tolerance)
    weights = [
        (axis, _weights(image, axis, contrast, spacing))
        for axis in range(3)
        if image.shape[axis] > 1
    ]
    return _conjugate_gradients(prior, trust, weights, start, report, tolerance)


def _weights(image: Floats, axis: int, contrast: float, spacing: Spacing) -> Floats:
    steps = np.abs(np.diff(image, axis=axis))
    steps *= -contrast
    np.exp(steps, out=steps)
    steps += np.float32(1e-5)
    steps *= min(spacing) / spacing[axis]
    return steps


def _from_coarse(
    prior: Floats,
    trust: Floats,
    image: Floats,
    spacing: Spacing,
    contrast: float,
    report: Report,
    tolerance: float,
) -> Floats:
    """Solves on a grid of half the resolution and brings the answer to this grid."""
    finest = min(s for s, n in zip(spacing, image.shape, strict=True) if n > 1)
    factor = tuple(
        2 if n > 1 and s < 1.5 * finest else 1 for n, s in zip(image.shape, spacing, strict=True)
    )
    half = (spacing[0] * factor[0], spacing[1] * factor[1], spacing[2] * factor[2])
    pooled_trust = pooled(trust, factor)
    pooled_prior = np.stack([pooled(p * trust, factor) / pooled_trust for p in prior])
    scale = np.float32(max(factor) ** 2)
    coarse = diffuse(
        pooled_prior,
        pooled_trust * scale,
        pooled(image, factor),
        half,
        contrast,
        lambda f: report(0.4 * f),
        tolerance,
    )
    for axis, f in enumerate(factor):
        if f == 2:
            coarse = stretched(coarse, 1 + axis, prior.shape[1 + axis], 2)
    return coarse


def _conjugate_gradients(
    prior: Floats,
    trust: Floats,
    weights: list[tuple[int, Floats]],
    start: Floats,
    report: Report,
    tolerance: float,
    most: int = 100,
) -> Floats:
    around = _around(trust, weights)
    trust = trust * around
    scale: Floats = np.sqrt(around + trust)
    pairs = []
    for axis, weight in weights:
        low, high = _cut(axis, 0, -1), _cut(axis, 1, None)
        pairs.append((low, high, weight / (scale[low[1:]] * scale[high[1:]])))

    def apply(x: Floats) -> Floats:
        y = x.copy()
        for low, high, weight in pairs:
            y[low] -= weight * x[high]
            y[high] -= weight * x[low]
        return y

    x = start * scale
    residual = trust * prior / scale - apply(x)
    direction = residual.copy()
    energy = float(np.vdot(residual, residual))
    enough = tolerance**2 * residual.size
    for number in range(most):
        if energy <= enough:
            break
        report(0.4 + 0.6 * number / most)
        applied = apply(direction)
        length = np.float32(energy / float(np.vdot(direction, applied)))
        x += length * direction
        residual -= length * applied
        before, energy = energy, float(np.vdot(residual, residual))
        direction *= np.float32(energy / before)
        direction += residual
    return np.clip(x / scale, 0.0, 1.0)


def _around(like: Floats, weights: list[tuple[int, Floats]]) -> Floats:
    """Gives the sum of the weights of each voxel's neighbors."""
    around = np.zeros_like(like)
    for axis, weight in weights:
        around[_cut(axis, 0, -1)[1:]] += weight
        around[_cut(axis, 1, None)[1:]] += weight
    return around


def _cut(axis: int, start: int, stop: int | None) -> tuple[slice, ...]:
    cut = [slice(None)] * 4
    cut[1 + axis] = slice(start, stop)
    return tuple(cut)

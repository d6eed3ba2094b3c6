"""Noisy images with noisy probabilities, and kernels by every pair of voxels, to measure by."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from ImperfectSegLogic.crf.exact import exact_filter
from ImperfectSegLogic.crf.filters import Filter, features
from ImperfectSegLogic.crf.kernels import Appearance, per_axis


def scene(shape, labels, noise=20.0, seed=0, channels=1):
    """Gives gray values (channel, *space), probabilities (label, *space) and the true labels."""
    rng = np.random.default_rng(seed)
    coarse = (0, *(n / 10 for n in shape))
    true = ndimage.gaussian_filter(rng.standard_normal((labels, *shape)), coarse).argmax(axis=0)
    levels = 40.0 * np.stack([rng.permutation(labels) for _ in range(channels)])
    image = levels[:, true] + noise * rng.standard_normal((channels, *shape)) + 100
    sure = np.moveaxis(np.eye(labels)[true], -1, 0)
    logits = 4 * ndimage.gaussian_filter(sure, (0, *(1.5,) * len(shape)))
    logits = np.exp(logits + 0.7 * rng.standard_normal(logits.shape))
    probabilities = logits / logits.sum(axis=0)
    return image.astype(np.float32), probabilities.astype(np.float32), true


def exact(kernel, image, spacing):
    """The filter by brute force; for few voxels."""
    space = image.shape[1:]
    steps = [s / w for s, w in zip(spacing, per_axis(kernel.width, len(space), ""), strict=True)]
    looks = isinstance(kernel, Appearance)
    contrasts = per_axis(kernel.contrast, len(image), "") if looks else ()
    found = features(image if looks else image[:0], steps, contrasts) if looks else None
    if found is None:
        found = features(image[:1], steps, (1.0,))[:, :-1]

    def sums(values):
        return exact_filter(found, values.reshape(len(values), -1)).reshape(values.shape)

    return Filter(space, sums, image)


def closeness(filtering, other, seed=0):
    """Mean and largest difference of two filters' answers to the same random values."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand((2, *filtering.shape), generator=generator)
    off = (filtering(values) - other(values)).abs()
    return float(off.mean()), float(off.max())

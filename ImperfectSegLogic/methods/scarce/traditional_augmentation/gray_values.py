"""Changes of gray values, each channel by numbers of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.transforms.intensity.array import AdjustContrast
from torch import Tensor


def with_gamma(image: Tensor, exponents: Sequence[float]) -> Tensor:
    """Raises gray values, taken as 0 to 1 between the darkest and the brightest, to a power.

    Args:
        image: Shape (channel, *space).
        exponents: One per channel; above 1 darkens, below 1 brightens.

    Returns:
        Values between the same darkest and brightest as before, per channel.
    """
    channels = [AdjustContrast(g)(c) for c, g in zip(image, exponents, strict=True)]
    return torch.stack([torch.as_tensor(c).as_subclass(Tensor) for c in channels])


def with_contrast(image: Tensor, scales: Sequence[float]) -> Tensor:
    """Makes differences from the mean of each channel larger or smaller.

    Args:
        image: Shape (channel, *space).
        scales: One per channel; above 1 gives more contrast.
    """
    mean = image.flatten(1).mean(dim=1).view(-1, *[1] * (image.ndim - 1))
    return mean + per_channel(scales, image) * (image - mean)


def with_noise(image: Tensor, sd: float, rng: np.random.Generator) -> Tensor:
    """Adds Gaussian noise, drawn on the CPU so that it is the same on every device."""
    noise = rng.standard_normal(tuple(image.shape), dtype=np.float32)
    noise *= sd
    return image + torch.from_numpy(noise).to(image.device)


def per_channel(values: Sequence[float], image: Tensor) -> Tensor:
    """Gives one number per channel, in the shape that spreads over the image."""
    return torch.tensor(values, dtype=image.dtype, device=image.device).view(
        -1, *[1] * (image.ndim - 1)
    )

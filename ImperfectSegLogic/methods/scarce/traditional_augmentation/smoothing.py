"""Gaussian smoothing and unsharp masking of images on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers.convutils import gaussian_1d
from monai.networks.layers.simplelayers import separable_filtering
from torch import Tensor


def smooth(image: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Gives the image smoothed by a Gaussian.

    MONAI's `GaussianSmooth` takes what is beyond the border as 0, which draws a frame around the
    image; here the border goes on.

    Args:
        image: Shape (channel, *space).
        sigmas: Standard deviation along each axis in voxels; 0 smooths nothing.
    """
    kernels = [gaussian_1d(torch.tensor(sigma), normalize=True) for sigma in sigmas]
    return separable_filtering(image[None], kernels, mode="replicate")[0]


def sharpen(image: Tensor, sigmas: Sequence[float], strength: float) -> Tensor:
    """Gives the image with an unsharp mask: what smoothing would take away, added once more.

    Args:
        image: Shape (channel, *space).
        sigmas: Standard deviation of the smoothing along each axis in voxels.
        strength: How many times the difference is added; 0 changes nothing.
    """
    return image + strength * (image - smooth(image, sigmas))

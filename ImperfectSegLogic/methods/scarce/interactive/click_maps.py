"""Prompts as images that a network can see: Gaussian blobs around prompted voxels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor


def blobs(shape: Sequence[int], places: Any, sigma: float) -> Floats:
    """Gives 1 at some voxels, and less around them by a Gaussian; the nearest one counts.

    Args:
        shape: Of the grid, 2 or 3 axes.
        places: Indices of voxels, shape (N, axis); those outside the grid count too; may be none.
        sigma: Of the Gaussian, in voxels.

    Returns:
        From 0 to 1; 0 everywhere if there are no voxels.
    """
    at = np.asarray(places, dtype=np.int64).reshape(-1, len(shape))
    at = at[np.all((at >= 0) & (at < np.array(shape)), axis=1)]
    if not len(at):
        return np.zeros(tuple(shape), dtype=np.float32)
    free = np.ones(tuple(shape), dtype=bool)
    free[tuple(at.T)] = False
    distance = ndimage.distance_transform_edt(free)
    return np.exp(-np.square(distance) / (2 * sigma**2)).astype(np.float32)


def add_blob(image: Tensor, place: Sequence[int], sigma: float) -> None:
    """Adds one blob to an image of blobs, as `blobs` would with one place more; in place.

    Args:
        image: Shape (*space).
        place: One index per axis.
        sigma: Of the Gaussian, in voxels.
    """
    import torch

    made = torch.ones((), device=image.device)
    for axis, (size, at) in enumerate(zip(image.shape, place, strict=True)):
        along = torch.arange(size, device=image.device, dtype=image.dtype) - at
        one = torch.exp(-along.square() / (2 * sigma**2))
        made = made.unsqueeze(-1) * one if axis else one
    torch.maximum(image, made, out=image)

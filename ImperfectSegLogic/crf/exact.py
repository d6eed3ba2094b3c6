"""Kernels by brute force: every pair of voxels, for small images and to measure others by."""

from __future__ import annotations

import torch
from torch import Tensor

LARGEST = 65536
"""Most voxels that are worth it: time and, per block of rows, memory grow with their square."""
_BLOCK = 1 << 24


def exact_filter(features: Tensor, values: Tensor) -> Tensor:
    """Gives sum_j exp(-|f_i - f_j|^2 / 2) v_j for every voxel i, itself included.

    Args:
        features: In units of the kernel's standard deviations, shape (voxel, feature).
        values: Shape (label, voxel).

    Returns:
        Shape (label, voxel); differentiable in both.

    Raises:
        ValueError: If there are more than `LARGEST` voxels.
    """
    count = len(features)
    if count > LARGEST:
        raise ValueError(
            f"exact kernel: got {count} voxels, allowed are {LARGEST}. Use another filter."
        )
    rows = max(_BLOCK // count, 1)
    parts = []
    for start in range(0, count, rows):
        some = features[start : start + rows]
        # Differences first: |f|^2 + |g|^2 - 2 f g would lose all digits far from the origin.
        squares = sum(
            (
                (one[:, None] - other[None]).square()
                for one, other in zip(some.T, features.T, strict=True)
            ),
            start=features.new_zeros(len(some), count),
        )
        parts.append(values @ torch.exp(-0.5 * squares).T)
    return torch.cat(parts, dim=1)

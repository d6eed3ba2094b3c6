"""Weights of labeled voxels by how frequent their labels are."""

from __future__ import annotations

import torch
from torch import Tensor

from ImperfectSegLogic.data.annotations import UNLABELED


def counts_of(target: Tensor, labels: int) -> Tensor:
    """Gives how many voxels of each sample have each label.

    Args:
        target: Label indices and `UNLABELED`, shape (sample, *space).
        labels: How many labels there are, background included.

    Returns:
        float32, shape (sample, label); unlabeled voxels are not counted.
    """
    flat = target.flatten(1)
    counts = torch.zeros(len(flat), labels + 1, device=target.device)
    index = torch.where(flat == UNLABELED, labels, flat)
    counts.scatter_add_(1, index, torch.ones_like(index, dtype=counts.dtype))
    return counts[:, :labels]


def voxel_weights(counts: Tensor, target: Tensor) -> Tensor:
    """Gives each voxel the inverse frequency of its label, so that all labels have the same say.

    Args:
        counts: How frequent each label is, shape (sample, label).
        target: Label indices and `UNLABELED`, shape (sample, *space).

    Returns:
        Shape of `target`; 0 where unlabeled, mean 1 over the voxels that were counted.
    """
    total = counts.sum(dim=1, keepdim=True)
    present = (counts > 0).sum(dim=1, keepdim=True).clamp_min(1)
    per_label = torch.where(counts > 0, total / (present * counts.clamp_min(1e-8)), 0.0)
    weights = torch.gather(per_label, 1, target.clamp_min(0).flatten(1)).view_as(target)
    return torch.where(target == UNLABELED, 0.0, weights)

"""Cross-entropy over the voxels that somebody labeled."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ImperfectSegLogic.data.annotations import UNLABELED


def partial_cross_entropy(
    log_probabilities: Tensor, target: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Gives the weighted mean over labeled voxels; 0 if there is none.

    Args:
        log_probabilities: Shape (sample, label, *space).
        target: Label indices and `UNLABELED`, shape (sample, *space).
        weights: Of each voxel, 0 or more, the same shape as `target`; all alike by default.
    """
    each = functional.nll_loss(log_probabilities, target, ignore_index=UNLABELED, reduction="none")
    labeled = (target != UNLABELED).to(each.dtype)
    weights = labeled if weights is None else weights * labeled
    return (each * weights).sum() / weights.sum().clamp_min(1e-8)

"""Mean field inference in fully connected CRFs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ImperfectSegLogic.crf.filters import Filter
from ImperfectSegLogic.crf.in_place import Report, in_place_mean_field


def mean_field(
    unary: Tensor,
    filters: Sequence[Filter],
    weights: Sequence[Tensor | float],
    compatibility: Tensor | None = None,
    iterations: int = 5,
    report: Report | None = None,
) -> Tensor:
    """Finds the marginals of a fully connected CRF (Krähenbühl and Koltun 2011, algorithm 1).

    As in the authors' code, a voxel also hears itself, which the paper leaves out. The steps are
    Q <- softmax(-unary - compatibility @ sum of (weight * filter(Q))).

    Args:
        unary: Energy of each label at each voxel, shape (label, *space).
        filters: One per kernel, of the same space.
        weights: One per filter: a number, one per label, or a matrix (label, label).
        compatibility: The price of label l beside label m, shape (label, label); None for the Potts
            model, 1 beside another label and 0 beside the same.
        iterations: Number of steps; 0 gives softmax(-unary).
        report: Told how far it is.

    Returns:
        Probabilities, summing to 1 over labels, shape (label, *space); differentiable in unary,
        weights and compatibility.
    """
    if compatibility is None and not _has_gradient(unary, weights):
        return in_place_mean_field(unary, filters, [float(w) for w in weights], iterations, report)
    logits = mean_field_logits(unary, filters, weights, compatibility, iterations, report)
    return torch.softmax(logits, dim=0)


def mean_field_logits(
    unary: Tensor,
    filters: Sequence[Filter],
    weights: Sequence[Tensor | float],
    compatibility: Tensor | None = None,
    iterations: int = 5,
    report: Report | None = None,
) -> Tensor:
    """Gives what `mean_field` takes the softmax of at last; for losses, which want logits."""
    assert len(filters) == len(weights), (len(filters), len(weights))
    logits = -unary
    of_ones = [filtering.of_ones for filtering in filters] if iterations else []
    for step in range(iterations):
        marginals, heard = torch.softmax(logits, dim=0), torch.zeros_like(unary)
        for filtering, ones, weight in zip(filters, of_ones, weights, strict=True):
            # All labels add up to 1, so that the first one needs no filtering.
            others = filtering(marginals[1:])
            filtered = torch.cat([(ones - others.sum(dim=0))[None], others])
            heard = heard + _weighted(weight, filtered)
        if compatibility is not None:
            heard = -torch.tensordot(compatibility, heard, dims=1)
        logits = heard - unary
        if report is not None:
            report((step + 1) / iterations)
    return logits


def _has_gradient(unary: Tensor, weights: Sequence[Tensor | float]) -> bool:
    """Whether something needs a gradient, or weights are more than numbers."""
    if torch.is_grad_enabled() and unary.requires_grad:
        return True
    return any(
        isinstance(weight, Tensor)
        and (weight.ndim > 0 or (torch.is_grad_enabled() and weight.requires_grad))
        for weight in weights
    )


def _weighted(weight: Tensor | float, values: Tensor) -> Tensor:
    if isinstance(weight, Tensor) and weight.ndim == 2:
        return torch.tensordot(weight, values, dims=1)
    if isinstance(weight, Tensor) and weight.ndim == 1:
        return weight.reshape(-1, *[1] * (values.ndim - 1)) * values
    return weight * values

"""Mean field in little memory, for the Potts model without gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ImperfectSegLogic.crf.filters import Filter

Report = Callable[[float], None]
"""Told the fraction done, after every filter; may raise to cancel."""
_TOGETHER = 1 << 21
"""Voxels, labels counted, that are filtered at once: enough to be fast, few enough to be small."""


def in_place_mean_field(
    unary: Tensor,
    filters: Sequence[Filter],
    weights: Sequence[float],
    iterations: int,
    report: Report | None = None,
) -> Tensor:
    """Finds the same marginals as `mean_field`, which says what the arguments are.

    Marginals sum to 1, and only differences of energies count: all is done for one label less,
    relative to the first one. With a filter F and its answer F1 to ones, label l hears
    F q_l + sum_m F q_m - F1 more than the first label does.
    """
    with torch.no_grad():
        whole = torch.empty_like(unary)
        energies = unary[:1] - unary[1:]
        heard = energies.clone()
        if iterations:
            for filtering, weight in zip(filters, weights, strict=True):
                energies.sub_(filtering.of_ones, alpha=weight)
        work = max(iterations * len(filters), 1)
        for step in range(iterations):
            marginals = whole[1:]
            _softmax(heard, whole)
            heard.copy_(energies)
            for number, (filtering, weight) in enumerate(zip(filters, weights, strict=True)):
                _hear(filtering, weight, marginals, heard)
                if report is not None:
                    report((step * len(filters) + number + 1) / work)
        return _softmax(heard, whole)


def _hear(filtering: Filter, weight: float, marginals: Tensor, heard: Tensor) -> None:
    """Adds what the filter makes of all labels but the first."""
    size = marginals[0].numel()
    group = max(_TOGETHER // size, 1)
    if len(marginals) == 1:
        heard.add_(filtering(marginals), alpha=2 * weight)
        return
    total = torch.zeros_like(heard[0])
    for start in range(0, len(marginals), group):
        filtered = filtering(marginals[start : start + group])
        heard[start : start + group].add_(filtered, alpha=weight)
        for channel in filtered:
            total += channel
    heard.add_(total, alpha=weight)


def _softmax(logits: Tensor, whole: Tensor) -> Tensor:
    """Writes probabilities from logits relative to the first label, which are overwritten."""
    if len(logits) == 1:
        torch.sigmoid(logits[0], out=whole[1])
        torch.sigmoid(logits.neg_()[0], out=whole[0])
        return whole
    highest = logits.amax(dim=0).clamp_min_(0)
    torch.exp(-highest, out=whole[0])
    torch.exp(logits.sub_(highest), out=whole[1:])
    return whole.div_(whole.sum(dim=0))

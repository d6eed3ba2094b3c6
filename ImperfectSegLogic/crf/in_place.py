"""Mean field in little memory, for the Potts model without gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ImperfectSegLogic.crf.filters import Filter

Report = Callable[[float], None]
"""Told the fraction done, after every filter; may raise to cancel."""


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
        energies = (unary[:1] - unary[1:]).contiguous()
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
                filtering.hear(marginals, weight, heard)
                if report is not None:
                    report((step * len(filters) + number + 1) / work)
        return _softmax(heard, whole)


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

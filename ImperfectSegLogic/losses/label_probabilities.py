"""Probabilities of labels where not every label was looked for in every case."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def label_log_probabilities(logits: Tensor, looked_for: Tensor) -> Tensor:
    """Gives log probabilities in which labels nobody looked for are part of the background.

    In a case in which only the liver was looked for, the background of the annotation may hold
    spleen: a network that says spleen there is not wrong. The probabilities of such labels are
    added to the background's, and their own becomes 0 (the marginal loss of partially labeled
    data sets).

    Args:
        logits: A network's answer, shape (sample, label, *space).
        looked_for: On the CPU, bool, shape (sample, label); the first, background, is true.

    Returns:
        The same shape as `logits`.
    """
    log = functional.log_softmax(logits.float(), dim=1)
    if bool(looked_for.all()):
        return log
    space = (1,) * (log.ndim - 2)
    missing = ~looked_for.to(log.device).view(*looked_for.shape, *space)
    # A finite stand-in for log 0: an infinite one makes NaN gradients.
    lowest = torch.finfo(log.dtype).min / 4
    outside = missing.clone()
    outside[:, 0] = True
    background = log.masked_fill(~outside, lowest).logsumexp(dim=1, keepdim=True)
    return torch.cat([background, log[:, 1:].masked_fill(missing[:, 1:], lowest)], dim=1)

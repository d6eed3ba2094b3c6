"""A network that also says how noisy each of its logits is (Kendall & Gal 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALLEST, LARGEST = -8.0, 6.0
"""Logarithms of variances: beyond them logits are sure, or say nothing at all."""


class NoisyLogits(nn.Module):
    """Logits with a Gaussian around each, whose variance is learned from labels alone.

    In training it answers the logarithm of the mean, over draws of the noise, of the labels'
    probabilities, so that any loss of probabilities teaches the variances, too: where labels cannot
    be told from the image, much noise costs less than being sure and wrong. In evaluation it
    answers the logits without noise.
    """

    def __init__(self, backbone: nn.Module, draws: int) -> None:
        """Takes the network that it asks.

        Args:
            backbone: From (sample, channel, *space) to twice as many channels as there are labels:
                logits, then logarithms of their variances.
            draws: Of the noise, in training.
        """
        super().__init__()
        self.backbone, self.draws = backbone, draws

    def forward(self, image: Tensor) -> Tensor:
        """Gives logits, shape (sample, label, *space)."""
        logits, variance = self.both(image)
        if not self.training:
            return logits
        total = logits.new_zeros(())
        for _ in range(self.draws):
            drawn = logits + variance.sqrt() * torch.randn_like(logits)
            total = total + torch.softmax(drawn, dim=1)
        # The smallest number of half of the digits: what is never drawn has no infinite loss.
        return (total / self.draws).clamp_min(torch.finfo(torch.float32).eps).log()

    def both(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Gives logits and their variances, both (sample, label, *space), in single precision."""
        logits, log_variance = self.backbone(image).float().chunk(2, dim=1)
        return logits, log_variance.clamp(SMALLEST, LARGEST).exp()


class NoiseShare(nn.Module):
    """Asks a `NoisyLogits` how far its noise spreads the labels' probabilities.

    It answers two channels whose softmax is (1 - v, v), as any model with one label; v is the sum
    over labels of the variance of the probability, to first order in the noise.
    """

    def __init__(self, network: NoisyLogits) -> None:
        """Takes the network."""
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Gives log(1 - v) and log(v), shape (sample, 2, *space)."""
        spread = spread_of(*self.network.both(image))
        return torch.stack([torch.log1p(-spread), torch.log(spread)], dim=1)


def spread_of(logits: Tensor, variance: Tensor) -> Tensor:
    """Gives the sum over labels of the variance of each probability, shape (sample, *space).

    The probability p_k changes by p_k (1 - p_k) with its own logit, by - p_k p_j with another one.
    The result stays within the most that there can be, as where noise is large the first order
    says too much.

    Args:
        logits: Shape (sample, label, *space).
        variance: Of each logit, the same shape.
    """
    p = torch.softmax(logits, dim=1)
    square = (p**2).sum(dim=1, keepdim=True)
    # Of logit j, over all k: p_j^2 (1 - p_j)^2 + p_j^2 (sum of the squares of the others).
    by_logit = p**2 * ((1 - p) ** 2 + square - p**2)
    spread = (by_logit * variance).sum(dim=1)
    return spread.clamp(1e-12, 1 - 1 / logits.shape[1])

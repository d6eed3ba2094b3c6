"""The network of the default interactive segmenter: corrects a first answer, for any image size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.basic_unet import BasicUNet
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

NORM = ("instance", {"affine": True})
DIVISOR = {2: 16, 3: 8}
"""Inputs are filled up to multiples of this,"""
LEAST = {2: 64, 3: 16}
"""and to this at least: deep inside, more than one voxel must be left to normalize."""
FEATURES = {2: (32, 48, 64, 96, 128, 32), 3: (32, 64, 96, 128)}
CLEAREST = 0.02
"""The first answer is never taken for surer than this from 0 or 1."""


class PromptedNetwork(nn.Module):
    """From channels to the logit of one object; the first answer is one of the channels.

    In 2-D MONAI's BasicUNet sees blocks of 2x2 pixels as channels and answers all four (Shi 2016):
    twice as fast on a CPU as at full resolution. In 3-D MONAI's UNet, which halves the resolution
    in its first layer: ten times as fast. What is lost, the first answer and the snap to edges
    bring back.
    """

    def __init__(
        self, dims: int, channels: int, answer: int, features: Sequence[int] | None = None
    ) -> None:
        """Makes it with weights drawn from torch's global generator; at first it changes little.

        Args:
            dims: 2 or 3.
            channels: Of the input.
            answer: Which channel is the probability of the object by the first answer.
            features: Channels of its levels.
        """
        super().__init__()
        self.dims, self._answer = dims, answer
        chosen = tuple(features or FEATURES[dims])
        if dims == 2:
            inner = BasicUNet(2, 4 * channels, 4, chosen, norm=NORM, upsample="nontrainable")
            self.body: nn.Module = nn.Sequential(nn.PixelUnshuffle(2), inner, nn.PixelShuffle(2))
        else:
            strides = (2,) * (len(chosen) - 1)
            self.body = UNet(3, channels, 1, chosen, strides, norm=NORM)

    def forward(self, x: Tensor) -> Tensor:
        """Gives logits, shape (sample, 1, *space), of inputs (sample, channel, *space)."""
        size, by, least = x.shape[2:], DIVISOR[self.dims], LEAST[self.dims]
        more = [max(n + -n % by, least) - n for n in size]
        pads = [pad for n in reversed(more) for pad in (n // 2, n - n // 2)]
        filled = nn.functional.pad(x, pads, mode="replicate") if any(pads) else x
        found = self.body(filled)
        for axis, n in enumerate(more):
            found = found.narrow(2 + axis, n // 2, size[axis])
        return found + first_logit(x[:, self._answer : self._answer + 1])


def first_logit(answer: Tensor) -> Tensor:
    """Gives the logit of a first answer, probabilities of any shape."""
    return torch.logit(answer.clamp(CLEAREST, 1 - CLEAREST))

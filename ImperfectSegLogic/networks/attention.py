"""Channel-wise and spatial attention on the features of any network (Zhang 2019c)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

REDUCTION = 4
"""How many times fewer features the channel attention squeezes to."""


class AttentionNetwork(nn.Module):
    """A network whose features are weighted by channel and by place before they become labels.

    What is looked at for each label is a map of its own, so that it can be compared with what is
    answered.
    """

    def __init__(self, body: nn.Module, dims: int, features: int, labels: int) -> None:
        """Makes random weights.

        Args:
            body: From (sample, channel, *space) to (sample, feature, *space).
            dims: 2 or 3.
            features: That it gives.
            labels: How many labels there are, background included.
        """
        super().__init__()
        convolution = nn.Conv2d if dims == 2 else nn.Conv3d
        squeezed = max(features // REDUCTION, 2)
        self.body = body
        self.channels = nn.Sequential(
            nn.Linear(features, squeezed), nn.ReLU(), nn.Linear(squeezed, features), nn.Sigmoid()
        )
        self.places = convolution(features, labels, kernel_size=3, padding=1)
        self.answer = convolution(features, labels, kernel_size=1)

    def forward(self, image: Tensor, attention: bool = False) -> Tensor:
        """Gives logits of the labels, background first.

        Args:
            image: Shape (sample, channel, *space).
            attention: Whether logits of where attention is for each label are to follow.

        Returns:
            Shape (sample, label, *space), with twice as many channels if attention follows.
        """
        features = self.body(image)
        weights = self.channels(features.flatten(2).mean(dim=2))
        weighted = features * weights.view(*weights.shape, *[1] * (features.ndim - 2))
        places = self.places(weighted)
        looked_at = 1 - places.softmax(dim=1)[:, :1]
        answer = self.answer(weighted * (1 + looked_at))
        return torch.cat([answer, places], dim=1) if attention else answer

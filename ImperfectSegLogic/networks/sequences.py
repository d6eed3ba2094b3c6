"""A network for image sequences: features of each frame, and a memory that runs both ways."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvolutionalLSTM(nn.Module):
    """A long short-term memory whose gates are convolutions (Shi 2015)."""

    def __init__(self, channels: int, hidden: int) -> None:
        """Args: `channels` of each frame, `hidden` of the memory."""
        super().__init__()
        self.hidden = hidden
        self.seen = nn.Conv2d(channels, 4 * hidden, kernel_size=3, padding=1)
        self.recall = nn.Conv2d(hidden, 4 * hidden, kernel_size=3, padding=1, bias=False)
        # Memory is kept at first; else nothing is learned from frames a few steps away.
        nn.init.ones_(self.seen.bias[hidden : 2 * hidden])  # type: ignore[index]

    def forward(self, frames: Tensor) -> Tensor:
        """Gives what is remembered after each frame.

        Args:
            frames: Shape (sample, time, channel, row, column), in the order of reading.

        Returns:
            Shape (sample, time, hidden, row, column).
        """
        seen = self.seen(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        memory = torch.zeros_like(seen[:, 0, : self.hidden])
        told, found = memory, []
        for n in range(frames.shape[1]):
            gates = seen[:, n] + (self.recall(told) if n else 0)
            take, keep, tell, new = gates.chunk(4, dim=1)
            memory = torch.sigmoid(keep) * memory + torch.sigmoid(take) * torch.tanh(new)
            told = torch.sigmoid(tell) * torch.tanh(memory)
            found.append(told)
        return torch.stack(found, dim=1)


class SequenceNetwork(nn.Module):
    """A network for each frame by itself, then memories that read the sequence from both ends.

    bai2018recurrent: U-Net, bidirectional convolutional LSTM, one convolution. Unlike the paper's,
    the last one sees the features of the frame beside both memories: what a memory tells is
    bounded, and the network learns slowly through it alone.
    """

    def __init__(self, frame: nn.Module, features: int, hidden: int, labels: int) -> None:
        """Makes random weights.

        Args:
            frame: From (frame, channel, row, column) to (frame, feature, row, column).
            features: That it gives.
            hidden: Features of each of the two memories.
            labels: How many labels there are, background included.
        """
        super().__init__()
        self.frame = frame
        self.forth = ConvolutionalLSTM(features, hidden)
        self.back = ConvolutionalLSTM(features, hidden)
        self.answer = nn.Conv2d(2 * hidden + features, labels, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Gives logits of a sequence, or of single frames, which are sequences of one.

        Args:
            image: Shape (sample, channel, time, row, column), or without time.

        Returns:
            Shape (sample, label, time, row, column), or without time.
        """
        if image.ndim == 4:
            found: Tensor = self(image.unsqueeze(2))
            return found.squeeze(2)
        frames = image.movedim(2, 1)
        features = self.frame(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        memory = [self.forth(features), self.back(features.flip(1)).flip(1)]
        both = torch.cat([*memory, features], dim=2)
        return self.answer(both.flatten(0, 1)).unflatten(0, both.shape[:2]).movedim(1, 2)

"""A network that is shown its input in mirrors."""

from __future__ import annotations

from itertools import product

import torch
from torch import nn


class Mirrored(nn.Module):
    """A network whose input is mirrored, and whose answer is mirrored back."""

    def __init__(self, network: nn.Module, axes: tuple[int, ...]) -> None:
        """Args: `axes` are the axes of space to mirror, negative numbers from the last one."""
        super().__init__()
        self.network, self._axes = network, list(axes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Gives the network's answer to (sample, channel, *space), at the same places."""
        if not self._axes:
            return self.network(x)
        return torch.flip(self.network(torch.flip(x, self._axes)), self._axes)


def mirrors(dims: int) -> list[tuple[int, ...]]:
    """Lists the ways to mirror an image of some dimensions: none first, then all others."""
    ways = [
        tuple(-n for n, chosen in enumerate(which, start=1) if chosen)
        for which in product((False, True), repeat=dims)
    ]
    return sorted(ways, key=len)

"""A network that somebody else trained, behind the conventions of this project."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Asked(nn.Module):
    """A network behind our conventions: axes as in prepared images, logits, background first."""

    def __init__(
        self,
        network: nn.Module,
        order: Sequence[int],
        flips: Sequence[int],
        output: str,
        exclusive: bool,
    ) -> None:
        """Args: `order` is, for each axis of the network's input, which of ours it is."""
        super().__init__()
        self.inner = network
        self._there = [0, 1, *(2 + axis for axis in order)]
        self._back = [0, 1, *(2 + list(order).index(axis) for axis in range(len(order)))]
        self._flips = [2 + axis for axis in flips]
        self._output, self._exclusive = output, exclusive

    def forward(self, x: Tensor) -> Tensor:
        """Gives logits (sample, label, *space)."""
        answer = self.inner(x.permute(self._there).flip(self._flips))
        while isinstance(answer, tuple | list) and answer:  # Deep supervision: the first is full.
            answer = answer[0]
        if isinstance(answer, dict):
            answer = answer.get("out", next(iter(answer.values()), None))
        if not isinstance(answer, Tensor):
            raise TypeError(f"its answer is a {type(answer).__name__}, no tensor")
        if answer.ndim != x.ndim:
            return answer
        answer = answer.float().flip(self._flips).permute(self._back)
        single = not self._exclusive or answer.shape[1] == 1
        if self._output == "probabilities":
            answer = torch.logit(answer, 1e-6) if single else torch.log(answer.clamp_min(1e-6))
        return torch.cat([torch.zeros_like(answer[:, :1]), answer], dim=1) if single else answer

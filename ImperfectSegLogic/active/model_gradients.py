"""Gradients of the log-likelihood with labels that a network draws itself, made short."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ImperfectSegLogic.active.unit_windows import Windows

SKETCH = 32
"""Numbers that a whole gradient is projected on."""


class Gradients:
    """Gives short gradients of a network, whose mean square is the Fisher information.

    Either the mean over each layer's weights, or a count sketch: each weight is added to, or
    taken from, one of `SKETCH` numbers that is drawn once, which keeps inner products in the mean.
    """

    def __init__(self, network: nn.Module, draws: int, by_layer: bool, seed: int) -> None:
        """Takes a network in evaluation mode, and how often labels are drawn."""
        self._network, self._draws, self._seed = network, draws, seed
        named = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
        self._weights = [weight for _, weight in named]
        counts = [weight.numel() for weight in self._weights]
        if by_layer:
            layers = [name.rpartition(".")[0] for name, _ in named]
            known = list(dict.fromkeys(layers))
            number = torch.tensor([known.index(layer) for layer in layers])
            self._to = number.repeat_interleave(torch.tensor(counts))
            self._factor = 1 / torch.bincount(self._to)[self._to].float()
            self._length = len(known)
        else:
            generator = torch.Generator().manual_seed(seed)
            total = sum(counts)
            self._to = torch.randint(SKETCH, (total,), generator=generator)
            self._factor = torch.randint(2, (total,), generator=generator).float() * 2 - 1
            self._length = SKETCH

    def of(
        self, name: str, batches: Iterable[Windows], device: torch.device
    ) -> NDArray[np.float32]:
        """Gives the gradients of a unit, shape (draw, number).

        Args:
            name: Of the unit: fixes what is drawn, whatever was measured before.
            batches: Windows that cover it.
            device: Where the network is.
        """
        digest = hashlib.sha256(f"{self._seed} {name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        sums, voxels = torch.zeros(self._draws, self._length), 0
        for part in batches:
            with torch.enable_grad():
                logits = self._network(part.seen.to(device)).float()
                log = torch.log_softmax(logits, 1).movedim(1, -1)[part.inside.to(device)]
                # Drawn on the CPU: the same on all devices.
                rising = log.detach().exp().cpu().cumsum(dim=1)
                for n in range(self._draws):
                    # Several times as fast as torch.multinomial, which took a fifth of the time.
                    lots = torch.rand(len(rising), 1, generator=generator)
                    drawn = (lots >= rising[:, :-1]).sum(dim=1, keepdim=True).to(device)
                    likelihood = log.gather(1, drawn).sum()
                    sums[n] += self._shortened(likelihood)
            voxels += len(log)
        return (sums / voxels**0.5).numpy()

    def _shortened(self, likelihood: Tensor) -> Tensor:
        given = torch.autograd.grad(likelihood, self._weights, retain_graph=True, allow_unused=True)
        flat = torch.cat(
            [
                torch.zeros(weight.numel()) if one is None else one.reshape(-1).cpu()
                for one, weight in zip(given, self._weights, strict=True)
            ]
        )
        return torch.zeros(self._length).index_add_(0, self._to, flat * self._factor)

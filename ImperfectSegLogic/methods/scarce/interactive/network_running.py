"""Asks a network for an interactive answer; in tiles, then on the CPU, where memory runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.training.devices import is_out_of_memory

if TYPE_CHECKING:
    from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine, Prepared

MOST_PARTS = 8
"""Tiles per axis are doubled up to this; then the CPU does it."""


def probabilities_of(
    engine: NetworkEngine, network: nn.Module, prepared: Prepared
) -> tuple[Floats, list[str]]:
    """Gives probabilities (label, k, j, i) of the working grid, and what had to be changed.

    Raises:
        ValueError: If memory runs out on the CPU.
    """
    notes: list[str] = []
    device = next(network.parameters()).device
    parts = 1
    while True:
        try:
            asked = network if parts == 1 else Tiled(network, parts)
            with torch.no_grad():
                scores = engine.scores(asked, prepared).float()
            return torch.softmax(scores, dim=0).cpu().numpy(), notes
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if device.type == "cuda":
                torch.cuda.empty_cache()
            if parts < MOST_PARTS:
                parts *= 2
                note = f"memory ran out on {device}: the network looks at {parts} tiles in turn"
            elif device.type != "cpu":
                parts, device = 1, torch.device("cpu")
                network.to(device)
                note = "memory ran out on the GPU even for a tile: going on on the CPU"
            else:
                raise ValueError(
                    "memory ran out even for a tile on the CPU. Close other programs, or draw a"
                    " smaller box."
                ) from error
            notes.append(note)


class Tiled(nn.Module):
    """A network that cuts its input along the longest axis and joins what it answers."""

    def __init__(self, network: nn.Module, parts: int, overlap: int = 16) -> None:
        """Args: `overlap` is how many voxels, a multiple of 16, a tile sees beyond its own."""
        super().__init__()
        self.network, self._parts, self._overlap = network, parts, overlap

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Gives the network's answer, shape (sample, channel, *space)."""
        axis = max(range(2, x.ndim), key=lambda a: x.shape[a])
        length = x.shape[axis]
        size = -(-length // (self._parts * 16)) * 16
        done = []
        for start in range(0, length, size):
            low, stop = max(start - self._overlap, 0), min(start + size, length)
            high = min(stop + self._overlap, length)
            part = self.network(x.narrow(axis, low, high - low))
            done.append(part.narrow(axis, start - low, stop - start))
        return torch.cat(done, dim=axis)

"""Asks a network for an interactive answer; in tiles, then on the CPU, where memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

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

    def ask(asked: nn.Module) -> Tensor:
        return torch.softmax(engine.scores(asked, prepared).float(), dim=0)

    answer, notes = answered(ask, network, engine.multiple)
    return answer.cpu().numpy(), notes


def answered(
    ask: Callable[[nn.Module], Tensor], network: nn.Module, multiple: int = 16
) -> tuple[Tensor, list[str]]:
    """Asks a network without gradients, and tells what had to be changed where memory ran out.

    Args:
        ask: Takes the network, or one that looks at tiles.
        network: Moved to the CPU, and left there, where a GPU's memory is too small even for tiles.
        multiple: Tiles have a multiple of this many voxels; 0 if an image cannot be cut.

    Raises:
        ValueError: If memory runs out on the CPU.
    """
    notes: list[str] = []
    device = next(network.parameters()).device
    parts = 1
    while True:
        try:
            with torch.no_grad():
                return ask(network if parts == 1 else Tiled(network, parts, multiple)), notes
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
    """A network that sees few samples at once, and parts of them, and joins what it answers."""

    def __init__(self, network: nn.Module, parts: int, multiple: int = 16) -> None:
        """Takes a network, how many parts its input is cut into, and what tiles are a multiple of.

        Samples are parted first, as that changes no answer; then their longest axis, unless
        `multiple` is 0. A tile sees 16 voxels or more beyond its own.
        """
        super().__init__()
        self.network, self._parts, self._multiple = network, parts, multiple
        self._overlap = -(-16 // multiple) * multiple if multiple else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Gives the network's answer, shape (sample, channel, *space)."""
        tiles = max(self._parts // len(x), 1) if self._multiple else 1
        at_once = -(-len(x) // self._parts)
        return torch.cat([self._in_tiles(part, tiles) for part in torch.split(x, at_once)])

    def _in_tiles(self, x: torch.Tensor, tiles: int) -> torch.Tensor:
        if tiles == 1:
            return self.network(x)
        axis = max(range(2, x.ndim), key=lambda a: x.shape[a])
        length = x.shape[axis]
        size = -(-length // (tiles * self._multiple)) * self._multiple
        done = []
        for start in range(0, length, size):
            low, stop = max(start - self._overlap, 0), min(start + size, length)
            high = min(stop + self._overlap, length)
            part = self.network(x.narrow(axis, low, high - low))
            done.append(part.narrow(axis, start - low, stop - start))
        return torch.cat(done, dim=axis)

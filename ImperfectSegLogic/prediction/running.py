"""Runs a network on windows; with fewer at once, then on the CPU, where memory runs out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ImperfectSegLogic.training.devices import is_out_of_memory


class Runner:
    """Knows the device and how many windows fit on it, and learns when they do not.

    Attributes:
        device: Where networks are.
        at_once: How many windows a network sees at once.
        notes: What had to be changed to go on, for people.
    """

    def __init__(self, networks: Sequence[nn.Module], device: torch.device, at_once: int) -> None:
        """Takes networks; `placed` brings them to the device and back."""
        self._networks, self.device, self.at_once = list(networks), device, at_once
        self.notes: list[str] = []

    @contextlib.contextmanager
    def placed(self) -> Iterator[None]:
        """Has the networks on the device, ready to predict, while the `with` block runs.

        Afterwards they are where they were and as they were: a network may be in training.
        """
        there = [next(n.parameters()).device for n in self._networks]
        modes = [(m, m.training) for n in self._networks for m in n.modules()]
        try:
            for network in self._networks:
                network.to(self.device).eval()
            with torch.no_grad():  # inference_mode would spoil networks that are in training.
                yield
        finally:
            for network, device in zip(self._networks, there, strict=True):
                network.to(device)
            for module, mode in modes:
                module.training = mode

    def run(self, network: nn.Module, windows: Tensor) -> Tensor:
        """Gives logits (window, label, *space) of windows (window, channel, *space).

        Raises:
            ValueError: If memory runs out for a single window on the CPU.
        """
        done: list[Tensor] = []
        while sum(map(len, done)) < len(windows):
            first = sum(map(len, done))
            try:
                part = windows[first : first + self.at_once].to(self.device)
                done.append(network(part).float())
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink(error)
                done = [one.to(self.device) for one in done]
        return torch.cat(done) if len(done) > 1 else done[0]

    def _shrink(self, error: BaseException) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.at_once > 1:
            self.at_once = max(self.at_once // 2, 1)
            self.notes.append(
                f"memory ran out on {self.device}: {self.at_once} windows at once from here on"
            )
        elif self.device.type != "cpu":
            self.notes.append(
                f"memory ran out on {self.device} even for one window: going on on the CPU"
            )
            self.device = torch.device("cpu")
            for network in self._networks:
                network.to(self.device)
        else:
            raise ValueError(
                "memory ran out even for one window on the CPU. Close other programs, or train a"
                " model with a smaller patch."
            ) from error

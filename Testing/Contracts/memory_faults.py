"""Networks whose memory runs out, to be put into engines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import torch
from torch import nn

from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine


def network_of(engine: NetworkEngine) -> nn.Module:
    return _owner(engine).network


@contextlib.contextmanager
def with_network(engine: NetworkEngine, network: nn.Module) -> Iterator[None]:
    """Has another network in an engine while the block runs."""
    owner = _owner(engine)
    before = owner.network
    owner.network = network
    try:
        yield
    finally:
        owner.network = before


class SmallMemory(nn.Module):
    """Runs out of memory where its input has more than so many voxels."""

    def __init__(self, network: nn.Module, most: int | None) -> None:
        super().__init__()
        self.inner, self._most = network, most
        self.sizes: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(x[:, 0].numel())
        if self._most is not None and self.sizes[-1] > self._most:
            raise torch.OutOfMemoryError("planted: no memory left")
        return self.inner(x)


class FakeGpu(nn.Module):
    """Says that it is on a GPU, which has no memory left, until it is moved."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.inner, self.is_on_gpu = network, True

    def parameters(self, recurse: bool = True) -> Iterator:
        if self.is_on_gpu:
            yield SimpleNamespace(device=torch.device("cuda"))
        yield from self.inner.parameters(recurse)

    def to(self, device, *_, **__):
        self.is_on_gpu = torch.device(device).type != "cpu"
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.is_on_gpu:
            raise torch.OutOfMemoryError("planted: no memory left on the GPU")
        return self.inner(x)

    @classmethod
    @contextlib.contextmanager
    def around(cls, engine: NetworkEngine) -> Iterator[FakeGpu]:
        """Puts an engine's network on a GPU that is not there; tensors stay on the CPU."""
        gpu = cls(network_of(engine))
        moving = torch.Tensor.to

        def to(tensor, *given, **named):
            wanted = named.get("device", given[0] if given else None)
            fake = isinstance(wanted, torch.device | str) and str(wanted).startswith("cuda")
            return tensor if fake else moving(tensor, *given, **named)

        torch.Tensor.to = to
        try:
            with with_network(engine, gpu):
                yield gpu
        finally:
            torch.Tensor.to = moving


def _owner(engine: NetworkEngine) -> NetworkEngine:
    while hasattr(engine, "base"):
        engine = engine.base
    return engine

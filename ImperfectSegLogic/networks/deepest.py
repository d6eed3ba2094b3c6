"""The layer of a network that works at the coarsest resolution, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


def deepest_layer(network: nn.Module, seen: Tensor) -> nn.Module:
    """Gives the last layer that answers with the fewest voxels.

    The network is looked at as in evaluation, so that no random number is drawn, and is afterwards
    as it was.

    Args:
        network: From (sample, channel, *space) to anything.
        seen: What it is to see, of which the first sample is enough.
    """
    sizes: list[tuple[int, nn.Module]] = []

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == seen.ndim:
            sizes.append((int(np.prod(output.shape[2:])), module))

    layers = [module for module in network.modules() if not any(module.children())]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with _evaluating(network), torch.no_grad():
            network(seen[:1])
    finally:
        for hook in hooks:
            hook.remove()
    fewest = min((size for size, _ in sizes), default=0)
    return next((layer for size, layer in reversed(sizes) if size == fewest), network)


def answer_of(network: nn.Module, layer: nn.Module, seen: Tensor) -> Tensor:
    """Gives what a layer of a network answers; layers behind it do not run.

    Args:
        network: As it is: in training, features are dropped, and the answer has its gradient.
        layer: One of its layers, or the network itself.
        seen: Shape (sample, channel, *space).
    """

    def stop(module: nn.Module, _: object, output: Tensor) -> None:
        raise _Reached(output)

    hook = layer.register_forward_hook(stop)
    try:
        network(seen)
    except _Reached as reached:
        output: Tensor = reached.args[0]
        return output
    finally:
        hook.remove()
    raise AssertionError("the layer did not run")


class _Reached(Exception):  # noqa: N818 - Nothing went wrong.
    """Carries what a layer answers out of a network whose other layers need not run."""


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode

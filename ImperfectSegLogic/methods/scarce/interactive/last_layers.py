"""Which layers of a network are its last ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def let_last_layers_learn(
    network: nn.Module, count: int, run: Callable[[nn.Module], Any]
) -> list[nn.Parameter]:
    """Freezes all of a network but its last layers, in the order in which they work.

    A layer is what has a matrix or filters, with the normalization and activation that follow.

    Args:
        network: Its parameters are told whether they learn.
        count: How many layers learn; 0 for all.
        run: Lets the network work once.

    Returns:
        The parameters that learn.
    """
    layers: list[list[nn.Parameter]] = []
    for module in _in_order(network, run):
        own = list(module.parameters(recurse=False))
        if not layers or any(one.ndim > 1 for one in own):
            layers.append([])
        layers[-1] += [one for one in own if not any(one is known for known in layers[-1])]
    learning = [one for layer in layers[-count if count else 0 :] for one in layer]
    freeze(network)
    for one in learning:
        one.requires_grad_(True)
    return learning


def freeze(network: nn.Module) -> None:
    """Tells all parameters not to learn; works with compiled networks too."""
    for one in network.parameters():
        one.requires_grad_(False)


def _in_order(network: nn.Module, run: Callable[[nn.Module], Any]) -> list[nn.Module]:
    """Lists what has parameters of its own, as it works first; as it is defined if compiled."""
    owners = [one for one in network.modules() if list(one.parameters(recurse=False))]
    seen: dict[nn.Module, None] = {}

    def note(module: nn.Module, _: Any) -> None:
        seen.setdefault(module)

    if any(isinstance(one, torch.jit.ScriptModule) for one in network.modules()):
        return owners
    handles = [one.register_forward_pre_hook(note) for one in owners]
    try:
        with torch.no_grad():
            run(network)
    finally:
        for handle in handles:
            handle.remove()
    return list(seen)

"""MC dropout (gal2016dropout): a network with one random set of its features switched off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd


def dropout_layers(network: nn.Module) -> list[_DropoutNd]:
    """Gives the layers of a network that drop features in training."""
    return [m for m in network.modules() if isinstance(m, _DropoutNd) and m.p > 0]


@contextlib.contextmanager
def dropped(network: nn.Module, seed: Sequence[int]) -> Iterator[None]:
    """Switches features off while the `with` block runs; everything else stays as in evaluation.

    All windows of an image see the same mask: the network is one draw for the whole image, and
    the result does not depend on how many windows it sees at once, nor on the device. (In
    gal2016dropout each input has a mask of its own.)

    Args:
        network: In evaluation mode.
        seed: Numbers that fix the mask.
    """
    hooks = [
        layer.register_forward_hook(_Mask((*seed, n)))
        for n, layer in enumerate(dropout_layers(network))
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _Mask:
    """Multiplies what a dropout layer gives with a mask that is drawn once."""

    def __init__(self, seed: Sequence[int]) -> None:
        self._seed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)
        self._drawn: dict[Any, Tensor] = {}

    def __call__(self, layer: _DropoutNd, inputs: tuple[Tensor, ...], _: Tensor) -> Tensor:
        features = inputs[0]
        whole_channels = not isinstance(layer, nn.Dropout)  # Dropout2d and Dropout3d.
        space = [1 if whole_channels else n for n in features.shape[2:]]
        shape = (1, features.shape[1], *space)
        key = (shape, features.device, features.dtype)
        if key not in self._drawn:
            # Always drawn on the CPU: a GPU's generator gives other numbers.
            generator = torch.Generator().manual_seed(self._seed)
            kept = torch.rand(shape, generator=generator) >= layer.p
            self._drawn[key] = (kept / (1 - layer.p)).to(features)
        return features * self._drawn[key]

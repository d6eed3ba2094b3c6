"""Side outputs: answers from several depths of a network, and one that fuses them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class SideOutputs(nn.Module):
    """Any network, with a side output on its last features of each resolution (fu2016deepvessel).

    A side output is a convolution of one voxel and is brought to full resolution by interpolation;
    a convolution of one voxel fuses all of them and the network's own answer, at first to their
    mean (as in holistically-nested edge detection, which fu2016deepvessel builds on).
    """

    def __init__(
        self, network: nn.Module, channels: int, labels: int, patch: Sequence[int]
    ) -> None:
        """Finds the features by showing the network an image, and makes random weights for them.

        Args:
            network: From (sample, channel, *space) to logits (sample, label, *space).
            channels: Values per voxel of images.
            labels: How many there are, background included.
            patch: A size that the network takes.
        """
        super().__init__()
        self.network = network
        convolution = nn.Conv2d if len(patch) == 2 else nn.Conv3d
        found = _last_of_each_size(network, channels, patch)
        self._sources = tuple(name for name, _ in found)
        self.sides = nn.ModuleList(convolution(n, labels, kernel_size=1) for _, n in found)
        answers = len(found) + 1
        self.fusion = convolution(answers * labels, labels, kernel_size=1, bias=False)
        mean = torch.eye(labels).repeat(1, answers) / answers
        self.fusion.weight.data = mean.reshape(self.fusion.weight.shape)

    def forward(self, image: Tensor) -> Tensor:
        """Gives the fused logits, shape (sample, label, *space)."""
        return self.answers(image)[0]

    def answers(self, image: Tensor) -> tuple[Tensor, ...]:
        """Gives the fused logits, the network's own ones, and those of the side outputs.

        Args:
            image: Shape (sample, channel, *space).
        """
        features: dict[str, Tensor] = {}
        with _heard(self.network, features.__setitem__):
            own = self.network(image)
        mode = "bilinear" if own.ndim == 4 else "trilinear"
        made = [own]
        for name, side in zip(self._sources, self.sides, strict=True):
            made.append(functional.interpolate(side(features[name]), own.shape[2:], mode=mode))
        return (self.fusion(torch.cat(made, dim=1)), *made)


@contextlib.contextmanager
def _heard(network: nn.Module, listener: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Has a listener told what each part of a network answers while the `with` block runs."""

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def tell(_: nn.Module, __: Any, answer: Any) -> None:
            if isinstance(answer, Tensor):
                listener(name, answer)

        return tell

    hooks = [part.register_forward_hook(hook_of(name)) for name, part in network.named_modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def _last_of_each_size(
    network: nn.Module, channels: int, patch: Sequence[int]
) -> list[tuple[str, int]]:
    """Gives the part that answers last at each resolution below the full one, and its features.

    Returns:
        Names and numbers of features, the finest first.
    """
    last: dict[tuple[int, ...], tuple[str, int]] = {}

    def note(name: str, answer: Tensor) -> None:
        if answer.ndim == len(patch) + 2:
            last[tuple(answer.shape[2:])] = (name, answer.shape[1])

    was_training = network.training
    network.eval()
    with _heard(network, note):
        network(torch.zeros(1, channels, *patch))
    network.train(was_training)
    last.pop(tuple(patch), None)
    return [last[size] for size in sorted(last, reverse=True)]

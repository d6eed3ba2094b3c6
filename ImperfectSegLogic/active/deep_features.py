"""The deepest features of windows, taken from passes that are made anyway; needs torch."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ImperfectSegLogic.networks.deepest import answer_of, deepest_layer


class DeepFeatures:
    """Gives the mean of the deepest features over each window that a network is shown.

    While an image is predicted it notes what the deepest layer answers; a window that shows the
    same is not run again. It does so from the first time on that somebody wants features.
    """

    def __init__(self, network: nn.Module) -> None:
        """Takes the network, in evaluation mode whenever it is asked."""
        self._network = network
        self._layer: nn.Module | None = None
        self._noted: dict[bytes, Tensor] = {}

    def of(self, seen: Tensor, device: str) -> Tensor:
        """Gives the features of windows, shape (window, feature).

        Args:
            seen: Shape (window, channel, *space).
            device: Where the network is.
        """
        known = [self._noted.get(_key(one)) for one in seen] if self._noted else []
        noted = [one for one in known if one is not None]
        if len(noted) == len(seen):
            return torch.stack(noted)
        shown = seen.to(device)
        if self._layer is None:
            self._layer = deepest_layer(self._network, shown)
        with torch.no_grad():
            return _means(answer_of(self._network, self._layer, shown))

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Notes the features of what the network is shown while a `with` block runs.

        What was noted before is forgotten. The block must not switch features off.
        """
        self._noted = {}
        if self._layer is None:
            yield
            return
        shown: list[Tensor] = []

        def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            shown[:] = inputs[:1]

        def after(_: nn.Module, __: object, output: Tensor) -> None:
            self._noted |= dict(zip(map(_key, shown[0]), _means(output), strict=True))

        hooks = (
            self._network.register_forward_pre_hook(before),
            self._layer.register_forward_hook(after),
        )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def forget(self) -> None:
        """Forgets what was noted, as it is of another image."""
        self._noted = {}


def _means(features: Tensor) -> Tensor:
    return features.detach().float().flatten(2).mean(dim=2).cpu()


def _key(window: Tensor) -> bytes:
    """Gives another key for windows that show anything else."""
    return hashlib.blake2b(window.cpu().numpy().tobytes(), digest_size=16).digest()

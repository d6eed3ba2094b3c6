"""Trained models as query strategies ask them; needs torch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ImperfectSegLogic.active.model_gradients import Gradients
from ImperfectSegLogic.active.segmenter import Floats, Look
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.active.unit_windows import UnitWindows
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.prediction.predictor import Predictor


class ModelSegmenter:
    """One trained model, or an ensemble; see `Segmenter` for what it is asked.

    Features and gradients are those of the first model.
    """

    def __init__(self, predictor: Predictor) -> None:
        """Takes the models; uncertainties and MC samples in its settings do not matter."""
        self._predictor = predictor
        self._asked: dict[tuple[tuple[str, ...], int], Predictor] = {}

    @property
    def labels(self) -> Mapping[int, str]:
        """See `Segmenter`."""
        return self._predictor.models[0].labels

    @property
    def identity(self) -> str:
        """See `Segmenter`."""
        said = dataclasses.asdict(self._predictor.settings)
        for irrelevant in ("uncertainty", "mc_samples", "windows_at_once", "slab_megabytes"):
            del said[irrelevant]
        hashes = [model.weights_hash for model in self._predictor.models]
        return hashlib.sha256(f"{hashes} {sorted(said.items())}".encode()).hexdigest()

    def check(self, maps: Sequence[str], samples: int) -> None:
        """See `Segmenter`."""
        self._with(maps, samples)

    def look(self, volume: Volume, maps: Sequence[str], samples: int) -> Look:
        """See `Segmenter`."""
        found = self._with(maps, samples).predict(volume)
        return Look(found.prediction.probabilities, found.uncertainty)

    def latent(self, volume: Volume, units: Sequence[Unit]) -> Floats:
        """See `Segmenter`; what its windows show around a unit counts too.

        The deepest features are those of the last layer that works at the coarsest resolution.
        """
        model, at_once = self._predictor.models[0], self._predictor.settings.windows_at_once
        windows = UnitWindows(model, volume)
        layer: nn.Module | None = None
        found = []
        with torch.no_grad():
            for unit in units:
                features = []
                for part in windows.batches(unit, at_once):
                    seen = part.seen.to(self._predictor.device)
                    layer = layer or deepest_layer(model.network, seen)
                    features.append(_output(model.network, layer, seen).flatten(2).mean(2))
                found.append(torch.cat(features).mean(0).cpu().numpy())
        return np.stack(found).astype(np.float32)

    def gradients(
        self, volume: Volume, units: Sequence[Unit], draws: int, by_layer: bool
    ) -> Floats:
        """See `Segmenter`; dropout is off."""
        model, settings = self._predictor.models[0], self._predictor.settings
        windows = UnitWindows(model, volume)
        gradients = Gradients(model.network, draws, by_layer, settings.seed)
        device = torch.device(self._predictor.device)
        batches = settings.windows_at_once
        found = [gradients.of(u.name(), windows.batches(u, batches), device) for u in units]
        return np.stack(found).astype(np.float32)

    def _with(self, maps: Sequence[str], samples: int) -> Predictor:
        own = self._predictor
        key = (tuple(maps), samples)
        if key not in self._asked:
            settings = dataclasses.replace(own.settings, uncertainty=key[0], mc_samples=samples)
            self._asked[key] = Predictor(own.models, settings, own.device)
        return self._asked[key]


def deepest_layer(network: nn.Module, seen: Tensor) -> nn.Module:
    """Gives the last layer that answers with the fewest voxels.

    Args:
        network: In evaluation mode.
        seen: What it is to see, shape (window, channel, *space).
    """
    sizes: list[tuple[int, nn.Module]] = []

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == seen.ndim:
            sizes.append((int(np.prod(output.shape[2:])), module))

    layers = [module for module in network.modules() if not any(module.children())]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        network(seen[:1])
    finally:
        for hook in hooks:
            hook.remove()
    fewest = min((size for size, _ in sizes), default=0)
    return next((layer for size, layer in reversed(sizes) if size == fewest), network)


class _Reached(Exception):  # noqa: N818 - Nothing went wrong.
    """Carries what a layer answers out of a network whose other layers need not run."""


def _output(network: nn.Module, layer: nn.Module, seen: Tensor) -> Tensor:
    def stop(module: nn.Module, _: object, output: Tensor) -> None:
        raise _Reached(output)

    hook = layer.register_forward_hook(stop)
    try:
        network(seen)
    except _Reached as reached:
        output: Tensor = reached.args[0]
        return output.float()
    finally:
        hook.remove()
    raise AssertionError("the layer did not run")

"""Trained models as query strategies ask them; needs torch."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ImperfectSegLogic.active.deep_features import DeepFeatures
from ImperfectSegLogic.active.model_gradients import Gradients
from ImperfectSegLogic.active.segmenter import Floats, Look
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.active.unit_windows import UnitWindows
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.networks.noisy_logits import NoiseShare, NoisyLogits
from ImperfectSegLogic.prediction.predictor import Predictor


class ModelSegmenter:
    """One trained model, or an ensemble; see `Segmenter` for what it is asked.

    Features and gradients are those of the first model.
    """

    def __init__(self, predictor: Predictor) -> None:
        """Takes the models; uncertainties and MC samples in its settings do not matter."""
        self._predictor = predictor
        self._asked: dict[tuple[tuple[str, ...], int], Predictor] = {}
        self._noise: Predictor | None = None
        self._deep = DeepFeatures(predictor.models[0].network)

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
        asked = self._with(maps, samples)
        self._deep.forget()
        # With dropout, features would be others.
        with contextlib.nullcontext() if samples else self._deep.noting():
            found = asked.predict(volume)
        return Look(found.prediction.probabilities, found.uncertainty)

    def noise(self, volume: Volume) -> Floats | None:
        """See `Segmenter`."""
        if self._noise is None:
            own, shown = self._predictor, []
            for model in own.models:
                if not isinstance(model.network, NoisyLogits):
                    return None
                network = NoiseShare(model.network)
                shown.append(dataclasses.replace(model, network=network, labels={1: "noise"}))
            settings = dataclasses.replace(own.settings, uncertainty=(), mc_samples=0)
            self._noise = Predictor(shown, settings, own.device)
        found: Floats = self._noise.predict(volume).prediction.probabilities[1]
        return found

    def latent(self, volume: Volume, units: Sequence[Unit]) -> Floats:
        """See `Segmenter`; what its windows show around a unit counts too.

        The deepest features are those of the last layer that works at the coarsest resolution.
        """
        model, at_once = self._predictor.models[0], self._predictor.settings.windows_at_once
        windows = UnitWindows(model, volume)
        device = self._predictor.device
        found = []
        for unit in units:
            features = [self._deep.of(part.seen, device) for part in windows.batches(unit, at_once)]
            found.append(torch.cat(features).mean(dim=0).numpy())
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

"""Models that are loaded once and predict many images."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.predict import (
    Predicted,
    PredictedLabels,
    PredictionSettings,
    predict,
    predict_labels,
)
from ImperfectSegLogic.prediction.work import check_models
from ImperfectSegLogic.training.devices import choose_device
from ImperfectSegLogic.training.model_file import TrainedModel, load_model


class Predictor:
    """One model, or several as an ensemble, ready on a device.

    Attributes:
        models: The models.
        settings: How they are applied.
    """

    def __init__(
        self,
        models: Sequence[TrainedModel],
        settings: PredictionSettings | None = None,
        device: str = "auto",
    ) -> None:
        """Takes models and brings their networks to the device, where they stay.

        Raises:
            ValueError: If there is no such device, the models do not go together, or cannot do
                what the settings ask for.
        """
        self.models, self.settings = tuple(models), settings or PredictionSettings()
        check_models(self.models, self.settings)
        self._device = choose_device(device)
        for model in self.models:
            model.network.to(self._device).eval()

    @property
    def device(self) -> str:
        """Where the networks are."""
        return str(self._device)

    @classmethod
    def load(
        cls,
        paths: Sequence[str | os.PathLike[str]],
        settings: PredictionSettings | None = None,
        device: str = "auto",
    ) -> Predictor:
        """Loads model files.

        Raises:
            FileNotFoundError: If one is not there.
            ValueError: If one is no model or damaged, or as for the constructor.
        """
        return cls([load_model(path) for path in paths], settings, device)

    def predict(self, volume: Volume, progress: Progress | None = None) -> Predicted:
        """Gives the probabilities of an image; see `prediction.predict` for errors."""
        return predict(self.models, volume, self.settings, progress, self.device)

    def predict_labels(self, volume: Volume, progress: Progress | None = None) -> PredictedLabels:
        """Gives the labels of an image; see `prediction.predict` for errors."""
        return predict_labels(self.models, volume, self.settings, progress, self.device)

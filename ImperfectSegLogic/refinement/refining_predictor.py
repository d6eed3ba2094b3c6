"""Trained models whose predictions are refined, for whoever asks a `Predictor`."""

from __future__ import annotations

import dataclasses

from ImperfectSegLogic.data import Case, DenseMask, Volume
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.predict import Predicted, PredictedLabels
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.refinement.chain import Chain

NETWORK_SHARE = 0.6
"""Share of the work that is the network's, for progress bars."""


class RefiningPredictor(Predictor):
    """Models whose predictions are refined; maps of uncertainty stay those of the models."""

    def __init__(self, predictor: Predictor, chain: Chain) -> None:
        """Takes models that are ready, and what refines."""
        super().__init__(predictor.models, predictor.settings, predictor.device)
        self._chain = chain

    def predict(self, volume: Volume, progress: Progress | None = None) -> Predicted:
        """Gives refined probabilities; see `prediction.predict` and `Refiner.refine` for errors."""
        progress = progress or Progress()
        found = super().predict(volume, progress.part(0, NETWORK_SHARE))
        case = Case(volume, volume.name)
        refined = self._chain.refine(case, found.prediction, (), progress.part(NETWORK_SHARE, 1))
        notes = (*found.notes, *(note for note in refined.notes if note not in found.notes))
        return dataclasses.replace(found, prediction=refined, notes=notes)

    def predict_labels(self, volume: Volume, progress: Progress | None = None) -> PredictedLabels:
        """Gives refined labels; needs memory for all probabilities, as refiners do."""
        found = self.predict(volume, progress)
        mask = DenseMask(found.prediction.full_labels(), volume.geometry)
        source = found.prediction.provenance
        return PredictedLabels(mask, source, found.uncertainty, found.notes)

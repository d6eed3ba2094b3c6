"""The part of the train panel that predicts with the selected model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.PredictionSession import PredictionSession
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.Styles import ERROR_STYLE
from ImperfectSegLib.TrainPart import TrainPart


class PredictPart:
    """Connects the widgets of the panel with a session.

    Attributes:
        session: Predicts.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(self, ui: Any, processes: Processes, training: TrainPart) -> None:
        """Takes the widgets, who starts processes, and who knows model and data set."""
        self._ui, self._training = ui, training
        self.parameters: Any = None
        self.session = PredictionSession(self, processes)
        ui.predictVolumeButton.connect("clicked(bool)", lambda _checked: self._predictVolume())
        ui.predictDatasetButton.connect("clicked(bool)", lambda _checked: self._predictDataset())
        ui.cancelButton.connect("clicked(bool)", lambda _checked: self.session.cancel())

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        self.update()

    def sayPrediction(self, text: str, isError: bool = False) -> None:
        """Shows a message, and whether a prediction is under way."""
        self._ui.predictionLabel.text = _(text)
        self._ui.predictionLabel.styleSheet = ERROR_STYLE if isError else ""
        self.update()

    def showPredictionProgress(self, fraction: float | None) -> None:
        """Shows how far it is, from 0 to 1; a bar without end if that is not known."""
        self._ui.predictionBar.maximum = 0 if fraction is None else 100
        self._ui.predictionBar.value = round(100 * (fraction or 0))

    def update(self) -> None:
        """Brings buttons up to date."""
        ui, run, isRunning = self._ui, self._training.session.selected, self.session.isRunning
        canPredict = bool(self._training.isReady and run and run.hasModel and not isRunning)
        hasVolume = self.parameters is not None and self.parameters.inputVolume is not None
        ui.predictVolumeButton.enabled = canPredict and hasVolume
        ui.predictDatasetButton.enabled = canPredict
        ui.cancelButton.enabled = isRunning
        if not isRunning:
            self.showPredictionProgress(0.0)

    def _predictVolume(self) -> None:
        run, known = self._training.session.selected, self.parameters
        if run is not None:
            self._try(
                lambda: self.session.predictVolume(run.model, known.inputVolume, known.uncertainty)
            )

    def _predictDataset(self) -> None:
        run, summary = self._training.session.selected, self._training.session.summary
        if run is not None and summary is not None:
            self._try(lambda: self.session.predictDataset(run.model, summary.dataset.folder))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (ValueError, OSError) as error:
            self.sayPrediction(str(error), isError=True)

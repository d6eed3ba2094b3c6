"""Predicting from the panel, in a process of its own: the open case, or a whole data set."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import qt
import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PredictionNodes import (
    PredictedFiles,
    addSegmentation,
    addUncertainty,
    readPredicted,
)
from ImperfectSegLib.Processes import PROGRESS_FILE, Processes
from ImperfectSegLib.RunFolders import lastWords
from ImperfectSegLogic.data import Geometry, write_volume

POLL_MS = 200
UNCERTAINTY = "entropy"


class PredictionView(Protocol):
    """What a session shows."""

    def sayPrediction(self, text: str, isError: bool = False) -> None:
        """Shows a message, and whether a prediction is under way."""

    def showPredictionProgress(self, fraction: float | None) -> None:
        """Shows how far it is, from 0 to 1; None if that is not known."""


@dataclass(frozen=True)
class _Case:
    """The open case as it was when its prediction was asked for."""

    volumeId: str
    state: tuple[Any, ...]
    geometry: Geometry
    model: Path
    folder: Path
    hasUncertainty: bool

    @property
    def image(self) -> Path:
        return self.folder / "image.nrrd"

    @property
    def labels(self) -> Path:
        return self.folder / "labels.seg.nrrd"

    @property
    def uncertainty(self) -> Path:
        return self.folder / f"labels-{UNCERTAINTY}.nrrd"


class PredictionSession:
    """Lets a model predict, one thing at a time, without ever stopping the window.

    Attributes:
        processes: Starts processes.
    """

    def __init__(
        self, view: PredictionView, processes: Processes, jobs: JobRunner | None = None
    ) -> None:
        """Takes who shows it, who starts processes, and who reads and writes files."""
        self._view, self.processes, self._jobs = view, processes, jobs or JobRunner()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)
        self._pid, self._log = 0, Path()
        self._case: _Case | None = None
        self._onEnded: Callable[[], None] = lambda: None

    @property
    def isRunning(self) -> bool:
        """Whether a prediction is under way."""
        return bool(self._pid) or self._jobs.isRunning

    def predictVolume(self, model: Path, volumeNode: Any, uncertainty: bool = False) -> None:
        """Predicts a volume of the scene into a new segmentation.

        Args:
            model: The model's file.
            volumeNode: The image.
            uncertainty: Whether to add a volume that tells where the model is unsure.

        Raises:
            ValueError: If there is no image, or it has no voxel grid in the world.
        """
        volume = Bridge.volumeFromNode(volumeNode)
        folder = Path(tempfile.mkdtemp(prefix="imperfectseg-", dir=slicer.app.temporaryPath))
        state = Bridge.volumeState(volumeNode)
        case = _Case(volumeNode.GetID(), state, volume.geometry, model, folder, uncertainty)
        self._case = case
        self._start(lambda: write_volume(volume, case.image), lambda _: self._predictCase(case))
        self._view.sayPrediction("Predicting...")

    def predictDataset(self, model: Path, dataset: Path) -> None:
        """Predicts all cases of a data set into its `predictions`; goes on when Slicer is closed.

        Args:
            model: The model's file.
            dataset: The data set's folder.

        Raises:
            OSError: If no process can be started.
        """
        log = model.parent / "predict.log"
        log.unlink(missing_ok=True)
        arguments = ["predict", str(model), str(dataset), "--overwrite"]
        target = dataset / "predictions" / model.parent.name
        self._run(arguments, log, lambda: self._view.sayPrediction(f"Predicted: {target}"))
        self._view.sayPrediction("Predicting the whole data set...")

    def cancel(self) -> None:
        """Stops; what was predicted for whole cases of a data set stays."""
        wasRunning = self.isRunning
        self._end()
        if wasRunning:
            self._view.sayPrediction("Cancelled.")

    def forgetScene(self) -> None:
        """Stops predicting a volume of a scene that is being closed; a data set goes on."""
        if self._case is not None:
            self._end()

    def close(self) -> None:
        """Stops watching: a whole data set goes on, the open case does not."""
        if self._case is None:
            self._pid = 0
        self._end()

    # How it goes on ---------------------------------------------------------------------------

    def _predictCase(self, case: _Case) -> None:
        arguments = ["predict", str(case.model), str(case.image), "--out", str(case.labels)]
        arguments += ["--uncertainty", UNCERTAINTY] if case.hasUncertainty else []
        try:
            self._run(arguments, case.folder / "log.txt", lambda: self._readCase(case))
        except OSError as error:
            self._onError(error)

    def _readCase(self, case: _Case) -> None:
        uncertainty = case.uncertainty if case.hasUncertainty else None
        self._start(
            lambda: readPredicted(case.labels, case.geometry, uncertainty),
            lambda predicted: self._addCase(case, predicted),
        )

    def _addCase(self, case: _Case, predicted: PredictedFiles) -> None:
        self._end()
        node = slicer.mrmlScene.GetNodeByID(case.volumeId)
        if node is None or Bridge.volumeState(node) != case.state:
            self._view.sayPrediction(
                "the volume was changed or removed meanwhile; nothing was added. Predict again.",
                isError=True,
            )
            return
        name = f"{node.GetName()} by {case.model.parent.name}"
        addSegmentation(predicted, node, name)
        if predicted.uncertainty is not None:
            addUncertainty(predicted, node, f"{name}, uncertainty")
        found = [segment.name for segment in predicted.segments if segment.region is not None]
        self._view.sayPrediction(f"Found: {', '.join(found) or 'nothing'}.")

    def _start(self, work: Callable[[], Any], onDone: Callable[[Any], None]) -> None:
        self._jobs.start(
            lambda progress: work(), onDone, self._onError, lambda fraction, text: None
        )

    def _run(self, arguments: list[str], log: Path, onEnded: Callable[[], None]) -> None:
        self._log, self._onEnded = log, onEnded
        self._progressFile().unlink(missing_ok=True)
        variables = {PROGRESS_FILE: str(self._progressFile())}
        self._pid = self.processes.start(arguments, log, variables=variables)
        self._view.showPredictionProgress(None)
        self._timer.start()

    def _poll(self) -> None:
        self._view.showPredictionProgress(self._fraction())
        if self.processes.isAlive(self._pid):
            return
        pid, self._pid = self._pid, 0
        self._timer.stop()
        if self.processes.exitCode(pid) == 0:
            self._onEnded()
        else:
            self._onError(OSError(lastWords(self._log)))

    def _onError(self, error: Exception) -> None:
        self._end()
        self._view.sayPrediction(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _end(self) -> None:
        self._timer.stop()
        self._jobs.cancel()
        self.processes.end(self._pid)
        self._pid = 0
        if self._case is not None:
            shutil.rmtree(self._case.folder, ignore_errors=True)
        self._case = None

    def _progressFile(self) -> Path:
        return self._log.with_name("progress.json")

    def _fraction(self) -> float | None:
        try:
            return float(json.loads(self._progressFile().read_text(encoding="utf-8"))["fraction"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

"""Trains on what was annotated, predicts and ranks what is left, beside the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import qt

from ImperfectSegLib import QueueRounds as rounds
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.QueueCurve import QueueCurve
from ImperfectSegLib.QueueDesk import QueueDesk
from ImperfectSegLib.QueueProposal import UNCERTAINTY
from ImperfectSegLib.QueueRound import DONE, PREDICTING, RANKING, STAGE, TRAINING, Round
from ImperfectSegLib.QueueRounds import CurvePoint, RoundStatus

POLL_MS = 1000
BUILD = "build"
Build = Callable[[str], Sequence[str]]
"""Gives the arguments of `imperfectseg` that rank by a model; by none if its name is empty."""


class QueueTraining:
    """Starts rounds in processes of their own, and watches the one that was begun last.

    Attributes:
        processes: Starts processes.
        status: Where the round stands that was begun last; None if there was none.
        curve: Shows how good the models of all rounds are.
        points: The learning curve.
    """

    def __init__(
        self, processes: Processes, onChanged: Callable[[], None], onRanked: Callable[[str], None]
    ) -> None:
        """Takes who starts processes, who is told of changes, and who is told a new order's model.

        The model's name is empty if the queue was not ranked by a new one.
        """
        self.processes, self._onChanged, self._onRanked = processes, onChanged, onRanked
        self.status: RoundStatus | None = None
        self.curve, self.points = QueueCurve(), list[CurvePoint]()
        self._desk: QueueDesk | None = None
        self._folder: Path | None = None
        self._jobs = JobRunner()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self.poll)

    @property
    def isActive(self) -> bool:
        """Whether a process is at work."""
        return self.status is not None and self.status.isActive

    @property
    def canResume(self) -> bool:
        """Whether there is something to go on with."""
        ends = (rounds.FAILED, rounds.INTERRUPTED)
        return self.status is not None and self.status.state in ends

    def choose(self, desk: QueueDesk) -> None:
        """Turns to another data set, and finds the round that was begun there last."""
        self._desk = desk
        folders = [desk.dataset.folder / "queue" / BUILD, rounds.lastRound(desk.dataset)]
        stages = [f / STAGE for f in folders if f is not None and (f / STAGE).exists()]
        newest = max(stages, key=lambda file: file.stat().st_mtime, default=None)
        self._folder = newest.parent if newest else None
        self.status, self.points = None, []
        self._timer.start()
        self.poll()
        self.lookAtCurve()

    def rank(self, model: str, build: Build) -> None:
        """Makes the queue, or gives it a new order; first predicts by the model, if there is one.

        Raises:
            ValueError: If there is no data set, or something of the order is not allowed.
            OSError: If no process can be started.
        """
        dataset = self._known().dataset
        stages = [(RANKING, tuple(build(model)))]
        if model:
            stages.insert(0, (PREDICTING, _predicting(dataset.folder, model)))
        self._begin(dataset.folder / "queue" / BUILD, Round(tuple(stages)))

    def retrain(self, options: Sequence[str], build: Build) -> None:
        """Trains a new model on all that is annotated; predicts and ranks by it.

        Raises:
            ValueError: If there is no data set, or something of the order is not allowed.
            OSError: If no process can be started.
        """
        desk = self._known()
        folder, name = desk.dataset.folder, rounds.nextName(desk.dataset)
        train = ("train", str(folder), "--name", name, *options)
        predict, ranking = _predicting(folder, name), tuple(build(name))
        stages = ((TRAINING, train), (PREDICTING, predict), (RANKING, ranking))
        seconds = sum(share.seconds for share in desk.progress.shares)
        self._begin(folder / "models" / name, Round(stages, desk.progress.readings, seconds))

    def isDue(self, every: int) -> bool:
        """Tells whether so many annotations were made since a model was trained last."""
        if self._desk is None or every < 1 or self.isActive:
            return False
        before = rounds.annotationsAt(rounds.lastRound(self._desk.dataset))
        return self._desk.progress.readings - before >= every

    def resume(self) -> None:
        """Goes on with a round that has failed or was interrupted.

        Raises:
            ValueError: If what is to be done cannot be read.
            OSError: If no process can be started.
        """
        if self.status is not None and self.canResume:
            rounds.goOn(self.status.folder, self.processes)
            self._watch()

    def stop(self) -> None:
        """Stops what is at work; it can go on later.

        Raises:
            OSError: If the round's folder cannot be written.
        """
        if self.status is not None:
            rounds.stop(self.status, self.processes)

    def poll(self) -> None:
        """Looks how far the round is."""
        if self._folder is None:
            return
        before, self.status = self.status, rounds.roundStatus(self._folder, self.processes)
        if self.status != before:
            self._onChanged()
        if before is not None and before.isActive and not self.isActive:
            self.lookAtCurve()
            if self.status is not None and self.status.state == DONE:
                self._onRanked("" if self._folder.name == BUILD else self._folder.name)
        if not self.isActive:
            self._timer.stop()

    def lookAtCurve(self) -> None:
        """Reads how good the models are, beside the window."""
        desk = self._desk
        if desk is not None:
            self._jobs.start(
                lambda progress: rounds.curveOf(desk.dataset),
                self._onCurve,
                self._onError,
                lambda *_: None,
            )

    def showAgain(self) -> None:
        """Draws the curve again, after a scene was closed."""
        self.curve.forget()
        self.curve.show(self.points)

    def close(self) -> None:
        """Called when the module is closed for good; what is at work goes on."""
        self._timer.stop()
        self._timer.disconnect("timeout()", self.poll)
        self._jobs.close()

    def _known(self) -> QueueDesk:
        if self._desk is None:
            raise ValueError("no data set: choose a folder with one first.")
        return self._desk

    def _begin(self, folder: Path, own: Round) -> None:
        self._folder = folder
        rounds.start(folder, own, self.processes)
        self._watch()

    def _watch(self) -> None:
        assert self._folder is not None
        self.status = rounds.roundStatus(self._folder, self.processes)
        self._timer.start()
        self._onChanged()

    def _onCurve(self, points: list[CurvePoint]) -> None:
        self.points = points
        self.curve.show(points)
        self._onChanged()

    def _onError(self, error: Exception) -> None:
        """A curve that cannot be read now is read after the next round."""
        if not isinstance(error, ValueError | OSError):
            raise error


def _predicting(folder: Path, model: str) -> tuple[str, ...]:
    return ("predict", model, str(folder), "--uncertainty", UNCERTAINTY, "--overwrite")

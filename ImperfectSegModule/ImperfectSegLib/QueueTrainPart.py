"""The part of the queue panel that trains on what was annotated, and ranks what is left anew."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

import slicer.util
from slicer.i18n import tr as _

from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.QueueBuildPart import QueueBuildPart
from ImperfectSegLib.QueueRounds import FAILED, INTERRUPTED
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueState import CONNECTED, DONE
from ImperfectSegLib.QueueTraining import QueueTraining
from ImperfectSegLib.Styles import ERROR_STYLE

TRAIN_MODULE = "ImperfectSegTrain"


class QueueTrainPart:
    """Connects the widgets with what trains.

    Attributes:
        work: Trains, predicts and ranks.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        session: QueueSession,
        building: QueueBuildPart,
        processes: Processes,
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, the session, who knows how to rank, who starts, and who speaks."""
        self._ui, self._session, self._building, self._say = ui, session, building, say
        self.parameters: Any = None
        self._isDue = False
        self.work = QueueTraining(processes, self.update, self._onRanked)
        for button, action in {
            ui.makeButton: self.rank,
            ui.retrainButton: self.retrain,
            ui.stopButton: self.work.stop,
            ui.resumeButton: self.work.resume,
            ui.curveButton: self.work.curve.display,
            ui.sameOptionsButton: self.takeOptions,
        }.items():
            button.connect("clicked(bool)", _trying(action, say))
        session.listeners.append(self._onSession)

    def rank(self) -> None:
        """Makes the queue, or gives it a new order; see `QueueTraining`."""
        self.work.rank(self._building.model, self._build)

    def retrain(self) -> None:
        """Trains a new model, and ranks by it; see `QueueTraining`."""
        self._isDue = False
        self.work.retrain(self._options(), self._build)

    def retrainIfDue(self) -> None:
        """Retrains if so many annotations were made since the last time as the user wants."""
        known = self.parameters
        if self._isDue and known is not None and self.work.isDue(int(known.retrainEvery)):
            _trying(self.retrain, self._say)()

    def takeOptions(self) -> None:
        """Takes over the network, methods and steps that are chosen in the train panel.

        Raises:
            ValueError: If the module is not there, or a setting of it is not allowed.
        """
        try:
            widget = slicer.util.getModuleWidget(TRAIN_MODULE)
        except (RuntimeError, AttributeError) as error:
            raise ValueError(f"{TRAIN_MODULE}: cannot be asked ({error}).") from error
        if self.parameters is not None:
            self.parameters.trainOptions = shlex.join(widget.training.choice().options())

    def update(self) -> None:
        """Brings the widgets up to date."""
        ui, work, building = self._ui, self.work, self._building
        isFree = self._session.desk is not None and not work.isActive
        hasQueue = self._session.hasQueue
        hasTorch = building.strategy is not None and not building.known.missingForModels
        ui.makeButton.enabled = isFree and building.canRank
        ui.makeButton.text = _("Rank again") if hasQueue else _("Make the queue")
        ui.retrainButton.enabled = isFree and hasTorch and hasQueue
        ui.stopButton.enabled = work.isActive
        ui.resumeButton.enabled = work.canResume
        ui.curveButton.enabled = len(work.points) > 1
        self._updateRound()
        ui.curveLabel.text = self._curveText()

    def _updateRound(self) -> None:
        ui, status = self._ui, self.work.status
        isBad = status is not None and status.state in (FAILED, INTERRUPTED)
        ui.roundLabel.text = status.text if status else ""
        ui.roundLabel.styleSheet = ERROR_STYLE if isBad else ""
        fraction = status.fraction if status else None
        ui.roundBar.visible = self.work.isActive
        ui.roundBar.maximum = 100 if fraction is not None else 0  # A bar without end.
        ui.roundBar.value = round(100 * (fraction or 0))

    def _curveText(self) -> str:
        points = self.work.points
        if not points:
            return _("No learning curve yet: it needs trained models, and cases in split val.")
        last, best = points[-1], max(points, key=lambda point: point.dice)
        text = f"{last.name}: Dice {last.dice:.3f} after {last.annotations} annotations"
        return text if best is last else f"{text} (best: {best.dice:.3f} by {best.name})"

    def _build(self, model: str) -> Sequence[str]:
        desk = self._session.desk
        assert desk is not None
        return self._building.arguments(desk.dataset, model)

    def _options(self) -> list[str]:
        text = str(self.parameters.trainOptions) if self.parameters is not None else ""
        try:
            return shlex.split(text)
        except ValueError as error:
            raise ValueError(
                f"training options: got {text!r}, which cannot be read ({error}). Write them as for"
                " `imperfectseg train`, such as --steps 500."
            ) from error

    def _onRanked(self, model: str) -> None:
        if model:
            self._building.chooseModel(model)
        status = self.work.status
        self._say(status.text if status else "", False)
        self._session.look()

    def _onSession(self, what: str) -> None:
        if what == DONE:
            self._isDue = True
        if what == CONNECTED and self._session.desk is not None:
            self.work.choose(self._session.desk)
        self.update()


def _trying(action: Callable[[], None], say: Callable[[str, bool], None]) -> Callable[..., None]:
    """Does something; what the user can mend is shown."""

    def run(checked: bool = False) -> None:
        try:
            action()
        except (ValueError, OSError) as error:
            say(str(error), True)

    return run

"""The part of the panel that lets an engine learn from the image at hand, beside the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ImperfectSegLib.EngineSlot import whyNotAdapting
from ImperfectSegLib.InteractiveLogic import InteractiveLogic
from ImperfectSegLib.InteractiveSession import InteractiveSession
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLogic.methods.progress import CancelledError, Progress


class AdaptPart:
    """Adapts after each answer; when it is done, the segments are updated.

    The user can go on meanwhile: prompts are answered with what was learned so far, and it learns
    once more at the end if there were new ones.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        logic: InteractiveLogic,
        session: InteractiveSession,
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, the logic, the session, and who shows errors."""
        self._ui, self._logic, self._session, self._say = ui, logic, session, say
        self._jobs = JobRunner()
        self._isStale = False
        self.parameters: Any = None
        session.listeners.append(self._onSession)
        ui.adaptStopButton.connect("clicked(bool)", lambda _checked: self.stop())

    @property
    def isAdapting(self) -> bool:
        """Whether the engine is learning."""
        return self._jobs.isRunning

    def follow(self, parameters: Any) -> None:
        """Shows what the parameters say; None while there are none."""
        self.parameters = parameters
        if not self._isWanted():
            self._jobs.cancel()
        self._logic.engines.adapts(self._isWanted())
        self.update()

    def stop(self) -> None:
        """Stops learning; what was learned so far is used."""
        self._jobs.cancel()
        self._isStale = False
        self.update()
        self._session.answerAgain()

    def close(self) -> None:
        """Stops for good."""
        self._jobs.cancel()
        self._session.listeners.remove(self._onSession)

    def update(self) -> None:
        """Brings the widgets up to date."""
        ui, why = self._ui, self._whyNot()
        ui.adaptCheckBox.enabled = not why
        ui.adaptBox.visible = self.isAdapting
        if not self.isAdapting:
            ui.adaptBar.value = 0
        text = _("Cannot adapt: {why}").format(why=why) if why else ""
        if self.isAdapting:
            text = _("Learning from this image; you can go on.")
        ui.adaptLabel.text = text
        ui.adaptLabel.visible = bool(text)

    def _whyNot(self) -> str:
        try:
            return whyNotAdapting(self._logic.engines.kind)
        except ValueError as error:
            return str(error)

    def _isWanted(self) -> bool:
        return bool(self.parameters and self.parameters.adapt) and not self._whyNot()

    def _onSession(self, what: str) -> None:
        if what == "back":  # Undone or cleared: nobody wants what is being learned.
            self._jobs.cancel()
            self._isStale = False
            self.update()
        elif what == "answered" and self.isAdapting:
            self._isStale = True
        elif what == "answered" or (what == "adapted" and self._isStale):
            self._start()

    def _start(self) -> None:
        answers = self._session.answers
        self._isStale = False
        if not (self._isWanted() and answers):
            return
        part, raw = answers[-1].part, answers[-1].raw

        def learn(progress: Progress) -> bool:
            engine: Any = self._logic.engines.made()
            try:
                engine.adapt(part.prompts, raw, progress)
            except CancelledError:
                if progress.is_cancelled:
                    raise
                return False  # The engine went over to another part of the image.
            return True

        self._jobs.start(learn, self._onLearned, self._onError, self._onProgress)
        self.update()

    def _onLearned(self, isDone: bool) -> None:
        self.update()
        if self._session.isComputing:
            self._isStale = False  # Its answer starts the next round.
        elif isDone:
            self._session.answerAgain()
        elif self._isStale:
            self._start()

    def _onError(self, error: Exception) -> None:
        self.update()
        self._say(_("Adapting failed: {why}").format(why=error), True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _onProgress(self, fraction: float, text: str) -> None:
        self._ui.adaptBar.value = round(100 * fraction)

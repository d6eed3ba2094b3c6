"""What the user did, what came of it, and how to take it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ImperfectSegLib.InteractiveLogic import InteractiveLogic, Response
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PromptState import State
from ImperfectSegLib.PromptStore import PromptStore


class SessionView(Protocol):
    """What a session shows."""

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message and the state of the session."""

    def showProgress(self, fraction: float) -> None:
        """Shows how far the computation is, from 0 to 1."""


@dataclass
class _Action:
    """One thing the user did: the prompts before it, and how many writes came of it."""

    promptsBefore: State
    writes: int = 0


class InteractiveSession:
    """Segments whenever prompts change, and undoes action by action.

    Args:
        logic: Does the work.
        jobs: Runs it beside the window.
        view: Shows what happens.
    """

    def __init__(self, logic: InteractiveLogic, jobs: JobRunner, view: SessionView) -> None:
        self._logic, self._jobs, self._view = logic, jobs, view
        self._actions: list[_Action] = []
        self._state: State = ()
        self._isRestoring = False
        self.volumeNode: Any = None
        self.segmentationNode: Any = None
        self.autoUpdate = True

    @property
    def canUndo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._actions)

    @property
    def hasPrompts(self) -> bool:
        """Whether there is a prompt."""
        return bool(self._state)

    @property
    def isComputing(self) -> bool:
        """Whether a computation is under way."""
        return self._jobs.isRunning

    def workOn(self, segmentationNode: Any) -> None:
        """Goes over to another segmentation, or to none; what was done before cannot be undone."""
        self._jobs.cancel()
        self._actions = []
        self.segmentationNode = segmentationNode
        self._state = PromptStore(segmentationNode).state() if segmentationNode else ()

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self.workOn(None)
        self.volumeNode = None
        self._logic.forget()

    def promptsChanged(self) -> None:
        """Looks at the prompts; if they differ, this is an action, and segments again."""
        if self._isRestoring or self.segmentationNode is None:
            return
        state = PromptStore(self.segmentationNode).state()
        if state == self._state:
            return
        self._actions.append(_Action(self._state))
        self._state = state
        if self.autoUpdate:
            self._compute()

    def apply(self) -> None:
        """Segments with all prompts, as an action of its own."""
        self._actions.append(_Action(self._state))
        self._compute()

    def cancel(self) -> None:
        """Stops computing; nothing is changed."""
        self._jobs.cancel()
        self._view.say("Cancelled; nothing was changed.")

    def clear(self) -> None:
        """Removes all prompts; the segments stay as they are."""
        self._jobs.cancel()
        self._actions.append(_Action(self._state))
        self._restore(())
        self._view.say("Prompts cleared; the segments stay.")

    def undo(self) -> None:
        """Takes back the last thing the user did, and everything that it changed."""
        if not self._actions:
            return
        self._jobs.cancel()
        action = self._actions[-1]
        try:
            while action.writes:
                self._logic.undo()
                action.writes -= 1
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        self._actions.pop()
        self._restore(action.promptsBefore)
        self._view.say("Undone.")

    def _restore(self, state: State) -> None:
        self._isRestoring = True
        try:
            store = PromptStore(self.segmentationNode)
            store.restore(state)
            self._state = store.state()
        finally:
            self._isRestoring = False

    def _compute(self) -> None:
        self._jobs.cancel()
        try:
            request = self._logic.request(self.volumeNode, self.segmentationNode)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        if not request.prompts:
            self._view.say("No prompts left; the segments stay.")
            return
        self._jobs.start(
            lambda progress: self._logic.respond(request, progress),
            self._onResponse,
            self._onError,
            lambda fraction, text: self._view.showProgress(fraction),
        )
        self._view.say("Segmenting...")

    def _onResponse(self, response: Response) -> None:
        try:
            changed = self._logic.write(response)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        if changed and self._actions:
            self._actions[-1].writes += 1
        what = "Segments updated" if changed else "Nothing to change; computed"
        self._view.say(f"{what} in {response.seconds:.2f} s.")

    def _onError(self, error: Exception) -> None:
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

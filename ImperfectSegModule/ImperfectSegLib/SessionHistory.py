"""The actions of a user, and how to go back and forth in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from ImperfectSegLib.ActionHistory import Action, ActionHistory, Answers, Snapshot
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.RegionHandle import RegionHandle
from ImperfectSegLib.SessionState import SessionState
from ImperfectSegLib.WritingLogic import WritingLogic


class SessionView(Protocol):
    """What a session shows."""

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message and the state of the session."""

    def showProgress(self, fraction: float) -> None:
        """Shows how far the computation is, from 0 to 1."""


class SessionHistory:
    """Notes actions, takes them back and does them again, with all that they changed.

    Attributes:
        state: Prompts, region and thresholds in the scene.
        answers: What the segments are cut from, the newest last.
        listeners: Called after something has changed: "prompts", "answers" (what the segments are
            cut from), "segments"; and after that "answered" (a computation has ended), "adapted"
            (one of `answerAgain`) or "back" (undone, redone, cleared, or another segmentation);
            "restored" comes first where something was undone or redone.
    """

    def __init__(self, logic: WritingLogic, jobs: JobRunner, view: SessionView) -> None:
        """Takes what does the work, what runs it beside the window, and what shows it."""
        self._logic, self._jobs, self._view = logic, jobs, view
        self._history = ActionHistory()
        self.state = SessionState()
        self.answers: Answers = ()
        self.listeners: list[Callable[[str], None]] = []

    @property
    def segmentationNode(self) -> Any:
        """The segmentation; None if there is none."""
        return self.state.node

    @property
    def region(self) -> RegionHandle:
        """Limits where engines look and write."""
        return self.state.region

    @property
    def canUndo(self) -> bool:
        """Whether there is something to take back."""
        return self._history.last is not None

    @property
    def canRedo(self) -> bool:
        """Whether there is something to do again."""
        return self._history.next is not None

    @property
    def hasPrompts(self) -> bool:
        """Whether there is a prompt."""
        return bool(self.state.now.prompts)

    @property
    def isComputing(self) -> bool:
        """Whether a computation is under way."""
        return self._jobs.isRunning

    def clear(self) -> None:
        """Removes all prompts; the segments stay."""
        self._jobs.cancel()
        action = self._begin()
        self.state.restore(replace(self.state.now, prompts=()))
        action.after, action.isAnswered = self.state.now, True
        self._view.say("Prompts cleared; the segments stay.")
        self._tell("prompts", "back")

    def undo(self) -> None:
        """Takes back the last thing the user did, and everything that it changed."""
        if self.canUndo:
            self._jobs.cancel()
            try:
                action = self._history.stepBack(self._logic.undo)
            except ValueError as error:
                self._view.say(str(error), isError=True)
                return
            self._goTo(action.before, action.answersBefore, "Undone.")

    def redo(self) -> None:
        """Does again what was undone last, and everything that it changed."""
        if self.canRedo:
            self._jobs.cancel()
            try:
                action = self._history.stepForward(self._logic.redo)
            except ValueError as error:
                self._view.say(str(error), isError=True)
                return
            self._goTo(action.after, action.answersAfter, "Done again.")
            if not action.isAnswered:
                self.finish(action)

    def finish(self, action: Action) -> None:
        """Does what was left to do when an action was taken back; nothing, here."""

    def _begin(self, kind: str = "", before: Snapshot | None = None) -> Action:
        now = self.state.now
        action = Action(before or now, now, self.answers, self.answers, kind)
        self._history.begin(action)
        return action

    def _goTo(self, snapshot: Snapshot, answers: Answers, text: str) -> None:
        self.state.restore(snapshot)
        self.answers = answers
        self._view.say(text)
        self._tell("restored", "prompts", "answers", "segments", "back")

    def _tell(self, *events: str) -> None:
        for what in events:
            for listener in self.listeners:
                listener(what)

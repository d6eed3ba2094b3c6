"""Segments by what the user does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from ImperfectSegLib import Bridge
from ImperfectSegLib.ActionHistory import Action
from ImperfectSegLib.InteractiveLogic import InteractiveLogic, Request, Response
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.LockCheck import lockedUnder
from ImperfectSegLib.PromptChanges import PromptChanges, changedPrompts, joined, placesOf
from ImperfectSegLib.PromptHands import isAnsweredElsewhere
from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SegmentTags import isLocked, setThreshold, thresholdOf
from ImperfectSegLib.SessionHistory import SessionHistory, SessionView

ADAPTATION = "adaptation"


class InteractiveSession(SessionHistory):
    """Segments whenever prompts change, and undoes and redoes action by action.

    Attributes:
        volumeNode: The image.
        autoUpdate: Whether to segment again after every prompt.
        sliceOnly: Whether a prompt segments the slice that it lies in only.
    """

    def __init__(self, logic: InteractiveLogic, jobs: JobRunner, view: SessionView) -> None:
        """See `SessionHistory`."""
        super().__init__(logic, jobs, view)
        self._logic: InteractiveLogic = logic
        self._request: Request | None = None
        self._lockNotes: list[str] = []
        self.volumeNode: Any = None
        self.autoUpdate, self.sliceOnly = True, False

    def workOn(self, segmentationNode: Any) -> None:
        """Goes over to another segmentation, or to none; what was done before cannot be undone."""
        self._jobs.cancel()
        self._history.clear()
        self.answers, self._request = (), None
        self.state.node = segmentationNode
        self.state.look()
        self._tell("answers", "back")

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self.region.forget()
        self.workOn(None)
        self.volumeNode = None
        self._logic.forget()

    def promptsChanged(self) -> None:
        """Looks at prompts and region; if they differ, this is an action, and segments again."""
        if self.state.isRestoring or self.state.node is None:
            return
        if isAnsweredElsewhere():  # Segment Editor's effect, which has an undo of its own.
            self.workOn(self.state.node)
            return
        before, entries = self.state.now, self.state.entries
        self.state.look()
        if replace(before, thresholds=()) == replace(self.state.now, thresholds=()):
            return
        changed = changedPrompts(entries, self.state.entries)
        action = self._begin(before=before)
        action.moved = changed.moved
        self._tell("prompts")
        try:
            self._place(action, changed)
        except ValueError as error:
            self._jobs.cancel()
            self._view.say(str(error), isError=True)
            return
        if self.autoUpdate:
            self._compute(action.places, action.moved)
        elif self._lockNotes:
            self._view.say(" ".join(self._lockNotes), isError=True)

    def apply(self) -> None:
        """Segments with all prompts, as an action of its own."""
        self._begin()
        self._computeAll()

    def answerAgain(self) -> None:
        """Segments with all prompts once more, because the engine has learned."""
        self._computeAll(ADAPTATION)

    def cancel(self) -> None:
        """Stops computing; nothing is changed."""
        self._jobs.cancel()
        self._view.say("Cancelled; nothing was changed.")

    def setThreshold(self, segmentId: str, threshold: float) -> None:
        """Cuts the segments anew from what is known; moves in a row are one action."""
        node = self.state.node
        if node is None or abs(thresholdOf(node, segmentId) - threshold) < 1e-6:
            return
        kind = f"threshold of {segmentId}"
        action = self._history.last
        try:
            if isLocked(node, segmentId):
                raise ValueError("The segment is locked. Unlock it first.")
            if action is None or action.kind != kind or self._jobs.isRunning:
                action = self._begin(kind)
            while action.writes:
                self._logic.undo()
                action.writes -= 1
            setThreshold(node, segmentId, threshold)
            self.state.look()
            action.after, action.isAnswered = self.state.now, True
            self._recut(action, threshold)
        except ValueError as error:
            self._view.say(str(error), isError=True)

    def finish(self, action: Action) -> None:
        """Segments after all what was taken back before it was segmented."""
        if self.autoUpdate:
            self._compute(action.places, action.moved)

    def _place(self, action: Action, changed: PromptChanges) -> None:
        """Finds out which slices are to be answered, and which prompts point at locked segments."""
        geometry = Bridge.geometryFromNode(self.volumeNode)
        self._lockNotes = lockedUnder(self.state.node, changed.after, geometry)
        if self.sliceOnly:
            everywhere = action.before.region != action.after.region
            wanted = self.state.entries if everywhere else (*changed.before, *changed.after)
            action.places = placesOf(wanted, geometry)

    def _computeAll(self, kind: str = "") -> None:
        try:
            geometry = Bridge.geometryFromNode(self.volumeNode)
            places = placesOf(self.state.entries, geometry) if self.sliceOnly else None
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        self._compute(places, kind=kind)

    def _compute(
        self,
        places: Collection[Place] | None = None,
        moved: frozenset[int] = frozenset(),
        kind: str = "",
    ) -> None:
        self._jobs.cancel()
        nodes = self.volumeNode, self.state.node
        try:
            request = self._logic.request(*nodes, self.region.box, places, moved, self.answers)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        if not request.parts:
            self._view.say(joined("No prompts left; the segments stay.", request.notes))
            return
        self._jobs.start(
            lambda progress: self._logic.respond(request, progress),
            lambda response: self._onResponse(response, kind),
            self._onError,
            lambda fraction, text: self._view.showProgress(fraction),
        )
        self._view.say("Segmenting...")

    def _onResponse(self, response: Response, kind: str) -> None:
        try:
            changed = self._logic.write(response)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        action = self._history.last
        if changed and (kind == ADAPTATION or action is None):
            action = self._begin(kind)
        self.answers = response.added(self.answers)
        self._request = response.request
        if action is not None:
            action.writes += changed
            action.answersAfter, action.isAnswered = self.answers, True
        self._report(response, changed)
        self._tell("answers", "segments", "adapted" if kind == ADAPTATION else "answered")

    def _report(self, response: Response, changed: int) -> None:
        what = "Segments updated" if changed else "Nothing to change; computed"
        notes = (*response.notes, *self._lockNotes)
        text = joined(f"{what} in {response.seconds:.2f} s.", notes)
        self._view.say(text, isError=bool(self._lockNotes))
        self._lockNotes = []

    def _recut(self, action: Action, threshold: float) -> None:
        if self._request is None or not self.answers:
            self._view.say(f"Threshold {threshold:.2f}: it counts from the next update on.")
            return
        action.writes += self._logic.write(Response(self._request, self.answers, 0.0))
        self._view.say(f"Threshold {threshold:.2f}: cut anew.")
        self._tell("segments")

    def _onError(self, error: Exception) -> None:
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

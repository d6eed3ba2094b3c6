"""Annotates sparsely by what the user does, action by action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.ActionHistory import Action
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PromptChanges import joined
from ImperfectSegLib.SessionHistory import SessionHistory, SessionView
from ImperfectSegLib.SparseAxes import MOST_TILT, squaredShort, tiltOf
from ImperfectSegLib.SparseCompletion import SparseResponse
from ImperfectSegLib.SparseLogic import SparseLogic
from ImperfectSegLib.SparseNotes import SparseNotes, writeNotes
from ImperfectSegLib.SparseState import SparseState
from ImperfectSegLib.SparseStore import Lesion, SparseStore, moveAxis
from ImperfectSegLib.SparseTaking import recistOf
from ImperfectSegLogic.completion.completed import Completed, WantedSlice

KEPT_RESPONSES = 3


@dataclass
class SparseAction(Action):
    """What the user did, and what was completed by it.

    Attributes:
        response: What was completed; None if nothing, or long ago.
    """

    response: SparseResponse | None = None


class SparseSession(SessionHistory):
    """Notes marks as they are made, and undoes and redoes action by action.

    Listeners hear "prompts" when marks or notes have changed, "segments" when voxels have,
    "answers" when something else is completed than before, and "wanted".

    Attributes:
        volumeNode: The image.
        squares: Whether short axes are kept at a right angle to the long ones.
        wanted: Slices worth annotating next.
        afterwards: Called after the listeners, once for all that one thing has changed.
    """

    def __init__(self, logic: SparseLogic, jobs: JobRunner, view: SessionView) -> None:
        """See `SessionHistory`."""
        super().__init__(logic, jobs, view)
        self._logic: SparseLogic = logic
        self.state: SparseState = SparseState(logic.store)
        self.volumeNode: Any = None
        self.squares = True
        self.wanted: tuple[WantedSlice, ...] = ()
        self.afterwards: Callable[[], None] = lambda: None

    @property
    def notes(self) -> SparseNotes:
        """Annotated slices, the grid, and tags."""
        return self.state.notes

    @property
    def store(self) -> SparseStore:
        """The marks; only where there is a segmentation."""
        return self._logic.store(self.state.node)

    @property
    def completed(self) -> Completed | None:
        """What was completed last and not taken back."""
        for action in reversed(self._history.done):
            if isinstance(action, SparseAction) and action.response is not None:
                return action.response.completed
        return None

    def workOn(self, volumeNode: Any, segmentationNode: Any) -> None:
        """Goes over to another image or segmentation; what was done before cannot be undone."""
        self._jobs.cancel()
        self._history.clear()
        self.volumeNode, self.state.node, self.wanted = volumeNode, segmentationNode, ()
        self._guarded(self.state.look)
        self._tell("answers", "wanted", "back")

    def forgetScene(self) -> None:
        """Lets go of a scene that is being closed."""
        self.workOn(None, None)
        self._logic.forget()

    # Marks ------------------------------------------------------------------------------------

    def promptsChanged(self) -> None:
        """Looks at the marks; if they differ, this is an action."""
        if self.state.isRestoring or self.state.node is None:
            return
        before = self.state.now
        self._guarded(self._squareUp)
        if not self._guarded(self.state.look):
            return
        if before == self.state.now:
            return
        self._begin(before=before)
        self._tell("prompts")

    def note(self, notes: SparseNotes) -> None:
        """Notes something, as an action."""
        if notes != self.notes:
            before = self.state.now
            writeNotes(self.state.node, notes)
            self.state.look()
            self._begin(before=before)
            self._tell("prompts")

    def segmentsChanged(self) -> None:
        """To be called when segments were changed elsewhere."""
        self._tell("segments")

    def fill(self, segmentId: str, outline: NDArray[np.float64]) -> None:
        """Fills an outline with a segment, as an action."""
        nodes = self.volumeNode, self.state.node

        def work() -> None:
            if self._logic.fill(*nodes, segmentId, outline):
                self._begin().writes += 1

        if self._guarded(work):
            self._tell("segments")

    def removeLesion(self, lesion: Lesion) -> None:
        """Removes both diameters of a lesion, as an action."""
        self.state.isRestoring = True
        for node in (lesion.long, lesion.short):
            if node is not None:
                node.GetScene().RemoveNode(node)
        self.state.isRestoring = False
        self.promptsChanged()

    # Completing -------------------------------------------------------------------------------

    def complete(self, kind: str) -> None:
        """Completes marks of a kind beside the window."""
        self._jobs.cancel()
        try:
            request = self._logic.request(self.volumeNode, self.state.node, kind)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        self._jobs.start(
            lambda progress: self._logic.respond(request, progress),
            self._onResponse,
            self._onError,
            lambda fraction, text: self._view.showProgress(fraction),
        )
        self._view.say("Completing...")

    def cancel(self) -> None:
        """Stops completing; nothing is changed."""
        self._jobs.cancel()
        self._view.say("Cancelled; nothing was changed.")

    def propose(self, wanted: tuple[WantedSlice, ...]) -> None:
        """Wants other slices from now on."""
        self.wanted = wanted
        self._tell("wanted")

    def _onResponse(self, response: SparseResponse) -> None:
        changed = [False]

        def work() -> None:
            changed[0] = self._logic.write(response)

        if not self._guarded(work):
            return
        action = SparseAction(self.state.now, self.state.now, response=response)
        action.writes, action.isAnswered = int(changed[0]), True
        self._history.begin(action)
        self._forgetOld()
        self.wanted = response.completed.wanted
        notes = response.completed.prediction.notes
        what = "Completed" if changed[0] else "Nothing to change; completed"
        self._view.say(joined(f"{what} in {response.seconds:.1f} s.", notes))
        self._tell("answers", "wanted")

    def _onError(self, error: Exception) -> None:
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _forgetOld(self) -> None:
        """Keeps the probabilities of the newest completions only; all can be undone."""
        made = [a for a in self._history.done if isinstance(a, SparseAction) and a.response]
        for action in made[:-KEPT_RESPONSES]:
            action.response = None

    def _goTo(self, snapshot: Any, answers: Any, text: str) -> None:
        super()._goTo(snapshot, answers, text)
        completed = self.completed
        self.wanted = completed.wanted if completed else ()
        self._tell("wanted")

    def _tell(self, *events: str) -> None:
        super()._tell(*events)
        self.afterwards()

    def _squareUp(self) -> None:
        """Turns short axes until they are at a right angle to the long ones."""
        self.state.isRestoring = True
        try:
            for lesion in self.store.lesions() if self.squares else ():
                _square(lesion)
        finally:
            self.state.isRestoring = False

    def _guarded(self, work: Callable[[], None]) -> bool:
        """Does something; says what is wrong, and tells whether nothing was."""
        try:
            work()
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return False
        return True


def _square(lesion: Lesion) -> None:
    if not lesion.isComplete:
        return
    mark = recistOf(lesion, 1)
    if tiltOf(mark.long_axis, mark.short_axis) > MOST_TILT:
        moveAxis(lesion.short, squaredShort(mark.long_axis, mark.short_axis))

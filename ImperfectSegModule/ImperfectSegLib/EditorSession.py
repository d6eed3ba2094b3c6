"""Clicks and strokes in Segment Editor: each is one step of Segment Editor's own undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import slicer
from numpy.typing import ArrayLike

from ImperfectSegLib.EditorEngine import EditorEngine
from ImperfectSegLib.EditorGrid import EditorGrid
from ImperfectSegLib.EditorMoments import EditorMoments, promptsOf
from ImperfectSegLib.EditorQuestion import (
    Question,
    questionOf,
    refusal,
    selectedSegment,
    write,
)
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.PromptHands import answeredElsewhere
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLogic.data import Prediction


class EditorView(Protocol):
    """What a session shows."""

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message and the state of the session."""

    def showProgress(self, fraction: float) -> None:
        """Shows how far the computation is, from 0 to 1."""


class EditorSession:
    """Answers the prompts of the selected segment, for one effect of Segment Editor.

    Prompts are markups, shared with the Interactive panel. Segment Editor's state is saved when a
    prompt is given, before anything changes, so that one undo takes back the prompt with all that
    came of it. Only the selected segment is written.

    Args:
        scriptedEffect: The effect.
        jobs: Runs the engine beside the window.
        view: Shows what happens.
    """

    def __init__(self, scriptedEffect: Any, jobs: JobRunner, view: EditorView) -> None:
        self._effect, self._jobs, self._view = scriptedEffect, jobs, view
        self._engine = EditorEngine()
        self._grid: EditorGrid | None = None
        self._moments: EditorMoments | None = None
        self._segmentationNode: Any = None
        self._observed: list[tuple[Any, int]] = []
        self._isActing = False
        self.engine: tuple[str, str] = ("", "")
        """Name of the engine, and path of its model or nothing."""

    @property
    def hasPrompts(self) -> bool:
        """Whether the selected segment has prompts."""
        segmentId = selectedSegment(self._effect)
        return bool(segmentId and promptsOf(self._nodeNow(), segmentId))

    @property
    def isComputing(self) -> bool:
        """Whether a computation is under way."""
        return self._jobs.isRunning

    def begin(self) -> None:
        """Takes up the segmentation that Segment Editor works on; follows undo from now on."""
        node = self._nodeNow()
        if node is not self._segmentationNode:
            self.forget()
            self._segmentationNode = node
            if node is not None:
                self._moments = EditorMoments(node)
                scene, changed = slicer.mrmlScene, slicer.vtkSegmentation.SegmentModified
                self._observe(node, changed, self._onSegmentModified)
                self._observe(scene, scene.StartCloseEvent, lambda *_: self.forget())
        self._onSegmentModified()

    def forget(self) -> None:
        """Lets go of the scene: stops computing, and follows undo no more."""
        self._jobs.cancel()
        for observed, tag in self._observed:
            observed.RemoveObserver(tag)
        self._observed = []
        self._segmentationNode = self._moments = self._grid = None

    def close(self) -> None:
        """Lets go of everything, for good."""
        self.forget()
        self._jobs.close()

    def _observe(self, target: Any, event: Any, callback: Callable[..., None]) -> None:
        self._observed.append((target, target.AddObserver(event, callback)))

    def _nodeNow(self) -> Any:
        parameters = self._effect.parameterSetNode()
        return parameters.GetSegmentationNode() if parameters else None

    # What the user does -----------------------------------------------------------------------

    def addClick(self, ras: ArrayLike, positive: bool = True) -> bool:
        """Adds a click at a world RAS position in mm and answers; gives whether it could."""
        return self._give(ras, lambda store, s: store.addClick(s, ras, positive))

    def addStroke(self, points: ArrayLike, positive: bool = True, radius: float = 0.0) -> bool:
        """Adds a stroke through world RAS positions, shape (N, 3), and answers.

        Args:
            points: Where it goes through.
            positive: False for "not this segment".
            radius: Half of its width in mm.

        Returns:
            Whether it could be added; if not, the view was told why.
        """
        return self._give(points, lambda store, s: store.addStroke(s, points, positive, radius))

    def segment(self) -> None:
        """Answers the prompts as they are once more, say by another engine."""
        self._give([], lambda store, segmentId: None)

    def clear(self) -> None:
        """Removes the prompts of the selected segment; the segment stays as it is."""
        if selectedSegment(self._effect):
            self.begin()
            self._jobs.cancel()
            self._act(lambda store, segmentId: store.removeSegment(segmentId))
            self._view.say("Prompts cleared; the segment stays.")

    def cancel(self) -> None:
        """Stops computing; the segment stays as it is."""
        wasComputing = self._jobs.isRunning
        self._jobs.cancel()
        if wasComputing:
            self._view.say("Cancelled; the segment was not changed.")

    def accepts(self, points: ArrayLike) -> bool:
        """Whether prompts can be given at world RAS positions; if not, the view is told why."""
        refused = refusal(self._effect, points)
        if refused:
            self._view.say(refused, isError=True)
        return not refused

    def _give(self, points: ArrayLike, change: Callable[[PromptStore, str], object]) -> bool:
        if not self.accepts(points):
            return False
        self.begin()
        self._act(change)
        self._compute()
        return True

    def _act(self, change: Callable[[PromptStore, str], object]) -> None:
        """Changes prompts of the selected segment as one step of Segment Editor's undo."""
        segmentId, moments = selectedSegment(self._effect), self._moments
        assert moments is not None
        written = moments.written(segmentId)
        self._isActing = True
        try:
            moments.remember(segmentId, written)
            self._effect.saveStateForUndo()
            with answeredElsewhere():
                change(PromptStore(self._segmentationNode), segmentId)
            moments.remember(segmentId, written)
        finally:
            self._isActing = False

    # What comes of it -------------------------------------------------------------------------

    def _compute(self) -> None:
        self._jobs.cancel()
        try:
            question = questionOf(self._effect, self._grid)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        self._grid = question.grid
        if not question.numbers:
            self._view.say("The segment has no prompts; it stays as it is.")
            return
        choice, volume = self.engine, question.grid.volume
        self._jobs.start(
            lambda progress: self._engine.respond(choice, volume, question.prompts, progress),
            lambda prediction: self._onAnswer(question, prediction),
            self._onError,
            lambda fraction, text: self._view.showProgress(fraction),
        )
        self._view.say("Segmenting...")

    def _onAnswer(self, question: Question, prediction: Prediction) -> None:
        assert self._moments is not None
        self._isActing = True
        try:
            changed = write(self._effect, question, prediction, self._moments)
        except ValueError as error:
            self._view.say(str(error), isError=True)
            return
        finally:
            self._isActing = False
        said = "Segment updated." if changed else "Nothing to change."
        self._view.say(" ".join([said, *prediction.notes]))

    def _onError(self, error: Exception) -> None:
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError | ImportError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _onSegmentModified(self, caller: Any = None, event: Any = None) -> None:
        """Goes along with undo and redo; what was undone before it was answered is answered."""
        if self._isActing or self._moments is None:
            return
        self._isActing = True
        try:
            followed = self._moments.follow()
        finally:
            self._isActing = False
        if not followed:
            return
        self._jobs.cancel()
        segmentId = selectedSegment(self._effect)
        here = segmentId in followed and self._effect.active()
        if here and not self._moments.isAnswered(segmentId):
            self._compute()
        else:
            self._view.say("Prompts are as they were, too.")

"""What is known of an annotator's work at a queue, and how work is done beside the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.QueueAutosave import QueueAutosave
from ImperfectSegLib.QueueClock import QueueClock
from ImperfectSegLib.QueueDesk import QueueDesk
from ImperfectSegLib.QueueNodes import QueueNodes
from ImperfectSegLib.QueueView import QueueView
from ImperfectSegLib.SegmentsWatch import SegmentsWatch
from ImperfectSegLogic.active.queue_items import Item, Lease
from ImperfectSegLogic.active.unit import Unit

CONNECTED, OPENED, CLOSED, DONE, SEGMENTS = "connected", "opened", "closed", "done", "segments"
"""What listeners are told."""


class QueueState:
    """One annotator at one queue, with at most one item open.

    Nothing that reads or writes the data set is done in the window's thread.

    Attributes:
        desk: The annotator's place at the queue; None if there is none.
        items: How the items stood when they were looked at last.
        lease: The open item; None if there is none.
        isReopened: Whether the open item was done before.
        source: What it was started from, for people.
        wasAhead: Whether it had been read before it was asked for.
        clock: How long the open item has been in work.
        nodes: What is in the scene.
        autosave: Keeps items in work on disk.
        isSparse: Whether voxels of no segment are unlabeled, and not background.
        folder: The data set's folder.
        annotator: Who annotates.
        listeners: Called with what has happened.
    """

    def __init__(self, view: QueueView) -> None:
        """Takes who shows it."""
        self._view = view
        self.desk: QueueDesk | None = None
        self.items: list[Item] = []
        self.lease: Lease | None = None
        self.isReopened = self.isSparse = self.wasAhead = False
        self.source = ""
        self.folder, self.annotator = Path(), ""
        self.clock, self.nodes = QueueClock(), QueueNodes()
        self.listeners: list[Callable[[str], None]] = []
        self._work, self._looking = JobRunner(), JobRunner()
        self._watch = SegmentsWatch(self._onSegments)
        self._changes, self._problem = 0, ""
        self.autosave = QueueAutosave(self, self._onAutosave)

    @property
    def volumeNode(self) -> Any:
        """The image of the open item, or of the one before."""
        return self.nodes.volumeNode

    @property
    def segmentationNode(self) -> Any:
        """The segmentation of the open item."""
        return self.nodes.segmentationNode

    @property
    def unit(self) -> Unit | None:
        """The open item."""
        return self.lease.unit if self.lease else None

    @property
    def seconds(self) -> float:
        """How long the open item has been in work."""
        return self.clock.seconds

    @property
    def isBusy(self) -> bool:
        """Whether something is read or saved."""
        return self._work.isRunning

    @property
    def hasQueue(self) -> bool:
        """Whether there is a queue to take items from."""
        return self.desk is not None and self.desk.queue is not None

    def look(self) -> None:
        """Looks how the items stand now, beside the window."""
        if not self._looking.isRunning:
            self._lookAfter(lambda: None)

    def close(self) -> None:
        """Called when the module is closed for good, and nothing is open any more."""
        self._work.close()
        self._looking.close()
        self.autosave.close()
        self._watch.watch(None)

    def _close(self) -> None:
        self._watch.watch(None)
        self.lease = None
        self.clock.pause()
        self.nodes.closeItem()
        self._tell(CLOSED)

    def _do(
        self,
        told: str,
        work: Callable[[], Any],
        onDone: Callable[[Any], None],
        onError: Callable[[Exception], None] | None = None,
    ) -> None:
        self._work.start(lambda progress: work(), onDone, onError or self._onError, lambda *_: None)
        self._view.say(told)

    def _lookAfter(self, work: Callable[[], None]) -> None:
        desk = self.desk

        def looked() -> list[Item]:
            assert desk is not None
            work()
            return desk.look()

        if desk is not None:
            self._looking.start(
                lambda progress: looked(), self._show, self._onLookError, lambda *_: None
            )

    def _onLookError(self, error: Exception) -> None:
        """A share that is away for a moment is looked at again, and says so meanwhile."""
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError):
            raise error

    def _onError(self, error: Exception) -> None:
        kept = " The item is still open, and older versions are as they were." if self.lease else ""
        isDisk = isinstance(error, OSError)
        self._view.say((str(error) or type(error).__name__) + (kept if isDisk else ""), True)
        if not isinstance(error, ValueError | OSError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.
        self.look()

    def _onSegments(self) -> None:
        self._changes += 1
        self._tell(SEGMENTS)

    def _onAutosave(self, problem: str) -> None:
        self._problem = problem
        self._view.sayAutosave(problem)

    def _show(self, items: list[Item]) -> None:
        self.items = items
        self._view.showItems(items)

    def _tell(self, what: str) -> None:
        for listener in list(self.listeners):
            listener(what)

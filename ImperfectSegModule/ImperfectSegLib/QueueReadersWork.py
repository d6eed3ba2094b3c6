"""What is known of the readers' disagreement in a queue, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ImperfectSegLib.Autosave import autosaveFolder
from ImperfectSegLib.JobRunner import JobRunner
from ImperfectSegLib.QueueAutosave import QueueAutosave
from ImperfectSegLib.QueueDesk import QueueDesk
from ImperfectSegLib.QueueReaders import (
    Compared,
    OpenedReadings,
    Versions,
    readBySeveral,
    versionsOf,
)
from ImperfectSegLib.QueueReadersNodes import ReadersNodes
from ImperfectSegLib.QueueSession import QueueSession
from ImperfectSegLib.QueueState import OPENED
from ImperfectSegLib.QueueView import ReadersView
from ImperfectSegLib.SegmentsWatch import SegmentsWatch
from ImperfectSegLogic.active.disagreement import CONSENSUS
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.unit import Unit

SEGMENTS = "segments"


class ReadersAutosave(QueueAutosave):
    """A file per item; an annotator may have the same item in work, and the same name."""

    def folder(self) -> Path:
        """Gives the folder where the files are."""
        return autosaveFolder() / "Consensus"


class ReadersWork:
    """Compares readers beside the window, and has at most one item open; see `ReadersSession`.

    Attributes:
        compared: How far the readers agree; None if it is not known yet.
        opened: The item that is shown; None if none is.
        isEditing: Whether an annotation of it is drawn by hand.
        kept: Items that somebody has begun to draw by hand on this computer.
        problem: Why what is drawn cannot be kept on disk; empty if it can.
        nodes: What is in the scene.
        autosave: Keeps what is drawn by hand on disk.
        folder: The data set's folder.
        annotator: Whose annotation is drawn.
        listeners: Called with what has changed.
    """

    annotator = CONSENSUS

    def __init__(self, session: QueueSession, view: ReadersView) -> None:
        """Takes the annotator's work at the queue, and who shows this."""
        self._queue, self._view = session, view
        self.compared: Compared | None = None
        self.opened: OpenedReadings | None = None
        self.isEditing = False
        self.kept: frozenset[Unit] = frozenset()
        self.nodes, self.folder = ReadersNodes(), Path()
        self.listeners: list[Callable[[str], None]] = []
        self._desk: QueueDesk | None = None
        self._asked: tuple[tuple[Unit, Versions], ...] | None = None
        self._reading, self._writing, self._comparing = JobRunner(), JobRunner(), JobRunner()
        self._watch = SegmentsWatch(self._onSegments)
        self._changes = 0
        self.problem = ""
        self.autosave = ReadersAutosave(self, self._onAutosave)
        session.listeners.append(self._onQueue)

    @property
    def volumeNode(self) -> Any:
        """The image of the item that is shown."""
        return self.nodes.volumeNode

    @property
    def segmentationNode(self) -> Any:
        """What is drawn by hand; None if nothing is."""
        return self.nodes.segmentationNode if self.isEditing else None

    @property
    def unit(self) -> Unit | None:
        """The item of which an annotation is drawn by hand."""
        return self.opened.item.unit if self.opened and self.isEditing else None

    @property
    def seconds(self) -> float:
        """How long it was in work, which nobody asks."""
        return 0.0

    @property
    def isBusy(self) -> bool:
        """Whether something is read or saved."""
        return self._reading.isRunning or self._writing.isRunning or self._queue.isBusy

    @property
    def isComparing(self) -> bool:
        """Whether readers are being compared."""
        return self._comparing.isRunning

    # Comparing --------------------------------------------------------------------------------

    def look(self, items: Sequence[Item], isWanted: bool) -> None:
        """Compares anew if somebody has done an item since the last time.

        Args:
            items: How the items of the queue stand.
            isWanted: Whether somebody looks at it.
        """
        if self._queue.desk is not self._desk:  # Of another data set, or annotator.
            self.leave()
            self.stop()
            self._desk, self.compared, self._asked = self._queue.desk, None, None
            self.folder = self._queue.folder
        if not isWanted:
            self.stop()
            self._asked = None
        elif self._asked != _signature(items):
            self.compare(items)
        self._view.update()

    def compare(self, items: Sequence[Item]) -> None:
        """Compares the readers of all that several have read."""
        desk, several = self._desk, readBySeveral(items)
        self._asked = _signature(items)
        if desk is None:
            return
        self._comparing.start(
            lambda progress: desk.readers.compare(several, progress),
            self._onCompared,
            self._onError,
            self._view.tellProgress,
        )
        self._view.update()

    def stop(self) -> None:
        """Stops comparing; it goes on only when it is asked for, or another item is done."""
        self._comparing.cancel()

    # Leaving ----------------------------------------------------------------------------------

    def canLeave(self) -> bool:
        """Tells whether what is drawn by hand may be left: not if it cannot be kept on disk."""
        if self.unit is not None and self._changes:
            self.autosave.settle()
            if self.problem:
                told = f"{self.problem} Press Save or Discard before you go on."
                self._view.say(told, isError=True)
                return False
        return True

    def leave(self) -> None:
        """Removes what is shown from the scene; what is drawn by hand is kept on disk."""
        unit = self.unit
        self._reading.cancel()
        if unit is not None and self._changes:
            self.autosave.settle()
        elif unit is not None:
            self.autosave.drop(unit)
        self._watch.watch(None)
        if unit is not None and self._changes and self.problem:
            node = self.nodes.release()
            told = f"{self.problem} What you drew stays in the scene, as {node.GetName()}."
            self._view.say(f"{told} Save it from there.", isError=True)
        self.nodes.closeItem()
        self.opened, self.isEditing, self._changes = None, False, 0
        self._lookKept()
        self._view.update()

    def close(self) -> None:
        """Called when the module is closed for good."""
        self.leave()
        for jobs in (self._reading, self._writing, self._comparing):
            jobs.close()
        self.autosave.close()

    def _do(
        self,
        jobs: JobRunner,
        told: str,
        work: Callable[[], Any],
        onDone: Callable[[Any], None],
    ) -> None:
        jobs.start(lambda progress: work(), onDone, self._onError, lambda *_: None)
        self._view.say(told)

    def _onCompared(self, compared: Compared) -> None:
        self.compared = compared
        self._lookKept()
        self._view.update()

    def _lookKept(self) -> None:
        units = [item.unit for item in self.compared.items] if self.compared else []
        own = [self.unit] if self.unit is not None else []
        self.kept = frozenset([*self.autosave.leftAmong(units), *own])

    def _onError(self, error: Exception) -> None:
        self._view.say(str(error) or type(error).__name__, isError=True)
        if not isinstance(error, ValueError | OSError):
            raise error  # Our own mistake: Slicer's error log gets the traceback.

    def _onQueue(self, what: str) -> None:
        if what == OPENED:  # Only one thing is open at a time: what Done and Save mean is clear.
            self.leave()

    def _onSegments(self) -> None:
        self._changes += 1
        for listener in list(self.listeners):
            listener(SEGMENTS)

    def _onAutosave(self, problem: str) -> None:
        self.problem = problem
        self._view.update()


def _signature(items: Sequence[Item]) -> tuple[tuple[Unit, Versions], ...]:
    return tuple((item.unit, versionsOf(item)) for item in readBySeveral(items))

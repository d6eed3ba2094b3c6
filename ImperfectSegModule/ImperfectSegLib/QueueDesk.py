"""An annotator's place at a queue: all that is read from the data set folder and written to it.

Nothing here touches a node or a widget, so that everything can be done beside the window.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from ImperfectSegLib.KeptImages import KeptImages
from ImperfectSegLib.QueueProgress import progressOf
from ImperfectSegLib.QueueProposal import Proposal, modelOf, predictionOf, proposalOf
from ImperfectSegLib.QueueReaders import QueueReaders
from ImperfectSegLib.QueueStart import Start, startOf
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.queue_items import LEASE, Item, Lease
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Annotation, Dataset, Volume
from ImperfectSegLogic.data.datasets.files import check_name

RENEW_S = LEASE / 10
"""How often somebody at work says so; a disk that is away for a while costs nobody the lease."""


@dataclass(frozen=True, eq=False)
class Opened:
    """An item, read from the data set.

    Attributes:
        lease: The right to annotate it.
        volume: The image.
        proposal: What to start from.
        start: What of it goes into the scene.
        isReopened: Whether it was done before, and becomes a new version.
        wasAhead: Whether all had been read before it was asked for.
    """

    lease: Lease
    volume: Volume
    proposal: Proposal
    start: Start
    isReopened: bool = False
    wasAhead: bool = False


@dataclass(frozen=True, eq=False)
class _Read:
    """What was read ahead, and of which state of the files."""

    unit: Unit
    ranking: int
    proposal: Proposal
    start: Start


class QueueDesk:
    """One annotator at the queue of one data set.

    Attributes:
        dataset: The data set.
        annotator: Who.
        queue: The queue; None if the data set has none yet.
        progress: How far it was when it was looked at last.
        images: Keeps the images that were read last.
        readers: Compares what several people have read.
    """

    def __init__(self, folder: Path, annotator: str) -> None:
        """Opens the data set and its queue.

        Raises:
            FileNotFoundError: If there is no data set.
            ValueError: If it is damaged, or the annotator's name is not allowed.
        """
        self.annotator = check_name("annotator", annotator)
        self.dataset = Dataset.open(folder)
        self.queue: Queue | None = None
        self._lock = threading.RLock()
        self.images = KeptImages(self.dataset)
        self.readers = QueueReaders(self.dataset, self.images)
        self._read: _Read | None = None
        self.progress = progressOf([])
        self.look()

    def look(self) -> list[Item]:
        """Gives all items as they are now; none if there is no queue yet.

        Raises:
            ValueError: If the newest ranking is damaged.
        """
        with self._lock:
            if self.queue is None and (self.dataset.folder / "queue" / "rankings").is_dir():
                try:
                    self.queue = Queue(self.dataset)
                except FileNotFoundError:
                    return []
                self.queue.read_image = self.images.read
            items = self.queue.items() if self.queue else []
            self.progress = progressOf(items)
            return items

    @property
    def model(self) -> str:
        """By which name the predictions go of the model that the queue was ranked by."""
        return modelOf(self._queue.ranking()) if self.queue else ""

    def next(self) -> Opened | None:
        """Takes the most wanted item that is free; None if there is none.

        Raises:
            ValueError: If there is no queue.
            OSError: If it cannot be written.
        """
        with self._lock:
            lease = self._queue.next(self.annotator)
            if lease is None:
                self.look()  # So that it can be said why.
                return None
            return self._opened(lease, False)

    def take(self, unit: Unit, ours: bool) -> Opened:
        """Takes a certain item: a free one, one that was set aside, or one that is done.

        Args:
            unit: Which.
            ours: Whether one that is lent to this annotator may be taken back.

        Raises:
            ValueError: If somebody else has it, or its image is gone or damaged.
            OSError: If it cannot be written.
        """
        with self._lock:
            item = next((one for one in self.look() if one.unit == unit), None)
            own = item.standing.reading(self.annotator) if item else None
            if item and (item.state == "done" or (own and own.done)):
                return self._opened(self._queue.reopen(unit, self.annotator), True)
            if item and item.standing.aside:
                self._queue.release(unit)
            return self._opened(self._queue.take(unit, self.annotator, resume=ours), False)

    def done(self, lease: Lease, annotation: Annotation, seconds: float) -> int:
        """Saves and marks as done; see `Queue.done`."""
        with self._lock:
            return self._queue.done(lease, annotation, seconds)

    def skip(self, lease: Lease, reason: str) -> None:
        """Sets the item aside; see `Queue.skip`."""
        with self._lock:
            self._queue.skip(lease, reason)

    def flag(self, unit: Unit, reason: str) -> None:
        """Says that something is wrong with the item; see `Queue.flag`."""
        with self._lock:
            self._queue.flag(unit, reason)

    def giveBack(self, lease: Lease) -> None:
        """Lets others have the item; see `Queue.give_back`."""
        with self._lock:
            self._queue.give_back(lease)

    def renew(self, lease: Lease) -> None:
        """Says that the annotator is still at work; see `Queue.renew`."""
        self._queue.renew(lease)

    # Reading ahead ----------------------------------------------------------------------------

    def readAhead(self) -> Unit | None:
        """Reads what will most likely be taken next, and gives it; None if nothing is left.

        Nothing is lent: what somebody else takes meanwhile was read in vain.
        """
        if self.queue is None:
            return None
        ranking, model = self.queue.ranking(), self.model
        number = ranking.number
        for item in self.look():
            mine = item.standing.reading(self.annotator)
            if item.state != "open" or mine is not None or item.unit not in ranking.ranked:
                continue
            if self.queue.problem(item.unit):
                continue  # It is flagged when its turn comes.
            known = self._read
            if known is None or (known.unit, known.ranking) != (item.unit, number):
                grid = self.images.read(item.unit.case).geometry
                proposal = predictionOf(self.dataset, item.unit, model)
                start = startOf(proposal.labels, item.unit, grid)
                self._read = _Read(item.unit, number, proposal, start)
            return item.unit
        return None

    def _opened(self, lease: Lease, isReopened: bool) -> Opened:
        read, model = self._read, self.model
        wasAhead = (
            read is not None
            and (read.unit, read.ranking) == (lease.unit, self._queue.ranking().number)
            and not isReopened
            and self.images.has(lease.unit.case)
        )
        try:
            volume = self.images.read(lease.unit.case)
        except (OSError, ValueError) as error:
            self._queue.flag(lease.unit, str(error))
            raise
        if wasAhead and read is not None:
            return Opened(lease, volume, read.proposal, read.start, False, True)
        proposal = proposalOf(self.dataset, lease, model)
        start = startOf(proposal.labels, lease.unit, volume.geometry)
        return Opened(lease, volume, proposal, start, isReopened)

    @property
    def _queue(self) -> Queue:
        if self.queue is None:
            raise ValueError(
                f"{self.dataset.folder}: has no queue yet. Choose a strategy and make one."
            )
        return self.queue

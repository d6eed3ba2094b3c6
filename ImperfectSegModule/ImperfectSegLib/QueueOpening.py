"""How an annotator comes to a queue, opens items, and leaves them."""

from __future__ import annotations

from pathlib import Path

from ImperfectSegLib.QueueAutosave import secondsOf
from ImperfectSegLib.QueueDesk import Opened, QueueDesk
from ImperfectSegLib.QueueProgress import QueueProgress
from ImperfectSegLib.QueueState import CONNECTED, OPENED, QueueState
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.unit import Unit


class QueueOpening(QueueState):
    """Connects, and opens items; see `QueueSession`."""

    def connect(self, folder: str, annotator: str) -> None:
        """Goes to another queue, or comes as somebody else; goes on with what a crash has left."""
        self.disconnect()
        self.folder, self.annotator = Path(folder).absolute(), annotator
        if not folder or not annotator:
            self._view.say("Choose a data set folder, and say who annotates." if folder else "")
            return

        def work() -> tuple[QueueDesk, list[Item]]:
            desk = QueueDesk(self.folder, annotator)
            return desk, desk.look()

        self._do("Looking at the queue...", work, lambda found: self._onConnected(*found))

    def disconnect(self) -> None:
        """Leaves the queue; the open item stays lent and is kept on disk."""
        self.leave()
        self._work.cancel()
        self._looking.cancel()
        self.desk = None
        self._show([])

    def next(self) -> None:
        """Opens the most wanted item that is free."""
        desk = self.desk
        if desk is not None and self.canLeave():
            self._do("Taking the next item...", desk.next, self._onOpened)

    def open(self, unit: Unit) -> None:
        """Opens a certain item, whatever its place in the order, also one that is done."""
        desk, who = self.desk, self.annotator
        if desk is None or unit == self.unit or not self.canLeave():
            return
        name = unit.name()
        if self.autosave.isElsewhere(unit):
            told = f"{name}: is open in another 3D Slicer on this computer. Go on there."
            self._view.say(told, isError=True)
            return
        held = [
            item for item in self.items if item.unit == unit and item.standing.open_reading(who)
        ]
        isKept = self.autosave.left(unit) is not None
        if (
            held
            and not isKept
            and not self._view.ask(
                f"{name} is lent to {who}, but not on this computer. Take it over from there?"
            )
        ):
            return
        self._do(f"Opening {name}...", lambda: desk.take(unit, True), self._onOpened)

    def leave(self) -> None:
        """Closes the open item; it stays lent for a while, and its work is kept on disk."""
        unit, lease, desk = self.unit, self.lease, self.desk
        if unit is None or lease is None:
            return
        isUntouched = self.isReopened and not self._changes
        if not isUntouched:
            self.autosave.settle()
        self._close()
        if isUntouched:
            self.autosave.drop(unit)
        if isUntouched and desk is not None and not lease.reading.done:
            self._lookAfter(lambda: desk.giveBack(lease))

    def _onConnected(self, desk: QueueDesk, items: list[Item]) -> None:
        self.desk = desk
        self._show(items)
        self._tell(CONNECTED)
        held = [item.unit for item in items if item.standing.open_reading(self.annotator)]
        # Also one that was done before, and was just being done anew.
        done = [i.unit for i in items if i.standing.reading(self.annotator) and i.unit not in held]
        kept = self.autosave.leftAmong([*held, *done])
        if kept:
            self.open(kept[0])
        elif held:
            names = ", ".join(unit.name() for unit in held)
            self._view.say(f"Still lent to {self.annotator}: {names}. Choose it to go on with it.")
        else:
            self._view.say("" if items else "There is no queue yet. Make one below.")

    def _onOpened(self, opened: Opened | None) -> None:
        desk = self.desk
        assert desk is not None
        if opened is None:
            self._view.say(_whyNothing(desk.progress))
            self.look()
            return
        self.leave()
        unit = opened.lease.unit
        self.nodes.ensureVolume(desk.dataset, unit.case, opened.volume)
        path = self.autosave.left(unit)
        segmentation, kept, told = self.autosave.restored(path) if path else (None, None, "")
        self.nodes.show(desk.dataset, opened, segmentation)
        self.lease, self.isReopened = opened.lease, opened.isReopened
        self.source, self.wasAhead = opened.proposal.source, opened.wasAhead
        self.clock.start((secondsOf(kept) if kept else 0.0) or opened.lease.reading.seconds or 0.0)
        self._changes = int(segmentation is not None)
        self._watch.watch(self.segmentationNode)
        note = f" Note: {opened.proposal.problem}." if opened.proposal.problem else ""
        if kept is not None:
            told = f"What you had done by {kept.saved} is back."
        self._view.say(told or f"{unit.name()} is open.{note}")
        self._tell(OPENED)
        if path is not None and segmentation is not None:
            self.autosave.takeOver(path)
        else:
            self.autosave.begin()
        self.look()

    def canLeave(self) -> bool:
        """Tells whether the open item may be left: not if its work cannot be kept on disk."""
        if self.isBusy:
            return False
        if self.lease is not None:
            self.autosave.settle()
            if self._problem:
                self._view.say(f"{self._problem} Press Done before you go on.", isError=True)
                return False
        return True


def _whyNothing(progress: QueueProgress) -> str:
    working = progress.states["leased"]
    if working:
        return f"Nothing is free: {working} items are still in work."
    return "All done: nothing is left in this queue."

"""What an annotator does at a queue: takes items, annotates, and saves or sets them aside."""

from __future__ import annotations

from collections.abc import Callable

from ImperfectSegLib.QueueDesk import QueueDesk
from ImperfectSegLib.QueueOpening import QueueOpening
from ImperfectSegLib.QueueState import DONE
from ImperfectSegLib.QueueTaking import TakenItem, takeItem
from ImperfectSegLogic.active.queue import LeaseLostError
from ImperfectSegLogic.active.queue_items import Lease


class QueueSession(QueueOpening):
    """Ends the work on items: done, skipped, flagged or put back."""

    def done(self) -> None:
        """Saves the open item as a new version and marks it as done."""
        desk, lease, unit = self.desk, self.lease, self.unit
        if desk is None or lease is None or unit is None or self.isBusy:
            return
        try:
            taken = takeItem(
                desk.dataset, unit, self.volumeNode, self.segmentationNode, self.isSparse
            )
        except (ValueError, OSError) as error:
            self._view.say(str(error), isError=True)
            return
        if not taken.isWanted(self._view):
            return
        seconds = self.seconds
        self._do(
            "Saving...",
            lambda: desk.done(lease, taken.annotation, seconds),
            lambda version: self._onDone(taken, version),
            self._onDoneError,
        )

    def skip(self, reason: str) -> None:
        """Sets the open item aside for all annotators, with a reason."""
        self._setAside(reason, "skip", lambda desk, lease: desk.skip(lease, reason))

    def flag(self, reason: str) -> None:
        """Says that something is wrong with the open item's files."""
        self._setAside(reason, "flag", lambda desk, lease: desk.flag(lease.unit, reason.strip()))

    def putBack(self) -> None:
        """Lets others have the open item; what was annotated is given up, if that is confirmed."""
        desk, lease = self.desk, self.lease
        if desk is None or lease is None or self.isBusy:
            return
        name = lease.unit.name()
        if self._changes and not self._view.ask(f"{name}: give up what you annotated?"):
            return
        self._end(f"{name} was put back.", lambda: desk.giveBack(lease))

    def _onDone(self, taken: TakenItem, version: int) -> None:
        told = f"{taken.unit.name()} is done: version {version} of {self.annotator}."
        self._finish(told + taken.leftOut)
        self._tell(DONE)

    def _onDoneError(self, error: Exception) -> None:
        if isinstance(error, LeaseLostError):
            self._finish(str(error), isError=True)  # It is saved all the same.
        else:
            self._onError(error)

    def _setAside(self, reason: str, what: str, action: Callable[[QueueDesk, Lease], None]) -> None:
        desk, lease = self.desk, self.lease
        if desk is None or lease is None or self.isBusy:
            return
        name = lease.unit.name()
        if not reason.strip():
            self._view.say(f"{name}: to {what} it, write a reason first.", isError=True)
        elif self.isReopened:
            self._view.say(f"{name}: was done before, and stays so. Put it back.", isError=True)
        else:
            past = {"skip": "skipped", "flag": "flagged"}[what]
            self._end(f"{name} was {past}: {reason.strip()}", lambda: action(desk, lease))

    def _end(self, told: str, action: Callable[[], None]) -> None:
        self._do("Writing...", action, lambda _: self._finish(told))

    def _finish(self, told: str, isError: bool = False) -> None:
        unit = self.unit
        self._close()
        if unit is not None:
            self.autosave.drop(unit)
        self._view.say(told, isError)
        self.look()

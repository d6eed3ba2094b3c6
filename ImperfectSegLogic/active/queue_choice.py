"""Lending a unit that an annotator chose, doing one anew, and giving one back."""

from __future__ import annotations

import math
from dataclasses import replace

from ImperfectSegLogic.active import queue_files as files
from ImperfectSegLogic.active.queue_contents import QueueContents
from ImperfectSegLogic.active.queue_items import LEASE, Item, Lease, Reading, Standing
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data.datasets.files import check_name


class QueueChoice(QueueContents):
    """A queue whose annotators may choose for themselves; see `Queue`."""

    def take(self, unit: Unit, annotator: str, lease: float = LEASE, resume: bool = False) -> Lease:
        """Lends a certain unit to an annotator, whatever its place in the order.

        Args:
            unit: Which.
            annotator: Who.
            lease: Seconds without `renew` after which others may get it.
            resume: Whether to take it back if it is lent to this annotator already. Another
                process that works under the same name loses it by that.

        Raises:
            ValueError: If it is not free, its case is gone or damaged (then it is flagged), or
                the annotator's name is not allowed.
            OSError: If it cannot be written.
        """
        check_asked(annotator, lease)
        item = self._item(unit)
        given = self._lend(item, annotator, lease, resume, files.now(self._history.folder))
        if given is None:
            raise ValueError(self._why_not(self._item(unit), annotator))
        if problem := self.problem(unit):
            self.flag(unit, problem)
            raise ValueError(f"{unit.name()}: was flagged: {problem}")
        return given

    def reopen(self, unit: Unit, annotator: str, lease: float = LEASE) -> Lease:
        """Gives a unit that is done to an annotator, to be done once more as a new version.

        What was done stays done, whatever happens until `done` is called.

        Raises:
            ValueError: If it is not done, or the annotator's name is not allowed.
            OSError: If it cannot be written.
        """
        check_asked(annotator, lease)

        def change(standing: Standing) -> Standing | None:
            if standing.reading(annotator) or not any(r.done for r in standing.readings):
                return None
            new = Reading(annotator, standing.sequence + 1, present, lease)
            return replace(standing, readings=(*standing.readings, new))

        present = files.now(self._history.folder)
        known = self._item(unit).standing.sequence
        self._history.change(unit, change, "reopened", annotator, known)
        item = self._item(unit)
        own = item.standing.reading(annotator)
        if own is None or not any(r.done for r in item.standing.readings):
            raise ValueError(f"{unit.name()}: got a unit that is {item.state}. Take it instead.")
        return Lease(item, own)

    def give_back(self, lease: Lease) -> bool:
        """Makes a unit free again whose annotator does not go on with it.

        Returns:
            Whether there was anything to change; what is done stays done.

        Raises:
            OSError: If it cannot be written.
        """

        def change(standing: Standing) -> Standing | None:
            if lease.reading.done or lease.reading not in standing.readings:
                return None
            left = tuple(r for r in standing.readings if r != lease.reading)
            return replace(standing, readings=left)

        known, who = lease.item.standing.sequence, lease.reading.annotator
        return bool(self._history.change(lease.unit, change, "given back", who, known))

    def _item(self, unit: Unit) -> Item:
        for item in self.items():
            if item.unit == unit:
                return item
        raise ValueError(f"{unit.name()}: is not in the queue. See `imperfectseg queue status`.")

    def _why_not(self, item: Item, annotator: str) -> str:
        name, standing = item.unit.name(), item.standing
        if standing.aside:
            return f"{name}: was {standing.aside}: {standing.why}. Release it first."
        own = standing.reading(annotator)
        if own is not None and not own.done:
            return f"{name}: is lent to {annotator} already. Take it back to go on with it."
        if own is not None or item.state == "done":
            return f"{name}: is done. Reopen it to do it once more."
        others = ", ".join(r.annotator for r in standing.readings)
        return f"{name}: is with {others}. Take another one."

    def _lend(
        self, item: Item, annotator: str, lease: float, resume: bool, present: float
    ) -> Lease | None:
        def given_up(reading: Reading) -> bool:
            own = resume and reading.annotator == annotator
            return own or self._history.is_expired(item.unit, reading, present)

        def change(standing: Standing) -> Standing | None:
            new = Reading(annotator, standing.sequence + 1, present, lease)
            return standing.lent(new, item.wanted, given_up)

        known = item.standing.sequence
        lent = self._history.change(item.unit, change, "leased", annotator, known)
        reading = lent and lent.reading(annotator)
        return Lease(replace(item, standing=lent), reading) if lent and reading else None


def check_asked(annotator: str, lease: float) -> None:
    """Checks who asks for a unit, and for how long.

    Raises:
        ValueError: If the name or the time is not allowed.
    """
    check_name("annotator", annotator)
    if not (math.isfinite(lease) and lease > 0):
        raise ValueError(f"lease: got {lease}, allowed are seconds above 0, such as 600.")

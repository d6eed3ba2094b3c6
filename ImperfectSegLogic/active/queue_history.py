"""What has happened to the units of a queue, and how changes are made that one process wins."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ImperfectSegLogic.active import queue_files as files
from ImperfectSegLogic.active.queue_items import Reading, Standing
from ImperfectSegLogic.active.unit import Unit

Change = Callable[[Standing], Standing | None]
"""Gives how a unit stands after a change; None if the change is not possible any more."""


class History:
    """The events of a queue.

    Attributes:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Unit, Standing] = {}

    def standings(self) -> dict[Unit, Standing]:
        """Gives how every unit stands to which anything has happened."""
        last = files.last_events(self.folder)
        return {unit: self._standing(unit, sequence) for unit, sequence in last.items()}

    def standing(self, unit: Unit, known: int = 0) -> Standing:
        """Gives how one unit stands.

        It is looked for by the names of files, as network shares tell late which files there are.

        Args:
            unit: Which.
            known: The number of a change that is known to be there.
        """
        while files.event_folder(self.folder, unit, known + 1).exists():
            known += 1
        return self._standing(unit, known)

    def change(
        self, unit: Unit, change: Change, what: str, annotator: str, known: int
    ) -> Standing | None:
        """Makes a change that nobody else makes at the same time.

        Args:
            unit: Of which unit.
            change: Called with how the unit stands, again if somebody else was faster.
            what: What is changed, for the records.
            annotator: Who changes it; empty if nobody in particular.
            known: The number of a change that is known to be there.

        Returns:
            How it stands then; None if `change` gave None.

        Raises:
            OSError: If it cannot be written, as on a full disk; then nothing is changed.
        """
        standing = self._standing(unit, known)
        while True:
            changed = change(standing)
            if changed is None:
                return None
            changed = replace(changed, sequence=standing.sequence + 1)
            if self._publish(unit, changed, what, annotator):
                self._known[unit] = changed
                return changed
            standing = self.standing(unit, standing.sequence + 1)

    def is_expired(self, unit: Unit, reading: Reading, present: float) -> bool:
        """Whether there was no sign of life for longer than an annotator's lease.

        Args:
            unit: Which unit.
            reading: Whose work on it.
            present: What `now` gave.
        """
        try:
            return present - files.touched(self.folder, unit, reading.sequence) > reading.lease
        except FileNotFoundError:  # Somebody removed the event by hand.
            return True

    def _publish(self, unit: Unit, standing: Standing, what: str, annotator: str) -> bool:
        present = files.now(self.folder)
        time = datetime.datetime.fromtimestamp(present, datetime.UTC)
        content = {
            "format": files.EVENT_FORMAT,
            "version": files.VERSION,
            "unit": unit.name(),
            "what": what,
            "annotator": annotator,
            "time": time.isoformat(timespec="milliseconds"),
            **standing.to_json(),
        }
        target = files.event_folder(self.folder, unit, standing.sequence)
        return files.publish(target, "event.json", content)

    def _standing(self, unit: Unit, sequence: int) -> Standing:
        """Reads how a unit stands after an event; where that is damaged, it is flagged."""
        if not sequence:
            return Standing()
        known = self._known.get(unit)
        if known is None or known.sequence != sequence:
            try:
                known = Standing.of_json(files.read_event(self.folder, unit, sequence), sequence)
            except (ValueError, FileNotFoundError) as error:
                before = self._standing(unit, sequence - 1)
                known = replace(before, sequence=sequence, aside="flagged", why=str(error))
            self._known[unit] = known
        return known

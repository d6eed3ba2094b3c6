"""What is in the queue of a data set, how it stands, and how units are set aside and released."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from ImperfectSegLogic.active import queue_files as files
from ImperfectSegLogic.active.pool import DatasetImages
from ImperfectSegLogic.active.queue_history import History
from ImperfectSegLogic.active.queue_items import Item, Lease, Standing
from ImperfectSegLogic.active.queue_ranking import StoredRanking, newest, read_ranking
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Dataset, Volume
from ImperfectSegLogic.data.datasets.files import make_folder


class QueueContents:
    """What is in a queue.

    Attributes:
        dataset: Where annotations go.
        read_image: Reads the image of a case; may be replaced by what keeps images.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Opens the queue of a data set.

        Raises:
            FileNotFoundError: If it has none.
            ValueError: If its newest ranking is damaged.
        """
        self.dataset = dataset
        self.read_image: Callable[[str], Volume] = dataset.image
        self._rankings = dataset.folder / "queue" / "rankings"
        self._history = History(dataset.folder / "queue" / "events")
        self._ranking: StoredRanking | None = None
        self._fine: dict[str, str] = {}
        if not newest(self._rankings):
            raise FileNotFoundError(
                f"{dataset.folder}: has no queue. Make one with `imperfectseg queue build`."
            )
        make_folder(self._history.folder)  # Plain copies of a data set may leave out empty folders.
        self.ranking()

    def ranking(self) -> StoredRanking:
        """Gives the newest ranking."""
        number = newest(self._rankings)
        if self._ranking is None or self._ranking.number != number:
            self._ranking = read_ranking(self._rankings, number)
        return self._ranking

    def items(self) -> list[Item]:
        """Gives the units of the newest ranking in its order, then older ones with a history."""
        ranking, standings = self.ranking(), self._history.standings()
        found = [
            Item(unit, score, reason, ranking.readings, standings.get(unit, Standing()))
            for unit, (score, reason) in ranking.ranked.items()
        ]
        older = sorted(standings.keys() - ranking.ranked.keys())
        return found + [Item(unit, math.nan, "", 1, standings[unit]) for unit in older]

    def held(self, annotator: str) -> list[Lease]:
        """Gives what is lent to an annotator, most wanted first."""
        own = ((item, item.standing.open_reading(annotator)) for item in self.items())
        return [Lease(item, reading) for item, reading in own if reading]

    def expired(self) -> list[Lease]:
        """Gives what was lent to somebody who gave no sign of life for longer than the lease."""
        present = files.now(self._history.folder)
        return [
            Lease(item, reading)
            for item in self.items()
            for reading in item.standing.readings
            if not reading.done and self._history.is_expired(item.unit, reading, present)
        ]

    def flag(self, unit: Unit, why: str) -> None:
        """Sets a unit aside because something is wrong with it; nobody works on it any more.

        Raises:
            OSError: If it cannot be written.
        """

        def change(standing: Standing) -> Standing:
            done = tuple(r for r in standing.readings if r.done)
            return replace(standing, aside="flagged", why=why, readings=done)

        self._history.change(unit, change, "flagged", "", 0)

    def release(self, unit: Unit) -> bool:
        """Makes a unit free that was skipped, flagged or lent; who has it loses it.

        Returns:
            Whether there was anything to change; what is done stays done.

        Raises:
            OSError: If it cannot be written.
        """

        def change(standing: Standing) -> Standing | None:
            done = tuple(r for r in standing.readings if r.done)
            if not standing.aside and done == standing.readings:
                return None
            return replace(standing, aside="", why="", readings=done)

        standing = self._history.standing(unit)
        return bool(self._history.change(unit, change, "released", "", standing.sequence))

    def problem(self, unit: Unit) -> str:
        """Tells why a unit cannot be annotated; empty if it can.

        An image is read once as long as its file does not change.
        """
        try:
            grid = self.dataset.record(unit.case).geometry
            stamp = DatasetImages(self.dataset).stamp(unit.case)
            if self._fine.get(unit.case) != stamp:
                if not self.read_image(unit.case).geometry.matches(grid):
                    return f"case {unit.case}: the image is not on the grid that was written down."
                self._fine[unit.case] = stamp
            unit.slices(grid.shape)
        except (OSError, ValueError) as error:
            return str(error)
        return ""

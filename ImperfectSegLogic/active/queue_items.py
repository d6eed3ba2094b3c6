"""How units of a queue stand: who reads them, who has read them, what was set aside and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ImperfectSegLogic.active.unit import Unit

LEASE = 600.0
"""Seconds without a sign of life after which others may get a unit."""
State = Literal["open", "leased", "done", "skipped", "flagged"]


@dataclass(frozen=True)
class Reading:
    """One annotator's work on one unit.

    Attributes:
        annotator: Who.
        sequence: The number of the event that gave the unit to the annotator.
        began: When, in seconds by the file system's clock.
        lease: Seconds without a sign of life after which others may get the unit.
        ended: When it was done; None if it is not yet.
        seconds: How long the annotator was at work; None if not known.
        version: The number of the annotation's version in the data set; 0 if not done yet.
    """

    annotator: str
    sequence: int
    began: float
    lease: float
    ended: float | None = None
    seconds: float | None = None
    version: int = 0

    @property
    def done(self) -> bool:
        """Whether the annotation is there."""
        return self.version > 0


@dataclass(frozen=True)
class Standing:
    """How a unit stands after all that happened to it.

    Attributes:
        sequence: How many changes there were.
        aside: `skipped` or `flagged` if nobody shall get it, else empty.
        why: The reason for that.
        readings: Who reads it and who has read it; one per annotator.
    """

    sequence: int = 0
    aside: Literal["", "skipped", "flagged"] = ""
    why: str = ""
    readings: tuple[Reading, ...] = ()

    def reading(self, annotator: str) -> Reading | None:
        """Gives what an annotator does or did; None if nothing."""
        return next((r for r in self.readings if r.annotator == annotator), None)

    def open_reading(self, annotator: str) -> Reading | None:
        """Gives what an annotator has begun and not done; None if nothing."""
        own = self.reading(annotator)
        return None if own is None or own.done else own

    def lent(
        self, new: Reading, wanted: int, given_up: Callable[[Reading], bool]
    ) -> Standing | None:
        """Gives how it stands once it is lent to one more annotator; None if it must not be.

        Args:
            new: The annotator's reading. It replaces one of the same annotator that is given up.
            wanted: How many annotators shall read the unit.
            given_up: Whether a reading that is not done may be taken over. Readings that are
                given up stay as long as there is room for them.
        """
        own = self.reading(new.annotator)
        if self.aside or (own and (own.done or not given_up(own))):
            return None
        kept = [r for r in self.readings if r is not own]
        for other in [r for r in kept if not r.done]:
            if len(kept) >= wanted and given_up(other):
                kept.remove(other)
        return None if len(kept) >= wanted else replace(self, readings=(*kept, new))

    def to_json(self) -> dict[str, Any]:
        """Gives what an event's file holds of it."""
        return {k: v for k, v in asdict(self).items() if k != "sequence"}

    @classmethod
    def of_json(cls, said: Mapping[str, Any], sequence: int) -> Standing:
        """Makes it of an event's file.

        Raises:
            ValueError: If something is missing or not what it has to be.
        """
        try:
            readings = tuple(Reading(**one) for one in said["readings"])
            aside, why = said["aside"], str(said["why"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"got a damaged event ({type(error).__name__}: {error}).") from error
        if aside not in ("", "skipped", "flagged"):
            raise ValueError(f"got a damaged event (set aside as {aside!r}).")
        return cls(sequence, aside, why, readings)


@dataclass(frozen=True)
class Item:
    """A unit in the queue.

    Attributes:
        unit: What to annotate.
        score: How much it is wanted; higher is more. NaN if it is in no ranking any more.
        reason: Why, for people.
        wanted: How many annotators shall read it.
        standing: What has happened to it.
    """

    unit: Unit
    score: float
    reason: str
    wanted: int
    standing: Standing

    @property
    def state(self) -> State:
        """Open, leased, done, skipped or flagged; of two readings both have to be done."""
        if self.standing.aside:
            return self.standing.aside
        readings = self.standing.readings
        if sum(r.done for r in readings) >= self.wanted:
            return "done"
        return "leased" if any(not r.done for r in readings) else "open"


@dataclass(frozen=True)
class Lease:
    """The right to annotate a unit, until it is done, skipped, or given to somebody else.

    Attributes:
        item: The unit, as it stood when it was given.
        reading: Whose, and since when.
    """

    item: Item
    reading: Reading

    @property
    def unit(self) -> Unit:
        """What to annotate."""
        return self.item.unit

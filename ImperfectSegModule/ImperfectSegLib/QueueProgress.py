"""How far a queue is: what is done and left, by whom, and in what time."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ImperfectSegLib.QueueClock import timeText
from ImperfectSegLogic.active.queue_items import Item


@dataclass(frozen=True)
class Share:
    """What one annotator has done.

    Attributes:
        annotator: Who.
        done: How many units.
        working: How many are lent to the annotator.
        seconds: All the time that is known.
        timed: Of how many units the time is known.
    """

    annotator: str
    done: int
    working: int
    seconds: float
    timed: int


@dataclass(frozen=True)
class QueueProgress:
    """How far a queue is.

    Attributes:
        states: How many units stand how.
        shares: Of each annotator, by name.
        readings: How many annotations there are, of all annotators.
    """

    states: Counter[str]
    shares: tuple[Share, ...]
    readings: int

    @property
    def count(self) -> int:
        """How many units there are."""
        return sum(self.states.values())

    @property
    def left(self) -> int:
        """How many units are still to be done."""
        return self.states["open"] + self.states["leased"]

    @property
    def text(self) -> str:
        """One line for people."""
        known = self.states
        said = [f"{known['done']} of {self.count} done", f"{self.left} left"]
        said += [f"{known[s]} {s}" for s in ("skipped", "flagged") if known[s]]
        return ", ".join(said)

    def asHtml(self) -> str:
        """Gives a line per annotator."""
        lines = []
        for one in self.shares:
            mean = f", {timeText(one.seconds / one.timed)} each" if one.timed else ""
            working = f", {one.working} at work" if one.working else ""
            lines.append(f"<b>{html.escape(one.annotator)}</b>: {one.done} done{mean}{working}")
        return "<br>".join(lines)


def progressOf(items: Sequence[Item]) -> QueueProgress:
    """Counts."""
    every = [reading for item in items for reading in item.standing.readings]
    shares = []
    for name in sorted({reading.annotator for reading in every}):
        own = [reading for reading in every if reading.annotator == name]
        done = [reading for reading in own if reading.done]
        seconds = [reading.seconds for reading in done if reading.seconds is not None]
        left = len(own) - len(done)
        shares.append(Share(name, len(done), left, sum(seconds), len(seconds)))
    states = Counter[str](item.state for item in items)
    return QueueProgress(states, tuple(shares), sum(reading.done for reading in every))

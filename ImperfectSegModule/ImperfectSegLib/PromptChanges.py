"""Which prompts are new, gone or other than before, and which slices that is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ImperfectSegLib.PromptStore import Entry
from ImperfectSegLib.RequestParts import isSame, placeOf
from ImperfectSegLib.Requests import Place
from ImperfectSegLogic.data import Geometry


@dataclass(frozen=True, eq=False)
class PromptChanges:
    """Prompts that differ, as they were before and as they are after; gone ones are before only."""

    before: tuple[Entry, ...]
    after: tuple[Entry, ...]

    @property
    def moved(self) -> frozenset[int]:
        """Numbers of those that were there before and are there after."""
        return frozenset(e.number for e in self.before) & {e.number for e in self.after}


def changedPrompts(before: Sequence[Entry], after: Sequence[Entry]) -> PromptChanges:
    """Gives the prompts that are new, gone, moved, or of another segment."""
    old, new = ({entry.number: entry for entry in entries} for entries in (before, after))
    same = {n for n in old.keys() & new.keys() if _isSame(old[n], new[n])}
    return PromptChanges(
        tuple(e for n, e in old.items() if n not in same),
        tuple(e for n, e in new.items() if n not in same),
    )


def placesOf(entries: Iterable[Entry], geometry: Geometry) -> frozenset[Place]:
    """Gives the slices that prompts lie in; see `placeOf` for what it raises."""
    return frozenset(placeOf(entry, geometry) for entry in entries)


def joined(text: str, notes: Iterable[str]) -> str:
    """Gives a message and what is to be noted besides, as sentences."""
    sentences = [f"{n[:1].upper()}{n[1:]}" + ("" if n.endswith(".") else ".") for n in notes]
    return " ".join([text, *sentences])


def _isSame(one: Entry, other: Entry) -> bool:
    return one.segmentId == other.segmentId and isSame(one.prompt, other.prompt)

"""What the user did, one thing after the other, to go back and forth in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ImperfectSegLib.PromptState import State
from ImperfectSegLib.RegionHandle import RegionState
from ImperfectSegLib.Requests import Answer, Place

KEPT_ANSWERS = 8
"""Of so many last actions probabilities are kept; of older ones, which can be undone too, not."""

Answers = tuple[Answer, ...]


@dataclass(frozen=True)
class Snapshot:
    """All that the user chose, at one moment.

    Attributes:
        prompts: Of the segmentation.
        region: The region handle.
        thresholds: IDs of segments and their thresholds, where they are not 0.5.
    """

    prompts: State = ()
    region: RegionState | None = None
    thresholds: tuple[tuple[str, float], ...] = ()


@dataclass
class Action:
    """One thing that the user did.

    Attributes:
        before: What was chosen before.
        after: What is chosen since.
        answersBefore: What the segments were cut from before.
        answersAfter: What they are cut from since.
        kind: Actions of the same kind in a row, if it has a name, are one action.
        places: Which slices are to be answered, in 2-D; None in 3-D.
        moved: Numbers of prompts that have moved.
        writes: How many writes into the segmentation came of it.
        writesUndone: How many of them were taken back.
        isAnswered: Whether nothing is to be computed any more.
    """

    before: Snapshot
    after: Snapshot
    answersBefore: Answers = ()
    answersAfter: Answers = ()
    kind: str = ""
    places: Collection[Place] | None = None
    moved: frozenset[int] = frozenset()
    writes: int = 0
    writesUndone: int = 0
    isAnswered: bool = False


class ActionHistory:
    """Actions that were done, and those that were taken back."""

    def __init__(self) -> None:
        self._done: list[Action] = []
        self._undone: list[Action] = []

    @property
    def last(self) -> Action | None:
        """What was done last and not taken back."""
        return self._done[-1] if self._done else None

    @property
    def done(self) -> tuple[Action, ...]:
        """What was done and not taken back, oldest first."""
        return tuple(self._done)

    @property
    def next(self) -> Action | None:
        """What was taken back last."""
        return self._undone[-1] if self._undone else None

    def begin(self, action: Action) -> None:
        """Notes something new; what was taken back before is gone."""
        self._done.append(action)
        self._undone.clear()
        for old in self._done[:-KEPT_ANSWERS]:
            old.answersBefore = old.answersAfter = ()

    def stepBack(self, undoWrite: Callable[[], None]) -> Action:
        """Takes the last action back, write by write, and gives it.

        Raises:
            ValueError: As `undoWrite` raises; what is left can be taken back later.
        """
        action = self._done[-1]
        while action.writes:
            undoWrite()
            action.writes, action.writesUndone = action.writes - 1, action.writesUndone + 1
        self._undone.append(self._done.pop())
        return action

    def stepForward(self, redoWrite: Callable[[], None]) -> Action:
        """Does the action taken back last again, write by write, and gives it.

        Raises:
            ValueError: As `redoWrite` raises; what is left can be done later.
        """
        action = self._undone[-1]
        while action.writesUndone:
            redoWrite()
            action.writes, action.writesUndone = action.writes + 1, action.writesUndone - 1
        self._done.append(self._undone.pop())
        return action

    def clear(self) -> None:
        """Forgets everything."""
        self._done.clear()
        self._undone.clear()

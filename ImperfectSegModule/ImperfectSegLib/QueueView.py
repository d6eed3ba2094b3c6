"""What the work at a queue shows and asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ImperfectSegLogic.active.queue_items import Item


class Speaker(Protocol):
    """Who speaks and asks."""

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message."""

    def ask(self, text: str) -> bool:
        """Asks something that is answered with yes or no."""


class QueueView(Speaker, Protocol):
    """What shows an annotator's work, and its state with each message."""

    def showItems(self, items: Sequence[Item]) -> None:
        """Shows how all items stand."""

    def sayAutosave(self, problem: str) -> None:
        """Shows why work is not kept on disk; an empty text if it is."""


class ReadersView(Speaker, Protocol):
    """What shows the comparison of readers."""

    def tellProgress(self, fraction: float, name: str) -> None:
        """Shows how far the comparison is."""

    def update(self) -> None:
        """Shows the state of the work."""

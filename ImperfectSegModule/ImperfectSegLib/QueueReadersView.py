"""What the comparison of readers shows and asks."""

from __future__ import annotations

from typing import Protocol


class Speaker(Protocol):
    """Who speaks and asks."""

    def say(self, text: str, isError: bool = False) -> None:
        """Shows a message."""

    def ask(self, text: str) -> bool:
        """Asks something that is answered with yes or no."""


class ReadersView(Speaker, Protocol):
    """What shows the comparison, and asks."""

    def tellProgress(self, fraction: float, name: str) -> None:
        """Shows how far the comparison is."""

    def update(self) -> None:
        """Shows the state of the work."""

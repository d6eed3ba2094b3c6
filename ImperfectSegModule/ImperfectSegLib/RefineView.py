"""What the parts of the refine panel know of each other."""

from __future__ import annotations

from typing import Any, Protocol

from ImperfectSegLib.RefineChoice import RefineChoice
from ImperfectSegLib.RegionHandle import RegionHandle


class RefineView(Protocol):
    """The panel, as its parts see it.

    Attributes:
        parameters: What the panel remembers; None while a scene is closed or read.
        region: Limits where something is changed.
    """

    parameters: Any
    region: RegionHandle

    def choice(self) -> RefineChoice:
        """Gives what the user chose.

        Raises:
            ValueError: If it is not complete.
        """

    def selectedId(self) -> str:
        """Gives the segment whose probability is shown; empty if there is none."""

    def update(self) -> None:
        """Brings the widgets up to date."""

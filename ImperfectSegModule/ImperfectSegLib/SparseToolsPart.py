"""The part of the sparse panel with the tools that draw marks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ImperfectSegLib.SparseSegments import SparseSegments
from ImperfectSegLib.SparseSession import SparseSession
from ImperfectSegLib.SparseTools import AXIS, BOX, OUTLINE, SCRIBBLE, SparseTools


class SparseToolsPart:
    """Connects the tool buttons; at most one tool is in hand.

    Attributes:
        tools: The tools.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        session: SparseSession,
        segments: SparseSegments,
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, the session that is told of marks, the segments, and who speaks."""
        self._segments, self._session, self._say = segments, session, say
        self.parameters: Any = None
        self.tools = SparseTools(session.promptsChanged, session.fill, self.update, say)
        self._buttons = {
            SCRIBBLE: ui.scribbleButton,
            OUTLINE: ui.outlineButton,
            AXIS: ui.axisButton,
            BOX: ui.boxButton,
        }
        for kind, button in self._buttons.items():
            button.connect("clicked(bool)", partial(self.take, kind))

    @property
    def canTake(self) -> bool:
        """Whether there is something to mark."""
        known = self.parameters
        chosen = known and known.inputVolume and known.segmentation and self._segments.selectedId
        return bool(chosen) and not self._segments.isLocked

    def take(self, kind: str, take: bool = True) -> None:
        """Takes up or lays down a tool for the selected segment."""
        self.tools.drop()
        if take and self._segments.isLocked:
            self._say("The selected segment is locked. Unlock it, or select another one.", True)
        elif take and kind in (AXIS, BOX) and self._segments.isBackground:
            self._say("Background has no diameters and boxes. Select another segment.", True)
        elif take and self.canTake:
            self.tools.take(kind, self.parameters.segmentation, self._segments.selectedId)
        self.update()

    def toggle(self, kind: str) -> None:
        """Takes up a tool, or lays it down if it is in hand."""
        self.take(kind, kind != self.tools.kind)

    def takeAgain(self) -> None:
        """Goes on with the same tool on the segment now selected."""
        if self.tools.kind:
            self.take(self.tools.kind)

    def drop(self) -> None:
        """Lays the tool down."""
        self.tools.drop()
        self.update()

    def update(self) -> None:
        """Brings the buttons up to date."""
        for kind, button in self._buttons.items():
            button.enabled = self.canTake
            button.checked = kind == self.tools.kind

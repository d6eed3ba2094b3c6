"""The part of the panel with the tools that place prompts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLib.InteractiveSession import InteractiveSession
from ImperfectSegLib.PromptTools import BOX, POINT, SCRIBBLE, PromptTools
from ImperfectSegLib.SegmentsPart import SegmentsPart
from ImperfectSegLib.ViewWatch import ViewWatch, axisOf


class ToolsPart:
    """Connects the tool buttons; at most one tool is in hand.

    Attributes:
        tools: The tools.
        parameters: What the panel remembers; None while a scene is closed or read.
    """

    def __init__(
        self,
        ui: Any,
        session: InteractiveSession,
        segments: SegmentsPart,
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes the widgets, the session that is told of strokes, the segments, and who speaks."""
        self._session, self._segments, self._say = session, segments, say
        self._watch = ViewWatch()
        self.parameters: Any = None
        self.tools = PromptTools(session.promptsChanged, self.update)
        session.state.viewAxis = self._viewAxis
        self._buttons = {
            (POINT, True): ui.positivePointButton,
            (POINT, False): ui.negativePointButton,
            (SCRIBBLE, True): ui.positiveScribbleButton,
            (SCRIBBLE, False): ui.negativeScribbleButton,
            (BOX, True): ui.boxButton,
        }
        for (kind, positive), button in self._buttons.items():
            button.connect("clicked(bool)", partial(self.take, kind, positive))

    @property
    def canTake(self) -> bool:
        """Whether there is something to prompt."""
        chosen = self.parameters and self.parameters.inputVolume and self._segments.selectedId
        return bool(chosen) and not self._segments.isLocked

    def take(self, kind: str, positive: bool, take: bool = True) -> None:
        """Takes up or lays down a tool for the selected segment."""
        self.drop()
        if take and self._segments.isLocked:
            self._say("The selected segment is locked. Unlock it, or select another one.", True)
        if take and self.canTake:
            self._watch.start()
            width = self.parameters.scribbleWidth
            segmentation = self.parameters.segmentation
            self.tools.take(kind, positive, segmentation, self._segments.selectedId, width)
        self.update()

    def toggle(self, kind: str, positive: bool) -> None:
        """Takes up a tool, or lays it down if it is in hand."""
        self.take(kind, positive, (kind, positive) != (self.tools.kind, self.tools.positive))

    def takeAgain(self) -> None:
        """Goes on with the same tool on the segment now selected."""
        if self.tools.kind:
            self.take(self.tools.kind, self.tools.positive)

    def drop(self) -> None:
        """Lays the tool down."""
        self._watch.stop()
        self.tools.drop()

    def update(self) -> None:
        """Brings the buttons up to date."""
        for key, button in self._buttons.items():
            button.enabled = self.canTake
            button.checked = key == (self.tools.kind, self.tools.positive)

    def _viewAxis(self) -> int | None:
        node, volume = self._watch.sliceNode, self._session.volumeNode
        if node is None or volume is None or not slicer.mrmlScene.IsNodePresent(node):
            return None
        try:
            return axisOf(node, Bridge.geometryFromNode(volume))
        except ValueError:
            return None

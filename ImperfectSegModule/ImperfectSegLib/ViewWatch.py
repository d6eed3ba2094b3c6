"""Remembers in which slice view the user pressed the mouse last."""

from __future__ import annotations

from typing import Any

import slicer

from ImperfectSegLogic.data import Geometry
from ImperfectSegLogic.data.slices import nearest_axis

PRIORITY = 3.0
"""Above that of all tools, which may keep the event for themselves."""


class ViewWatch:
    """While it is on, `sliceNode` is that of the slice view that was clicked last."""

    def __init__(self) -> None:
        self._observed: list[tuple[Any, int]] = []
        self.sliceNode: Any = None

    def start(self) -> None:
        """Watches the slice views of the layout."""
        self.stop()
        layoutManager = slicer.app.layoutManager()
        for name in layoutManager.sliceViewNames():
            widget = layoutManager.sliceWidget(name)
            self._observe(widget.sliceView().interactor(), widget.mrmlSliceNode())

    def stop(self) -> None:
        """Watches no longer; what was seen stays."""
        for interactor, tag in self._observed:
            interactor.RemoveObserver(tag)
        self._observed = []

    def _observe(self, interactor: Any, sliceNode: Any) -> None:
        def remember(caller: Any, event: str) -> None:
            self.sliceNode = sliceNode

        tag = interactor.AddObserver("LeftButtonPressEvent", remember, PRIORITY)
        self._observed.append((interactor, tag))


def axisOf(sliceNode: Any, geometry: Geometry) -> int:
    """Gives the axis of an image (0, 1, 2 for k, j, i) that goes through the slices of a view."""
    matrix = sliceNode.GetSliceToRAS()
    return nearest_axis(geometry, [matrix.GetElement(row, 2) for row in range(3)])

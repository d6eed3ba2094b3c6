"""Freehand strokes in slice views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

PRIORITY = 2.0
"""Above that of the view's own interactor style, which must not see the stroke."""

MINIMUM_STEP_PIXELS = 3


class ScribbleTool:
    """While it is on, dragging with the left button in a slice view draws a stroke.

    Args:
        onPoint: Called with all points of the stroke so far, shape (N, 3), world RAS in mm, while
            it is being drawn, and
        onStroke: called with them when the button is let go.
    """

    def __init__(
        self,
        onPoint: Callable[[NDArray[np.float64]], None],
        onStroke: Callable[[NDArray[np.float64]], None],
    ) -> None:
        self._onPoint, self._onStroke = onPoint, onStroke
        self._observed: list[tuple[Any, int]] = []
        self._points: list[NDArray[np.float64]] = []
        self._lastXY = (0, 0)
        self._viewNode: Any = None

    @property
    def isOn(self) -> bool:
        """Whether dragging draws."""
        return bool(self._observed)

    def start(self) -> None:
        """Turns the tool on in all slice views."""
        self.stop()
        layoutManager = slicer.app.layoutManager()
        for name in layoutManager.sliceViewNames():
            widget = layoutManager.sliceWidget(name)
            interactor = widget.sliceView().interactor()
            self._observe(interactor, widget.mrmlSliceNode())

    def stop(self) -> None:
        """Turns the tool off; a stroke that is being drawn is given up."""
        for interactor, tag in self._observed:
            interactor.RemoveObserver(tag)
        self._observed = []
        self._points = []
        self._viewNode = None

    def _observe(self, interactor: Any, sliceNode: Any) -> None:
        def handle(caller: Any, event: str, handler: Callable[[Any, Any], bool]) -> None:
            if handler(caller, sliceNode):
                interactor.GetCommand(tags[event]).SetAbortFlag(1)

        handlers = {
            "LeftButtonPressEvent": self._press,
            "MouseMoveEvent": self._move,
            "LeftButtonReleaseEvent": self._release,
        }
        tags: dict[str, int] = {}
        for event, handler in handlers.items():
            tags[event] = interactor.AddObserver(
                event, lambda caller, name, h=handler: handle(caller, name, h), PRIORITY
            )
            self._observed.append((interactor, tags[event]))

    def _press(self, interactor: Any, sliceNode: Any) -> bool:
        self._viewNode, self._points = sliceNode, []
        self._add(interactor)
        return True

    def _move(self, interactor: Any, sliceNode: Any) -> bool:
        if self._viewNode is not sliceNode:
            return False
        moved = np.abs(np.subtract(interactor.GetEventPosition(), self._lastXY)).max()
        if moved >= MINIMUM_STEP_PIXELS:
            self._add(interactor)
        return True

    def _release(self, interactor: Any, sliceNode: Any) -> bool:
        if self._viewNode is not sliceNode:
            return False
        if interactor.GetEventPosition() != self._lastXY:
            self._add(interactor)
        points, self._points, self._viewNode = np.array(self._points), [], None
        self._onStroke(points)
        return True

    def _add(self, interactor: Any) -> None:
        self._lastXY = interactor.GetEventPosition()
        ras = self._viewNode.GetXYToRAS().MultiplyPoint((*self._lastXY, 0.0, 1.0))[:3]
        self._points.append(np.array(ras))
        self._onPoint(np.array(self._points))

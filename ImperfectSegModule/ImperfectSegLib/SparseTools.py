"""The tools that draw marks in the slice views, each by one drag; at most one is in hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.ScribbleTool import ScribbleTool
from ImperfectSegLib.SparseAxes import drawnShort, lengthOf
from ImperfectSegLib.SparseStore import LONG, SHORT, Lesion, SparseStore, moveAxis, setBox
from ImperfectSegLib.SparseViews import axesOfView, normalOf
from ImperfectSegLib.ViewWatch import ViewWatch

SCRIBBLE, OUTLINE, AXIS, BOX = "scribble", "outline", "diameter", "box"
SHORTEST = 1.0
"""mm; a shorter diameter or edge of a box is a slip of the hand."""

Points = NDArray[np.float64]


class SparseTools:
    """Draws scribbles, outlines, diameters and boxes by dragging.

    Attributes:
        kind: Which tool is in hand; empty if none.
        isDrawing: Whether a drag is under way.
        watch: Knows in which view.
        squares: Whether short axes are drawn at a right angle to the long ones.
        width: Of scribbles, in mm.
    """

    def __init__(
        self,
        onMark: Callable[[], None],
        onOutline: Callable[[str, Points], None],
        onDropped: Callable[[], None],
        say: Callable[[str, bool], None],
    ) -> None:
        """Takes who is told of marks, outlines, that the tool was dropped, and who speaks."""
        self._onMark, self._onOutline, self._onDropped = onMark, onOutline, onDropped
        self._say = say
        self._drag = ScribbleTool(self._onPoint, self._onEnd)
        self._store: SparseStore | None = None
        self._segmentId = ""
        self._node: Any = None
        self._lesion: Lesion | None = None
        self.watch = ViewWatch()
        self.kind = ""
        self.isDrawing = False
        self.squares, self.width = True, 2.0

    def take(self, kind: str, segmentationNode: Any, segmentId: str) -> None:
        """Takes up a tool for a segment."""
        self.drop()
        self._store, self._segmentId, self.kind = SparseStore(segmentationNode), segmentId, kind
        self._drag.start()

    def drop(self) -> None:
        """Lays the tool down; what is being drawn is given up."""
        self.kind = ""
        self._drag.stop()
        self._giveUp()

    def onInteractionMode(self, interactionNode: Any) -> None:
        """To be called when the interaction mode changed: placing otherwise ends drawing."""
        if self.kind and interactionNode.GetCurrentInteractionMode() == interactionNode.Place:
            self.drop()
            self._onDropped()

    def _onPoint(self, points: Points) -> None:
        assert self._store is not None
        self.isDrawing = True  # Before the first point, whose event others would act on.
        try:
            if self.kind in (SCRIBBLE, OUTLINE):
                self._drawLine(points)
            elif len(points) > 1 and self.kind == AXIS:
                self._drawAxis(points)
            elif len(points) > 1 and self.kind == BOX:
                self._drawBox(points)
        except ValueError as error:
            self._drag.start()  # Anew: what is left of this drag draws nothing.
            self._giveUp()
            self._say(str(error), True)

    def _onEnd(self, points: Points) -> None:
        node, kind = self._node, self.kind
        isSlip = kind in (AXIS, BOX) and (node is None or _smallest(node) < SHORTEST)
        if isSlip or kind == OUTLINE:
            self._giveUp()
        self._node, self.isDrawing = None, False
        if isSlip:
            self._say("Too small. Drag from one end to the other.", True)
        elif kind == OUTLINE:
            self._onOutline(self._segmentId, points)
        else:
            self._onMark()

    def _giveUp(self) -> None:
        unfinished, self._node = self._node, None
        if unfinished is not None:
            slicer.mrmlScene.RemoveNode(unfinished)
        self.isDrawing = False

    def _drawLine(self, points: Points) -> None:
        assert self._store is not None
        if self._node is None:
            radius = self.width / 2 if self.kind == SCRIBBLE else 0.0
            self._node = self._store.addStroke(self._segmentId, points, radius=radius)
        else:
            self._node.AddControlPointWorld(vtk.vtkVector3d(*points[-1]))

    def _drawAxis(self, points: Points) -> None:
        assert self._store is not None
        if self._node is None:
            open_ = [n for n in self._store.lesions() if n.segmentId == self._segmentId]
            self._lesion = next((n for n in open_ if n.long is not None and n.short is None), None)
        ends = np.array([points[0], points[-1]])
        if self._lesion is not None and self.squares:
            long = Bridge.definedPositions(self._lesion.long)
            ends = drawnShort(np.array(long), ends, normalOf(self.watch.sliceNode))
        if self._node is None:
            which = LONG if self._lesion is None else SHORT
            number = self._lesion.number if self._lesion else self._store.nextLesion()
            self._node = self._store.addAxis(self._segmentId, ends, which, number)
        else:
            moveAxis(self._node, ends)
        which = "Long axis" if self._lesion is None else "Short axis"
        self._say(f"{which}: {lengthOf(ends):.1f} mm", False)

    def _drawBox(self, points: Points) -> None:
        """Draws a box that is as deep as its smaller edge is long, around the slice."""
        assert self._store is not None
        axes = axesOfView(self.watch.sliceNode)
        right, up, _ = np.abs((points[-1] - points[0]) @ axes)
        center, size = (points[0] + points[-1]) / 2, (right, up, min(right, up))
        if self._node is None:
            self._node = self._store.addBox(self._segmentId, center, size, axes)
        else:
            setBox(self._node, center, size, axes)


def _smallest(node: Any) -> float:
    """Gives the length of a diameter, or of the smallest edge of a box, in mm."""
    if node.IsA("vtkMRMLMarkupsROINode"):
        return float(min(node.GetSize()))
    return lengthOf(np.array(Bridge.definedPositions(node)))

"""The tools with which the user places prompts in the slice views; at most one is in hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.ScribbleTool import ScribbleTool

POINT, SCRIBBLE, BOX = "point", "scribble", "box"


class PromptTools:
    """Places points and boxes by Slicer's place mode, and scribbles by dragging.

    Args:
        onStrokeEnd: Called when a scribble is complete.
        onDropped: Called when the user left place mode otherwise than by `drop`.
    """

    def __init__(self, onStrokeEnd: Callable[[], None], onDropped: Callable[[], None]) -> None:
        self._scribbles = ScribbleTool(self._onStrokePoint, self._onStrokeEnd)
        self._strokeEnded, self._dropped = onStrokeEnd, onDropped
        self._store: PromptStore | None = None
        self._segmentId = ""
        self._width = 0.0
        self._stroke: Any = None
        self.kind = ""
        self.positive = True
        self.isDrawing = False  # Whether a scribble has begun and not ended yet.

    def take(
        self, kind: str, positive: bool, segmentationNode: Any, segmentId: str, width: float
    ) -> None:
        """Takes up a tool.

        Args:
            kind: POINT, SCRIBBLE or BOX.
            positive: False for "not this segment".
            segmentationNode: The segmentation that the prompts are for.
            segmentId: The segment that they are about.
            width: Of scribbles, in mm.
        """
        self.drop()
        self._store, self._segmentId = PromptStore(segmentationNode), segmentId
        self.positive, self._width = positive, width
        if kind == SCRIBBLE:
            self._scribbles.start()
        elif kind == BOX:
            self._placeIn(self._store.box(segmentId), persistent=False)
        else:
            self._placeIn(self._store.pointList(segmentId, positive), persistent=True)
        self.kind = kind

    def drop(self) -> None:
        """Lays the tool down; a scribble that is being drawn is given up."""
        self.kind = ""
        self._scribbles.stop()
        if self._stroke is not None:
            unfinished, self._stroke = self._stroke, None
            slicer.mrmlScene.RemoveNode(unfinished)
        self.isDrawing = False
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        if interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)

    def setWidth(self, width: float) -> None:
        """Sets the width of the next scribbles in mm."""
        self._width = width

    def onInteractionMode(self, interactionNode: Any) -> None:
        """To be called when the interaction mode changed; notices that place mode has ended."""
        placing = interactionNode.GetCurrentInteractionMode() == interactionNode.Place
        if self.kind in (POINT, BOX) and not placing:
            self.kind = ""
            self._dropped()

    def _placeIn(self, markupsNode: Any, persistent: bool) -> None:
        logic = slicer.app.applicationLogic()
        selection, interaction = logic.GetSelectionNode(), logic.GetInteractionNode()
        selection.SetReferenceActivePlaceNodeClassName(markupsNode.GetClassName())
        selection.SetActivePlaceNodeID(markupsNode.GetID())
        interaction.SetPlaceModePersistence(persistent)
        interaction.SetCurrentInteractionMode(interaction.Place)

    def _onStrokePoint(self, points: NDArray[np.float64]) -> None:
        assert self._store is not None
        if self._stroke is None:
            self.isDrawing = True  # Before the first point, whose event others would act on.
            radius = self._width / 2
            self._stroke = self._store.addStroke(self._segmentId, points, self.positive, radius)
        else:
            self._stroke.AddControlPointWorld(vtk.vtkVector3d(*points[-1]))

    def _onStrokeEnd(self, points: NDArray[np.float64]) -> None:
        self._stroke, self.isDrawing = None, False
        self._strokeEnded()

"""Draws the points of the grid that lie in the slice of the current one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import NDArray

from ImperfectSegLib.SceneNodes import addHiddenNode

NAME = "ImperfectSeg grid"
CURRENT, OPEN = "current", "open"
YELLOW, WHITE = (1.0, 0.9, 0.1), (0.95, 0.95, 0.95)
SIZES = {CURRENT: 6.0, OPEN: 1.2}
LABELED_SIZE = 2.2


class SparseGridView:
    """Keeps a point list per look; they are hidden from lists, locked and never saved."""

    def __init__(self) -> None:
        self._nodes: dict[str, Any] = {}
        self._shown: dict[str, bytes] = {}

    def draw(
        self,
        positions: NDArray[np.float64],
        looks: NDArray[Any],
        colors: Mapping[str, tuple[float, ...]],
    ) -> None:
        """Draws points.

        Args:
            positions: World RAS in mm, shape (N, 3).
            looks: Of each point: CURRENT, OPEN, or the ID of its segment.
            colors: Of the segments.
        """
        for look in sorted({*self._nodes, *looks.tolist()}):
            wanted = np.ascontiguousarray(positions[looks == look])
            if self._shown.get(look) != wanted.tobytes():
                self._shown[look] = wanted.tobytes()
                node = self._node(look)
                slicer.util.updateMarkupsControlPointsFromArray(node, wanted, world=True)
            color = colors.get(look, YELLOW if look == CURRENT else WHITE)
            self._nodes[look].GetDisplayNode().SetSelectedColor(*color[:3])

    def remove(self) -> None:
        """Draws nothing any more."""
        for node in self._nodes.values():
            if slicer.mrmlScene is not None and slicer.mrmlScene.IsNodePresent(node):
                display = node.GetDisplayNode()
                slicer.mrmlScene.RemoveNode(node)
                slicer.mrmlScene.RemoveNode(display)
        self.forget()

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self._nodes, self._shown = {}, {}

    def _node(self, look: str) -> Any:
        known = self._nodes.get(look)
        if known is not None and slicer.mrmlScene.IsNodePresent(known):
            return known
        node = slicer.vtkMRMLMarkupsFiducialNode()
        node.SetLocked(True)
        node = addHiddenNode(node, f"{NAME} {look}")
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetPointLabelsVisibility(False)
        display.SetGlyphType(display.Cross2D if look == CURRENT else display.Circle2D)
        display.SetUseGlyphScale(True)
        display.SetGlyphScale(SIZES.get(look, LABELED_SIZE))
        display.SetVisibility3D(False)
        self._nodes[look] = node
        return node

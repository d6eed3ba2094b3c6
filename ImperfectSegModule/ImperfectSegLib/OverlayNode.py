"""A scalar volume of our own that lies over the image in all slice views."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import NDArray

from ImperfectSegLib.SceneNodes import addHiddenNode
from ImperfectSegLogic.data import Region

NAME = "ImperfectSeg overlay"
COLORS = "vtkMRMLColorTableNodeIron"
FAINTEST = 0.25
"""Smaller values are not drawn."""


class OverlayNode:
    """Shows values from 0 to 1 as the foreground of the slice views.

    The node is hidden from lists and never saved, and no node of the user's is written to. What
    was the foreground before comes back when it is removed.
    """

    def __init__(self) -> None:
        self.node: Any = None
        self._foregrounds: dict[str, tuple[str | None, float]] = {}

    def show(
        self, values: NDArray[np.float32], region: Region, volumeNode: Any, opacity: float
    ) -> None:
        """Shows values.

        Args:
            values: From 0 to 1, shape (k, j, i) of the region.
            region: Where they are in the volume.
            volumeNode: The volume, for its place in the world.
            opacity: From 0 to 1.
        """
        if self.node is None or not slicer.mrmlScene.IsNodePresent(self.node):
            self.node = newNode()
        slicer.util.updateVolumeFromArray(self.node, values)
        self.node.SetIJKToRASMatrix(shifted(volumeNode, region))
        self.node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        self.fade(opacity)

    def fade(self, opacity: float) -> None:
        """Shows what is there, in views that do not show it yet too; covers more or less."""
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self._cover(composite, opacity)

    def clear(self) -> None:
        """Shows nothing, but stays where it is."""
        if self.node is not None and self.node.GetImageData() is not None:
            slicer.util.arrayFromVolume(self.node)[:] = 0
            slicer.util.arrayFromVolumeModified(self.node)

    def remove(self) -> None:
        """Removes the overlay; what was in the foreground before comes back."""
        node, self.node = self.node, None
        self.giveBack(node)
        if node is not None and slicer.mrmlScene.IsNodePresent(node):
            display = node.GetDisplayNode()
            slicer.mrmlScene.RemoveNode(node)
            slicer.mrmlScene.RemoveNode(display)

    def giveBack(self, node: Any = None) -> None:
        """Lets the views show what they showed before, as when a scene is saved."""
        node = node or self.node
        for name, (foreground, opacity) in self._foregrounds.items():
            composite = slicer.mrmlScene.GetNodeByID(name)
            if composite and node and composite.GetForegroundVolumeID() == node.GetID():
                composite.SetForegroundVolumeID(foreground)
                composite.SetForegroundOpacity(opacity)
        self._foregrounds = {}

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self.node, self._foregrounds = None, {}

    def _cover(self, composite: Any, opacity: float) -> None:
        ours = self.node.GetID()
        if composite.GetID() not in self._foregrounds:
            before = composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()
            self._foregrounds[composite.GetID()] = before
            composite.SetForegroundVolumeID(ours)
        if composite.GetForegroundVolumeID() == ours:  # Not what the user chose since then.
            composite.SetForegroundOpacity(opacity)


def newNode() -> Any:
    """Adds a volume of our own, hidden and never saved, for values from 0 to 1."""
    node = addHiddenNode(slicer.vtkMRMLScalarVolumeNode(), NAME)
    display = slicer.vtkMRMLScalarVolumeDisplayNode()
    display.SetHideFromEditors(True)
    display.SetSaveWithScene(False)
    display = slicer.mrmlScene.AddNode(display)
    display.SetAndObserveColorNodeID(COLORS)
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0.0, 1.0)
    display.SetApplyThreshold(True)
    display.SetThreshold(FAINTEST, 1.0)
    display.SetInterpolate(False)
    node.SetAndObserveDisplayNodeID(display.GetID())
    return node


def shifted(volumeNode: Any, region: Region) -> Any:
    """Gives the IJK-to-RAS matrix of a region of a volume."""
    matrix = slicer.util.vtkMatrixFromArray(np.eye(4))
    volumeNode.GetIJKToRASMatrix(matrix)
    moved = slicer.util.arrayFromVTKMatrix(matrix)
    moved[:3, 3] = (moved @ [*region.start[::-1], 1])[:3]
    return slicer.util.vtkMatrixFromArray(moved)

"""An ROI that limits where engines look and write; the user drags it in the views."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import Box, Geometry

NAME = "ImperfectSeg region"
COLOR = (1.0, 0.85, 0.2)

RegionState = tuple[bool, tuple[float, ...], tuple[float, ...]]
"""Whether it is on, its matrix and its size."""


class RegionHandle:
    """Makes, shows and reads the ROI. It is no prompt, and is saved with the scene.

    Attributes:
        node: The ROI; None as long as it was never turned on.
        isOn: Whether it limits anything.
    """

    def __init__(self) -> None:
        self.node: Any = None
        self.isOn = False

    @property
    def box(self) -> Box | None:
        """Where engines may look and write; None for everywhere."""
        if not self.isOn or self.node is None:
            return None
        return Bridge.boxFromRoi(self.node)

    def turnOn(self, volumeNode: Any) -> None:
        """Shows the ROI; a new one holds the whole image, in the image's own directions."""
        if self.node is None:
            self.node = _newNode()
            self.fit(volumeNode)
        self.isOn = True
        self.node.SetDisplayVisibility(True)

    def turnOff(self) -> None:
        """Hides the ROI; it keeps its place."""
        self.isOn = False
        if self.node is not None:
            self.node.SetDisplayVisibility(False)

    def fit(self, volumeNode: Any) -> None:
        """Makes the ROI hold the whole image."""
        geometry = Bridge.geometryFromNode(volumeNode)
        matrix, size = _around(geometry)
        _place(self.node, matrix, size)

    def state(self) -> RegionState | None:
        """Gives what it is at this moment, to compare and to `restore`; None if never used."""
        if self.node is None:
            return None
        matrix = slicer.util.arrayFromVTKMatrix(self.node.GetObjectToNodeMatrix())
        return self.isOn, tuple(matrix.ravel().tolist()), tuple(self.node.GetSize())

    def restore(self, state: RegionState | None) -> None:
        """Makes it what it was; turned off where there was none yet."""
        if state is None:
            self.turnOff()
            return
        if self.node is None:
            self.node = _newNode()
        if state != self.state():
            _place(self.node, np.array(state[1]).reshape(4, 4), state[2])
        self.isOn = state[0]
        self.node.SetDisplayVisibility(self.isOn)

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self.node, self.isOn = None, False


def _newNode() -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", NAME)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSelectedColor(*COLOR)
    display.SetColor(*COLOR)
    display.SetFillVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetHandlesInteractive(True)
    display.SetRotationHandleVisibility(False)
    return node


def _around(geometry: Geometry) -> tuple[np.ndarray[Any, Any], tuple[float, ...]]:
    """Gives the matrix and the size of a box around an image, along its axes i, j, k."""
    axes = geometry.ijk_to_ras[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    matrix = np.eye(4)
    matrix[:3, :3] = _rightAngled(axes / lengths)
    shape = np.array(geometry.shape)
    matrix[:3, 3] = geometry.to_ras((shape - 1) / 2)
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in shape])).reshape(3, -1).T
    along = np.abs((geometry.to_ras(corners) - matrix[:3, 3]) @ matrix[:3, :3])
    return matrix, tuple((2 * along.max(axis=0)).tolist())


def _rightAngled(axes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Gives the nearest rotation: right-handed, at right angles also where the grid is sheared."""
    u, _, v = np.linalg.svd(axes * [1, 1, np.sign(np.linalg.det(axes))])
    return u @ v


def _place(node: Any, matrix: np.ndarray[Any, Any], size: tuple[float, ...]) -> None:
    wasModified = node.StartModify()
    node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node.SetCenter(*matrix[:3, 3])
    node.SetSize(*size)
    node.EndModify(wasModified)

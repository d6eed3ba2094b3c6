"""Volumes of our own, one for each slice view, that show what the slice would become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import NDArray

from ImperfectSegLib.OverlayNode import newNode, shifted
from ImperfectSegLogic.data import Region

NAME = "ImperfectSeg preview"
LABEL, FOREGROUND = "Label", "Foreground"
"""Layers of a slice view, as in the names of a composite node's methods."""


class _Layer:
    """One layer of one view, and what was in it before."""

    def __init__(self, composite: Any, kind: str, node: Any) -> None:
        self.compositeId, self._kind, self.node = composite.GetID(), kind, node
        self._before = self._read(composite)

    def show(self, composite: Any, opacity: float) -> None:
        if composite is not None and self._read(composite) != (self.node.GetID(), opacity):
            self._write(composite, self.node.GetID(), opacity)

    def giveBack(self) -> None:
        composite = slicer.mrmlScene.GetNodeByID(self.compositeId)
        if composite is not None and self._read(composite)[0] == self.node.GetID():
            self._write(composite, *self._before)

    def _read(self, composite: Any) -> tuple[str | None, float]:
        volume = getattr(composite, f"Get{self._kind}VolumeID")()
        return volume, getattr(composite, f"Get{self._kind}Opacity")()

    def _write(self, composite: Any, volumeId: str | None, opacity: float) -> None:
        getattr(composite, f"Set{self._kind}VolumeID")(volumeId)
        getattr(composite, f"Set{self._kind}Opacity")(opacity)


class PreviewLayers:
    """Shows labels and values in slice views.

    The nodes are hidden from lists and never saved, and no volume of the user's is written to. What
    the views showed before comes back.
    """

    def __init__(self) -> None:
        self._layers: dict[tuple[str, str], _Layer] = {}
        self._colors: Any = None

    @property
    def isShown(self) -> bool:
        """Whether there is a layer of ours."""
        return bool(self._layers)

    def showLabels(
        self,
        view: str,
        labels: NDArray[Any],
        region: Region,
        volumeNode: Any,
        colors: Mapping[int, tuple[float, ...]],
        opacity: float,
    ) -> None:
        """Shows labels in a view.

        Args:
            view: Its name.
            labels: Shape (k, j, i) of the region; those without a color are not drawn.
            region: Where they are in the volume.
            volumeNode: The volume, for its place in the world.
            colors: Red, green, blue from 0 to 1 of each label.
            opacity: From 0 to 1.
        """
        shown = np.zeros(labels.shape, dtype=np.int16)
        for n, label in enumerate(colors, start=1):
            shown[labels == label] = n
        layer = self._layer(view, LABEL)
        layer.node.GetDisplayNode().SetAndObserveColorNodeID(self._table(list(colors.values())))
        self._fill(view, layer, shown, region, volumeNode, opacity)

    def showValues(
        self, view: str, values: NDArray[Any], region: Region, volumeNode: Any, opacity: float
    ) -> None:
        """Shows values from 0 to 1 in a view; see `showLabels`."""
        shown = np.ascontiguousarray(values, dtype=np.float32)
        self._fill(view, self._layer(view, FOREGROUND), shown, region, volumeNode, opacity)

    def clear(self, view: str, kind: str) -> None:
        """Shows nothing in a layer of a view."""
        layer = self._layers.pop((view, kind), None)
        if layer is not None:
            layer.giveBack()
            _removeNode(layer.node)

    def remove(self) -> None:
        """Shows nothing any more."""
        for view, kind in list(self._layers):
            self.clear(view, kind)
        if self._colors is not None and slicer.mrmlScene.IsNodePresent(self._colors):
            slicer.mrmlScene.RemoveNode(self._colors)
        self._colors = None

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self._layers, self._colors = {}, None

    def _fill(
        self,
        view: str,
        layer: _Layer,
        shown: NDArray[Any],
        region: Region,
        volumeNode: Any,
        opacity: float,
    ) -> None:
        slicer.util.updateVolumeFromArray(layer.node, shown)
        layer.node.SetIJKToRASMatrix(shifted(volumeNode, region))
        layer.node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        layer.show(_composite(view), opacity)

    def _layer(self, view: str, kind: str) -> _Layer:
        if (view, kind) not in self._layers:
            node = newNode() if kind == FOREGROUND else _newLabels()
            node.SetName(f"{NAME}, {view}")
            self._layers[view, kind] = _Layer(_composite(view), kind, node)
        return self._layers[view, kind]

    def _table(self, colors: list[tuple[float, ...]]) -> str:
        """Gives the ID of a color table with these colors from 1 on; 0 is not drawn."""
        if self._colors is None:
            node = slicer.vtkMRMLColorTableNode()
            node.SetName(NAME)
            node.SetHideFromEditors(True)
            node.SetSaveWithScene(False)
            node.SetTypeToUser()
            self._colors = slicer.mrmlScene.AddNode(node)
        if self._colors.GetNumberOfColors() != len(colors) + 1:
            self._colors.SetNumberOfColors(len(colors) + 1)
        self._colors.SetColor(0, "background", 0.0, 0.0, 0.0, 0.0)
        for n, color in enumerate(colors, start=1):
            self._colors.SetColor(n, str(n), *color, 1.0)
        return str(self._colors.GetID())


def _newLabels() -> Any:
    node = slicer.vtkMRMLLabelMapVolumeNode()
    display = slicer.vtkMRMLLabelMapVolumeDisplayNode()
    for one in (node, display):
        one.SetHideFromEditors(True)
        one.SetSaveWithScene(False)
    node, display = slicer.mrmlScene.AddNode(node), slicer.mrmlScene.AddNode(display)
    node.SetAndObserveDisplayNodeID(display.GetID())
    return node


def _removeNode(node: Any) -> None:
    if slicer.mrmlScene.IsNodePresent(node):
        display = node.GetDisplayNode()
        slicer.mrmlScene.RemoveNode(node)
        slicer.mrmlScene.RemoveNode(display)


def _composite(view: str) -> Any:
    return slicer.app.layoutManager().sliceWidget(view).mrmlSliceCompositeNode()

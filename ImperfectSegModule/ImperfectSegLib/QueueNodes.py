"""An item of the queue in the scene: image, segmentation, uncertainty, and the place to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.OverlayNode import OverlayNode
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.QueueDesk import Opened
from ImperfectSegLib.QueueStart import regionOf
from ImperfectSegLib.SceneDataset import BACKGROUND
from ImperfectSegLib.SceneNodes import isInScene
from ImperfectSegLib.SparseViews import jumpTo, jumpToSlice
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Box, Dataset, Geometry, Region, Volume
from ImperfectSegLogic.data.segmentation import distinct_color

CASE = "ImperfectSeg.QueueCase"
"""Attribute of volumes that the queue has opened: of which data set and case they are."""
SAMPLES = 96
"""Along each axis so many voxels, about, tell from what to what value gray goes."""
GRAY = (0.55, 0.55, 0.55)
FRAME_COLOR = (1.0, 0.84, 0.0)


class QueueNodes:
    """What the queue has in the scene: one image, and the item that is in work on it.

    Attributes:
        volumeNode: The image; None before the first item.
        segmentationNode: Of the item; None if no item is open.
        overlay: Shows uncertainty.
        uncertainty: What it shows, of the whole image; None if it is not known.
    """

    def __init__(self) -> None:
        self.volumeNode: Any = None
        self.segmentationNode: Any = None
        self.overlay = OverlayNode()
        self.uncertainty: NDArray[np.float32] | None = None
        self._frame: Any = None
        self._drawn: NDArray[np.float32] | None = None

    def show(self, dataset: Dataset, opened: Opened, segmentationNode: Any = None) -> None:
        """Brings an item into the scene, and the views to it.

        Args:
            dataset: Where it is from.
            opened: The item.
            segmentationNode: A segmentation that was restored; otherwise one is made of the
                proposal.
        """
        self.closeItem()
        unit = opened.lease.unit
        self.ensureVolume(dataset, unit.case, opened.volume)
        node = segmentationNode or proposedSegmentation(dataset, opened, self.volumeNode)
        node.SetReferenceImageGeometryParameterFromVolumeNode(self.volumeNode)
        self.segmentationNode, self.uncertainty = node, opened.proposal.uncertainty
        if unit.start:
            self._frame = _frameOf(unit, opened.volume.geometry)
        _jump(unit, opened)

    def ensureVolume(self, dataset: Dataset, case: str, volume: Volume) -> None:
        """Shows the image of a case, which may be there already; the one before is removed."""
        known = f"{dataset.folder.resolve()} {case}"
        isOurs = isInScene(self.volumeNode) and self.volumeNode.GetAttribute(CASE) == known
        if isOurs and _isSame(self.volumeNode, volume):
            return
        self.closeImage()
        self.volumeNode = _newVolume(volume, case)
        self.volumeNode.SetAttribute(CASE, known)
        slicer.util.setSliceViewerLayers(self.volumeNode, fit=True, rotateToVolumePlane=True)

    def showUncertainty(self, isShown: bool, opacity: float) -> None:
        """Shows where the model is unsure, or no longer."""
        if not isShown or self.uncertainty is None or not isInScene(self.volumeNode):
            self.overlay.remove()
            return
        if self._drawn is self.uncertainty and isInScene(self.overlay.node):
            self.overlay.fade(opacity)
            return
        values, shape = self.uncertainty, self.uncertainty.shape
        self._drawn = values
        whole = Region((0, 0, 0), (shape[0], shape[1], shape[2]))
        self.overlay.show(values, whole, self.volumeNode, opacity)

    def closeItem(self) -> None:
        """Removes the item's nodes; the image stays for the next item of the same case."""
        self.overlay.remove()
        self.uncertainty = None
        node, frame = self.segmentationNode, self._frame
        self.segmentationNode = self._frame = None
        if isInScene(node):
            for prompt in PromptStore(node).nodes():
                slicer.mrmlScene.RemoveNode(prompt)
            _remove(node)
        if isInScene(frame):
            _remove(frame)

    def closeImage(self) -> None:
        """Removes the image."""
        node, self.volumeNode = self.volumeNode, None
        if isInScene(node):
            _remove(node)

    def forget(self) -> None:
        """Lets go of a scene that is being closed."""
        self.volumeNode = self.segmentationNode = self._frame = self.uncertainty = None
        self.overlay.forget()


def proposedSegmentation(dataset: Dataset, opened: Opened, volumeNode: Any) -> Any:
    """Makes a segmentation with a segment per label: of what is proposed, and within the item."""
    name, start = opened.lease.unit.name(), opened.start
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(f"{name} in work")
    )
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    names = {n: dataset.labels[n] for n in sorted(dataset.labels)}
    wasModified = node.StartModify()
    for label, text in {**names, **({0: BACKGROUND} if start.isSparse else {})}.items():
        color = distinct_color(label) if label else GRAY
        segmentId = node.GetSegmentation().AddEmptySegment("", text, color)
        if label in start.parts:
            region, mask = start.parts[label]
            image = Bridge.modifierLabelmap(mask, region, opened.volume.geometry, node)
            logic = slicer.vtkSlicerSegmentationsModuleLogic
            logic.SetBinaryLabelmapToSegment(image, node, segmentId, logic.MODE_REPLACE)
    node.EndModify(wasModified)
    return node


def _jump(unit: Unit, opened: Opened) -> None:
    grid = opened.volume.geometry
    if unit.axis >= 0 and not unit.start:
        jumpToSlice(grid, (unit.axis, unit.index))
    else:
        jumpTo(grid.to_ras(opened.start.focus))


def _frameOf(unit: Unit, grid: Geometry) -> Any:
    """Draws a patch's border, which nobody can move."""
    region = regionOf(unit, grid)
    middle = (np.array(region.start) + np.array(region.stop) - 1) / 2
    axes = grid.ijk_to_ras[:3, :3] / np.linalg.norm(grid.ijk_to_ras[:3, :3], axis=0)
    spacing = np.array(grid.spacing[::-1])
    size = (np.array(region.stop) - np.array(region.start))[::-1] * spacing
    node = Bridge.nodeFromPrompt(Box(grid.to_ras(middle), size, axes, label=1), "patch to annotate")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetLocked(True)
    display = node.GetDisplayNode()
    if display is None:
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
    display.SetSelectedColor(*FRAME_COLOR)
    display.SetColor(*FRAME_COLOR)
    display.SetFillVisibility(False)
    display.SetHandlesInteractive(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphScale(0.01)
    return node


def _newVolume(volume: Volume, name: str) -> Any:
    if volume.array.ndim == 4:
        voxels = np.ascontiguousarray(np.moveaxis(volume.array, 0, -1))
        kind = "vtkMRMLVectorVolumeNode"
        return slicer.util.addVolumeFromArray(voxels, volume.ijk_to_ras, name, kind)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
    # Slicer would look at every voxel of a large image for the window, while everything waits.
    display = slicer.vtkMRMLScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display = slicer.mrmlScene.AddNode(display)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    steps = [max(n // SAMPLES, 1) for n in volume.array.shape]
    sample = volume.array[:: steps[0], :: steps[1], :: steps[2]].astype(float)
    low, high = np.nanpercentile(np.where(np.isfinite(sample), sample, np.nan), (0.5, 99.5))
    display.SetWindowLevelMinMax(float(low), float(max(high, low + 1e-6)))
    node.SetAndObserveDisplayNodeID(display.GetID())
    slicer.util.updateVolumeFromArray(node, volume.array)
    return node


def _isSame(volumeNode: Any, volume: Volume) -> bool:
    try:
        there = Bridge.volumeView(volumeNode)
    except ValueError:
        return False
    return there.geometry.matches(volume.geometry) and np.array_equal(there.array, volume.array)


def _remove(node: Any) -> None:
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    storage = node.GetStorageNode()
    slicer.mrmlScene.RemoveNode(node)
    for one in (*displays, storage):
        if isInScene(one):
            slicer.mrmlScene.RemoveNode(one)

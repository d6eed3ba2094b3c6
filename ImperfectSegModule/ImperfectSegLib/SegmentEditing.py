"""Changes segments through Slicer's own segment editor logic, as Segment Editor would."""

from __future__ import annotations

from typing import Any

import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLib.SegmentationChanges import Mask
from ImperfectSegLogic.data import Geometry, Region


class SegmentEditing:
    """What the user chose in Segment Editor (editable area, intensity range, overwriting) holds.

    As long as Segment Editor works on the same segmentation.
    """

    def __init__(self) -> None:
        self._editor = slicer.vtkSlicerSegmentEditorLogic()
        self._editor.SetMRMLScene(slicer.mrmlScene)
        self._editorNode = slicer.vtkMRMLSegmentEditorNode()
        self._editorNode.SetSingletonTag("ImperfectSeg")
        self._editorNode.SetHideFromEditors(True)
        self._editorNode.SetSaveWithScene(False)
        self._editorNode = slicer.mrmlScene.AddNode(self._editorNode)
        self._editor.SetSegmentEditorNode(self._editorNode)

    @property
    def mayOverlap(self) -> bool:
        """Whether what is added to a segment is taken from no other."""
        return bool(self._editorNode.GetOverwriteMode() == self._editorNode.OverwriteNone)

    def connect(self, segmentationNode: Any, volumeNode: Any, masking: bool = True) -> None:
        """Gets ready for a segmentation.

        Args:
            segmentationNode: What is to be changed.
            volumeNode: The image, for the grid and for masking by intensity; None if not needed.
            masking: False to change what Segment Editor would not let the user change.
        """
        segmentation = segmentationNode.GetSegmentation()
        if volumeNode and not segmentation.GetConversionParameter("Reference image geometry"):
            segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        if segmentationNode is not self._editorNode.GetSegmentationNode():
            self._editor.SetSegmentationNode(segmentationNode)
        self._editor.SetSourceVolumeNode(volumeNode)
        if not self._editor.TrivialSetSourceRepresentationToBinaryLabelmap():
            self._editor.SetSourceRepresentationToBinaryLabelMap()
        self._adoptMasking(segmentationNode, masking)

    def modify(
        self,
        segmentationNode: Any,
        segmentId: str,
        mask: Mask,
        region: Region,
        geometry: Geometry,
        mode: str,
    ) -> None:
        """Changes a segment.

        Args:
            segmentationNode: The segmentation that was connected.
            segmentId: Which segment.
            mask: Which voxels, on the region, shape (k, j, i).
            region: Where the mask is in the grid.
            geometry: The grid, in world RAS.
            mode: "Add" or "Remove".
        """
        if not mask.any():
            return
        labelmap = Bridge.modifierLabelmap(mask, region, geometry, segmentationNode)
        modification = getattr(self._editor, f"ModificationMode{mode}")
        self._editor.ModifySegmentByLabelmap(
            segmentationNode, segmentId, labelmap, modification, False, False
        )

    def _adoptMasking(self, segmentationNode: Any, masking: bool) -> None:
        theirs = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if not masking or theirs is None or theirs.GetSegmentationNode() is not segmentationNode:
            theirs = slicer.vtkMRMLSegmentEditorNode()
        ours = self._editorNode
        ours.SetMaskMode(theirs.GetMaskMode())
        ours.SetMaskSegmentID(theirs.GetMaskSegmentID())
        ours.SetOverwriteMode(theirs.GetOverwriteMode())
        ours.SetSourceVolumeIntensityMask(theirs.GetSourceVolumeIntensityMask())
        ours.SetSourceVolumeIntensityMaskRange(*theirs.GetSourceVolumeIntensityMaskRange())

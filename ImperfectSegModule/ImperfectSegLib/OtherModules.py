"""Goes to other modules of 3D Slicer, with the same image and segmentation chosen there."""

from __future__ import annotations

from typing import Any

import slicer.util


def openSegmentEditor(segmentationNode: Any, volumeNode: Any) -> None:
    """Goes to Segment Editor."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    editor.setSegmentationNode(segmentationNode)
    editor.setSourceVolumeNode(volumeNode)

"""What we note on segments, saved with the segmentation."""

from __future__ import annotations

from typing import Any

import vtk

LOCKED_TAG = "ImperfectSeg.Locked"
"""Segment tag that freezes a segment: nothing of ours adds to it or takes from it."""
THRESHOLD_TAG = "ImperfectSeg.Threshold"
"""Segment tag with the probability from which on a voxel belongs to a segment."""


def isLocked(segmentationNode: Any, segmentId: str) -> bool:
    """Tells whether a segment is frozen."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    value = vtk.reference("")
    return bool(segment and segment.GetTag(LOCKED_TAG, value) and str(value) == "1")


def setLocked(segmentationNode: Any, segmentId: str, locked: bool) -> None:
    """Freezes a segment or frees it."""
    segmentationNode.GetSegmentation().GetSegment(segmentId).SetTag(LOCKED_TAG, str(int(locked)))


def thresholdOf(segmentationNode: Any, segmentId: str) -> float:
    """Gives how probable a voxel must be to be in a segment; 0.5 unless it was set."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    value = vtk.reference("")
    return float(str(value)) if segment and segment.GetTag(THRESHOLD_TAG, value) else 0.5


def setThreshold(segmentationNode: Any, segmentId: str, threshold: float) -> None:
    """Notes how probable, between 0 and 1, a voxel must be to be in a segment."""
    assert 0 < threshold < 1, threshold
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    if threshold == 0.5:
        segment.RemoveTag(THRESHOLD_TAG)
    else:
        segment.SetTag(THRESHOLD_TAG, f"{threshold:g}")

"""Tells when the segments of a segmentation were changed, whoever changed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer


class SegmentsWatch:
    """Observes one segmentation at a time."""

    def __init__(self, onChanged: Callable[[], None]) -> None:
        """Args: `onChanged` is called when segments were added, removed, renamed or painted."""
        self._onChanged = onChanged
        self._observed: list[tuple[Any, int]] = []

    def watch(self, segmentationNode: Any) -> None:
        """Observes a segmentation from now on, or none."""
        for segmentation, tag in self._observed:
            segmentation.RemoveObserver(tag)
        self._observed = []
        if segmentationNode is None:
            return
        segmentation, known = segmentationNode.GetSegmentation(), slicer.vtkSegmentation
        for event in (
            known.SegmentAdded,
            known.SegmentRemoved,
            known.SegmentModified,
            known.SourceRepresentationModified,
        ):
            tag = segmentation.AddObserver(event, lambda caller, name: self._onChanged())
            self._observed.append((segmentation, tag))

"""Writes predictions into a segmentation so that masking, locks, overlap and undo hold.

Undo is kept here as differences and not as states of Slicer's segmentation history: the history
gives back the whole segmentation as it was, so that one undo here would also take back what the
user painted in Segment Editor in the meantime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer

from ImperfectSegLib.SegmentationChanges import (
    Change,
    Mask,
    Masks,
    inside,
    masksOf,
    oneUpdate,
    packed,
    related,
)
from ImperfectSegLib.SegmentEditing import SegmentEditing
from ImperfectSegLib.SegmentTags import isLocked, setLocked
from ImperfectSegLogic.data import Geometry, Prediction, Region

__all__ = ["SegmentationWriter", "isLocked", "setLocked"]


class SegmentationWriter:
    """Writes through Slicer's own segment editor logic, one undo step per prediction.

    What the user chose in Segment Editor (editable area, intensity range, overwriting) holds here
    too, as long as Segment Editor works on the same segmentation.
    """

    def __init__(self) -> None:
        self._editing = SegmentEditing()
        self._changes: list[Change] = []
        self._undone: list[Change] = []

    def write(
        self,
        prediction: Prediction | None,
        segmentIds: Mapping[int, str],
        segmentationNode: Any,
        volumeNode: Any,
        prompts: frozenset[int] = frozenset(),
        geometry: Geometry | None = None,
        scope: Region | None = None,
        allowed: Mask | None = None,
        thresholds: Mapping[int, float] | None = None,
    ) -> bool:
        """Makes the segments equal to the prediction inside its region, except locked ones.

        It takes the place of earlier writes that came from some of the same prompts: what they put
        outside the new region goes. Once all prompts were cleared, it stays.

        Args:
            prediction: What to write; its geometry is the volume's in world RAS. None to take away
                what the prompts had put into the scope.
            segmentIds: The segment of each label.
            segmentationNode: Where to write.
            volumeNode: The image, for the grid and for masking by intensity.
            prompts: Numbers of the prompts that the prediction comes from.
            geometry: The volume's, where there is no prediction.
            scope: Where earlier writes are replaced; everywhere by default.
            allowed: Which voxels of the prediction's region may be written; all by default.
            thresholds: See `Prediction.region_labels`.

        Returns:
            Whether any voxel changed. Only then there is something to undo.

        Raises:
            ValueError: If a segment is gone, or all are locked.
        """
        grid = prediction.geometry if prediction else geometry
        assert grid is not None
        writable = {n: s for n, s in segmentIds.items() if not isLocked(segmentationNode, s)}
        self._checkWritable(segmentationNode, writable or segmentIds)
        name = segmentationNode.GetID()
        earlier = related(self._changes, name, grid, prompts, scope or grid.whole)
        regions = [part for _, part in earlier] + ([prediction.region] if prediction else [])
        if not regions:
            return False
        region = regions[0]
        for part in regions[1:]:
            region = region.united(part)
        self._editing.connect(segmentationNode, volumeNode)
        before = masksOf(segmentationNode, grid, region)
        wanted = _wanted(prediction, writable, earlier, region, allowed, thresholds)
        frozen = self._frozen(segmentationNode, before)
        with oneUpdate(segmentationNode):
            for segmentId, (area, mask) in wanted.items():
                mask &= ~frozen
                self._editing.modify(
                    segmentationNode, segmentId, area & ~mask, region, grid, "Remove"
                )
                self._editing.modify(segmentationNode, segmentId, mask, region, grid, "Add")
        after = masksOf(segmentationNode, grid, region)
        if all(np.array_equal(before[s], after[s]) for s in before):
            return False
        old, new = ({s: packed(mask) for s, mask in masks.items()} for masks in (before, after))
        ids = frozenset(writable.values())
        self._changes.append(Change(name, grid, region, old, new, ids, prompts))
        self._undone.clear()
        return True

    @property
    def canUndo(self) -> bool:
        """Whether there is a write to take back."""
        return bool(self._changes)

    @property
    def canRedo(self) -> bool:
        """Whether there is a write that was taken back."""
        return bool(self._undone)

    def undo(self) -> None:
        """Takes back just what the last `write` that changed something has changed.

        Voxels that somebody changed again since then, and segments that were removed since then,
        stay as they are.

        Raises:
            ValueError: If one of the segments has been locked since then.
        """
        self._swap(self._changes, self._undone, "after", "before")

    def redo(self) -> None:
        """Does again what the last `undo` took back, with the same care.

        Raises:
            ValueError: If one of the segments has been locked since then.
        """
        self._swap(self._undone, self._changes, "before", "after")

    def _swap(self, source: list[Change], target: list[Change], old: str, new: str) -> None:
        change = source[-1]
        node = slicer.mrmlScene.GetNodeByID(change.segmentationId)
        if node is None:
            self._changes.clear()
            self._undone.clear()
            return
        before, after = change.masks(old), change.masks(new)
        ids = [s for s in before if node.GetSegmentation().GetSegment(s) is not None]
        changed = [s for s in ids if not np.array_equal(before[s], after[s])]
        self._checkWritable(node, dict(enumerate(changed)))
        target.append(source.pop())
        self._editing.connect(node, None, masking=False)
        current = masksOf(node, change.geometry, change.region)
        nothing = np.zeros(change.region.shape, dtype=bool)  # Of segments added since then.
        untouched = np.logical_and.reduce([current[i] == before.get(i, nothing) for i in current])
        with oneUpdate(node):
            for mode in ("Remove", "Add"):  # All removals first, so that nothing overlaps.
                for i in ids:
                    wrong = before[i] & ~after[i] if mode == "Remove" else after[i] & ~before[i]
                    self._editing.modify(
                        node, i, wrong & untouched, change.region, change.geometry, mode
                    )

    def _checkWritable(self, segmentationNode: Any, segmentIds: Mapping[int, str]) -> None:
        segmentation = segmentationNode.GetSegmentation()
        for segmentId in segmentIds.values():
            segment = segmentation.GetSegment(segmentId)
            if segment is None:
                raise ValueError(f"segment {segmentId!r} was removed. Clear its prompts or undo.")
            if isLocked(segmentationNode, segmentId):
                raise ValueError(
                    f"segment {segment.GetName()!r} is locked. Unlock it, or clear its prompts."
                )

    def _frozen(self, segmentationNode: Any, masks: Masks) -> Mask:
        """Gives where locked segments are, unless segments may overlap and nothing is taken."""
        frozen = np.zeros_like(next(iter(masks.values())))
        if not self._editing.mayOverlap:
            for segmentId, mask in masks.items():
                if isLocked(segmentationNode, segmentId):
                    frozen |= mask
        return frozen


def _wanted(
    prediction: Prediction | None,
    segmentIds: Mapping[int, str],
    earlier: list[tuple[Change, Region]],
    region: Region,
    allowed: Mask | None,
    thresholds: Mapping[int, float] | None,
) -> dict[str, tuple[Mask, Mask]]:
    """Gives, on the region, where each segment is spoken of, and where it is to be."""
    spoken = np.zeros(region.shape, dtype=bool)
    labels = np.zeros(region.shape, dtype=np.int64)
    if prediction is not None:
        here = inside(prediction.region, region)
        spoken[here] = True if allowed is None else allowed
        labels[here] = prediction.region_labels(thresholds)
    wanted = {}
    for label, segmentId in segmentIds.items():
        area = spoken.copy()
        for change, part in earlier:
            area[inside(part, region)] |= change.put(segmentId)[inside(part, change.region)]
        wanted[segmentId] = (area, (labels == label) & spoken)
    return wanted

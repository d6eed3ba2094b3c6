"""Writes predictions into a segmentation so that masking, locks, overlap and undo hold.

Undo is kept here as differences and not as states of Slicer's segmentation history: the history
gives back the whole segmentation as it was, so that one undo here would also take back what the
user painted in Segment Editor in the meantime.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import Geometry, Prediction, Region

LOCKED_TAG = "ImperfectSeg.Locked"
"""Segment tag that freezes a segment: nothing of ours adds to it or takes from it."""

_Masks = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class _Change:
    """All segments of a region before and after a write, compressed."""

    segmentationId: str
    geometry: Geometry
    region: Region
    before: dict[str, bytes]
    after: dict[str, bytes]
    segmentIds: frozenset[str]
    prompts: frozenset[int]


def isLocked(segmentationNode: Any, segmentId: str) -> bool:
    """Tells whether a segment is frozen."""
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    value = vtk.reference("")
    return bool(segment and segment.GetTag(LOCKED_TAG, value) and str(value) == "1")


def setLocked(segmentationNode: Any, segmentId: str, locked: bool) -> None:
    """Freezes a segment or frees it."""
    segmentationNode.GetSegmentation().GetSegment(segmentId).SetTag(LOCKED_TAG, str(int(locked)))


class SegmentationWriter:
    """Writes through Slicer's own segment editor logic, one undo step per prediction.

    What the user chose in Segment Editor (editable area, intensity range, overwriting) holds here
    too, as long as Segment Editor works on the same segmentation.
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
        self._changes: list[_Change] = []

    def write(
        self,
        prediction: Prediction,
        segmentIds: Mapping[int, str],
        segmentationNode: Any,
        volumeNode: Any,
        prompts: frozenset[int] = frozenset(),
    ) -> bool:
        """Makes the segments equal to the prediction inside its region, except locked ones.

        If the last write came from some of the same prompts, this one takes its place: what that
        one put outside the new region goes. Once all prompts were cleared, it stays.

        Args:
            prediction: What to write; its geometry is the volume's in world RAS.
            segmentIds: The segment of each label.
            segmentationNode: Where to write.
            volumeNode: The image, for the grid and for masking by intensity.
            prompts: Numbers of the prompts that the prediction comes from.

        Returns:
            Whether any voxel changed. Only then there is something to undo.

        Raises:
            ValueError: If a segment is gone, or all are locked.
        """
        writable = {n: s for n, s in segmentIds.items() if not isLocked(segmentationNode, s)}
        self._checkWritable(segmentationNode, writable or segmentIds)
        self._connect(segmentationNode, volumeNode)
        geometry = prediction.geometry
        last = self._replaced(segmentationNode, geometry, prompts)
        region = prediction.region.united(last.region) if last else prediction.region
        before = _masks(segmentationNode, geometry, region)
        self._writeLabels(segmentationNode, prediction, writable, last, before, region)
        after = _masks(segmentationNode, geometry, region)
        changed = any(not np.array_equal(before[s], after[s]) for s in before)
        if changed:
            self._changes.append(
                _Change(
                    segmentationNode.GetID(),
                    geometry,
                    region,
                    {s: _packed(mask) for s, mask in before.items()},
                    {s: _packed(mask) for s, mask in after.items()},
                    frozenset(writable.values()),
                    prompts,
                )
            )
        return changed

    def _writeLabels(
        self,
        segmentationNode: Any,
        prediction: Prediction,
        segmentIds: Mapping[int, str],
        last: _Change | None,
        before: _Masks,
        region: Region,
    ) -> None:
        here = _inside(prediction.region, region)
        labels = np.zeros(region.shape, dtype=np.int64)
        labels[here] = prediction.region_labels()
        frozen = self._frozen(segmentationNode, before)
        with _oneUpdate(segmentationNode):
            for label, segmentId in segmentIds.items():
                area = np.zeros(region.shape, dtype=bool)
                area[here] = True
                if last and segmentId in last.segmentIds:
                    area[_inside(last.region, region)] = True
                mask = (labels == label) & ~frozen
                geometry = prediction.geometry
                self._modify(segmentationNode, segmentId, area & ~mask, region, geometry, "Remove")
                self._modify(segmentationNode, segmentId, mask, region, geometry, "Add")

    def _replaced(
        self, segmentationNode: Any, geometry: Geometry, prompts: frozenset[int]
    ) -> _Change | None:
        """Gives the last write, if it came from some of the same prompts."""
        last = self._changes[-1] if self._changes else None
        if last is None or last.segmentationId != segmentationNode.GetID():
            return None
        return last if last.prompts & prompts and last.geometry.matches(geometry) else None

    @property
    def canUndo(self) -> bool:
        """Whether there is a write to take back."""
        return bool(self._changes)

    def undo(self) -> None:
        """Takes back just what the last `write` that changed something has changed.

        Voxels that somebody changed again since then, and segments that were removed since then,
        stay as they are.

        Raises:
            ValueError: If one of the segments has been locked since then.
        """
        change = self._changes[-1]
        node = slicer.mrmlScene.GetNodeByID(change.segmentationId)
        if node is None:
            self._changes.clear()
            return
        ids = [s for s in change.before if node.GetSegmentation().GetSegment(s) is not None]
        changed = [s for s in ids if change.before[s] != change.after[s]]
        self._checkWritable(node, dict(enumerate(changed)))
        self._changes.pop()
        self._connect(node, None, masking=False)
        before = {i: _unpacked(change.before[i], change.region) for i in ids}
        after = {i: _unpacked(change.after[i], change.region) for i in ids}
        current = _masks(node, change.geometry, change.region)
        nothing = np.zeros(change.region.shape, dtype=bool)  # Of segments added since then.
        untouched = np.logical_and.reduce([current[i] == after.get(i, nothing) for i in current])
        with _oneUpdate(node):
            for mode in ("Remove", "Add"):  # All removals first, so that nothing overlaps.
                for i in ids:
                    wrong = after[i] & ~before[i] if mode == "Remove" else before[i] & ~after[i]
                    self._modify(node, i, wrong & untouched, change.region, change.geometry, mode)

    def _connect(self, segmentationNode: Any, volumeNode: Any, masking: bool = True) -> None:
        segmentation = segmentationNode.GetSegmentation()
        if volumeNode and not segmentation.GetConversionParameter("Reference image geometry"):
            segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        if segmentationNode is not self._editorNode.GetSegmentationNode():
            self._editor.SetSegmentationNode(segmentationNode)
        self._editor.SetSourceVolumeNode(volumeNode)
        if not self._editor.TrivialSetSourceRepresentationToBinaryLabelmap():
            self._editor.SetSourceRepresentationToBinaryLabelMap()
        self._adoptMasking(segmentationNode, masking)

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

    def _frozen(self, segmentationNode: Any, masks: _Masks) -> NDArray[np.bool_]:
        """Gives where locked segments are, unless segments may overlap and nothing is taken."""
        frozen = np.zeros_like(next(iter(masks.values())))
        if self._editorNode.GetOverwriteMode() != self._editorNode.OverwriteNone:
            for segmentId, mask in masks.items():
                if isLocked(segmentationNode, segmentId):
                    frozen |= mask
        return frozen

    def _modify(
        self,
        segmentationNode: Any,
        segmentId: str,
        mask: NDArray[np.bool_],
        region: Region,
        geometry: Geometry,
        mode: str,
    ) -> None:
        if not mask.any():
            return
        labelmap = Bridge.modifierLabelmap(mask, region, geometry, segmentationNode)
        modification = getattr(self._editor, f"ModificationMode{mode}")
        self._editor.ModifySegmentByLabelmap(
            segmentationNode, segmentId, labelmap, modification, False, False
        )


def _masks(segmentationNode: Any, geometry: Geometry, region: Region) -> _Masks:
    ids = segmentationNode.GetSegmentation().GetSegmentIDs()
    return {s: Bridge.segmentMask(segmentationNode, s, geometry, region) for s in ids}


def _inside(part: Region, whole: Region) -> tuple[slice, ...]:
    """Gives the index of a region in an array of a larger one."""
    return tuple(
        slice(a - o, b - o) for a, b, o in zip(part.start, part.stop, whole.start, strict=True)
    )


def _packed(mask: NDArray[np.bool_]) -> bytes:
    return zlib.compress(np.packbits(mask).tobytes(), 1)


def _unpacked(packed: bytes, region: Region) -> NDArray[np.bool_]:
    bits = np.frombuffer(zlib.decompress(packed), dtype=np.uint8)
    count = int(np.prod(region.shape))
    return np.unpackbits(bits, count=count).astype(bool).reshape(region.shape)


@contextmanager
def _oneUpdate(node: Any) -> Iterator[None]:
    """Lets views update once instead of after every segment."""
    wasModified = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(wasModified)

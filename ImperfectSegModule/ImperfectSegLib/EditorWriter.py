"""Writes an answer into a segment the way an effect of Segment Editor does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.EditorGrid import EditorGrid
from ImperfectSegLib.SegmentationChanges import inside, oneUpdate
from ImperfectSegLib.SegmentTags import isLocked
from ImperfectSegLogic.data import Geometry, Region


@dataclass(frozen=True, eq=False)
class Written:
    """What an answer has been written for.

    Attributes:
        numbers: Of the prompts that it came from.
        region: The voxels that it spoke of.
        geometry: Their grid.
    """

    numbers: frozenset[int]
    region: Region
    geometry: Geometry

    def replacedBy(self, numbers: frozenset[int], geometry: Geometry) -> bool:
        """Whether an answer to these prompts takes this one's place."""
        return bool(self.numbers & numbers) and self.geometry.matches(geometry)


def writeAnswer(
    scriptedEffect: Any,
    segmentId: str,
    grid: EditorGrid,
    mask: NDArray[np.bool_],
    answer: Written,
    earlier: Written | None,
) -> bool:
    """Makes a segment equal to an answer inside its region.

    Segment Editor's masking and overwriting apply, and locked segments keep what they have. What
    an earlier answer to some of the same prompts put outside the region goes. No state is saved
    for undo here.

    Args:
        scriptedEffect: The effect that writes.
        segmentId: Into which segment.
        grid: The effect's grid.
        mask: The answer, on its region, shape (k, j, i).
        answer: What it is the answer to.
        earlier: The answer before, if any.

    Returns:
        Whether a voxel of the segment changed.
    """
    region = answer.region
    if earlier is not None and earlier.replacedBy(answer.numbers, grid.geometry):
        region = region.united(earlier.region)
    wanted = np.zeros(region.shape, dtype=bool)
    wanted[inside(answer.region, region)] = mask
    parameters = scriptedEffect.parameterSetNode()
    segmentation = parameters.GetSegmentationNode()
    before = Bridge.segmentMask(segmentation, segmentId, grid.geometry, region)
    frozen = _frozen(parameters, segmentId, grid.geometry, region)
    modes = slicer.qSlicerSegmentEditorAbstractEffect
    with _selected(parameters, segmentId), oneUpdate(segmentation):
        for voxels, mode in (
            (before & ~wanted, modes.ModificationModeRemove),
            (wanted & ~before & ~frozen, modes.ModificationModeAdd),
        ):
            if voxels.any():
                labelmap = grid.labelmap(voxels, region)
                scriptedEffect.modifySelectedSegmentByLabelmap(labelmap, mode)
    after = Bridge.segmentMask(segmentation, segmentId, grid.geometry, region)
    return not np.array_equal(before, after)


def _frozen(
    parameters: Any, segmentId: str, geometry: Geometry, region: Region
) -> NDArray[np.bool_]:
    """Gives where other segments are locked, unless segments may overlap and nothing is taken."""
    frozen = np.zeros(region.shape, dtype=bool)
    segmentation = parameters.GetSegmentationNode()
    if parameters.GetOverwriteMode() != parameters.OverwriteNone:
        for other in segmentation.GetSegmentation().GetSegmentIDs():
            if other != segmentId and isLocked(segmentation, other):
                frozen |= Bridge.segmentMask(segmentation, other, geometry, region)
    return frozen


@contextmanager
def _selected(parameters: Any, segmentId: str) -> Iterator[None]:
    """Selects a segment for a moment: masking is about the selected one.

    The user may have gone on to another segment while the answer was computed.
    """
    selected = parameters.GetSelectedSegmentID()
    if selected == segmentId:
        yield
        return
    wasModified = parameters.StartModify()
    parameters.SetSelectedSegmentID(segmentId)
    try:
        yield
    finally:
        parameters.SetSelectedSegmentID(selected)
        parameters.EndModify(wasModified)

"""Takes what is to be refined out of the scene, in the GUI thread."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import slicer.util
import vtk
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.RefineChoice import RefineChoice, RefinePart, RefineRequest
from ImperfectSegLib.RefineParts import (
    labelsOf,
    readSegments,
    relabeled,
)
from ImperfectSegLib.RequestParts import allowedBy, regionOf
from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SegmentationChanges import common
from ImperfectSegLogic.data import Region, Volume
from ImperfectSegLogic.data.slices import Cut


class RefineTaking:
    """Takes requests for one choice.

    Where segments are the input, those that are not selected count as one that cannot change.
    """

    def __init__(
        self, volumeNode: Any, volume: Volume, segmentationNode: Any, choice: RefineChoice
    ) -> None:
        """Looks at prompts and region.

        Args:
            volumeNode: The image.
            volume: The same, in world RAS.
            segmentationNode: The segmentation.
            choice: How to refine, and what.

        Raises:
            ValueError: If nothing is selected, or the limit is outside the image.
        """
        if choice.selected is not None and not choice.selected:
            raise ValueError("no segment is selected: select one or more, or refine all.")
        self._volumeNode, self._volume = volumeNode, volume
        self._node, self._choice = segmentationNode, choice
        geometry = volume.geometry
        self._region = regionOf(choice.limit, geometry) if choice.limit else geometry.whole
        self._labels = labelsOf(segmentationNode, None if choice.probabilities else choice.selected)
        entries = PromptStore(segmentationNode).entries() if choice.keepsPrompts else []
        self._prompts = relabeled(entries, self._labels)

    def whole(self) -> RefineRequest:
        """Takes all that is to be refined.

        Raises:
            ValueError: If there is no voxel to refine, or segments overlap.
        """
        part = self._part(Cut(self._volume.geometry.whole), self._region)
        if part.labels is not None and len(part.values) < 2:
            raise ValueError(
                f"{self._node.GetName()}: got no voxel to refine. Choose a segmentation with a"
                " segment that has voxels, or enlarge the region."
            )
        return self._request([part])

    def slices(self, places: Collection[Place]) -> RefineRequest:
        """Takes some slices, each by itself, for a look; gray values still count as in all.

        Raises:
            ValueError: If segments overlap there.
        """
        parts = []
        for axis, index in sorted(places):
            slab = Cut.slice_at(self._volume.geometry, axis, index).region
            here = common(self._region, slab)
            if here is not None:
                whole = self._volume.geometry.whole
                parts.append(self._part(Cut(whole, axis), here, (axis, index)))
        return self._request(parts, isPreview=True)

    def _part(self, cut: Cut, region: Region, place: Place | None = None) -> RefinePart:
        geometry, choice = self._volume.geometry, self._choice
        positive = {p.label for p in self._prompts if p.positive and p.label}
        allowed = allowedBy(choice.limit, region, geometry)
        found = None
        if not choice.probabilities:
            found = readSegments(self._node, self._labels, geometry, region, positive)
        kept = found.kept if found else self._kept(region)
        if kept.any():
            allowed = ~kept if allowed is None else allowed & ~kept
        labels, values = (found.labels, found.values) if found else (None, ())
        return RefinePart(cut, region, labels, values, allowed, place)

    def _kept(self, region: Region) -> NDArray[np.bool_]:
        """Gives where segments are that are not selected."""
        kept = np.zeros(region.shape, dtype=bool)
        selected, geometry = self._choice.selected, self._volume.geometry
        for segmentId in self._labels:
            if selected is not None and segmentId not in selected:
                kept |= Bridge.segmentMask(self._node, segmentId, geometry, region)
        return kept

    def _request(self, parts: list[RefinePart], isPreview: bool = False) -> RefineRequest:
        chosen = self._choice.selected
        numbered = enumerate(self._labels, start=1)
        return RefineRequest(
            self._choice,
            self._volume,
            Bridge.volumeState(self._volumeNode),
            self._volumeNode.GetID(),
            self._node.GetID(),
            segmentsState(self._node),
            {n: s for n, s in numbered if chosen is None or s in chosen},
            tuple(parts),
            self._prompts,
            _ownMatrix(self._volumeNode),
            isPreview,
        )


def segmentsState(segmentationNode: Any) -> tuple[Any, ...]:
    """Gives a value that changes whenever somebody edits segments."""
    state = []
    for segmentId in segmentationNode.GetSegmentation().GetSegmentIDs():
        labelmap = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
        value = segmentationNode.GetSegmentation().GetSegment(segmentId).GetLabelValue()
        state.append((segmentId, value, labelmap.GetMTime() if labelmap else 0))
    return tuple(state)


def _ownMatrix(volumeNode: Any) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)

"""Takes the annotation of an item out of the scene, and checks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ImperfectSegLib import Bridge
from ImperfectSegLib.QueueStart import regionOf
from ImperfectSegLib.QueueView import Speaker
from ImperfectSegLib.SceneDataset import labelNumbers
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, Geometry, SparseMask


@dataclass(frozen=True, eq=False)
class TakenItem:
    """What was annotated.

    Attributes:
        unit: What was to be annotated.
        annotation: Of the whole volume, or with labels in the slice or patch only.
        isEmpty: Whether no segment has a voxel there.
        outside: How many voxels of segments lie outside of the slice or patch, and do not count.
    """

    unit: Unit
    annotation: DenseMask | SparseMask
    isEmpty: bool
    outside: int

    def isWanted(self, view: Speaker) -> bool:
        """Asks whether an empty annotation shall be saved; others are."""
        name = self.unit.name()
        if not self.isEmpty or view.ask(
            f"{name}: no segment has a voxel in this {self.unit.kind}. Save it as empty?"
        ):
            return True
        view.say(f"{name} was not saved: it is empty.")
        return False

    @property
    def leftOut(self) -> str:
        """What is to be said of what does not count; empty if everything does."""
        if not self.outside:
            return ""
        return f" {self.outside} voxels outside of the {self.unit.kind} were left out."


def takeItem(
    dataset: Dataset,
    unit: Unit,
    volumeNode: Any,
    segmentationNode: Any,
    sparse: bool,
    button: str = "Done",
) -> TakenItem:
    """Takes an item's annotation out of the scene.

    Args:
        dataset: The data set; segments are its labels by their names.
        unit: What was to be annotated; all else is left out.
        volumeNode: Its image.
        segmentationNode: Its segmentation.
        sparse: Whether voxels of no segment are unlabeled, and background only those of a segment
            named `background`; otherwise they are all background.
        button: What is to be pressed again once a problem is solved.

    Raises:
        ValueError: If image or segmentation are gone, the image was moved or resampled, a segment
            is no label of the data set, two overlap, or nothing at all is labeled.
    """
    grid = dataset.record(unit.case).geometry
    _checkPlace(unit, grid, volumeNode, segmentationNode, button)
    numbers = labelNumbers(dataset, segmentationNode, sparse)
    region = regionOf(unit, grid)
    inside: NDArray[np.int32] = np.full(region.shape, UNLABELED, np.int32)
    outside = 0
    for segmentId, number in numbers.items():
        mask = Bridge.segmentMask(segmentationNode, segmentId, grid, region)
        if (inside[mask] != UNLABELED).any():
            raise ValueError(_overlap(unit, segmentationNode, segmentId, button))
        inside[mask] = number
        outside += max(_voxels(segmentationNode, segmentId) - int(mask.sum()), 0)
    isEmpty = not (inside > 0).any()
    if not sparse:
        inside = np.maximum(inside, 0)
    if (inside == UNLABELED).all():
        raise ValueError(
            f"{unit.name()}: nothing is annotated in this {unit.kind}, not even a segment named"
            " background. Annotate something, skip it, or say that the rest is background."
        )
    if unit.axis < 0 and not sparse:
        return TakenItem(unit, DenseMask(inside, grid), isEmpty, outside)
    labels = np.full(grid.shape, UNLABELED, np.int32)
    labels[region.slices] = inside
    return TakenItem(unit, SparseMask(labels, grid), isEmpty, outside if unit.axis >= 0 else 0)


def _checkPlace(
    unit: Unit, grid: Geometry, volumeNode: Any, segmentationNode: Any, button: str
) -> None:
    for node, what in ((volumeNode, "image"), (segmentationNode, "segmentation")):
        if node is None or node.GetScene() is None:
            raise ValueError(
                f"{unit.name()}: its {what} was removed from the scene. Put the item back, or"
                " choose it in the list to open it again."
            )
    there = Bridge.geometryFromNode(volumeNode)
    if not there.matches(grid):
        raise ValueError(
            f"{unit.name()}: got an image of {there.shape} voxels at another place or spacing than"
            f" in the data set ({grid.shape} voxels there): it was moved, cropped or resampled."
            f" Undo that, such as its transform; then press {button} again."
        )


def _voxels(segmentationNode: Any, segmentId: str) -> int:
    labelmap = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
    if labelmap is None or labelmap.IsEmpty():
        return 0
    value = segmentationNode.GetSegmentation().GetSegment(segmentId).GetLabelValue()
    return int(np.count_nonzero(vtk_to_numpy(labelmap.GetPointData().GetScalars()) == value))


def _overlap(unit: Unit, segmentationNode: Any, segmentId: str, button: str) -> str:
    name = segmentationNode.GetSegmentation().GetSegment(segmentId).GetName()
    return (
        f"{unit.name()}: segment {name!r} overlaps another one, and a voxel has one label in a data"
        f" set. Remove the overlap in Segment Editor; then press {button} again."
    )

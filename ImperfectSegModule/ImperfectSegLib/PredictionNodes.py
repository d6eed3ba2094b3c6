"""What a model predicted comes from files into the scene, onto the volume's own voxels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import Geometry, Region, read_segmentation, read_volume


@dataclass(frozen=True, eq=False)
class PredictedSegment:
    """A segment, cut out where it has voxels.

    Attributes:
        name: Of the label.
        color: Red, green, blue from 0 to 1.
        region: The part of the grid that holds all its voxels; None if it has none.
        mask: Its voxels in the region.
    """

    name: str
    color: tuple[float, float, float]
    region: Region | None
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PredictedFiles:
    """What was read from files, still to be brought into the scene.

    Attributes:
        segments: One per label.
        geometry: The volume's grid, in world RAS.
        uncertainty: One number per voxel, if it was asked for.
    """

    segments: tuple[PredictedSegment, ...]
    geometry: Geometry
    uncertainty: NDArray[np.float32] | None = None


def readPredicted(
    labels: Path, geometry: Geometry, uncertainty: Path | None = None
) -> PredictedFiles:
    """Reads what was predicted; touches no node, so that it may run beside the window.

    Args:
        labels: The segmentation.
        geometry: The grid that it must be on.
        uncertainty: The uncertainty map, if there is one.

    Raises:
        OSError: If a file is not there.
        ValueError: If a file is damaged or on another grid.
    """
    segmentation = read_segmentation(labels, geometry)
    segments = []
    for segment in segmentation.segments:
        mask = segmentation.mask(segment.id)
        region = _regionOf(mask)
        cut = mask[region.slices].copy() if region else np.zeros((0, 0, 0), dtype=bool)
        segments.append(PredictedSegment(segment.name, segment.color, region, cut))
    if uncertainty is None:
        return PredictedFiles(tuple(segments), geometry)
    volume = read_volume(uncertainty)
    if not volume.geometry.matches(geometry):
        raise ValueError(f"{uncertainty}: is not on the grid of the volume. Predict again.")
    return PredictedFiles(tuple(segments), geometry, volume.array.astype(np.float32))


def addSegmentation(predicted: PredictedFiles, volumeNode: Any, name: str) -> Any:
    """Adds a segmentation node with what was predicted for a volume, on the same transform.

    Args:
        predicted: What was read.
        volumeNode: The image; its place in the world is still that of `predicted.geometry`.
        name: Of the new node.
    """
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(name)
    )
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    wasModified = node.StartModify()
    for segment in predicted.segments:
        segmentId = node.GetSegmentation().AddEmptySegment("", segment.name, segment.color)
        if segment.region is not None:
            image = Bridge.modifierLabelmap(segment.mask, segment.region, predicted.geometry, node)
            logic.SetBinaryLabelmapToSegment(image, node, segmentId, logic.MODE_REPLACE)
    node.EndModify(wasModified)
    return node


def addUncertainty(predicted: PredictedFiles, volumeNode: Any, name: str) -> Any:
    """Adds a volume node with the uncertainty of each voxel, on the same transform."""
    assert predicted.uncertainty is not None
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    node = slicer.util.addVolumeFromArray(
        predicted.uncertainty,
        slicer.util.arrayFromVTKMatrix(matrix),
        slicer.mrmlScene.GenerateUniqueName(name),
    )
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    return node


def _regionOf(mask: NDArray[np.bool_]) -> Region | None:
    """Gives the smallest region with all voxels of a mask, without a list of them."""
    start, stop = [], []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not used.size:
            return None
        start.append(int(used[0]))
        stop.append(int(used[-1]) + 1)
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

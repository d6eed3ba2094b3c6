"""The only seam between MRML nodes and ImperfectSeg's data types. All positions are world RAS."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ImperfectSegLogic.data import Box, Click, Geometry, Lasso, Prompt, Region, Scribble, Volume


def volumeFromNode(volumeNode: Any) -> Volume:
    """Copies a volume node's voxels and its place in the world, parent transform included.

    Raises:
        ValueError: If the node is missing or empty, or its parent transform is not linear.
    """
    view = volumeView(volumeNode)
    return Volume(view.array.copy(), view.ijk_to_ras, view.name)


def volumeView(volumeNode: Any) -> Volume:
    """Gives what `volumeFromNode` gives without a copy: for a look, before the node changes."""
    if volumeNode is None or volumeNode.GetImageData() is None:
        name = volumeNode.GetName() if volumeNode else "no volume"
        raise ValueError(f"{name}: there is no image. Choose a volume that has voxels.")
    array = slicer.util.arrayFromVolume(volumeNode)
    if array.ndim == 4:
        array = np.moveaxis(array, -1, 0)
    return Volume(array, _nodeIjkToWorld(volumeNode), volumeNode.GetName() or "volume")


def geometryFromNode(volumeNode: Any) -> Geometry:
    """Gives a volume node's grid in the world; see `volumeFromNode` for what it raises."""
    return volumeView(volumeNode).geometry


def volumeState(volumeNode: Any) -> tuple[Any, ...]:
    """Gives a value that changes whenever `volumeFromNode` would give something else."""
    image = volumeNode.GetImageData()
    voxels = image.GetMTime() if image else 0
    return volumeNode.GetID(), voxels, _nodeIjkToWorld(volumeNode).tobytes()


def promptsFromNode(
    markupsNode: Any, label: int, positive: bool = True, radius: float = 0.0
) -> list[Prompt]:
    """Reads a markups node as prompts; points that are not placed yet are left out.

    Points are clicks, lines and curves scribbles, closed curves lassos, ROIs boxes.

    Args:
        markupsNode: A point list, line, curve, closed curve, or ROI.
        label: The label that the prompts are about.
        positive: False for "not this label".
        radius: Half of the width of scribbles in mm.

    Raises:
        ValueError: If the node is of another kind.
    """
    if markupsNode.IsA("vtkMRMLMarkupsROINode"):
        return list(_boxes(markupsNode, label, positive))
    if markupsNode.IsA("vtkMRMLMarkupsClosedCurveNode"):
        points = _curvePoints(markupsNode)
        return [Lasso(points, label=label, positive=positive)] if len(points) > 2 else []
    if markupsNode.IsA("vtkMRMLMarkupsCurveNode") or markupsNode.IsA("vtkMRMLMarkupsLineNode"):
        points = _curvePoints(markupsNode)
        stroke = Scribble(points, radius, label=label, positive=positive) if len(points) else None
        return [stroke] if stroke else []
    if markupsNode.IsA("vtkMRMLMarkupsFiducialNode"):
        return [Click(p, label=label, positive=positive) for p in definedPositions(markupsNode)]
    raise ValueError(
        f"{markupsNode.GetName()}: got a {markupsNode.GetNodeTagName()} node, allowed are point"
        " lists, lines, curves, closed curves and ROI boxes."
    )


def boxFromRoi(roiNode: Any) -> Box | None:
    """Reads an ROI that is no prompt; None if it is not placed yet."""
    found = _boxes(roiNode, 1, True)
    return found[0] if found else None


def definedPositions(markupsNode: Any) -> list[NDArray[np.float64]]:
    """Gives the world RAS positions of a node's placed control points."""
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    return [
        np.array(markupsNode.GetNthControlPointPositionWorld(n))
        for n in range(markupsNode.GetNumberOfControlPoints())
        if markupsNode.GetNthControlPointPositionStatus(n) == defined
    ]


def segmentMask(
    segmentationNode: Any, segmentId: str, geometry: Geometry, region: Region | None = None
) -> NDArray[np.bool_]:
    """Reads where a segment is.

    Args:
        segmentationNode: The segmentation; its parent transform is honored.
        segmentId: Which segment.
        geometry: The grid to read on, in world RAS.
        region: The part of the grid to read; the whole by default.

    Returns:
        The mask on the region, shape (k, j, i).
    """
    region = region or geometry.whole
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    labelmap = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
    if segment is None or labelmap is None or labelmap.IsEmpty():
        return np.zeros(region.shape, dtype=bool)
    grid = modifierLabelmap(np.zeros(region.shape, bool), region, geometry, segmentationNode)
    onGrid = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        labelmap, grid, onGrid
    )
    values = vtk_to_numpy(onGrid.GetPointData().GetScalars()).reshape(region.shape)
    return np.asarray(values == segment.GetLabelValue())


def setSegmentMask(
    segmentationNode: Any, segmentId: str, mask: NDArray[np.bool_], geometry: Geometry
) -> None:
    """Gives a segment these voxels and no others, without looking at locks or masking.

    Args:
        segmentationNode: The segmentation; its parent transform is honored.
        segmentId: Which segment.
        mask: Shape (k, j, i).
        geometry: The mask's grid, in world RAS.
    """
    image = modifierLabelmap(mask, geometry.whole, geometry, segmentationNode)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    logic.SetBinaryLabelmapToSegment(image, segmentationNode, segmentId, logic.MODE_REPLACE)


def copiedLabelmap(
    labelmap: Any, segmentationNode: Any
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Copies a labelmap of a segmentation: labels, shape (k, j, i), and IJK to world RAS."""
    i, j, k = labelmap.GetDimensions()
    labels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(k, j, i).copy()
    matrix = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(matrix)
    ijkToWorld = transformToWorld(segmentationNode) @ slicer.util.arrayFromVTKMatrix(matrix)
    ijkToWorld[:3, 3] = (ijkToWorld @ [*labelmap.GetExtent()[::2], 1])[:3]
    return labels, ijkToWorld


def nodeFromPrompt(prompt: Prompt, name: str) -> Any:
    """Adds a markups node for a click, scribble, lasso or box; a scribble of two points is a line.

    Raises:
        ValueError: If it is a prompt of another kind.
    """
    if isinstance(prompt, Box):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = prompt.axes, prompt.center
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
        node.SetCenter(*prompt.center)
        node.SetSize(*prompt.size)
        return node
    if isinstance(prompt, Click):
        points, kind = prompt.position[np.newaxis], "Fiducial"
    elif isinstance(prompt, Scribble):
        points, kind = prompt.points, "Line" if len(prompt.points) == 2 else "Curve"
    elif isinstance(prompt, Lasso):
        points, kind = prompt.points, "ClosedCurve"
    else:
        raise ValueError(f"{name}: got a {type(prompt).__name__}, which is not one markups node.")
    node = slicer.mrmlScene.AddNewNodeByClass(f"vtkMRMLMarkups{kind}Node", name)
    for point in points:
        node.AddControlPointWorld(vtk.vtkVector3d(*point))
    return node


def modifierLabelmap(
    mask: NDArray[np.bool_], region: Region, geometry: Geometry, segmentationNode: Any
) -> Any:
    """Makes the labelmap with which a segment editor logic modifies a segment.

    Args:
        mask: Voxels to modify, on the region, shape (k, j, i).
        region: Where the mask is in the grid.
        geometry: The grid, in world RAS.
        segmentationNode: Whose coordinates the labelmap is to be in.
    """
    image = slicer.vtkOrientedImageData()
    (k0, j0, i0), (k1, j1, i1) = region.start, region.stop
    image.SetExtent(i0, i1 - 1, j0, j1 - 1, k0, k1 - 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.ravel()
    ijkToSegmentation = np.linalg.inv(transformToWorld(segmentationNode)) @ geometry.ijk_to_ras
    image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(ijkToSegmentation))
    return image


def _nodeIjkToWorld(volumeNode: Any) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return transformToWorld(volumeNode) @ slicer.util.arrayFromVTKMatrix(matrix)


def transformToWorld(node: Any) -> NDArray[np.float64]:
    """Gives the 4x4 matrix from a node's own coordinates to world RAS, in mm.

    Raises:
        ValueError: If its parent transform is not linear.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise ValueError(
            f"{node.GetName()}: its transform {parent.GetName()} is not linear, which has no voxel"
            " grid. Harden the transform (Transforms module), then try again."
        )
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _curvePoints(markupsNode: Any) -> NDArray[np.float64]:
    if markupsNode.GetNumberOfDefinedControlPoints() < 2:
        return np.array(definedPositions(markupsNode)).reshape(-1, 3)
    return slicer.util.arrayFromMarkupsCurvePoints(markupsNode, world=True)


def _boxes(roiNode: Any, label: int, positive: bool) -> list[Box]:
    if not roiNode.GetNumberOfDefinedControlPoints():
        return []
    center, size = np.zeros(3), np.zeros(3)
    roiNode.GetCenterWorld(center)
    roiNode.GetSizeWorld(size)
    axes = slicer.util.arrayFromVTKMatrix(roiNode.GetObjectToWorldMatrix())[:3, :3]
    axes = axes / np.linalg.norm(axes, axis=0)
    return [Box(center, size, axes, label=label, positive=positive)]

"""Between the scene and a data set folder: volumes become cases, segmentations annotations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Boxes,
    Click,
    Dataset,
    DenseMask,
    Geometry,
    ImageLabels,
    PointGrid,
    Prompt,
    RecistMarks,
    Scribble,
    SparseMask,
    Volume,
)
from ImperfectSegLogic.data.segmentation import distinct_color

BACKGROUND = "background"
"""The segment whose voxels are known to be background, in a sparse mask."""


def addCase(
    dataset: Dataset,
    volumeNode: Any,
    segmentationNode: Any = None,
    annotator: str = "slicer",
    caseId: str = "",
    sparse: bool = False,
    subject: str = "",
) -> str:
    """Adds a volume of the scene as a case, and a segmentation as its annotation.

    Parent transforms are applied. A case that is there already only gets a new annotation.

    Args:
        dataset: The data set.
        volumeNode: The image.
        segmentationNode: Its segmentation; segments are labels of the data set by their names.
        annotator: Whose annotation it is.
        caseId: The case's id; by default the volume's name.
        sparse: Whether voxels of no segment are unlabeled, and background only those of a segment
            named `background`; otherwise they are all background.
        subject: Who was imaged.

    Returns:
        The case's id.

    Raises:
        ValueError: If a node is missing, a segment is no label of the data set or overlaps
            another one, or a case of this id has another grid.
        OSError: If the data set cannot be written.
    """
    volume = Bridge.volumeFromNode(volumeNode)
    annotation = None
    if segmentationNode is not None:
        annotation = _annotation(dataset, segmentationNode, volume.geometry, sparse)
    return addVolume(dataset, volume, annotation, annotator, caseId, subject)[0]


def addVolume(
    dataset: Dataset,
    volume: Volume,
    annotation: Annotation | None,
    annotator: str = "slicer",
    caseId: str = "",
    subject: str = "",
) -> tuple[str, int]:
    """Adds an image that was taken out of the scene, with an annotation of any kind.

    Touches no node, so that any thread may do it; see `addCase` for the rest.

    Returns:
        The case's id, and the number of the annotation's version; 0 without one.
    """
    case = caseId or re.sub(r"[^A-Za-z0-9._+-]+", "_", volume.name).strip("._+-") or "volume"
    _addImage(dataset, case, volume, subject)
    version = 0 if annotation is None else dataset.annotate(case, annotation, annotator)
    return case, version


def labelNumbers(dataset: Dataset, segmentationNode: Any, sparse: bool = True) -> dict[str, int]:
    """Gives the label that each segment has in a data set, by the segments' names.

    Args:
        dataset: The data set.
        segmentationNode: The segmentation.
        sparse: Whether a segment named `background` is allowed, which is 0.

    Raises:
        ValueError: If a segment is no label of the data set.
    """
    numbers = {name: label for label, name in dataset.labels.items()} | {BACKGROUND: 0}
    segmentation = segmentationNode.GetSegmentation()
    names = {i: segmentation.GetSegment(i).GetName() for i in segmentation.GetSegmentIDs()}
    unknown = [n for n in names.values() if n not in numbers or (n == BACKGROUND and not sparse)]
    if unknown:
        raise ValueError(
            f"{segmentationNode.GetName()}: got segments {unknown}, allowed are"
            f" {', '.join(dataset.labels.values())}. Rename them, or add them to dataset.json."
        )
    return {segmentId: numbers[name] for segmentId, name in names.items()}


def _addImage(dataset: Dataset, case: str, volume: Volume, subject: str) -> None:
    if case not in dataset.case_ids:
        dataset.add_case(case, volume, subject=subject, source=f"3D Slicer, {volume.name}")
    elif not np.array_equal(dataset.image(case).array, volume.array):
        raise ValueError(
            f"{volume.name}: another image named {case} is in the data set. Rename the volume."
        )


def addScene(dataset: Dataset, annotator: str = "slicer", sparse: bool = False) -> list[str]:
    """Adds all volumes of the scene with the segmentations that were made on them.

    Label maps are no images and are left out.

    Returns:
        The ids of the cases.

    Raises:
        ValueError: As `addCase`, or if a segmentation does not tell on which volume it was made;
            cases before the bad one are in the data set.
        OSError: If the data set cannot be written.
    """
    segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    volumes = [n for n in volumes if not n.IsA("vtkMRMLLabelMapVolumeNode")]
    for segmentation in segmentations:
        if segmentation.GetNodeReferenceID(role) not in [n.GetID() for n in volumes]:
            raise ValueError(
                f"{segmentation.GetName()}: does not tell on which volume it was made. Choose the"
                " source volume in Segment Editor, or add the case with `addCase`."
            )
    cases = []
    for node in volumes:
        own = [s for s in segmentations if s.GetNodeReferenceID(role) == node.GetID()]
        cases.append(addCase(dataset, node, own[0] if own else None, annotator, sparse=sparse))
        for further in own[1:]:
            addCase(dataset, node, further, annotator, cases[-1], sparse)
    return cases


def loadCase(
    dataset: Dataset, caseId: str, annotator: str | None = None, version: int | None = None
) -> tuple[Any, Any]:
    """Loads a case into the scene.

    Args:
        dataset: The data set.
        caseId: Which case.
        annotator: Whose annotation; the newest of all by default.
        version: Which of this annotator's versions; the newest by default.

    Returns:
        The volume node, and the segmentation node of a mask; None if the annotation is no mask.
        Boxes, diameters and points become markups named after their labels.

    Raises:
        ValueError: If something is damaged, or there is no such annotation.
        FileNotFoundError: If there is no such case or file.
    """
    case = dataset.case(caseId, annotator, version)
    array, annotation = case.volume.array, case.annotation
    kind = "vtkMRMLScalarVolumeNode" if array.ndim == 3 else "vtkMRMLVectorVolumeNode"
    voxels = array if array.ndim == 3 else np.moveaxis(array, 0, -1)
    volumeNode = slicer.util.addVolumeFromArray(
        np.ascontiguousarray(voxels), case.volume.ijk_to_ras, caseId, kind
    )
    if isinstance(annotation, DenseMask | SparseMask):
        return volumeNode, _segmentation(dataset, caseId, annotation, volumeNode)
    if annotation is not None:
        _markups(dataset, annotation)
    return volumeNode, None


def _annotation(
    dataset: Dataset, segmentationNode: Any, grid: Geometry, sparse: bool
) -> DenseMask | SparseMask:
    numbers = labelNumbers(dataset, segmentationNode, sparse)
    segmentation = segmentationNode.GetSegmentation()
    labels: NDArray[np.int32] = np.full(grid.shape, UNLABELED, dtype=np.int32)
    for segmentId, number in numbers.items():
        mask = Bridge.segmentMask(segmentationNode, segmentId, grid)
        if (labels[mask] != UNLABELED).any():
            name = segmentation.GetSegment(segmentId).GetName()
            raise ValueError(
                f"{segmentationNode.GetName()}: segment {name!r} overlaps another one, and a voxel"
                " has one label in a data set. Remove the overlap in Segment Editor."
            )
        labels[mask] = number
    if sparse:
        return SparseMask(labels, grid)
    return DenseMask(np.maximum(labels, 0), grid)


def _segmentation(
    dataset: Dataset, name: str, mask: DenseMask | SparseMask, volumeNode: Any
) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{name} segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    names = {n: dataset.labels[n] for n in sorted(dataset.labels)}
    if isinstance(mask, SparseMask):
        names[0] = BACKGROUND
    for label, text in names.items():
        color = distinct_color(label) if label else (0.55, 0.55, 0.55)
        segmentId = node.GetSegmentation().AddEmptySegment("", text, color)
        inside = mask.labels == label
        if inside.any():
            Bridge.setSegmentMask(node, segmentId, inside, mask.geometry)
    return node


def _markups(dataset: Dataset, annotation: Annotation) -> None:
    for prompt in _prompts(annotation):
        name = dataset.labels.get(prompt.label, BACKGROUND)
        Bridge.nodeFromPrompt(prompt, name)


def _prompts(annotation: Annotation) -> Sequence[Prompt]:
    if isinstance(annotation, Boxes):
        return annotation.boxes
    if isinstance(annotation, RecistMarks):
        return [
            Scribble(axis, label=mark.label)
            for mark in annotation.marks
            for axis in (mark.long_axis, mark.short_axis)
        ]
    if isinstance(annotation, PointGrid):
        pairs = zip(annotation.positions, annotation.labels, strict=True)
        return [Click(position, label=int(label)) for position, label in pairs]
    assert isinstance(annotation, ImageLabels)
    return []

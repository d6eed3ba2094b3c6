"""Volumes and segmentations go from the scene into a data set and back, to the voxel."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge, SceneDataset
from ImperfectSegLogic.data import (
    Box,
    Boxes,
    Dataset,
    PointGrid,
    Recist,
    RecistMarks,
    SparseMask,
    Volume,
)
from Testing.Module.test_bridge import (
    GRIDS,
    OBLIQUE,
    SHAPE,
    SHEARED,
    makeSegmentation,
    makeVolume,
    moveBy,
    rotation,
)

LABELS = {1: "liver", 2: "spleen"}
VALUES = np.random.default_rng(3).integers(-1, 3, SHAPE)
SOME_GRIDS = [*GRIDS[:48:7], *GRIDS[48:]]


@pytest.fixture
def dataset(tmp_path):
    return Dataset.create(tmp_path / "set", LABELS)


def paint(volumeNode, names=("liver", "spleen"), values=VALUES):
    """A segmentation on a volume, a segment per name, with the voxels of its label."""
    node, ids = makeSegmentation(names)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    geometry = Bridge.volumeFromNode(volumeNode).geometry
    numbers = {"background": 0, "liver": 1, "spleen": 2}
    for name, segmentId in zip(names, ids, strict=True):
        Bridge.setSegmentMask(node, segmentId, values == numbers.get(name, 1), geometry)
    return node


@pytest.mark.parametrize(("name", "matrix"), SOME_GRIDS, ids=[n for n, _ in SOME_GRIDS])
@pytest.mark.parametrize("moved", [False, True], ids=["", "transformed"])
def test_a_volume_and_its_segmentation_become_a_case_and_come_back(
    scene, dataset, matrix, moved, name
):
    volumeNode = makeVolume(matrix, rotation(40) if moved else None)
    segmentation = paint(volumeNode)
    if moved:
        moveBy(segmentation, np.eye(4))
    assert SceneDataset.addCase(dataset, volumeNode, segmentation, "me") == "image"
    world = Bridge.volumeFromNode(volumeNode)
    case = dataset.case("image", "me")
    np.testing.assert_array_equal(case.volume.array, world.array)
    assert case.volume.geometry.matches(world.geometry)
    np.testing.assert_array_equal(case.annotation.labels, np.maximum(VALUES, 0))
    slicer.mrmlScene.Clear(0)
    loaded, segments = SceneDataset.loadCase(dataset, "image")
    back = Bridge.volumeFromNode(loaded)
    np.testing.assert_array_equal(back.array, world.array)
    assert back.geometry.matches(world.geometry)
    ids = segments.GetSegmentation().GetSegmentIDs()
    names = [segments.GetSegmentation().GetSegment(i).GetName() for i in ids]
    assert names == ["liver", "spleen"]
    for label, segmentId in zip((1, 2), ids, strict=True):
        found = Bridge.segmentMask(segments, segmentId, world.geometry)
        np.testing.assert_array_equal(found, np.equal(VALUES, label))


def test_sparse_masks_keep_what_is_unlabeled_and_what_is_background(scene, dataset):
    volumeNode = makeVolume(OBLIQUE)
    segmentation = paint(volumeNode, ("spleen", "background", "liver"))
    SceneDataset.addCase(dataset, volumeNode, segmentation, sparse=True)
    annotation = dataset.case("image").annotation
    assert isinstance(annotation, SparseMask)
    np.testing.assert_array_equal(annotation.labels, VALUES)
    volumeNode, segmentation = SceneDataset.loadCase(dataset, "image")
    SceneDataset.addCase(dataset, volumeNode, segmentation, caseId="image", sparse=True)
    assert [v.number for v in dataset.versions("image", "slicer")] == [1, 2]
    np.testing.assert_array_equal(dataset.case("image").annotation.labels, VALUES)


def test_the_whole_scene_becomes_cases(scene, dataset):
    for n, matrix in enumerate((OBLIQUE, SHEARED, OBLIQUE)):
        node = makeVolume(matrix)
        node.SetName(f"scan {n}: liver")
        slicer.util.arrayFromVolume(node)[:] += np.int16(n)
        if n < 2:
            paint(node)
    assert SceneDataset.addScene(dataset, "me") == [f"scan_{n}_liver" for n in range(3)]
    assert [c.annotation is not None for c in dataset.cases()] == [True, True, False]
    assert dataset.annotators("scan_1_liver") == ["me"]
    makeSegmentation()
    with pytest.raises(ValueError, match="does not tell on which volume it was made"):
        SceneDataset.addScene(dataset, "me")


def test_channels_come_into_the_scene_as_a_vector_volume(scene, dataset):
    voxels = np.random.default_rng(0).integers(0, 9, (3, *SHAPE)).astype(np.uint8)
    dataset.add_case("a", Volume(voxels, OBLIQUE))
    node, segmentation = SceneDataset.loadCase(dataset, "a")
    assert segmentation is None
    np.testing.assert_array_equal(Bridge.volumeFromNode(node).array, voxels)


def test_boxes_diameters_and_points_come_into_the_scene_as_markups(scene, dataset):
    dataset.add_case("a", Bridge.volumeFromNode(makeVolume(OBLIQUE)))
    a, b, c = dataset.record("a").geometry.to_ras([(1, 1, 1), (3, 4, 5), (2, 2, 2)])
    axes = rotation(30)[:3, :3]
    dataset.annotate("a", Boxes((Box(c, (1, 2, 3), axes, label=2),)), "boxes")
    dataset.annotate("a", RecistMarks((Recist((a, b), (b, c)),)), "recist")
    dataset.annotate("a", PointGrid(np.array([a, b]), np.array([0, 2])), "points")
    for annotator in ("boxes", "recist", "points"):
        SceneDataset.loadCase(dataset, "a", annotator)
    (roi,) = Bridge.promptsFromNode(slicer.util.getNode("vtkMRMLMarkupsROINode*"), 2)
    np.testing.assert_allclose(roi.center, c)
    np.testing.assert_allclose(roi.size, (1, 2, 3))
    np.testing.assert_allclose(roi.axes, axes, atol=1e-9)
    lines = slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")
    assert [n.GetName() for n in lines] == ["liver", "liver"]
    np.testing.assert_allclose(Bridge.definedPositions(lines[0]), [a, b])
    points = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    assert [n.GetName() for n in points] == ["background", "spleen"]
    np.testing.assert_allclose(Bridge.definedPositions(points[1])[0], b)


def test_what_does_not_fit_is_refused_and_nothing_is_added(scene, dataset):
    volumeNode = makeVolume(OBLIQUE)
    geometry = Bridge.volumeFromNode(volumeNode).geometry
    strange = paint(volumeNode, ("kidney",))
    with pytest.raises(ValueError, match=r"got segments \['kidney'\], allowed are liver, spleen"):
        SceneDataset.addCase(dataset, volumeNode, strange)
    with pytest.raises(ValueError, match="no volume: there is no image"):
        SceneDataset.addCase(dataset, None)
    both, (a, b) = makeSegmentation(("liver", "spleen"))
    assert both.GetSegmentation().GetNumberOfSegments() == 2
    for segmentId in (a, b):
        Bridge.setSegmentMask(both, segmentId, VALUES > 0, geometry)
    with pytest.raises(ValueError, match="'spleen' overlaps another one"):
        SceneDataset.addCase(dataset, volumeNode, both)
    assert dataset.case_ids == []
    SceneDataset.addCase(dataset, volumeNode)
    other = makeVolume(SHEARED)
    slicer.util.arrayFromVolume(other)[:] += np.int16(1)
    with pytest.raises(ValueError, match="another image named image"):
        SceneDataset.addCase(dataset, other, paint(other))

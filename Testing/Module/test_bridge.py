"""Volumes, prompts and masks cross the MRML seam to the voxel."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk

from ImperfectSegLib import Bridge
from ImperfectSegLib.SegmentationWriter import SegmentationWriter, setLocked
from ImperfectSegLogic.data import Box, Click, Lasso, Prediction, Provenance, Region, Scribble
from Testing.Logic.data import grids

SHAPE = (5, 6, 7)
REGION = Region((1, 0, 2), (4, 5, 7))


def rotation(degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = x @ z
    matrix[:3, 3] = (3.3, -4.4, 5.5)
    return matrix


OBLIQUE = rotation(25) @ np.diag([0.6, 0.9, 3.0, 1.0])
SHEARED = OBLIQUE @ np.array([[1, 0.3, 0, 0], [0, 1, 0.2, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
GRIDS = list(grids.ALL.items())


def makeVolume(matrix: np.ndarray, transform: np.ndarray | None = None, shape=SHAPE):
    voxels = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    node = slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name="image")
    if transform is not None:
        moveBy(node, transform)
    return node


def moveBy(node, matrix: np.ndarray) -> None:
    parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.SetAndObserveTransformNodeID(parent.GetID())


def makeSegmentation(names=("a",)):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    ids = [node.GetSegmentation().AddEmptySegment(n, n) for n in names]
    return node, ids


def predict(geometry, labels: np.ndarray, region: Region = REGION) -> Prediction:
    values = tuple(range(max(int(labels.max()), 1) + 1))
    sure = np.stack([labels == v for v in values]).astype(np.float32)
    return Prediction(sure, values, region, geometry, Provenance("test"))


def randomLabels(region: Region = REGION, highest: int = 1) -> np.ndarray:
    return np.random.default_rng(3).integers(0, highest + 1, region.shape)


@pytest.mark.parametrize(("name", "matrix"), GRIDS, ids=[n for n, _ in GRIDS])
@pytest.mark.parametrize("moved", [False, True], ids=["", "transformed"])
def test_a_point_placed_on_a_voxel_is_that_voxel_and_the_mask_lands_on_it(
    scene, name, matrix, moved
):
    node = makeVolume(matrix, rotation(40) if moved else None)
    volume = Bridge.volumeFromNode(node)
    for index in [(0, 0, 0), (4, 0, 6), (1, 5, 2)]:
        points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        local = matrix @ (*index[::-1], 1)
        if moved:
            points.SetAndObserveTransformNodeID(node.GetTransformNodeID())
        points.AddControlPoint(vtk.vtkVector3d(*local[:3]))
        (click,) = Bridge.promptsFromNode(points, label=1)
        assert isinstance(click, Click)
        seeded = tuple(volume.geometry.to_index(click.position))
        assert seeded == index
        assert volume.array[seeded] == slicer.util.arrayFromVolume(node)[index]
    segmentation, (segmentId,) = makeSegmentation()
    labels = randomLabels()
    SegmentationWriter().write(predict(volume.geometry, labels), {1: segmentId}, segmentation, node)
    whole = np.zeros(SHAPE, bool)
    whole[REGION.slices] = labels == 1
    np.testing.assert_array_equal(
        Bridge.segmentMask(segmentation, segmentId, volume.geometry), whole
    )
    np.testing.assert_array_equal(
        slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, node) > 0, whole
    )


@pytest.mark.parametrize("matrix", [OBLIQUE, SHEARED], ids=["oblique", "sheared"])
def test_a_segmentation_with_a_transform_of_its_own_gets_voxels_at_the_right_world_places(
    scene, matrix
):
    node = makeVolume(matrix, rotation(40))
    geometry = Bridge.volumeFromNode(node).geometry
    segmentation, (segmentId,) = makeSegmentation()
    moveBy(segmentation, rotation(-70))
    labels = randomLabels()
    SegmentationWriter().write(predict(geometry, labels), {1: segmentId}, segmentation, node)
    labelmap = segmentation.GetBinaryLabelmapInternalRepresentation(segmentId)
    toLocal = vtk.vtkMatrix4x4()
    labelmap.GetImageToWorldMatrix(toLocal)
    toWorld = rotation(-70) @ slicer.util.arrayFromVTKMatrix(toLocal)
    world = geometry.to_ras(np.argwhere(labels == 1) + REGION.start)
    ijk = np.linalg.solve(toWorld, np.c_[world, np.ones(len(world))].T)[:3].T
    np.testing.assert_allclose(ijk, np.round(ijk), atol=1e-6)
    values = [labelmap.GetScalarComponentAsDouble(*np.round(p).astype(int), 0) for p in ijk]
    assert set(values) == {1}


def test_a_one_slice_volume_works_like_any_other(scene):
    node = makeVolume(OBLIQUE, shape=(1, 6, 7))
    volume = Bridge.volumeFromNode(node)
    segmentation, (segmentId,) = makeSegmentation()
    region = Region((0, 1, 2), (1, 5, 7))
    labels = randomLabels(region)
    SegmentationWriter().write(
        predict(volume.geometry, labels, region), {1: segmentId}, segmentation, node
    )
    found = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, node) > 0
    np.testing.assert_array_equal(found[region.slices], labels == 1)


def test_lines_curves_closed_curves_and_boxes_become_prompts(scene):
    corners = [(0, 0, 0), (10, 0, 0), (10, 8, 0)]
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    slicer.util.updateMarkupsControlPointsFromArray(line, np.array(corners[:2], float))
    (stroke,) = Bridge.promptsFromNode(line, 2, positive=False, radius=1.5)
    assert isinstance(stroke, Scribble)
    assert (stroke.label, stroke.positive, stroke.radius) == (2, False, 1.5)
    np.testing.assert_allclose(stroke.points[[0, -1]], corners[:2])
    closed = scene.AddNewNodeByClass("vtkMRMLMarkupsClosedCurveNode")
    closed.SetCurveTypeToLinear()
    slicer.util.updateMarkupsControlPointsFromArray(closed, np.array(corners, float))
    (lasso,) = Bridge.promptsFromNode(closed, 1)
    assert isinstance(lasso, Lasso)
    for corner in corners:
        assert np.linalg.norm(lasso.points - corner, axis=1).min() < 1e-6
    roi = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    roi.SetCenter(1, 2, 3)
    roi.SetSize(10, 20, 30)
    moveBy(roi, rotation(30))
    (box,) = Bridge.promptsFromNode(roi, 1)
    assert isinstance(box, Box)
    expected = rotation(30) @ (1 + 5, 2 + 10, 3 + 15, 1)
    assert np.linalg.norm(box.corners - expected[:3], axis=1).min() < 1e-6


def test_markups_of_another_kind_are_refused(scene):
    plane = scene.AddNewNodeByClass("vtkMRMLMarkupsPlaneNode")
    with pytest.raises(ValueError, match="allowed are point lists"):
        Bridge.promptsFromNode(plane, 1)


def test_a_warped_volume_is_refused_with_what_to_do(scene):
    node = makeVolume(OBLIQUE)
    warp = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    grid = slicer.vtkOrientedGridTransform()
    field = vtk.vtkImageData()
    field.SetDimensions(2, 2, 2)
    field.AllocateScalars(vtk.VTK_DOUBLE, 3)
    grid.SetDisplacementGridData(field)
    warp.SetAndObserveTransformToParent(grid)
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(ValueError, match="Harden"):
        Bridge.volumeFromNode(node)


def test_the_volume_is_a_copy_that_later_edits_do_not_reach(scene):
    node = makeVolume(OBLIQUE)
    volume = Bridge.volumeFromNode(node)
    slicer.util.arrayFromVolume(node)[:] = 0
    assert volume.array.max() > 0


class TestWriting:
    @pytest.fixture
    def world(self, scene):
        self.volumeNode = makeVolume(OBLIQUE)
        self.geometry = Bridge.volumeFromNode(self.volumeNode).geometry
        self.segmentation, (self.a, self.b) = makeSegmentation(("a", "b"))
        self.writer = SegmentationWriter()
        return self

    def write(self, labels, segmentIds, region=REGION, prompts=()):
        prediction = predict(self.geometry, labels, region)
        return self.writer.write(
            prediction, segmentIds, self.segmentation, self.volumeNode, frozenset(prompts)
        )

    def masks(self):
        return [Bridge.segmentMask(self.segmentation, s, self.geometry) for s in (self.a, self.b)]

    def fill(self, segmentId, mask):
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            mask.astype(np.uint8), self.segmentation, segmentId, self.volumeNode
        )

    def test_writing_leaves_everything_outside_the_region_alone(self, world):
        everywhere = np.ones(SHAPE, bool)
        self.fill(self.a, everywhere)
        self.write(np.zeros(REGION.shape, int), {1: self.a})
        everywhere[REGION.slices] = False
        np.testing.assert_array_equal(self.masks()[0], everywhere)

    def test_an_answer_in_a_smaller_region_takes_the_place_of_the_one_before(self, world):
        small = Region((2, 1, 3), (3, 4, 6))
        self.write(np.ones(REGION.shape, int), {1: self.a}, REGION, [1])
        self.write(np.ones(small.shape, int), {1: self.a}, small, [1, 2])
        wanted = np.zeros(SHAPE, bool)
        wanted[small.slices] = True
        np.testing.assert_array_equal(self.masks()[0], wanted)
        self.writer.undo()
        wanted[REGION.slices] = True
        np.testing.assert_array_equal(self.masks()[0], wanted)

    def test_an_answer_to_other_prompts_leaves_the_earlier_one_alone(self, world):
        small = Region((2, 1, 3), (3, 4, 6))
        self.write(np.ones(REGION.shape, int), {1: self.a}, REGION, [1])
        self.write(np.zeros(small.shape, int), {1: self.a}, small, [2])
        wanted = np.zeros(SHAPE, bool)
        wanted[REGION.slices] = True
        wanted[small.slices] = False
        np.testing.assert_array_equal(self.masks()[0], wanted)

    def test_the_place_of_an_answer_is_taken_for_its_own_segments_only(self, world):
        small = Region((2, 1, 3), (3, 4, 6))
        everywhere = np.ones(SHAPE, bool)
        self.segmentEditor().SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
        self.fill(self.b, everywhere)
        self.write(np.ones(REGION.shape, int), {1: self.a}, REGION, [1])
        self.write(np.zeros(small.shape, int), {1: self.a, 2: self.b}, small, [1, 2])
        everywhere[small.slices] = False
        np.testing.assert_array_equal(self.masks()[1], everywhere)
        assert not self.masks()[0].any()

    def test_writing_the_same_again_changes_nothing_and_undo_goes_past_it(self, world):
        labels = randomLabels(highest=2)
        assert self.write(labels, {1: self.a, 2: self.b})
        assert not self.write(labels, {1: self.a, 2: self.b})
        self.writer.undo()
        assert not any(m.any() for m in self.masks())
        assert not self.writer.canUndo

    def test_one_undo_restores_every_segment_that_one_write_touched(self, world):
        self.write(randomLabels(highest=2), {1: self.a, 2: self.b})
        before = self.masks()
        self.write(np.ones(REGION.shape, int), {1: self.a})
        assert not self.masks()[1][REGION.slices].any()  # The neighbor was overwritten...
        self.writer.undo()
        np.testing.assert_array_equal(self.masks(), before)  # ... and is back.

    def test_undo_keeps_what_the_user_painted_meanwhile(self, world):
        self.write(np.ones(REGION.shape, int), {1: self.a})
        painted = self.masks()[1]
        painted[0] = True
        self.fill(self.b, painted)
        self.writer.undo()
        assert not self.masks()[0].any()
        np.testing.assert_array_equal(self.masks()[1], painted)

    def test_undo_does_not_draw_over_what_the_user_painted_meanwhile(self, world):
        """The write took voxels from b; since then the user drew a third segment there."""
        self.write(np.ones(REGION.shape, int), {1: self.b})
        self.write(np.ones(REGION.shape, int), {1: self.a})
        third = self.segmentation.GetSegmentation().AddEmptySegment("c", "c")
        painted = np.zeros(SHAPE, bool)
        painted[2] = True
        self.fill(third, painted)
        self.writer.undo()
        found = Bridge.segmentMask(self.segmentation, third, self.geometry)
        np.testing.assert_array_equal(found, painted)
        wanted = np.zeros(SHAPE, bool)
        wanted[REGION.slices] = True
        np.testing.assert_array_equal(self.masks()[1], wanted & ~painted)

    def test_a_locked_segment_is_neither_written_nor_overwritten(self, world):
        locked = np.zeros(SHAPE, bool)
        locked[2] = True
        self.fill(self.b, locked)
        setLocked(self.segmentation, self.b, True)
        self.write(np.ones(REGION.shape, int), {1: self.a})
        wanted = np.zeros(SHAPE, bool)
        wanted[REGION.slices] = True
        np.testing.assert_array_equal(self.masks(), [wanted & ~locked, locked])
        with pytest.raises(ValueError, match="locked"):
            self.write(np.ones(REGION.shape, int), {1: self.b})

    def test_segment_editors_masking_holds(self, world):
        inside = np.zeros(SHAPE, bool)
        inside[2, :3] = True
        self.fill(self.b, inside)
        editor = self.segmentEditor()
        editor.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
        editor.SetMaskSegmentID(self.b)
        editor.SetOverwriteMode(editor.OverwriteNone)
        self.write(np.ones(REGION.shape, int), {1: self.a})
        wanted = np.zeros(SHAPE, bool)
        wanted[REGION.slices] = True
        np.testing.assert_array_equal(self.masks(), [wanted & inside, inside])

    def test_segment_editors_intensity_range_holds_and_undo_ignores_it(self, world):
        values = slicer.util.arrayFromVolume(self.volumeNode)
        editor = self.segmentEditor()
        editor.SetSourceVolumeIntensityMask(True)
        editor.SetSourceVolumeIntensityMaskRange(60, 100)
        self.write(np.ones(REGION.shape, int), {1: self.a})
        wanted = np.zeros(SHAPE, bool)
        wanted[REGION.slices] = True
        np.testing.assert_array_equal(self.masks()[0], wanted & (values >= 60) & (values <= 100))
        editor.SetSourceVolumeIntensityMaskRange(0, 70)
        self.writer.undo()
        assert not self.masks()[0].any()

    def test_segments_may_overlap_when_the_user_chose_so(self, world):
        self.write(np.ones(REGION.shape, int), {1: self.b})
        self.segmentEditor().SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
        self.write(np.ones(REGION.shape, int), {1: self.a})
        a, b = self.masks()
        assert a.any()
        np.testing.assert_array_equal(a, b)

    def test_a_removed_segment_is_told_and_nothing_is_written(self, world):
        self.segmentation.GetSegmentation().RemoveSegment(self.b)
        with pytest.raises(ValueError, match="removed"):
            self.write(randomLabels(highest=2), {1: self.a, 2: "b"})
        assert not Bridge.segmentMask(self.segmentation, self.a, self.geometry).any()

    def test_saving_beside_an_empty_segment_keeps_every_voxel(self, world, tmp_path):
        self.write(randomLabels(), {1: self.a})
        before = self.masks()[0]
        path = str(tmp_path / "saved.seg.nrrd")
        assert slicer.util.saveNode(self.segmentation, path)
        np.testing.assert_array_equal(self.masks()[0], before)
        loaded = slicer.util.loadSegmentation(path)
        found = Bridge.segmentMask(loaded, self.a, self.geometry)
        np.testing.assert_array_equal(found, before)

    def segmentEditor(self):
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag("SegmentEditor")
        node = slicer.mrmlScene.AddNode(node)
        node.SetAndObserveSegmentationNode(self.segmentation)
        return node

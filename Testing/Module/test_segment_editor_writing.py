"""Where the effect in Segment Editor writes: masking, locks, grids and transforms."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk

from ImperfectSegLib import Bridge
from ImperfectSegLib.SegmentTags import setLocked
from Testing.Module.editor_person import (
    ELSEWHERE,
    INSIDE,
    make_volume,
    oblique_matrix,
    transform_node,
    working,
)

NEAR = (INSIDE[0] + 5, *INSIDE[1:])
Segmentation = slicer.vtkMRMLSegmentationNode


@pytest.fixture
def person(slicer_app, scene, monkeypatch):
    yield from working(slicer_app, monkeypatch)


class TestMasking:
    @pytest.fixture
    def painted(self, person):
        """There is another segment beside the place that is clicked."""
        person.other = person.parameters.GetSelectedSegmentID()
        person.paints(NEAR, person.other, radius=4.0)
        person.before = person.mask(person.other)
        person.adds_a_segment()
        return person

    def test_a_click_takes_from_other_segments_when_all_may_be_overwritten(self, painted):
        painted.parameters.SetOverwriteMode(painted.parameters.OverwriteAllSegments)
        painted.clicks(INSIDE)
        assert not (painted.mask() & painted.mask(painted.other)).any()
        assert painted.mask(painted.other).sum() < painted.before.sum()

    def test_segments_may_overlap_when_overwriting_is_off(self, painted):
        painted.parameters.SetOverwriteMode(painted.parameters.OverwriteNone)
        painted.clicks(INSIDE)
        np.testing.assert_array_equal(painted.mask(painted.other), painted.before)
        assert (painted.mask() & painted.before).any()

    def test_hidden_segments_are_kept_when_only_visible_ones_may_be_overwritten(self, painted):
        painted.parameters.SetOverwriteMode(painted.parameters.OverwriteVisibleSegments)
        painted.segmentation.GetDisplayNode().SetSegmentVisibility(painted.other, False)
        painted.clicks(INSIDE)
        np.testing.assert_array_equal(painted.mask(painted.other), painted.before)

    @pytest.mark.parametrize("overlap", [False, True])
    def test_locked_segments_keep_what_they_have(self, painted, overlap):
        setLocked(painted.segmentation, painted.other, True)
        if overlap:
            painted.parameters.SetOverwriteMode(painted.parameters.OverwriteNone)
        painted.clicks(INSIDE)
        np.testing.assert_array_equal(painted.mask(painted.other), painted.before)
        assert painted.is_at(INSIDE)
        assert (painted.mask() & painted.before).any() == overlap

    def test_a_locked_segment_cannot_be_clicked_and_that_is_said(self, person):
        setLocked(person.segmentation, person.parameters.GetSelectedSegmentID(), True)
        person.clicks(INSIDE)
        assert "locked" in person.status
        assert person.prompts == []
        assert not person.editor._logic.CanUndo()

    def test_only_the_editable_area_is_changed(self, painted):
        painted.parameters.SetMaskMode(Segmentation.EditAllowedInsideSingleSegment)
        painted.parameters.SetMaskSegmentID(painted.other)
        painted.clicks(INSIDE)
        assert painted.mask().any()
        assert not (painted.mask() & ~painted.before).any()

    def test_outside_of_the_editable_area_nothing_is_changed(self, painted):
        painted.parameters.SetMaskMode(Segmentation.EditAllowedOutsideAllSegments)
        painted.clicks(INSIDE)
        np.testing.assert_array_equal(painted.mask(painted.other), painted.before)
        assert painted.is_at(INSIDE)
        assert not (painted.mask() & painted.before).any()

    def test_only_the_editable_intensity_range_is_changed(self, person):
        person.parameters.SetSourceVolumeIntensityMask(True)
        person.parameters.SetSourceVolumeIntensityMaskRange(30, 60)
        person.clicks(INSIDE)
        gray = slicer.util.arrayFromVolume(person.volume)
        assert person.mask().any()
        assert gray[person.mask()].min() >= 30
        assert gray[person.mask()].max() <= 60
        ball = np.linalg.norm(person.geometry.to_ras(np.argwhere(gray >= 0)) - INSIDE, axis=1) < 5
        inRange = ((gray >= 30) & (gray <= 60)).ravel()
        assert person.mask().ravel()[ball & inRange].all()

    def test_masking_is_about_the_segment_that_was_clicked_also_if_another_is_selected(
        self, painted
    ):
        """Outside all segments: the mask leaves the segment itself out."""
        painted.parameters.SetMaskMode(Segmentation.EditAllowedOutsideAllSegments)
        clicked = painted.parameters.GetSelectedSegmentID()
        painted.paints(INSIDE, clicked, radius=2.0)
        painted.engine.hold()
        painted.clicks(ELSEWHERE, wait=False)
        painted.editor.setCurrentSegmentID(painted.other)
        painted.engine.release()
        painted.waits()
        np.testing.assert_array_equal(painted.mask(painted.other), painted.before)
        assert painted.is_at(ELSEWHERE, clicked)
        assert not painted.is_at(INSIDE, clicked), "the answer does not hold what was painted"
        assert painted.parameters.GetSelectedSegmentID() == painted.other

    def test_what_was_painted_outside_of_the_answers_region_stays(self, person):
        person.engine.onlyAround = 8.0
        person.paints(ELSEWHERE)
        person.clicks(INSIDE)
        assert person.is_at(ELSEWHERE)
        assert person.is_at(INSIDE)


class TestGeometry:
    """Whatever the grids and transforms, the click's own place is segmented, and nothing else."""

    def check(self, person, ras=INSIDE):
        person.clicks(ras)
        place = person.prompts[-1].position
        assert np.linalg.norm(place - ras) < 0.8, "half of a slice of the image"
        mask, geometry = person.grid_mask()
        found = geometry.to_ras(np.argwhere(mask))
        distances = np.linalg.norm(found - place, axis=1)
        step = max(geometry.spacing)
        assert distances.max() < person.engine.radius + step
        volume = abs(np.linalg.det(geometry.ijk_to_ras[:3, :3])) * mask.sum()
        wanted = 4 / 3 * np.pi * person.engine.radius**3
        assert volume == pytest.approx(wanted, rel=0.1)
        assert np.linalg.norm(found.mean(axis=0) - place) < step / 4

    @pytest.fixture
    def person(self, person):
        def grid_mask():
            """The segment on its own grid, in world RAS."""
            segment = person.parameters.GetSelectedSegmentID()
            image = slicer.vtkOrientedImageData()
            person.segmentation.GetBinaryLabelmapRepresentation(segment, image)
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
            logic = slicer.vtkSlicerSegmentationsModuleLogic
            logic.CopyOrientedImageDataToVolumeNode(image, node)
            parent = person.segmentation.GetTransformNodeID()
            node.SetAndObserveTransformNodeID(parent)
            return slicer.util.arrayFromVolume(node) > 0, Bridge.volumeFromNode(node).geometry

        person.grid_mask = grid_mask
        return person

    def test_an_oblique_image(self, person):
        self.check(person)

    def test_an_answer_about_a_part_of_the_image(self, person):
        person.engine.onlyAround = 8.0
        self.check(person)

    def test_a_transformed_image(self, person):
        person.volume.SetAndObserveTransformNodeID(transform_node().GetID())
        self.check(person)

    def test_a_transformed_segmentation(self, person):
        person.segmentation.SetAndObserveTransformNodeID(transform_node().GetID())
        self.check(person)

    def test_both_transformed_differently(self, person):
        person.volume.SetAndObserveTransformNodeID(transform_node().GetID())
        person.segmentation.SetAndObserveTransformNodeID(transform_node(-15.0, (1, 2, 3)).GetID())
        self.check(person)

    def test_a_segmentation_on_a_finer_grid_than_the_image(self, person):
        matrix = np.diag([0.7, -0.7, 0.9, 1.0])
        matrix[:3, 3] = (-25, 30, -10)
        finer = make_volume("finer", matrix, (60, 80, 90))
        person.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(finer)
        person.editor.setSourceVolumeNode(person.volume)
        person.clicks(INSIDE)
        _, geometry = person.grid_mask()
        assert geometry.spacing == pytest.approx((0.9, 0.7, 0.7))
        person.undoes()
        self.check(person)

    def test_masking_by_intensity_works_on_the_segmentations_grid_too(self, person):
        matrix = np.diag([0.7, -0.7, 0.9, 1.0])
        matrix[:3, 3] = (-25, 30, -10)
        finer = make_volume("finer", matrix, (60, 80, 90))
        person.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(finer)
        person.editor.setSourceVolumeNode(person.volume)
        person.parameters.SetSourceVolumeIntensityMask(True)
        person.parameters.SetSourceVolumeIntensityMaskRange(-1, 200)
        self.check(person)

    def test_a_segment_that_reaches_out_of_the_image(self, person):
        """Segment Editor's grid then starts before the image's first voxel."""
        bigger = np.array(oblique_matrix())
        bigger[:3, 3] -= bigger[:3, :3] @ [6, 5, 4]
        image = make_volume("bigger", bigger, (52, 56, 60))
        other = person.adds_a_segment()
        geometry = Bridge.volumeFromNode(image).geometry
        corner = np.zeros(geometry.shape, bool)
        corner[:3, :3, :3] = True
        Bridge.setSegmentMask(person.segmentation, other, corner, geometry)
        person.adds_a_segment()
        effect = person.editor.activeEffect()
        assert effect.sourceVolumeImageData().GetExtent()[0] == -6
        self.check(person)

    def test_a_transform_that_is_not_linear_is_refused_with_what_to_do(self, person):
        grid = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
        grid.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
        person.segmentation.SetAndObserveTransformNodeID(grid.GetID())
        person.clicks(INSIDE)
        assert "not linear" in person.status
        assert person.prompts == []

    @pytest.mark.parametrize("drag", [False, True])
    def test_outside_of_the_image_nothing_is_added_and_that_is_said(self, person, drag):
        away = (INSIDE[0] + 60, INSIDE[1], INSIDE[2])
        (person.drags(INSIDE, away) if drag else person.clicks(away))
        assert "outside" in person.status
        assert person.prompts == []
        assert not person.editor._logic.CanUndo()

"""Undo and redo across prompts, all segments, thresholds; the threshold; the overlay; locks."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.OverlayNode import NAME
from ImperfectSegLib.SegmentTags import thresholdOf
from Testing.Module.ball_segmenter import BallSegmenter
from Testing.Module.interactive_person import ELSEWHERE, INSIDE, person

__all__ = ["person"]

NEAR = (INSIDE[0] + 4, *INSIDE[1:])


class SoftSegmenter(BallSegmenter):
    """Balls that get less probable from the middle (1) to twice the radius (0)."""

    def respond(self, prompts, previous=None, progress=None):
        hard = super().respond(prompts, previous, progress)
        places = self.geometry.to_ras(np.argwhere(np.ones(self.geometry.shape, bool)))
        soft = np.zeros_like(hard.probabilities)
        for prompt in prompts:
            distance = np.linalg.norm(places - prompt.position, axis=1).reshape(soft.shape[1:])
            channel = hard.labels.index(prompt.label)
            near = np.clip(1 - distance / (2 * self.radius), 0, 1)
            soft[channel] = np.maximum(soft[channel], near)
        soft[1:] /= np.maximum(soft[1:].sum(axis=0), 1)
        soft[0] = 1 - soft[1:].sum(axis=0)
        return type(hard)(soft, hard.labels, hard.region, hard.geometry, hard.provenance)


@pytest.fixture
def soft(person):
    """Someone with a soft engine and a positive point in hand."""
    person.engine = SoftSegmenter()
    person.panel.logic.setEngine(person.engine)
    person.adds_a_segment()
    person.takes("positivePointButton")
    return person


def slide(person, *values):
    for value in values:
        person.ui.thresholdSlider.value = value
        person.host.process_events()


class TestRedo:
    def test_redo_brings_back_the_prompt_and_all_segments_it_changed(self, person):
        person.adds_a_segment()
        person.adds_a_segment()
        person.selects(0)
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        person.selects(1)
        person.clicks(NEAR)
        after = [person.mask(0), person.mask(1)]
        asked = person.engine.answers
        person.presses("undoButton")
        person.presses("undoButton")
        assert not person.ui.undoButton.enabled
        assert not person.mask(0).any()
        person.presses("redoButton")
        person.presses("redoButton")
        np.testing.assert_array_equal([person.mask(0), person.mask(1)], after)
        assert len(person.store.prompts()[0]) == 2
        assert not person.ui.redoButton.enabled
        assert person.engine.answers == asked, "nothing is computed again"

    def test_a_new_prompt_ends_what_can_be_redone(self, person):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        person.presses("undoButton")
        assert person.ui.redoButton.enabled
        person.clicks(ELSEWHERE)
        assert not person.ui.redoButton.enabled
        assert not person.is_at(INSIDE)

    def test_a_box_and_a_stroke_come_back_with_their_numbers(self, person):
        person.adds_a_segment()
        person.takes("positiveScribbleButton")
        person.drags(INSIDE, (INSIDE[0] + 8, *INSIDE[1:]))
        person.takes("boxButton")
        person.clicks(INSIDE, wait=False)
        person.clicks((INSIDE[0] + 10, INSIDE[1] + 8, INSIDE[2]), wait=False)
        person.waits()
        notes, prompts = person.notes(), person.store.prompts()[0]
        while person.ui.undoButton.enabled:
            person.presses("undoButton")
        assert person.store.prompts()[0] == []
        while person.ui.redoButton.enabled:
            person.presses("redoButton")
        assert person.notes() == notes
        again = person.store.prompts()[0]
        assert [type(p).__name__ for p in again] == ["Scribble", "Box"]
        np.testing.assert_allclose(again[1].size, prompts[1].size)
        np.testing.assert_allclose(again[1].center, prompts[1].center)

    def test_a_click_undone_while_computing_is_computed_when_redone(self, person):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.engine.hold()
        person.clicks(INSIDE, wait=False)
        person.presses("undoButton")
        person.engine.release()
        person.presses("redoButton")
        person.waits()
        assert person.is_at(INSIDE)

    def test_what_was_painted_in_between_stays(self, person):
        person.adds_a_segment()
        person.adds_a_segment()
        person.selects(0)
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        whole = person.mask(0).sum()
        person.presses("undoButton")
        painted = np.zeros(person.geometry.shape, bool)
        painted[tuple(person.geometry.to_index(INSIDE))] = True
        other = person.segmentation.GetSegmentation().GetSegmentIDs()[1]
        Bridge.setSegmentMask(person.segmentation, other, painted, person.geometry)
        person.presses("redoButton")
        np.testing.assert_array_equal(person.mask(1), painted)
        assert person.mask(0).sum() == whole - 1
        person.presses("undoButton")
        np.testing.assert_array_equal(person.mask(1), painted)
        assert not person.mask(0).any()

    def test_a_segment_that_was_locked_since_is_told_and_nothing_changes(self, person):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        person.presses("undoButton")
        person.ui.lockCheckBox.click()
        person.presses("redoButton")
        assert "locked" in person.status
        assert not person.mask().any()
        assert person.ui.redoButton.enabled
        person.ui.lockCheckBox.click()
        person.presses("redoButton")
        assert person.is_at(INSIDE)


class TestThreshold:
    def test_moving_the_slider_cuts_anew_without_computing(self, soft):
        soft.clicks(INSIDE)
        half, asked = soft.mask().sum(), soft.engine.answers
        slide(soft, 0.25)
        low = soft.mask().sum()
        slide(soft, 0.75)
        assert low > 2 * half > 4 * soft.mask().sum() > 0
        assert soft.engine.answers == asked
        assert "0.75" in soft.status

    def test_moves_in_a_row_are_one_undo_step_and_redo_brings_the_last(self, soft):
        soft.clicks(INSIDE)
        before = soft.mask()
        slide(soft, 0.4, 0.3, 0.2)
        after = soft.mask()
        soft.presses("undoButton")
        np.testing.assert_array_equal(soft.mask(), before)
        assert soft.ui.thresholdSlider.value == 0.5
        assert len(soft.store.prompts()[0]) == 1
        soft.presses("redoButton")
        np.testing.assert_array_equal(soft.mask(), after)
        assert soft.ui.thresholdSlider.value == 0.2

    def test_each_segment_has_its_own_and_the_next_answer_is_cut_with_it(self, soft):
        soft.clicks(INSIDE)
        half = soft.mask().sum()
        slide(soft, 0.8)
        soft.adds_a_segment()
        assert soft.ui.thresholdSlider.value == 0.5
        soft.clicks(ELSEWHERE)
        assert soft.mask(1).sum() > 0.9 * half
        assert soft.mask(0).sum() < half / 4
        soft.selects(0)
        assert soft.ui.thresholdSlider.value == 0.8

    def test_clicked_voxels_stay_at_every_threshold(self, soft):
        soft.clicks(INSIDE)
        slide(soft, 0.95)
        assert soft.is_at(INSIDE)

    def test_undoing_the_click_brings_back_what_the_slider_cuts(self, soft):
        soft.clicks(INSIDE)
        soft.clicks(ELSEWHERE)
        soft.presses("undoButton")
        slide(soft, 0.3)
        assert soft.is_at(INSIDE)
        assert not soft.is_at(ELSEWHERE)

    def test_a_locked_segment_is_not_cut_and_takes_no_slider(self, soft):
        soft.clicks(INSIDE)
        before = soft.mask()
        soft.adds_a_segment()
        soft.clicks(NEAR)
        soft.presses("undoButton")
        soft.selects(0)
        soft.ui.lockCheckBox.click()
        assert not soft.ui.thresholdSlider.enabled
        soft.selects(1)
        soft.clicks(NEAR)
        slide(soft, 0.05)
        np.testing.assert_array_equal(soft.mask(0), before)
        assert not (soft.mask(1) & before).any()

    def test_before_any_answer_it_counts_from_the_first_on(self, soft):
        slide(soft, 0.8)
        assert "next update" in soft.status
        soft.clicks(INSIDE)
        high = soft.mask().sum()
        slide(soft, 0.5)
        assert soft.mask().sum() > 4 * high

    def test_it_is_saved_with_the_segmentation(self, soft):
        slide(soft, 0.3)
        segmentId = soft.segmentation.GetSegmentation().GetSegmentIDs()[0]
        assert thresholdOf(soft.segmentation, segmentId) == 0.3


class TestOverlay:
    @pytest.fixture
    def seen(self, soft):
        soft.clicks(INSIDE)
        soft.ui.overlayComboBox.currentIndex = 1
        soft.host.process_events()
        return soft

    @staticmethod
    def values(person):
        node = slicer.util.getNode(NAME)
        return slicer.util.arrayFromVolume(node)

    @staticmethod
    def foregrounds():
        nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        return {node.GetForegroundVolumeID() for node in nodes}

    def test_it_lies_over_all_slice_views_where_the_answer_is(self, seen):
        node = slicer.util.getNode(NAME)
        assert self.foregrounds() == {node.GetID()}
        (answer,) = seen.panel.session.answers
        np.testing.assert_array_equal(self.values(seen), answer.prediction.probabilities[1])
        brightest = np.array(np.unravel_index(self.values(seen).argmax(), self.values(seen).shape))
        ras = np.array([0.0, 0, 0])
        node.TransformPointToWorld(self.rasOf(node, brightest), ras)
        assert np.linalg.norm(ras - INSIDE) < 1.5

    @staticmethod
    def rasOf(node, kji):
        import vtk

        matrix = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        return (slicer.util.arrayFromVTKMatrix(matrix) @ [*kji[::-1], 1])[:3]

    def test_it_is_as_large_as_the_region_only(self, soft):
        soft.engine.onlyAround = None
        soft.ui.sliceOnlyCheckBox.click()
        soft.clicks(INSIDE, "Green")
        soft.ui.overlayComboBox.currentIndex = 1
        assert self.values(soft).shape == (40, 1, 48)
        node = slicer.util.getNode(NAME)
        brightest = np.array(np.unravel_index(self.values(soft).argmax(), self.values(soft).shape))
        assert np.linalg.norm(self.rasOf(node, brightest) - INSIDE) < 1.5

    def test_it_follows_answers_selection_and_undo(self, seen):
        first = self.values(seen).copy()
        seen.adds_a_segment()
        assert self.values(seen).max() == 0, "nothing is known of the new segment"
        seen.clicks(ELSEWHERE)
        second = self.values(seen).copy()
        assert np.unravel_index(second.argmax(), second.shape) != np.unravel_index(
            first.argmax(), first.shape
        )
        seen.selects(0)
        np.testing.assert_allclose(self.values(seen).argmax(), first.argmax())
        seen.presses("undoButton")
        np.testing.assert_array_equal(self.values(seen), first)

    def test_uncertainty_is_highest_at_the_border(self, seen):
        seen.ui.overlayComboBox.currentIndex = 2
        seen.host.process_events()
        (answer,) = seen.panel.session.answers
        np.testing.assert_array_equal(self.values(seen), answer.prediction.entropy())

    def test_switching_it_off_removes_it_and_brings_the_own_foreground_back(self, soft):
        own = slicer.util.addVolumeFromArray(np.zeros((3, 3, 3)), name="mine")
        slicer.util.setSliceViewerLayers(foreground=own, foregroundOpacity=0.25)
        soft.clicks(INSIDE)
        soft.ui.overlayComboBox.currentIndex = 1
        assert self.foregrounds() != {own.GetID()}
        count = slicer.mrmlScene.GetNumberOfNodes()
        soft.ui.overlayComboBox.currentIndex = 0
        assert self.foregrounds() == {own.GetID()}
        assert slicer.mrmlScene.GetNumberOfNodes() == count - 2
        composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
        assert composite.GetForegroundOpacity() == 0.25
        assert not slicer.util.arrayFromVolume(own).any()

    @pytest.mark.parametrize("announced", [True, False])
    def test_a_saved_scene_does_not_know_it(self, seen, tmp_path, announced):
        overlay = self.foregrounds()
        if announced:
            slicer.mrmlScene.StartState(slicer.mrmlScene.SaveState)
            assert self.foregrounds() == {None}, "the views show what the user chose"
        assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        if announced:
            slicer.mrmlScene.EndState(slicer.mrmlScene.SaveState)
        assert self.foregrounds() == overlay, "it is back after saving"
        seen.host.clear_scene()
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        names = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
        assert names == ["phantom"]

    def test_it_is_offered_nowhere_as_an_image(self, seen):
        assert seen.ui.inputVolumeSelector.nodeCount() == 1


class TestLocked:
    def test_a_click_on_a_locked_segment_is_told_and_the_segment_stays(self, person):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        before = person.mask()
        person.ui.lockCheckBox.click()
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        assert "which is locked" in person.status
        assert "Prompt 2" in person.status
        np.testing.assert_array_equal(person.mask(0), before)
        person.clicks(ELSEWHERE)
        assert "locked" not in person.status

    def test_a_negative_click_there_is_fine(self, person):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        person.ui.lockCheckBox.click()
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(ELSEWHERE)
        person.takes("negativePointButton")
        person.clicks(INSIDE)
        assert "locked" not in person.status

    def test_a_tool_for_a_locked_segment_is_refused_with_the_reason(self, person):
        person.adds_a_segment()
        person.ui.lockCheckBox.click()
        person.presses_key("P")
        assert "locked" in person.status
        assert person.panel.tools.kind == ""

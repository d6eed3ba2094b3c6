"""The interactive panel, used as a person uses it: buttons, clicks and drags in the views."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk

from ImperfectSegLib.PromptTools import BOX
from ImperfectSegLib.SegmentationWriter import isLocked
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS
from Testing.Module.interactive_person import ELSEWHERE, INSIDE, makeVolume, person

__all__ = ["person"]


def test_the_panel_opens_with_the_only_volume_and_asks_for_a_segment_first(person):
    assert person.ui.inputVolumeSelector.currentNode() is person.volume
    assert not person.ui.positivePointButton.enabled
    assert not person.ui.undoButton.enabled
    person.adds_a_segment()
    assert person.ui.positivePointButton.enabled
    assert person.ui.segmentationSelector.currentNode() is person.segmentation


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_a_click_in_any_view_segments_what_was_clicked(person, view):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE, view)
    (click,), _ = person.store.prompts()
    assert np.linalg.norm(click.position - INSIDE) < 0.6
    assert person.is_at(INSIDE)
    assert not person.is_at(ELSEWHERE)
    assert "Segments updated" in person.status


def test_a_negative_click_takes_away(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.takes("negativePointButton")
    assert not person.ui.positivePointButton.checked
    near = (INSIDE[0] + 5, *INSIDE[1:])
    assert person.is_at(near)
    person.clicks(near)
    assert not person.is_at(near)


def test_several_segments_are_segmented_together(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.adds_a_segment()
    assert person.ui.positivePointButton.checked, "the tool stays in hand"
    person.clicks(ELSEWHERE)
    assert person.is_at(INSIDE, 0)
    assert person.is_at(ELSEWHERE, 1)
    assert not person.is_at(ELSEWHERE, 0)
    assert "Segments updated" in person.status


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_dragging_with_the_scribble_tool_draws_a_stroke_in_any_view(person, view):
    person.adds_a_segment()
    person.takes("positiveScribbleButton")
    pane = person.host.slice_view(view)
    person.host.show_volume(person.volume, INSIDE)
    end = pane.xy_to_ras(pane.ras_to_xy(INSIDE) + np.array([40, 25]))
    person.drags(INSIDE, end, view)
    (stroke,), _ = person.store.prompts()
    assert np.linalg.norm(stroke.points[0] - INSIDE) < 0.8
    assert np.linalg.norm(stroke.points[-1] - end) < 0.8
    assert stroke.radius == person.panel._parameterNode.scribbleWidth / 2
    assert person.is_at(INSIDE)
    assert person.is_at(end)


def test_a_scribble_is_one_action_and_one_undo_takes_it_back(person):
    person.adds_a_segment()
    person.takes("positiveScribbleButton")
    person.drags(INSIDE, (INSIDE[0] + 8, INSIDE[1], INSIDE[2]))
    person.presses("undoButton")
    assert not person.mask().any()
    assert person.store.prompts()[0] == []
    assert not person.ui.undoButton.enabled


def test_a_box_is_placed_by_two_clicks_and_becomes_a_prompt(person):
    person.adds_a_segment()
    person.takes("boxButton")
    person.clicks(INSIDE, wait=False)
    person.clicks((INSIDE[0] + 10, INSIDE[1] + 8, INSIDE[2]), wait=False)
    prompts, _ = person.store.prompts()
    assert [type(p).__name__ for p in prompts] == ["Box"]
    person.waits()


def test_undo_takes_back_the_last_click_and_all_that_it_changed(person):
    person.adds_a_segment()
    person.adds_a_segment()
    person.selects(0)
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    before = [person.mask(0), person.mask(1)]
    person.selects(1)
    person.clicks((INSIDE[0] + 4, *INSIDE[1:]))
    assert person.mask(0).sum() < before[0].sum(), "the second segment took a part of the first"
    person.presses("undoButton")
    np.testing.assert_array_equal([person.mask(0), person.mask(1)], before)
    assert len(person.store.prompts()[0]) == 1
    person.presses("undoButton")
    assert not person.mask(0).any()


def test_moving_a_point_segments_again_and_undo_moves_it_back(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.takes("positivePointButton")
    person.moves(0, ELSEWHERE)
    assert person.is_at(ELSEWHERE)
    assert not person.is_at(INSIDE)
    person.presses("undoButton")
    assert person.is_at(INSIDE)
    (click,), _ = person.store.prompts()
    assert np.linalg.norm(click.position - INSIDE) < 0.6


def test_clear_removes_the_prompts_keeps_the_segment_and_can_be_undone(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.takes("positiveScribbleButton")
    person.drags(ELSEWHERE, (ELSEWHERE[0] + 8, *ELSEWHERE[1:]))
    before = person.mask()
    count = len(person.store.prompts()[0])
    notes = person.notes()
    person.presses("clearButton")
    assert person.store.prompts()[0] == []
    np.testing.assert_array_equal(person.mask(), before)
    person.presses("undoButton")
    assert len(person.store.prompts()[0]) == count == 2
    wanted = {"prompt 1, slice axis k", "prompt 2, radius 1 mm, slice axis k"}
    assert person.notes() == notes == wanted
    np.testing.assert_array_equal(person.mask(), before)


def test_after_clearing_new_prompts_leave_the_earlier_result_alone(person):
    person.engine.onlyAround = 8.0
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.presses("clearButton")
    person.clicks(ELSEWHERE)
    assert person.is_at(INSIDE)
    assert person.is_at(ELSEWHERE)


def test_moving_the_only_point_takes_its_old_result_away_also_outside_the_new_region(person):
    person.engine.onlyAround = 8.0
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.takes("positivePointButton")
    person.moves(0, ELSEWHERE)
    assert person.is_at(ELSEWHERE)
    assert not person.is_at(INSIDE)


def test_a_locked_segment_cannot_be_prompted_nor_overwritten(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    before = person.mask(0)
    person.ui.lockCheckBox.click()
    segmentId = person.segmentation.GetSegmentation().GetSegmentIDs()[0]
    assert isLocked(person.segmentation, segmentId)
    assert not person.ui.positivePointButton.enabled
    person.adds_a_segment()
    assert not person.ui.lockCheckBox.checked
    person.takes("positivePointButton")
    person.clicks((INSIDE[0] + 4, *INSIDE[1:]))
    np.testing.assert_array_equal(person.mask(0), before)
    assert person.mask(1).any()
    assert not (person.mask(1) & before).any()


def test_without_auto_update_nothing_happens_until_update_now(person):
    person.adds_a_segment()
    person.ui.autoUpdateCheckBox.click()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.clicks(ELSEWHERE)
    assert not person.mask().any()
    person.presses("applyButton")
    person.waits()
    assert person.is_at(INSIDE)
    assert person.is_at(ELSEWHERE)
    person.presses("undoButton")
    assert not person.mask().any()
    assert len(person.store.prompts()[0]) == 2


def test_label_maps_are_not_offered_as_images(person):
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    person.host.process_events()
    assert person.ui.inputVolumeSelector.nodeCount() == 1


class TestWhileComputing:
    @pytest.fixture
    def waiting(self, person):
        """The engine is at work on a click and will not end by itself."""
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.engine.hold()
        person.clicks(INSIDE, wait=False)
        assert person.panel.session.isComputing
        return person

    def test_the_window_goes_on_and_shows_progress(self, waiting):
        waiting.host.wait_until(lambda: waiting.ui.progressBar.value > 0)
        assert waiting.ui.cancelButton.enabled
        assert not waiting.ui.applyButton.enabled
        waiting.engine.release()
        waiting.waits()
        assert waiting.is_at(INSIDE)
        assert waiting.ui.progressBar.value == 0

    def test_cancel_stops_and_changes_nothing(self, waiting):
        waiting.presses("cancelButton")
        waiting.engine.release()
        waiting.host.wait_until(lambda: not waiting.panel.session.isComputing)
        waiting.host.process_events()
        assert not waiting.mask().any()
        assert "Cancelled" in waiting.status
        waiting.presses("applyButton")
        waiting.waits()
        assert waiting.is_at(INSIDE)

    def test_a_further_click_starts_anew_with_all_prompts(self, waiting):
        waiting.clicks(ELSEWHERE, wait=False)
        waiting.engine.release()
        waiting.waits()
        assert waiting.is_at(INSIDE)
        assert waiting.is_at(ELSEWHERE)

    def test_undo_stops_it_and_takes_the_click_back(self, waiting):
        waiting.presses("undoButton")
        waiting.engine.release()
        waiting.host.process_events()
        assert not waiting.panel.session.isComputing
        assert not waiting.mask().any()
        assert waiting.store.prompts()[0] == []

    def test_closing_the_scene_stops_it_and_the_panel_works_on(self, waiting):
        waiting.host.clear_scene()
        waiting.engine.release()
        waiting.host.process_events()
        assert not waiting.panel.session.isComputing
        waiting.volume = makeVolume("second")
        waiting.panel.initializeParameterNode()
        waiting.adds_a_segment()
        waiting.takes("positivePointButton")
        waiting.clicks(INSIDE)
        assert waiting.is_at(INSIDE)

    @pytest.mark.parametrize("what", ["volume", "segmentation"])
    def test_deleting_the_node_is_told_and_nothing_breaks(self, waiting, what):
        slicer.mrmlScene.RemoveNode(getattr(waiting, what))
        waiting.engine.release()
        waiting.host.wait_until(lambda: not waiting.panel.session.isComputing)
        waiting.host.process_events()
        assert "updated" not in waiting.status

    def test_an_edited_volume_is_not_written_over(self, waiting):
        slicer.util.arrayFromVolume(waiting.volume)[:] = 7
        slicer.util.arrayFromVolumeModified(waiting.volume)
        waiting.engine.release()
        waiting.waits()
        assert not waiting.mask().any()
        assert "changed meanwhile" in waiting.status

    def test_removing_the_segment_is_told(self, waiting):
        waiting.segmentation.GetSegmentation().RemoveAllSegments()
        waiting.engine.release()
        waiting.waits()
        assert "removed" in waiting.status


def test_what_the_user_can_mend_is_shown_and_nothing_is_lost(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    before = person.mask()
    person.engine.fail = ValueError("prompt 2 lies outside. Move it.")
    person.clicks(ELSEWHERE)
    assert person.status == "prompt 2 lies outside. Move it."
    np.testing.assert_array_equal(person.mask(), before)
    assert len(person.store.prompts()[0]) == 2


class TestWithTheRealEngine:
    @pytest.fixture
    def user(self, person):
        """Someone whose panel has the engine that ships."""
        person.panel.logic.setEngine(INTERACTIVE_SEGMENTERS[0]())
        person.adds_a_segment()
        person.takes("positivePointButton")
        return person

    def test_a_point_outside_the_image_is_named_and_moving_it_inside_mends_it(self, user):
        user.clicks(INSIDE)
        points = user.store.nodes()[0]
        points.AddControlPointWorld(vtk.vtkVector3d(500, 0, 0))
        user.waits()
        assert "prompt 2" in user.status
        assert "outside" in user.status
        assert user.is_at(INSIDE)
        user.moves(1, ELSEWHERE)
        assert "updated" in user.status
        assert user.is_at(ELSEWHERE)

    def test_only_negative_points_are_not_enough_and_that_is_said(self, user):
        user.takes("negativePointButton")
        user.clicks(INSIDE)
        assert "all negative" in user.status
        assert not user.mask().any()

    def test_one_voxel_with_two_labels_is_refused(self, user):
        user.clicks(INSIDE)
        before = user.mask()
        user.takes("negativePointButton")
        user.clicks(INSIDE)
        assert "got both label 1 and not label 1" in user.status
        np.testing.assert_array_equal(user.mask(), before)

    def test_an_image_of_one_value_is_refused(self, user):
        slicer.util.arrayFromVolume(user.volume)[:] = 3
        slicer.util.arrayFromVolumeModified(user.volume)
        user.clicks(INSIDE)
        assert "same value" in user.status


def test_leaving_place_mode_elsewhere_lifts_the_button(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert not person.ui.positivePointButton.checked
    assert person.panel.tools.kind == ""
    assert person.panel.tools.kind != BOX


def test_leaving_the_module_lays_the_tool_down(person):
    person.adds_a_segment()
    person.takes("positiveScribbleButton")
    person.host.select_module("")
    assert person.panel.tools.kind == ""
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() != interaction.Place


def test_removing_a_segment_removes_its_prompts(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.adds_a_segment()
    person.clicks(ELSEWHERE)
    person.selects(0)
    person.presses("removeSegmentButton")
    person.waits()
    prompts, _ = person.store.prompts()
    assert len(prompts) == 1
    assert person.is_at(ELSEWHERE, 0)
    person.presses("undoButton")
    assert len(person.store.prompts()[0]) == 1, "the prompts of a segment that is gone stay gone"


def test_a_saved_scene_brings_prompts_and_choices_back(person, tmp_path):
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    person.ui.autoUpdateCheckBox.click()
    before = person.mask()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    person.host.clear_scene()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    person.host.process_events()
    person.volume = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[0]
    person.panel.initializeParameterNode()
    np.testing.assert_array_equal(person.mask(), before)
    (click,), _ = person.store.prompts()
    assert np.linalg.norm(click.position - INSIDE) < 0.6
    assert not person.ui.autoUpdateCheckBox.checked
    assert person.ui.segmentationSelector.currentNode() is person.segmentation


def test_the_image_is_prepared_once_for_many_clicks(person):
    person.adds_a_segment()
    person.takes("positivePointButton")
    for ras in (INSIDE, ELSEWHERE):
        person.clicks(ras)
    assert person.engine.cases == 1


def test_the_modules_own_test_passes_with_the_real_engine(person):
    import ImperfectSegInteractive

    ImperfectSegInteractive.ImperfectSegInteractiveTest().runTest()


def test_the_console_segments_in_three_lines(person):
    logic = slicer.util.getModuleLogic("ImperfectSegInteractive")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    logic.addClick(segmentation, "ball", INSIDE)
    logic.segment(person.volume, segmentation)
    assert person.is_at(INSIDE)


def test_a_click_under_a_transform_lands_where_it_was_clicked(person):
    parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.RotateZ(30)
    turn.Translate(4, -3, 2)
    parent.SetMatrixTransformToParent(turn.GetMatrix())
    person.volume.SetAndObserveTransformNodeID(parent.GetID())
    person.adds_a_segment()
    person.takes("positivePointButton")
    person.clicks(INSIDE)
    assert person.is_at(INSIDE)
    assert not person.is_at(ELSEWHERE)


def test_a_tool_is_laid_down_before_the_nodes_of_a_scene_go(person):
    import vtk

    person.adds_a_segment()
    person.takes("positiveScribbleButton")
    assert person.panel.tools.kind
    seen, scene = {}, slicer.mrmlScene

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onRemoved(caller, event, node):
        seen[node.GetClassName()] = person.panel.tools.kind

    tag = scene.AddObserver(scene.NodeRemovedEvent, onRemoved)
    person.host.clear_scene()
    scene.RemoveObserver(tag)
    assert seen["vtkMRMLScalarVolumeNode"] == seen["vtkMRMLSegmentationNode"] == ""

"""The refine panel, used as a person uses it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import slicer
import slicer.util
import vtk

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLogic.data import Geometry, Prediction, Provenance, write_probabilities
from ImperfectSegLogic.refinement.profile import Profile, Step, read_profile, write_profile
from Testing.Module.bright_refiner import BrightRefiner
from Testing.Module.refine_person import CATALOG, RefineProcesses, Refining, person
from Testing.Module.refine_scene import (
    FIRST,
    MATRIX,
    SECOND,
    SHAPE,
    ball,
    place,
    smallBalls,
)

__all__ = ["person"]
BALLS = ball(FIRST, 6), ball(SECOND, 6)


def test_the_panel_opens_with_the_open_case_and_shows_methods_with_their_settings(person):
    assert person.parameters.inputVolume is person.volume
    assert person.parameters.segmentation is person.node
    assert [person.ui.methodBox.itemText(n) for n in range(2)] == ["bright", "clean-up"]
    assert person.parts.method.form("bright").widget.visible
    assert not person.parts.method.form("clean-up").widget.visible
    assert person.ui.applyButton.enabled
    assert not person.ui.undoButton.enabled


def test_apply_refines_and_says_so_and_one_undo_takes_it_back(person):
    before = person.mask()
    person.applies()
    assert "voxels changed their label" in person.status
    assert "looked at by hand" in person.status
    assert person.mask()[BALLS[0]].all()
    after = person.mask()
    person.presses("undoButton")
    np.testing.assert_array_equal(person.mask(), before)
    person.presses("redoButton")
    np.testing.assert_array_equal(person.mask(), after)


def test_the_slider_has_the_default_in_its_middle_and_reaches_both_limits(person):
    slider = person.parts.method.form("bright").slider("level")
    assert slider.slider.value == 500
    for position, value in ((0, 0.0), (1000, 1000.0), (500, 50.0)):
        slider.slider.value = position
        assert slider.box.value == value
    slider.box.value = 100.0
    assert 500 < slider.slider.value < 650
    assert slider.box.value == 100.0, "what was typed stays"
    rounds = person.parts.method.form("bright").slider("rounds")
    rounds.slider.value = 1000
    assert rounds.box.value == 10


def test_settings_count_and_are_remembered_with_the_scene(person):
    person.sets("level", 200.0)
    person.applies()
    assert not person.mask().any()
    (step,) = json.loads(person.parameters.steps)
    assert step == {"name": "bright", "settings": {"level": 200.0}}
    person.parameters.steps = json.dumps([{"name": "bright", "settings": {"level": 70.0}}])
    person.host.process_events()
    assert person.parts.method.form("bright").edit("level").value == 70.0


def test_a_clean_up_comes_after_the_method(person):
    form = person.parts.method.form("clean-up")
    person.ui.cleanUpBox.click()
    assert form.widget.visible
    form.edit("largest").value = 1
    lonely = (0, 0, 0)
    PromptStore(person.node).addClick("b", place(SECOND, person.volume))
    voxels = slicer.util.arrayFromVolume(person.volume)
    voxels[lonely] = 100
    slicer.util.arrayFromVolumeModified(person.volume)
    person.applies()
    assert not person.mask("a")[lonely]
    assert not person.mask("b")[lonely]
    steps = person.parts.method.steps()
    assert [step.name for step in steps] == ["bright", "clean-up"]


def test_only_selected_segments_are_changed(person):
    person.ui.onlySelectedBox.click()
    person.presses("applyButton")
    assert "no segment is selected" in person.status
    person.selects("b")
    person.applies()
    np.testing.assert_array_equal(person.mask("a"), smallBalls()[0])
    assert person.mask("b")[BALLS[1]].all()


def test_nothing_changes_outside_of_the_region(person):
    person.ui.regionBox.click()
    roi = person.parts.region.node
    roi.SetCenterWorld(*place(FIRST, person.volume))
    roi.SetSize(30.0, 12.0, 30.0)
    person.applies()
    rows = np.abs(np.indices(SHAPE)[1] - FIRST[1]) <= 6
    before = smallBalls()[0]
    np.testing.assert_array_equal(person.mask()[~rows], before[~rows])
    assert person.mask()[BALLS[0] & rows].all()


def test_a_region_that_is_deleted_limits_nothing(person):
    person.ui.regionBox.click()
    person.parts.region.node.SetSize(4.0, 4.0, 4.0)
    slicer.mrmlScene.RemoveNode(person.parts.region.node)
    person.host.process_events()
    assert not person.ui.regionBox.checked
    person.applies()
    assert person.mask()[BALLS[0]].all()


def test_points_are_kept_unless_the_user_does_not_want_it(person):
    dark = (2, 2, 2)
    PromptStore(person.node).addClick("a", place(dark, person.volume))
    person.applies()
    assert person.mask()[dark]
    person.presses("undoButton")
    person.ui.keepPromptsBox.click()
    person.applies()
    assert not person.mask()[dark]


def test_stored_probabilities_become_a_new_segmentation(person, tmp_path):
    geometry = Geometry(SHAPE, MATRIX)
    chances = np.where(np.stack([~BALLS[0], BALLS[0]]), 0.7, 0.3).astype(np.float32)
    file = tmp_path / "net.nrrd"
    write_probabilities(
        Prediction(chances, (0, 1), geometry.whole, geometry, Provenance("net")), file
    )
    person.ui.segmentationSelector.setCurrentNode(None)
    assert not person.ui.applyButton.enabled
    person.ui.probabilitiesPath.currentPath = str(file)
    person.host.process_events()
    assert not person.ui.certaintySlider.enabled
    person.applies()
    node = person.parameters.segmentation
    assert node is not person.node
    (segmentId,) = node.GetSegmentation().GetSegmentIDs()
    found = Bridge.segmentMask(node, segmentId, geometry)
    assert found[BALLS[0]].all()


class TestWhileRefining:
    def test_the_window_goes_on_and_cancel_changes_nothing(self, person):
        before = person.mask()
        BrightRefiner.hold()
        person.presses("applyButton")
        person.host.wait_until(lambda: person.ui.progressBar.value > 0)
        assert not person.ui.applyButton.enabled
        person.presses("cancelButton")
        BrightRefiner.release()
        person.waits()
        np.testing.assert_array_equal(person.mask(), before)
        assert "Cancelled" in person.status
        person.applies()
        assert person.mask()[BALLS[0]].all()

    def test_what_is_edited_meanwhile_stays(self, person):
        BrightRefiner.hold()
        person.presses("applyButton")
        edited = ball(FIRST, 2)
        geometry = Bridge.geometryFromNode(person.volume)
        Bridge.setSegmentMask(person.node, "a", edited, geometry)
        BrightRefiner.release()
        person.waits()
        assert "edited meanwhile" in person.status
        np.testing.assert_array_equal(person.mask(), edited)

    def test_an_error_of_the_method_is_shown(self, person):
        BrightRefiner.fail = ValueError("the method does not like it")
        person.applies()
        assert person.status == "the method does not like it"

    def test_closing_the_scene_ends_it(self, person):
        BrightRefiner.hold()
        person.presses("applyButton")
        person.host.clear_scene()
        BrightRefiner.release()
        person.host.process_events()
        assert not person.parts.isComputing
        assert not person.ui.applyButton.enabled


class TestProfiles:
    def test_what_is_saved_can_be_loaded(self, person, tmp_path):
        person.sets("level", 70.0)
        person.ui.cleanUpBox.click()
        person.ui.nearBox.click()
        person.ui.marginBox.value = 7.5
        file = tmp_path / "mine.json"
        with person.host.expecting_dialog("Save", str(file.with_suffix(""))):
            person.presses("saveProfileButton")
        assert [s.name for s in read_profile(file).steps] == ["bright", "clean-up"]
        assert read_profile(file).margin == 7.5
        person.ui.nearBox.click()
        assert not person.ui.marginBox.enabled
        person.sets("level", 10.0)
        person.ui.cleanUpBox.click()
        with person.host.expecting_dialog("Load", str(file)):
            person.presses("loadProfileButton")
        assert person.parts.method.form("bright").edit("level").value == 70.0
        assert person.ui.cleanUpBox.checked
        assert person.ui.nearBox.checked
        assert person.ui.marginBox.value == 7.5

    def test_settings_that_a_search_found_are_used_to_the_last_digit(self, person, tmp_path):
        file = tmp_path / "refine.json"
        settings = {"level": 12.3456789, "scales": [0.5, 3.0], "darker": "first"}
        write_profile(Profile((Step("bright", settings),)), file)
        with person.host.expecting_dialog("Load", str(file)):
            person.presses("loadProfileButton")
        (step,) = person.parts.method.steps()
        assert step.settings == {**settings, "scales": (0.5, 3.0)}

    def test_a_profile_that_does_not_suit_changes_nothing(self, person, tmp_path):
        file = tmp_path / "other.json"
        person.sets("level", 70.0)
        for steps, message in (
            ((Step("magic"),), "magic"),
            ((Step("bright", {"level": 5000.0}),), "level: got 5000.0"),
            ((Step("bright", {"depth": 1}),), "depth"),
            ((Step("bright"), Step("bright")), "one method and clean-up"),
        ):
            write_profile(Profile(steps), file, overwrite=True)
            with person.host.expecting_dialog("Load", str(file)):
                person.presses("loadProfileButton")
            assert message in person.status
            assert person.parts.method.steps() == (Step("bright", {"level": 70.0}),)


def test_without_pytorch_the_panel_says_what_is_missing_and_the_rest_works(slicer_app, scene):
    found = replace(CATALOG, methods=CATALOG.methods[1:], missing=("torch",))
    person = Refining(slicer_app, RefineProcesses(found))
    assert "torch" in person.ui.packagesLabel.text
    assert person.ui.installButton.visible
    person.parts.method.form("clean-up").edit("largest").value = 1
    person.applies()
    assert "Nothing to change" in person.status


def test_a_saved_scene_opens_as_it_was(person, tmp_path):
    person.sets("level", 70.0)
    person.ui.overlayComboBox.currentIndex = 1
    person.ui.livePreviewBox.click()
    person.looks()
    file = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(file))
    person.host.clear_scene()
    slicer.util.loadScene(str(file))
    person.host.process_events()
    assert person.parts.method.form("bright").edit("level").value == 70.0
    assert not person.parameters.livePreview, "nothing is computed unasked"
    ours = [n for n in slicer.util.getNodes("*").values() if "preview" in n.GetName()]
    assert not ours
    person.volume, person.node = person.parameters.inputVolume, person.parameters.segmentation
    person.applies()
    assert "changed" in person.status


class TestPreview:
    def turns_on(self, person):
        person.ui.livePreviewBox.click()
        person.looks()

    def test_slices_in_view_are_shown_as_they_would_become(self, person):
        before = person.mask()
        self.turns_on(person)
        wanted = np.where(BALLS[0] | BALLS[1], 1, 0)
        for view in ("Red", "Green", "Yellow"):
            found, where = person.shown(view), person.shown_slice(view)
            np.testing.assert_array_equal(found > 0, wanted[where] > 0)
            assert sorted(found.shape)[0] == 1
        np.testing.assert_array_equal(person.mask(), before)
        assert "computed in" in person.ui.previewLabel.text

    def test_it_is_drawn_in_the_color_of_the_segment(self, person):
        inner = person.node.GetSegmentation()
        inner.GetSegment("a").SetColor(0.0, 0.0, 1.0)
        person.node.GetDisplayNode().SetVisibility(False)
        person.parameters.previewOpacity = 1.0
        self.turns_on(person)
        view = person.host.slice_view("Red")
        edge = (FIRST[0], FIRST[1] + 5, FIRST[2])  # Within the ball, outside of the segment.
        x, y = (int(v) for v in view.ras_to_xy(place(edge, person.volume)))
        picture = view.image()
        assert picture[picture.shape[0] - 1 - y, x].tolist() == [0, 0, 255]

    def test_it_follows_sliders_slices_edits_and_the_region(self, person):
        self.turns_on(person)
        person.sets("level", 200.0)
        person.looks()
        assert not person.shown().any()
        person.sets("level", 50.0)
        person.goes_to((5, 8, 7))
        person.looks()
        assert person.shown_slice()[0] == slice(5, 6)
        assert person.shown().any()
        geometry = Bridge.geometryFromNode(person.volume)
        Bridge.setSegmentMask(person.node, "a", np.zeros(SHAPE, bool), geometry)
        Bridge.setSegmentMask(person.node, "b", np.zeros(SHAPE, bool), geometry)
        person.looks()
        assert person.shown() is None
        PromptStore(person.node).addClick("b", place((5, 3, 3), person.volume))
        person.looks()
        assert set(np.unique(person.shown())) == {0, 2}
        person.ui.regionBox.click()
        person.parts.region.node.SetCenterWorld(*place((5, 3, 3), person.volume))
        person.parts.region.node.SetSize(6.0, 4.0, 30.0)
        person.looks()
        assert person.shown().shape == (1, 5, 7)

    def test_a_moving_slider_is_followed_although_the_method_is_slow(self, person):
        self.turns_on(person)
        BrightRefiner.hold()
        person.sets("level", 200.0)
        person.preview.look()
        assert person.preview.isComputing
        person.sets("level", 30.0)
        person.preview.look()
        BrightRefiner.release()
        person.looks()
        assert person.shown().any(), "the newest state comes last"

    def test_turned_off_the_views_are_as_before(self, person):
        own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "mine")
        person.composite().SetLabelVolumeID(own.GetID())
        person.composite().SetLabelOpacity(0.3)
        self.turns_on(person)
        assert person.shown() is not None
        person.ui.livePreviewBox.click()
        person.host.process_events()
        assert person.composite().GetLabelVolumeID() == own.GetID()
        assert person.composite().GetLabelOpacity() == 0.3
        names = [node.GetName() for node in slicer.util.getNodes("*").values()]
        assert not [name for name in names if "preview" in name]

    def test_the_segments_are_outlines_as_long_as_it_is_on(self, person):
        display = person.node.GetDisplayNode()
        self.turns_on(person)
        assert not display.GetVisibility2DFill()
        assert display.GetVisibility2DOutline()
        scene = slicer.mrmlScene
        scene.StartState(scene.SaveState)
        person.looks()
        assert display.GetVisibility2DFill(), "it is saved as the user had it"
        assert person.shown() is None
        scene.EndState(scene.SaveState)
        assert person.shown() is not None
        assert not display.GetVisibility2DFill()
        other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        person.parameters.segmentation = other
        person.looks()
        assert display.GetVisibility2DFill()
        person.parameters.segmentation = person.node
        person.looks()
        person.ui.livePreviewBox.click()
        assert display.GetVisibility2DFill()

    def test_apply_and_another_module_turn_it_off(self, person):
        self.turns_on(person)
        person.applies()
        assert person.shown() is None
        assert not person.ui.livePreviewBox.checked
        self.turns_on(person)
        person.host.select_module("")
        assert person.shown() is None

    def test_an_oblique_view_says_so_and_can_be_aligned(self, person):
        turn = vtk.vtkTransform()
        turn.RotateX(20)
        turn.RotateZ(10)
        parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        parent.SetMatrixTransformToParent(turn.GetMatrix())
        for node in (person.volume, person.node):
            node.SetAndObserveTransformNodeID(parent.GetID())
        self.turns_on(person)
        assert person.ui.alignBox.visible
        assert "Red, Green, Yellow" in person.ui.alignLabel.text
        assert person.shown() is None
        person.presses("alignButton")
        person.looks()
        assert not person.ui.alignBox.visible
        assert person.shown() is not None

    def test_uncertainty_or_a_probability_lies_over_the_image(self, person):
        self.turns_on(person)
        assert person.shown(layer="Foreground") is None
        person.ui.overlayComboBox.currentText = "probability"
        person.selects("a")
        person.looks()
        answer = next(a for p, a in person.preview.answers.items() if p[0] == 0)
        chances = person.shown(layer="Foreground")
        np.testing.assert_allclose(chances, answer.prediction.probabilities[1])
        person.ui.overlayComboBox.currentText = "uncertainty"
        person.looks()
        unsure = person.shown(layer="Foreground")
        np.testing.assert_allclose(unsure, answer.prediction.entropy())
        person.ui.overlayComboBox.currentIndex = 0
        person.looks()
        assert person.shown(layer="Foreground") is None

    def test_what_was_applied_has_the_overlay_everywhere_until_it_is_taken_back(self, person):
        person.ui.overlayComboBox.currentText = "uncertainty"
        person.applies()
        assert person.shown(layer="Foreground").shape == SHAPE
        person.presses("undoButton")
        assert person.shown(layer="Foreground") is None

    def test_an_error_is_shown_until_it_is_mended(self, person):
        self.turns_on(person)
        BrightRefiner.fail = ValueError("the method does not like it")
        person.sets("level", 60.0)
        person.looks()
        assert person.ui.previewLabel.text == "the method does not like it"
        assert person.shown() is None
        BrightRefiner.fail = None
        person.sets("level", 50.0)
        person.looks()
        assert person.shown() is not None

    def test_an_image_of_one_slice_is_shown_where_it_is_seen_as_one(self, person):
        slicer.mrmlScene.RemoveNode(person.node)
        voxels = slicer.util.arrayFromVolume(person.volume)[FIRST[0]][np.newaxis].copy()
        slicer.util.updateVolumeFromArray(person.volume, voxels)
        person.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        person.node.CreateDefaultDisplayNodes()
        person.node.GetSegmentation().AddEmptySegment("a", "a")
        geometry = Bridge.geometryFromNode(person.volume)
        Bridge.setSegmentMask(person.node, "a", voxels > 50, geometry)
        person.parameters.segmentation = person.node
        person.goes_to((0, *FIRST[1:]))
        self.turns_on(person)
        np.testing.assert_array_equal(person.shown() > 0, voxels > 50)
        person.host.slice_view("Green").node.SetOrientation("Coronal")
        person.looks()
        assert person.shown("Green") is None
        assert person.shown() is not None
        assert not person.ui.alignBox.visible

    def test_closing_the_scene_ends_it(self, person):
        self.turns_on(person)
        person.host.clear_scene()
        person.host.process_events()
        assert not person.preview.isOn

"""The effect in Segment Editor, used as a person uses it: clicks and drags in the slice views.

Segments, masking and undo are Slicer's own; Segment Editor's widget around them is a look-alike.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import EngineSlot
from ImperfectSegLib.SegmentTags import setLocked, setThreshold
from ImperfectSegLogic.data import Box, Click, Scribble
from ImperfectSegLogic.methods import catalog
from Testing.Module.ball_segmenter import BallSegmenter
from Testing.Module.conftest import MODULE as PANEL
from Testing.Module.editor_person import (
    ELSEWHERE,
    INSIDE,
    EditorPerson,
    make_volume,
    working,
)

NEAR = (INSIDE[0] + 5, *INSIDE[1:])


@pytest.fixture
def person(slicer_app, scene, monkeypatch):
    yield from working(slicer_app, monkeypatch)


def test_segment_editor_has_the_effect_once_with_icon_and_help(person):
    slicer.modules.SegmentEditorImperfectSegInstance.registerEditorEffect()
    person.editor.updateEffectList()
    assert person.editor.availableEffectNames() == ["ImperfectSeg"]
    effect = person.editor.effectByName("ImperfectSeg")
    assert not effect.self().icon().isNull()
    assert "Ctrl" in effect.helpText()
    assert effect.optionsFrame().isVisible()


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_a_click_in_any_view_segments_what_was_clicked(person, view):
    person.clicks(INSIDE, view)
    (click,) = person.prompts
    assert isinstance(click, Click)
    assert click.positive
    assert np.linalg.norm(click.position - INSIDE) < 0.8
    assert person.is_at(INSIDE)
    assert not person.is_at(ELSEWHERE)
    assert person.status == "Segment updated."


@pytest.mark.parametrize("how", ["ctrl", "shift", "button"])
def test_a_negative_click_takes_away(person, how):
    person.clicks(INSIDE)
    assert person.is_at(NEAR)
    if how == "button":
        person.presses("negativeButton")
        assert person.ui.negativeButton.checked
        assert not person.ui.positiveButton.checked
        person.clicks(NEAR)
    else:
        person.clicks(NEAR, **{how: True})
    assert [p.positive for p in person.prompts] == [True, False]
    assert person.mask().any()
    assert not person.is_at(NEAR)


def test_with_the_minus_chosen_the_key_means_plus(person):
    person.presses("negativeButton")
    person.clicks(INSIDE, ctrl=True)
    assert [p.positive for p in person.prompts] == [True]


@pytest.mark.parametrize(
    ("view", "positive"), [("Red", True), ("Green", True), ("Yellow", True), ("Yellow", False)]
)
def test_a_drag_draws_a_scribble_in_any_view(person, view, positive):
    if not positive:
        person.clicks(INSIDE)
    pane = person.looks_at(INSIDE, view)
    end = pane.xy_to_ras(pane.ras_to_xy(INSIDE) + np.array([40, 25]))
    person.ui.widthSlider.value = 3.0
    person.drags(INSIDE, end, view, ctrl=not positive)
    stroke = person.prompts[-1]
    assert isinstance(stroke, Scribble)
    assert stroke.positive == positive
    assert stroke.radius == 1.5
    assert np.linalg.norm(stroke.points[0] - INSIDE) < 0.8
    assert np.linalg.norm(stroke.points[-1] - end) < 0.8
    assert person.is_at(end) == positive


def test_the_trace_of_a_scribble_is_seen_while_it_is_drawn_and_moves_with_the_view(person):
    pane = person.looks_at(INSIDE)
    start = pane.ras_to_xy(INSIDE)
    before = pane.image().astype(int)
    person.ui.widthSlider.value = 6.0
    pane.event("LeftButtonPressEvent", start)
    for step in range(0, 60, 6):
        pane.move((start[0] + step, start[1]))
    drawn = np.abs(pane.image().astype(int) - before).max(axis=-1) > 40
    rows, columns = np.nonzero(drawn)
    pixel = np.linalg.norm(pane.xy_to_ras((1, 0)) - pane.xy_to_ras((0, 0)))
    assert np.ptp(rows) + 1 == pytest.approx(6.0 / pixel, abs=3), "as high as the brush is wide"
    assert np.ptp(columns) == pytest.approx(54 + 6.0 / pixel, abs=6)
    x, y, z = pane.node.GetXYZOrigin()
    pane.node.SetXYZOrigin(x - 20, y, z)
    moved = np.abs(pane.image().astype(int) - before).max(axis=-1)
    assert moved.max() > 40
    assert not person.prompts
    pane.event("LeftButtonReleaseEvent")
    person.waits()
    assert len(person.prompts) == 1
    assert not _discs(pane)


def _discs(pane):
    actors = pane.renderer.GetActors2D()
    actors.InitTraversal()
    all2d = [actors.GetNextActor2D() for _ in range(actors.GetNumberOfItems())]
    return [a for a in all2d if a.IsA("vtkActor2D") and a.GetProperty().GetOpacity() == 0.6]


class TestUndo:
    def test_one_undo_takes_back_a_click_and_all_it_changed_and_redo_brings_both(self, person):
        person.clicks(INSIDE)
        first = person.mask()
        person.clicks(ELSEWHERE)
        second = person.mask()
        person.undoes()
        np.testing.assert_array_equal(person.mask(), first)
        assert len(person.prompts) == 1
        person.undoes()
        assert not person.mask().any()
        assert person.prompts == []
        person.redoes()
        np.testing.assert_array_equal(person.mask(), first)
        assert len(person.prompts) == 1
        person.redoes()
        np.testing.assert_array_equal(person.mask(), second)
        assert len(person.prompts) == 2

    def test_one_undo_takes_back_a_scribble(self, person):
        person.clicks(INSIDE)
        first = person.mask()
        person.drags(ELSEWHERE, (ELSEWHERE[0] + 8, *ELSEWHERE[1:]))
        person.undoes()
        np.testing.assert_array_equal(person.mask(), first)
        assert [type(p) for p in person.prompts] == [Click]
        person.redoes()
        assert [type(p) for p in person.prompts] == [Click, Scribble]
        person.undoes()
        person.redoes()
        assert [type(p) for p in person.prompts] == [Click, Scribble]
        assert person.is_at(ELSEWHERE)

    def test_what_a_click_took_from_another_segment_comes_back(self, person):
        other = person.parameters.GetSelectedSegmentID()
        person.paints(NEAR, other)
        before = person.mask(other)
        person.adds_a_segment()
        person.clicks(INSIDE)
        assert person.mask(other).sum() < before.sum()
        person.undoes()
        np.testing.assert_array_equal(person.mask(other), before)

    def test_undoing_what_was_painted_leaves_the_prompts_alone(self, person):
        person.clicks(INSIDE)
        first = person.mask()
        person.paints(ELSEWHERE)
        person.undoes()
        np.testing.assert_array_equal(person.mask(), first)
        assert len(person.prompts) == 1

    def test_undo_with_another_effect_or_none_takes_the_prompts_back_too(self, person):
        person.clicks(INSIDE)
        person.takes_the_effect("")
        person.undoes()
        assert person.prompts == []
        assert not person.mask().any()

    def test_each_segment_keeps_its_own_prompts(self, person):
        first = person.parameters.GetSelectedSegmentID()
        person.clicks(INSIDE)
        person.adds_a_segment()
        person.clicks(ELSEWHERE)
        person.undoes()
        (click,) = person.prompts
        assert np.linalg.norm(click.position - INSIDE) < 0.8
        assert person.is_at(INSIDE, first)

    def test_after_undo_a_new_click_goes_on_from_there(self, person):
        person.engine.onlyAround = 8.0
        person.clicks(INSIDE)
        person.clicks(ELSEWHERE)
        person.undoes()
        person.clicks(NEAR)
        assert person.is_at(INSIDE)
        assert person.is_at(NEAR)
        assert not person.is_at(ELSEWHERE)

    def test_clearing_keeps_the_segment_and_undo_brings_the_prompts_back(self, person):
        person.clicks(INSIDE)
        person.drags(ELSEWHERE, (ELSEWHERE[0] + 8, *ELSEWHERE[1:]))
        first = person.parameters.GetSelectedSegmentID()
        person.adds_a_segment()
        person.clicks((0.0, 0.0, 8.0))
        person.editor.setCurrentSegmentID(first)
        before = person.mask()
        person.presses("clearButton")
        assert [p.label for p in person.prompts] == [2], "other segments keep theirs"
        np.testing.assert_array_equal(person.mask(), before)
        assert not person.ui.clearButton.enabled
        person.undoes()
        assert len(person.prompts) == 3
        np.testing.assert_array_equal(person.mask(), before)

    def test_undoing_what_came_before_the_first_click_leaves_the_panels_prompts(self, person):
        person.store.addClick(person.parameters.GetSelectedSegmentID(), ELSEWHERE)
        person.paints(NEAR)
        person.clicks(INSIDE)
        person.presses("clearButton")
        for _ in range(3):
            person.undoes()
        (click,) = person.prompts
        assert np.linalg.norm(click.position - ELSEWHERE) < 0.1

    def test_a_saved_scene_keeps_segments_and_prompts(self, person, tmp_path):
        person.clicks(INSIDE)
        person.presses("clearButton")
        person.clicks(ELSEWHERE)
        before, name = person.mask(), person.volume.GetName()
        person.closes_segment_editor()
        assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        person.host.clear_scene()
        slicer.util.loadScene(str(tmp_path / "scene.mrb"))
        person.volume = slicer.util.getNode(name)
        (person.segmentation,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        segment = person.segmentation.GetSegmentation().GetNthSegmentID(0)
        np.testing.assert_array_equal(person.mask(segment), before)
        (click,) = person.prompts
        assert np.linalg.norm(click.position - ELSEWHERE) < 0.8
        person.opens_segment_editor()

    def test_a_removed_segment_comes_back_with_its_prompts(self, person):
        person.clicks(INSIDE)
        removed = person.parameters.GetSelectedSegmentID()
        person.editor.saveStateForUndo()
        person.segmentation.GetSegmentation().RemoveSegment(removed)
        assert person.prompts == []
        person.undoes()
        assert len(person.prompts) == 1
        assert person.is_at(INSIDE, removed)


class TestWhileComputing:
    @pytest.fixture
    def waiting(self, person):
        """The engine is at work on a click and will not end by itself."""
        person.engine.hold()
        person.clicks(INSIDE, wait=False)
        assert person.session.isComputing
        return person

    def test_the_window_goes_on_and_shows_progress(self, waiting):
        waiting.host.wait_until(lambda: waiting.ui.progressBar.value > 0)
        assert waiting.ui.cancelButton.enabled
        assert not waiting.ui.segmentButton.enabled
        waiting.engine.release()
        waiting.waits()
        assert waiting.is_at(INSIDE)
        assert waiting.ui.progressBar.value == 0

    def test_cancel_changes_nothing_and_the_prompts_can_be_asked_again(self, waiting):
        waiting.presses("cancelButton")
        waiting.engine.release()
        waiting.host.process_events()
        assert not waiting.mask().any()
        assert "Cancelled" in waiting.status
        waiting.presses("segmentButton")
        waiting.waits()
        assert waiting.is_at(INSIDE)
        waiting.undoes()
        assert not waiting.mask().any()
        assert len(waiting.prompts) == 1

    def test_a_further_click_starts_anew_with_all_prompts(self, waiting):
        waiting.clicks(ELSEWHERE, wait=False)
        waiting.engine.release()
        waiting.waits()
        assert waiting.is_at(INSIDE)
        assert waiting.is_at(ELSEWHERE)

    def test_undo_takes_the_click_back_and_nothing_is_written(self, waiting):
        waiting.undoes()
        waiting.engine.release()
        waiting.waits()
        waiting.host.process_events()
        assert waiting.prompts == []
        assert not waiting.mask().any()

    def test_undoing_a_second_click_answers_the_first(self, waiting):
        waiting.clicks(ELSEWHERE, wait=False)
        waiting.engine.release()
        waiting.waits()
        waiting.undoes()
        waiting.waits()
        assert len(waiting.prompts) == 1
        assert waiting.is_at(INSIDE)
        assert not waiting.is_at(ELSEWHERE)

    def test_laying_the_effect_down_stops_it(self, waiting):
        waiting.takes_the_effect("")
        waiting.engine.release()
        waiting.host.process_events()
        assert not waiting.session.isComputing
        assert not waiting.mask().any()

    def test_an_edited_image_is_not_written_for(self, waiting):
        slicer.util.arrayFromVolume(waiting.volume)[:] = 7
        slicer.util.arrayFromVolumeModified(waiting.volume)
        waiting.engine.release()
        waiting.waits()
        assert not waiting.mask().any()
        assert "changed meanwhile" in waiting.status

    def test_a_volume_that_is_only_renamed_is_written_for(self, waiting):
        waiting.volume.SetName("another name")
        waiting.engine.release()
        waiting.waits()
        assert waiting.is_at(INSIDE)
        waiting.clicks(ELSEWHERE)
        assert waiting.engine.cases == 1

    def test_another_source_volume_stops_it(self, waiting):
        waiting.editor.setSourceVolumeNode(make_volume("second"))
        assert not waiting.session.isComputing
        waiting.engine.release()

    @pytest.mark.parametrize("what", ["segment", "lock"])
    def test_removing_or_locking_the_segment_is_told(self, waiting, what):
        segment = waiting.parameters.GetSelectedSegmentID()
        if what == "lock":
            setLocked(waiting.segmentation, segment, True)
        else:
            waiting.adds_a_segment()
            waiting.segmentation.GetSegmentation().RemoveSegment(segment)
        waiting.engine.release()
        waiting.waits()
        assert {"lock": "locked", "segment": "removed"}[what] in waiting.status
        assert not any(
            waiting.mask(s).any() for s in waiting.segmentation.GetSegmentation().GetSegmentIDs()
        )

    def test_closing_the_scene_stops_it_and_the_next_scene_works(self, waiting):
        waiting.closes_segment_editor()
        waiting.host.clear_scene()
        waiting.engine.release()
        waiting.host.process_events()
        waiting.volume = make_volume("second")
        waiting.opens_segment_editor()
        waiting.clicks(INSIDE)
        assert waiting.is_at(INSIDE)

    def test_the_scene_can_be_closed_while_segment_editor_is_open(self, waiting):
        session = waiting.session
        waiting.host.clear_scene()
        waiting.engine.release()
        waiting.host.process_events()
        assert not session.isComputing


def test_what_the_user_can_mend_is_shown_and_nothing_is_lost(person):
    person.clicks(INSIDE)
    before = person.mask()
    person.engine.fail = ValueError("prompt 2 is no good. Move it.")
    person.clicks(ELSEWHERE)
    assert person.status == "prompt 2 is no good. Move it."
    np.testing.assert_array_equal(person.mask(), before)
    assert len(person.prompts) == 2
    person.engine.fail = None
    person.presses("segmentButton")
    person.waits()
    assert person.is_at(ELSEWHERE)


def test_only_the_selected_segment_is_written_and_the_others_prompts_count(person):
    first = person.parameters.GetSelectedSegmentID()
    person.clicks(INSIDE)
    before = person.mask(first)
    person.adds_a_segment()
    person.clicks((INSIDE[0] + 4, *INSIDE[1:]))
    overlap = before & ~person.mask(first)
    assert overlap.any()
    assert (person.mask() & overlap).sum() == overlap.sum()
    assert {p.label for p in person.prompts} == {1, 2}


def test_a_box_made_in_the_panel_counts_too(person):
    asked = []
    answer = person.engine.respond
    person.engine.respond = lambda prompts, *a: asked.append(list(prompts)) or answer(prompts, *a)
    node = person.store.box(person.parameters.GetSelectedSegmentID())
    node.SetCenter(*INSIDE)
    node.SetSize(20, 20, 20)
    person.clicks(INSIDE)
    assert {type(p) for p in asked[-1]} == {Box, Click}


def test_the_threshold_of_a_segment_holds_here_too(person):
    answer = person.engine.respond

    def unsure(prompts, *args):
        said = answer(prompts, *args)
        softer = np.where(said.probabilities > 0.5, 0.7, 0.3).astype(np.float32)
        return dataclasses.replace(said, probabilities=softer)

    person.engine.respond = unsure
    person.clicks(INSIDE)
    assert person.is_at(INSIDE)
    setThreshold(person.segmentation, person.parameters.GetSelectedSegmentID(), 0.8)
    person.presses("segmentButton")
    person.waits()
    assert not person.is_at(INSIDE)


class TestWithTheInteractivePanel:
    @pytest.fixture
    def both(self, person):
        """The panel has the same segmentation, and an engine of its own."""
        person.panel = person.host.load_module(PANEL)
        person.panelEngine = type(person.engine)()
        person.panel.logic.setEngine(person.panelEngine)
        person.host.select_module("ImperfectSegInteractive")
        person.panel._parameterNode.segmentation = person.segmentation
        person.host.process_events()
        person.host.select_module("")
        person.host.window.show_panel(person.editor)
        return person

    def test_prompts_appear_in_the_panel_which_leaves_the_answer_to_the_effect(self, both):
        both.clicks(INSIDE)
        both.drags(ELSEWHERE, (ELSEWHERE[0] + 8, *ELSEWHERE[1:]))
        both.host.process_events()
        assert both.panel.session.hasPrompts
        assert both.panelEngine.cases == 0
        both.undoes()
        both.undoes()
        both.host.process_events()
        assert both.panelEngine.cases == 0
        assert not both.panel.session.hasPrompts
        assert not both.panel.session.canUndo

    def test_prompts_of_the_panel_are_asked_about_in_segment_editor(self, both):
        both.store.addClick(both.parameters.GetSelectedSegmentID(), ELSEWHERE)
        both.host.wait_until(lambda: not both.panel.session.isComputing)
        both.clicks(INSIDE)
        assert both.is_at(ELSEWHERE)
        assert both.is_at(INSIDE)
        both.undoes()
        (click,) = both.prompts
        assert np.linalg.norm(click.position - ELSEWHERE) < 0.8


class TestViews:
    def test_without_the_effect_a_click_adds_nothing(self, person):
        person.takes_the_effect("")
        person.clicks(INSIDE)
        assert person.prompts == []

    def test_placing_markups_lays_the_effect_down(self, person):
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        interaction.SetCurrentInteractionMode(interaction.Place)
        assert person.editor.activeEffect() is None

    def test_a_stroke_is_given_up_when_the_effect_is_laid_down(self, person):
        pane = person.looks_at(INSIDE)
        xy = pane.ras_to_xy(INSIDE)
        pane.event("LeftButtonPressEvent", xy)
        pane.move((xy[0] + 20, xy[1]))
        assert _discs(pane)
        person.takes_the_effect("")
        assert not _discs(pane)
        pane.event("LeftButtonReleaseEvent")
        assert person.prompts == []

    def test_the_view_does_not_move_while_drawing(self, person):
        pane = person.looks_at(INSIDE)
        before = [pane.node.GetXYToRAS().GetElement(i, j) for i in range(4) for j in range(4)]
        person.drags(INSIDE, NEAR, shift=True)
        after = [pane.node.GetXYToRAS().GetElement(i, j) for i in range(4) for j in range(4)]
        assert before == after

    def test_right_clicks_and_the_wheel_are_the_views_own(self, person):
        pane = person.looks_at(INSIDE)
        pane.click(pane.ras_to_xy(INSIDE), "Right")
        before = pane.logic.GetSliceOffset()
        pane.event("MouseWheelForwardEvent")
        assert pane.logic.GetSliceOffset() != before
        assert person.prompts == []

    def test_clicks_in_the_3d_view_add_nothing(self, person):
        view = person.host.threed_view
        view.click((150, 150))
        assert person.prompts == []

    def test_two_quick_clicks_do_not_enlarge_the_view(self, person):
        seen = []
        pane = person.looks_at(INSIDE)
        tag = pane.interactor.AddObserver(
            "LeftButtonDoubleClickEvent", lambda *_: seen.append(1), 0.5
        )
        pane.event("LeftButtonDoubleClickEvent", pane.ras_to_xy(INSIDE))
        pane.interactor.RemoveObserver(tag)
        assert not seen

    def test_the_cursor_shows_the_sign(self, person):
        def picture():
            view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
            return view.cursor.pixmap().toImage()

        plus = picture()
        assert plus.width() == 32
        person.presses("negativeButton")
        assert picture() != plus
        person.presses("positiveButton")
        assert picture() == plus
        person.takes_the_effect("")
        assert picture().isNull()


class TestHiddenSegment:
    @pytest.fixture
    def hidden(self, person):
        display = person.segmentation.GetDisplayNode()
        display.SetSegmentVisibility(person.parameters.GetSelectedSegmentID(), False)
        return person

    def test_it_asks_and_a_refusal_adds_nothing(self, hidden):
        with hidden.host.expecting_dialog("hidden"):
            hidden.clicks(INSIDE)
        assert hidden.prompts == []

    def test_made_visible_the_next_click_counts(self, hidden):
        import qt

        yes = qt.QMessageBox.StandardButton.Yes
        with hidden.host.expecting_dialog("hidden", yes):
            hidden.clicks(INSIDE)
        assert hidden.prompts == []
        hidden.clicks(INSIDE)
        assert hidden.is_at(INSIDE)


class TestEngines:
    def test_the_best_engine_that_needs_nothing_is_chosen_at_first(self, person):
        kinds = catalog.INTERACTIVE_SEGMENTERS
        names = [k.card.name + " (not installed)" * bool(k.missing()) for k in kinds]
        box = person.ui.engineComboBox
        assert [box.itemText(n) for n in range(box.count)] == names
        assert box.currentText == catalog.default_segmenter().card.name
        person.clicks(INSIDE)
        assert person.asked == [(box.currentText, None)]

    def test_an_image_is_shown_to_the_engine_once_for_many_clicks(self, person):
        for ras in (INSIDE, ELSEWHERE, NEAR):
            person.clicks(ras)
        assert person.engine.cases == 1
        assert len(person.asked) == 1

    @pytest.fixture
    def more(self, slicer_app, scene, monkeypatch):
        """Two more engines: one that is not installed, and one that needs a model."""
        default = catalog.default_segmenter()

        class Absent(default):
            card = default.card.__class__(**{**vars(default.card), "name": "absent"})

            @classmethod
            def missing(cls):
                return "the package absent is not there. Install it with pip."

        class Hungry(default):
            card = default.card.__class__(**{**vars(default.card), "name": "hungry"})
            needs_model = "a model that was trained somewhere"

        monkeypatch.setattr(
            catalog, "INTERACTIVE_SEGMENTERS", (*catalog.INTERACTIVE_SEGMENTERS, Absent, Hungry)
        )
        someone = EditorPerson(slicer_app, monkeypatch)
        yield someone
        someone.closes_segment_editor()

    def choose(self, person, name):
        person.ui.engineComboBox.currentIndex = [
            kind.card.name for kind in catalog.INTERACTIVE_SEGMENTERS
        ].index(name)
        person.host.process_events()

    def test_one_that_is_not_installed_says_how_to_get_it(self, more, monkeypatch):
        self.choose(more, "absent")
        assert more.ui.engineComboBox.currentText == "absent (not installed)"
        assert "Install it with pip" in more.status
        monkeypatch.setattr(EngineSlot, "interactive_segmenter", catalog.interactive_segmenter)
        more.clicks(INSIDE)
        assert "Install it with pip" in more.status
        assert len(more.prompts) == 1, "another engine can still answer it"

    def test_one_that_needs_a_model_asks_for_its_file(self, more):
        assert not more.ui.modelPathLineEdit.visible
        self.choose(more, "hungry")
        assert more.ui.modelPathLineEdit.visible
        assert "a model that was trained somewhere" in more.status
        more.ui.modelPathLineEdit.currentPath = "/models/mine.safetensors"
        assert more.status == ""
        more.clicks(INSIDE)
        assert more.asked == [("hungry", "/models/mine.safetensors")]

    def test_the_choices_are_kept_with_segment_editors_parameters(self, more):
        self.choose(more, "hungry")
        more.ui.widthSlider.value = 4.5
        more.presses("negativeButton")
        parameters = more.parameters
        assert parameters.GetAttribute("ImperfectSeg.Engine") == "hungry"
        assert parameters.GetAttribute("ImperfectSeg.Width") == "4.5"
        parameters.SetAttribute("ImperfectSeg.Positive", "1")
        parameters.InvokeCustomModifiedEvent(parameters.EffectParameterModified)
        more.host.process_events()
        assert more.ui.positiveButton.checked

    def test_another_engine_can_be_asked_about_the_same_prompts(self, more):
        more.clicks(INSIDE)
        more.engine = BallSegmenter()
        self.choose(more, "hungry")
        more.ui.modelPathLineEdit.currentPath = "/models/mine.safetensors"
        assert "Segment again" in more.status
        more.presses("segmentButton")
        more.waits()
        assert [name for name, _ in more.asked][-1] == "hungry"
        assert more.engine.cases == 1, "an engine that is new has to see the image"

    def test_an_engine_of_a_later_version_in_a_saved_scene_is_named(self, person):
        person.parameters.SetAttribute("ImperfectSeg.Engine", "from-the-future")
        person.parameters.InvokeCustomModifiedEvent(person.parameters.EffectParameterModified)
        person.engine.fail = None
        person.clicks(INSIDE)
        assert "from-the-future" in person.status


def test_after_cleaning_up_nothing_is_observed_and_no_timer_is_connected(person):
    person.clicks(INSIDE)
    session, segmentation = person.session, person.segmentation
    effect = person.editor.effectByName("ImperfectSeg").self()
    jobs = session._jobs
    changed = slicer.vtkSegmentation.SegmentModified
    assert session._observed
    assert segmentation.HasObserver(changed)
    person.closes_segment_editor()
    assert not session._observed
    assert not effect._connections
    assert effect._observed is None
    assert not jobs._timer.__dict__.get("_connections")
    person.editor = slicer.qMRMLSegmentEditorWidget()


def test_two_segment_editors_have_effects_of_their_own(person):
    second = slicer.qMRMLSegmentEditorWidget()
    assert second.effectByName("ImperfectSeg").self() is not person.effect
    assert second.effectByName("ImperfectSeg").self().session is not person.session


def test_the_modules_own_test_passes_with_the_real_engine(person, monkeypatch):
    import SegmentEditorImperfectSeg

    monkeypatch.setattr(EngineSlot, "interactive_segmenter", catalog.interactive_segmenter)
    SegmentEditorImperfectSeg.SegmentEditorImperfectSegTest().runTest()

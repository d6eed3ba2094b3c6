"""The sparse panel, used as a person uses it: marks of all kinds, one undo for each."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from Testing.Module.sparse_person import ELSEWHERE, INSIDE, person

__all__ = ["person"]


def test_the_panel_opens_with_the_only_volume_and_asks_for_a_segment_first(person):
    assert person.ui.inputVolumeSelector.currentNode() is person.volume
    assert not person.ui.scribbleButton.enabled
    person.adds_segments("liver")
    assert person.ui.scribbleButton.enabled
    assert person.widget.panel.segments.selectedId == person.idOf("liver")
    assert person.idOf("background")


class TestScribbles:
    @pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
    def test_dragging_draws_a_stroke_in_any_view_that_becomes_labels(self, person, view):
        person.adds_segments("liver", "spleen")
        person.selects("spleen")
        end = person.inView(INSIDE, 60, 25, view)
        person.scribbles(INSIDE, end, view)
        mask = person.taken.annotation("sparse mask")
        for place in (INSIDE, end):
            assert mask.labels[tuple(person.geometry.to_index(place))] == 2
        assert set(np.unique(mask.labels)) == {-1, 2}

    def test_background_is_a_label_of_its_own_and_the_later_stroke_counts(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.selects("background")
        assert person.ui.scribbleButton.checked, "the tool stays in hand"
        person.scribbles()
        labels = person.taken.annotation("sparse mask").labels
        assert set(np.unique(labels)) == {-1, 0}

    def test_a_scribble_is_one_action_and_undo_and_redo_take_it_back_and_bring_it(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.scribbles(ELSEWHERE)
        both = person.store.state()
        person.presses("undoButton")
        assert len(person.store.strokes()) == 1
        person.presses_key("Z")
        assert person.store.strokes() == []
        assert not person.ui.undoButton.enabled
        person.presses("redoButton")
        person.presses_key("Y")
        assert [s.points for s in person.store.state()] == [s.points for s in both]

    def test_a_locked_segment_gets_no_marks(self, person):
        person.adds_segments("liver")
        person.presses("lockCheckBox")
        assert not person.ui.scribbleButton.enabled
        person.presses_key("S")
        assert "locked" in person.status
        assert "c0392b" in person.ui.statusLabel.styleSheet
        person.presses("lockCheckBox")
        person.scribbles()
        person.presses("lockCheckBox")
        (node,) = person.store.nodes()
        assert node.GetLocked()

    def test_the_interactive_panel_does_not_take_marks_for_prompts(self, person):
        from ImperfectSegLib.PromptStore import PromptStore

        person.adds_segments("liver")
        person.scribbles()
        assert PromptStore(person.marks).nodes() == []


class TestSlices:
    def test_an_annotated_slice_is_background_where_no_segment_is(self, person):
        person.adds_segments("liver")
        person.opens("sliceTab")
        person.takes("outlineButton")
        corners = [person.inView(INSIDE, *xy) for xy in ((60, 0), (60, 60), (0, 60), (4, 4))]
        person.drags(INSIDE, *corners)
        filled = person.mask("liver")
        k = person.geometry.to_index(INSIDE)[0]
        assert filled[k].sum() > 20
        assert filled.sum() == filled[k].sum()
        assert person.taken.kinds == ()
        person.presses("annotatedButton")
        assert person.ui.annotatedButton.checked
        labels = person.taken.annotation("sparse mask").labels
        np.testing.assert_array_equal(labels[k], filled[k])
        assert (np.delete(labels, k, axis=0) == -1).all()

    def test_each_is_one_action(self, person):
        person.adds_segments("liver")
        person.opens("sliceTab")
        person.takes("outlineButton")
        corners = [person.inView(INSIDE, *xy) for xy in ((60, 0), (60, 60), (0, 60))]
        person.drags(INSIDE, *corners)
        person.presses_key("A")
        assert len(person.session.notes.slices) == 1
        person.presses("undoButton")
        assert person.session.notes.slices == ()
        assert not person.ui.annotatedButton.checked
        assert person.mask("liver").any()
        person.presses("undoButton")
        assert not person.mask("liver").any()
        person.presses("redoButton")
        assert person.mask("liver").any()

    def test_the_button_follows_the_slice_in_view(self, person):
        person.adds_segments("liver")
        person.opens("sliceTab")
        person.presses("annotatedButton")
        k = person.geometry.to_index(INSIDE)[0]
        assert person.ui.placeLabel.text == f"Slice {k} along k: annotated completely"
        person.host.show_volume(person.volume, ELSEWHERE)
        person.host.wait_until(lambda: "completely" not in person.ui.placeLabel.text)
        assert not person.ui.annotatedButton.checked

    def test_slices_at_even_distances_are_listed_and_a_press_goes_there(self, person):
        person.adds_segments("liver")
        person.opens("sliceTab")
        person.ui.everySliceBox.value = 10
        person.presses("proposeButton")
        indices = [w.index for w in person.session.wanted]
        assert indices == [5, 15, 25, 35]
        assert person.ui.wantedList.count == 4
        person.ui.wantedList.currentRow = 2
        person.ui.wantedList.itemClicked.emit(person.ui.wantedList.currentItem())
        assert person.panel.slices.place == (0, 25)
        person.presses_key("N")
        assert person.panel.slices.place == (0, 35)

    def test_segment_editor_opens_with_the_marks_and_the_image(self, person, monkeypatch):
        from types import SimpleNamespace

        opened, chosen = [], {}
        editor = SimpleNamespace(
            setSegmentationNode=lambda node: chosen.update(segmentation=node),
            setSourceVolumeNode=lambda node: chosen.update(volume=node),
        )
        widget = SimpleNamespace(editor=editor)
        monkeypatch.setattr(slicer.util, "selectModule", opened.append)
        monkeypatch.setattr(slicer.util, "getModuleWidget", lambda name: widget)
        person.adds_segments("liver")
        person.presses("editorButton")
        assert opened == ["SegmentEditor"]
        assert chosen == {"segmentation": person.marks, "volume": person.volume}

    def test_overlapping_segments_are_named_and_nothing_breaks(self, person):
        person.adds_segments("liver", "spleen")
        person.opens("sliceTab")
        person.presses("annotatedButton")
        whole = np.ones(person.geometry.shape, bool)
        for name in ("liver", "spleen"):
            Bridge.setSegmentMask(person.marks, person.idOf(name), whole, person.geometry)
        assert person.share is None
        assert "'spleen' overlaps" in person.ui.shareLabel.text


class TestDiameters:
    def draws(self, person, tilt=25):
        person.adds_segments("liver")
        person.opens("recistTab")
        person.takes("axisButton")
        person.drags(INSIDE, person.inView(INSIDE, 90, 0))
        start, end = person.inView(INSIDE, 40, -30), person.inView(INSIDE, 40 + tilt, 30)
        person.drags(start, end)

    def test_a_long_and_a_short_axis_are_a_mark_at_a_right_angle(self, person):
        self.draws(person)
        mark = person.lesion()
        long, short = (np.diff(axis, axis=0)[0] for axis in (mark.long_axis, mark.short_axis))
        assert abs(long @ short) < 1e-6 * np.linalg.norm(long) * np.linalg.norm(short)
        assert np.linalg.norm((mark.long_axis[0] - INSIDE)[:2]) < 0.3
        start = person.inView(INSIDE, 40, -30)
        assert np.linalg.norm(mark.short_axis[0] - start) < 0.3, "it was at it while it was drawn"
        assert mark.label == 1
        assert person.status == f"Short axis: {np.linalg.norm(short):.1f} mm"
        text = person.ui.lesionsList.item(0).text()
        lengths = [f"{np.linalg.norm(axis):.1f}" for axis in (long, short)]
        assert text == f"1: liver, {lengths[0]} x {lengths[1]} mm"
        assert "measurable" in person.ui.hintsLabel.text

    def test_without_the_helper_the_short_axis_is_drawn_as_it_is_dragged(self, person):
        person.presses("squaresBox")
        self.draws(person)
        mark = person.lesion()
        end = person.inView(INSIDE, 65, 30)
        assert np.linalg.norm(mark.short_axis[1] - end) < 0.8

    def test_dragging_an_end_turns_the_short_axis_and_undo_brings_both_back(self, person):
        self.draws(person)
        before = person.lesion()
        (lesion,) = person.store.lesions()
        moved = before.long_axis[1] + (0, 6, 0)
        lesion.long.SetNthControlPointPositionWorld(1, *moved)
        lesion.long.InvokeEvent(lesion.long.PointEndInteractionEvent)
        mark = person.lesion()
        np.testing.assert_allclose(mark.long_axis[1], moved)
        long, short = (np.diff(axis, axis=0)[0] for axis in (mark.long_axis, mark.short_axis))
        assert abs(long @ short) < 1e-6
        person.presses("undoButton")
        np.testing.assert_allclose(person.lesion().long_axis, before.long_axis, atol=1e-9)
        np.testing.assert_allclose(person.lesion().short_axis, before.short_axis, atol=1e-9)

    def test_the_next_one_begins_a_new_lesion_and_one_can_be_removed(self, person):
        self.draws(person)
        person.drags(ELSEWHERE, person.inView(ELSEWHERE, 50, 10))
        assert [(n.number, n.isComplete) for n in person.store.lesions()] == [(1, True), (2, False)]
        assert "short axis" in person.ui.hintsLabel.text
        assert person.taken.unfinished == 1
        person.ui.lesionsList.currentRow = 0
        person.presses("removeLesionButton")
        assert [n.number for n in person.store.lesions()] == [2]
        person.presses("undoButton")
        assert [n.number for n in person.store.lesions()] == [1, 2]

    def test_background_has_no_diameters(self, person):
        person.adds_segments("liver")
        person.selects("background")
        person.presses_key("D")
        assert "Background has no diameters" in person.status
        assert not person.ui.axisButton.checked

    def test_a_click_is_no_diameter(self, person):
        person.adds_segments("liver")
        person.opens("recistTab")
        person.takes("axisButton")
        person.drags(INSIDE, INSIDE)
        assert person.store.lesions() == []
        assert "Too small" in person.status
        assert not person.ui.undoButton.enabled

    def test_axes_on_two_slices_are_refused_by_the_checks_of_the_logic(self, person):
        from ImperfectSegLib.SparseLesionsPart import recistChecks

        person.panel.lesions.checks = recistChecks
        self.draws(person)
        assert "lymph node" in person.ui.hintsLabel.text
        (lesion,) = person.store.lesions()
        short = person.lesion().short_axis + np.array((0, 0, 6))
        for n, end in enumerate(short):
            lesion.short.SetNthControlPointPositionWorld(n, *end)
        lesion.short.InvokeEvent(lesion.short.PointEndInteractionEvent)
        assert "allowed is one slice" in person.ui.hintsLabel.text
        assert "c0392b" in person.ui.hintsLabel.styleSheet

    def test_what_cannot_be_used_is_said_in_red(self, person):
        self.draws(person)
        (lesion,) = person.store.lesions()
        lesion.long.SetNthControlPointPositionWorld(1, 500, 12, 15)
        lesion.long.InvokeEvent(lesion.long.PointEndInteractionEvent)
        assert "outside the image" in person.ui.hintsLabel.text
        assert "c0392b" in person.ui.hintsLabel.styleSheet


class TestBoxesAndTags:
    def test_each_drag_is_a_box_around_an_object(self, person):
        person.adds_segments("liver")
        person.opens("boxTab")
        person.takes("boxButton")
        corner = person.inView(INSIDE, 50, 30)
        person.drags(INSIDE, corner)
        person.drags(ELSEWHERE, person.inView(ELSEWHERE, 40, 40))
        first, second = person.taken.annotation("boxes").boxes
        middle = (np.array(INSIDE) + corner) / 2
        np.testing.assert_allclose(first.center, middle, atol=0.8)
        assert first.size[2] == pytest.approx(min(first.size[:2]))
        assert np.linalg.norm(second.center - ELSEWHERE) > 1
        person.presses("undoButton")
        assert len(person.taken.annotation("boxes").boxes) == 1

    def test_the_image_and_slices_are_tagged_and_what_is_on_a_slice_is_in_the_image(self, person):
        person.adds_segments("liver", "spleen")
        person.opens("tagsTab")
        person.ui.sliceTagBox.currentIndex = 1
        person.selects("spleen")
        person.ui.imageTagBox.currentIndex = 2
        tags = person.taken.annotation("tags")
        assert (tags.present, tags.absent) == ({1}, {2})
        assert "spleen: is not there" in person.ui.tagsLabel.text
        person.presses("undoButton")
        assert person.ui.imageTagBox.currentIndex == 0
        assert person.taken.annotation("tags").absent == frozenset()

    def test_a_slice_without_any_of_the_segments_is_background(self, person):
        person.adds_segments("liver", "spleen")
        person.opens("tagsTab")
        for name in ("liver", "spleen"):
            person.selects(name)
            assert "sparse mask" not in person.taken.kinds
            person.ui.sliceTagBox.currentIndex = 2
        k = person.geometry.to_index(INSIDE)[0]
        labels = person.taken.annotation("sparse mask").labels
        assert (labels[k] == 0).all()
        assert (labels >= 0).sum() == labels[k].size
        assert "tags" not in person.taken.kinds, "one slice says nothing about the image"

    def test_contrary_tags_are_named(self, person):
        person.adds_segments("liver")
        person.opens("tagsTab")
        person.ui.sliceTagBox.currentIndex = 1
        person.ui.imageTagBox.currentIndex = 2
        assert person.share is None
        assert "on a slice, and not to be in the image" in person.ui.shareLabel.text

"""Readers' disagreement is resolved by hand, and what was drawn is never lost."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib.AutosaveFile import readKept
from ImperfectSegLib.SessionLock import SessionLock, tokenOf
from ImperfectSegLogic.active.disagreement import readings, staple
from Testing.Module.crash import crash, files
from Testing.Module.queue_person import GRID, LABELS, SHAPE, full_disk, make, settings
from Testing.Module.readers_person import (
    BAD,
    GOOD,
    NAMES,
    OFF,
    Deciding,
    block,
    decider,
    read,
)

__all__ = ["decider", "settings"]


@pytest.fixture
def kept(settings):
    """The folder with what is kept of drawing by hand."""
    return settings.parent / "ImperfectSeg" / "Autosave" / "Consensus"


def begins(decider, name=NAMES[0], by="eve"):
    """Opens the section, and an item to be drawn by hand."""
    decider.opens_the_section()
    decider.selects(name)
    if by != "STAPLE":
        decider.chooses(by)
    decider.presses("handButton")


class TestDrawing:
    def test_it_starts_from_staple_with_the_readers_outlines_beside_it(self, decider):
        begins(decider, by="STAPLE")
        item = next(i for i in decider.queue.items() if i.unit.name() == NAMES[0])
        expected = np.zeros(SHAPE, bool)
        expected[3] = staple(readings(decider.dataset, item))[0] == 1
        np.testing.assert_array_equal(decider.hand_mask("liver"), expected)
        assert sorted(decider.outlines) == ["bob: liver", "eve: liver"]
        assert "by hand, from STAPLE" in decider.status
        assert decider.shown()[0] == pytest.approx(3, abs=0.02)
        assert not decider.ui.resolveButton.enabled

    def test_it_starts_from_the_reader_who_is_chosen(self, decider):
        begins(decider, NAMES[1], "eve")
        expected = np.zeros(SHAPE, bool)
        expected[5] = BAD == 1
        np.testing.assert_array_equal(decider.hand_mask("liver"), expected)
        names = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")]
        assert f"{NAMES[1]} by hand" in names

    def test_save_makes_a_version_of_the_consensus_and_the_table_tells(self, decider, kept):
        begins(decider)
        drawn = decider.draws_by_hand("liver")
        assert decider.resolved()[NAMES[0]] == "in work"
        decider.presses("handSaveButton")
        labels = decider.consensus("case0")
        np.testing.assert_array_equal(labels[3], np.where(drawn[3], 1, 0))
        assert (np.delete(labels, 3, axis=0) == -1).all()
        assert "case0@0:3 is resolved by hand: version 1 of consensus." in decider.status
        assert decider.resolved() == {NAMES[1]: "", NAMES[0]: "v1"}
        assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
        assert files(kept) == []
        assert decider.dataset.annotators("case0") == ["bob", "consensus", "eve"]

    def test_what_was_resolved_can_be_mended(self, decider):
        begins(decider)
        drawn = decider.draws_by_hand("liver")
        decider.presses("handSaveButton")
        decider.chooses("consensus, version 1")
        decider.presses("handButton")
        np.testing.assert_array_equal(decider.hand_mask("liver"), drawn)
        more = decider.draws_by_hand("tumor", rows=slice(10, 12))
        decider.presses("handSaveButton")
        np.testing.assert_array_equal(decider.consensus("case0", 2)[3] == 2, more[3])
        np.testing.assert_array_equal(decider.consensus("case0", 1)[3] == 1, drawn[3])

    def test_other_slices_of_the_case_keep_what_they_were_resolved_by(self, decider):
        read(decider.folder, NAMES[2], {"eve": BAD})
        decider.looks()
        decider.opens_the_section()
        decider.selects(NAMES[2])
        decider.chooses("bob")
        decider.presses("resolveButton")
        begins(decider)
        decider.draws_by_hand("liver")
        decider.presses("handSaveButton")
        np.testing.assert_array_equal(decider.consensus("case0")[6], GOOD)

    def test_voxels_outside_of_the_slice_are_left_out_and_counted(self, decider):
        begins(decider)
        decider.draws_by_hand("liver", index=slice(3, 5))
        decider.presses("handSaveButton")
        assert "12 voxels outside of the slice were left out" in decider.status

    def test_voxels_that_a_reader_left_open_stay_unlabeled_unless_they_are_drawn(self, decider):
        partly = GOOD.copy()
        partly[:4] = -1
        read(decider.folder, NAMES[3], {"bob": partly, "eve": GOOD})
        decider.looks()
        begins(decider, NAMES[3], "bob")
        segments = decider.hand.GetSegmentation()
        names = [segments.GetSegment(i).GetName() for i in segments.GetSegmentIDs()]
        assert names == ["liver", "tumor", "background"]
        decider.draws_by_hand("tumor", index=2, rows=slice(0, 2))
        decider.presses("handSaveButton")
        expected = partly.copy()
        expected[:2, :4] = 2
        np.testing.assert_array_equal(decider.consensus("case1")[2], expected)

    def test_an_empty_one_is_saved_only_if_that_is_confirmed(self, decider):
        import qt

        begins(decider)
        empty = {"rows": slice(0, 0)}
        for name in LABELS.values():
            decider.draws_by_hand(name, **empty)
        with decider.host.expecting_dialog("no segment has a voxel", qt.QMessageBox.No):
            decider.presses("handSaveButton")
        assert decider.hand is not None
        assert decider.resolved()[NAMES[0]] == "in work"
        with decider.host.expecting_dialog("Save it as empty", qt.QMessageBox.Yes):
            decider.presses("handSaveButton")
        assert (decider.consensus("case0")[3] == 0).all()

    def test_what_cannot_be_saved_is_said_with_what_to_do_and_stays_open(self, decider):
        begins(decider)
        decider.draws_by_hand("liver")
        decider.draws_by_hand("tumor")
        decider.presses("handSaveButton")
        assert "overlaps another one" in decider.status
        assert "then press Save again" in decider.status
        decider.draws_by_hand("tumor", rows=slice(5, 6))
        decider.hand.GetSegmentation().AddEmptySegment("", "spleen")
        decider.presses("handSaveButton")
        assert "['spleen'], allowed are liver, tumor" in decider.status
        assert decider.dataset.versions("case0", "consensus") == ()

    def test_segment_editor_gets_it(self, decider, monkeypatch):
        widget = slicer.qMRMLSegmentEditorWidget()
        widget.setMRMLScene(slicer.mrmlScene)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        widget.setMRMLSegmentEditorNode(node)
        module = SimpleNamespace(editor=widget)
        monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
        monkeypatch.setattr(slicer.util, "getModuleWidget", {"SegmentEditor": module}.__getitem__)
        begins(decider)
        decider.presses("handEditorButton")
        assert widget.segmentationNode() is decider.hand
        assert widget.sourceVolumeNode() is decider.session.volumeNode


class TestLosingNothing:
    def test_it_is_kept_on_disk_as_it_is_drawn(self, decider, kept):
        begins(decider)
        assert len(files(kept)) == 1
        decider.draws_by_hand("tumor")
        (path,) = files(kept)
        said = readKept(path)
        tumor = next(s for s in said.segments if s.name == "tumor")
        assert (said.layers[tumor.layer].labels() == tumor.value).sum() == 12
        assert said.annotator == "consensus"

    def test_after_a_crash_the_table_tells_and_by_hand_brings_it_back(self, decider):
        begins(decider)
        drawn = decider.draws_by_hand("tumor")
        crash(decider, decider.work)
        decider.opens_the_panel()
        decider.opens_the_section()
        assert decider.resolved()[NAMES[0]] == "in work"
        decider.selects(NAMES[0])
        decider.presses("handButton")
        assert "is back. Discard it to start anew." in decider.status
        np.testing.assert_array_equal(decider.hand_mask("tumor"), drawn)
        decider.presses("handSaveButton")
        np.testing.assert_array_equal(decider.consensus("case0")[3] == 2, drawn[3])
        assert decider.resolved()[NAMES[0]] == "v1"

    def test_leave_keeps_it_and_by_hand_goes_on_with_it(self, decider):
        begins(decider)
        drawn = decider.draws_by_hand("tumor")
        decider.presses("handLeaveButton")
        assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
        assert decider.resolved()[NAMES[0]] == "in work"
        decider.presses("handButton")
        np.testing.assert_array_equal(decider.hand_mask("tumor"), drawn)

    def test_one_that_was_not_changed_leaves_no_file(self, decider, kept):
        begins(decider)
        decider.presses("handLeaveButton")
        assert files(kept) == []
        assert decider.resolved()[NAMES[0]] == ""

    def test_discard_asks_and_then_gives_it_up(self, decider, kept):
        import qt

        begins(decider)
        decider.draws_by_hand("tumor")
        with decider.host.expecting_dialog("give up what you drew", qt.QMessageBox.No):
            decider.presses("handDiscardButton")
        assert decider.hand is not None
        with decider.host.expecting_dialog("give up what you drew", qt.QMessageBox.Yes):
            decider.presses("handDiscardButton")
        assert files(kept) == []
        decider.presses("handButton")
        assert not decider.hand_mask("tumor").any()

    @pytest.mark.parametrize("how", ["next", "show", "other hand", "scene", "panel", "queue"])
    def test_whatever_is_opened_or_closed_it_comes_back(self, decider, tmp_path, how):
        begins(decider)
        drawn = decider.draws_by_hand("tumor")
        if how == "next":
            decider.presses("nextButton")
            assert decider.open == NAMES[2]
        elif how in ("show", "other hand"):
            decider.selects(NAMES[1])
            decider.presses("readersShowButton" if how == "show" else "handButton")
            assert decider.work.opened.item.unit.name() == NAMES[1]
        elif how == "scene":
            decider.host.clear_scene()
        elif how == "panel":
            decider.closes_the_panel()
            decider.opens_the_panel()
        else:
            make(tmp_path / "other")
            decider.connects(tmp_path / "other")
            decider.connects(decider.folder)
        assert decider.work.unit is None or how == "other hand"
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("handButton")
        np.testing.assert_array_equal(decider.hand_mask("tumor"), drawn)

    def test_the_last_stroke_is_kept_as_well_though_it_was_just_drawn(self, decider):
        begins(decider)
        drawn = decider.draws_by_hand("tumor", rests=False)
        assert decider.work.autosave.isBusy
        decider.host.clear_scene()
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("handButton")
        np.testing.assert_array_equal(decider.hand_mask("tumor"), drawn)

    def test_a_full_disk_leaves_it_open_and_older_versions_as_they_are(self, decider, monkeypatch):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.chooses("bob")
        decider.presses("resolveButton")
        decider.presses("handButton")
        drawn = decider.draws_by_hand("tumor")

        with full_disk(monkeypatch):
            decider.presses("handSaveButton")
        assert "disk is full" in decider.status
        np.testing.assert_array_equal(decider.hand_mask("tumor"), drawn)
        np.testing.assert_array_equal(decider.consensus("case0")[3], GOOD)
        decider.presses("handSaveButton")
        np.testing.assert_array_equal(decider.consensus("case0", 2)[3] == 2, drawn[3])

    def test_if_it_cannot_be_kept_it_is_not_left_and_next_leaves_it_in_the_scene(
        self, decider, kept
    ):
        begins(decider)
        shutil.rmtree(kept)
        kept.write_text("in the way")
        node = decider.hand
        drawn = decider.draws_by_hand("tumor")
        assert "Autosave is off" in decider.ui.readersOpenLabel.text
        decider.presses("handLeaveButton")
        assert decider.hand is node
        assert "Press Save or Discard before you go on." in decider.status
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        assert decider.hand is node
        decider.presses("nextButton")
        assert decider.open == NAMES[2]
        assert slicer.mrmlScene.IsNodePresent(node)
        assert f"What you drew stays in the scene, as {node.GetName()}" in decider.status
        inside = node.GetSegmentation()
        from ImperfectSegLib import Bridge

        tumor = inside.GetSegmentIdBySegmentName("tumor")
        np.testing.assert_array_equal(Bridge.segmentMask(node, tumor, GRID), drawn)
        assert decider.outlines == {}
        kept.unlink()

    def test_a_segmentation_that_was_removed_comes_back_by_leaving_it(self, decider):
        begins(decider)
        drawn = decider.draws_by_hand("tumor")
        slicer.mrmlScene.RemoveNode(decider.hand)
        decider.presses("handSaveButton")
        assert "Press Leave, then By hand" in decider.status
        decider.presses("handLeaveButton")
        decider.presses("handButton")
        np.testing.assert_array_equal(decider.hand_mask("tumor"), drawn)

    def test_next_while_it_is_saved_leaves_nothing_in_work(self, decider, kept):
        begins(decider)
        drawn = decider.draws_by_hand("tumor")
        decider.ui.handSaveButton.click()
        decider.session.next()  # By its key, which is faster than the button goes off.
        decider.rests()
        assert decider.open == NAMES[2]
        np.testing.assert_array_equal(decider.consensus("case0")[3] == 2, drawn[3])
        assert files(kept) == []
        assert decider.resolved()[NAMES[0]] == "v1"

    def test_what_another_slicer_has_open_is_not_opened(self, decider, kept):
        begins(decider)
        decider.draws_by_hand("tumor")
        (path,) = files(kept)
        decider.presses("handLeaveButton")
        other = SessionLock(kept)
        other.hold()
        own = tokenOf(path)
        path.rename(path.with_name(path.name.replace(own, other.token)))
        decider.presses("handButton")
        assert "is drawn by hand in another 3D Slicer on this computer" in decider.status
        assert decider.hand is None
        other.release()

    def test_a_copy_that_is_damaged_is_said_and_it_starts_anew(self, decider, kept):
        begins(decider)
        decider.draws_by_hand("tumor")
        decider.presses("handLeaveButton")
        files(kept)[0].write_text("damaged")
        decider.presses("handButton")
        assert "the kept copy cannot be read" in decider.status
        np.testing.assert_array_equal(decider.hand_mask("liver")[3], OFF == 1)


def test_an_annotator_named_consensus_does_not_get_it_as_an_item_in_work(
    slicer_app, scene, tmp_path, settings
):
    make(tmp_path / "set", NAMES[:1], readings=2)
    read(tmp_path / "set", NAMES[0], {"bob": GOOD, "eve": block(label=2)})
    person = Deciding(slicer_app, tmp_path / "set", "consensus")
    begins(person)
    drawn = person.draws_by_hand("tumor", rows=slice(20, 22))
    person.ui.filterBox.currentText = "All"
    person.double_clicks(NAMES[0])
    assert person.open == NAMES[0]
    assert not (person.mask("tumor") & drawn).any()

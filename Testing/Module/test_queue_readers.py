"""What several have read, in the queue panel: compared, shown, and resolved."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib.QueueReaders import QueueReaders
from ImperfectSegLib.QueueReadersNodes import COLORS
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.data import Dataset, DenseMask, ImageLabels, SparseMask
from Testing.Module.queue_person import GRID, SHAPE, full_disk, make, settings
from Testing.Module.readers_person import (
    BAD,
    GOOD,
    NAMES,
    OFF,
    Deciding,
    block,
    decider,
    of_volume,
    read,
)

__all__ = ["decider", "settings"]


def whole(index, labels, label=1):
    """Where a label is, in the whole image, if it is in one slice."""
    mask = np.zeros(SHAPE, bool)
    mask[index] = labels == label
    return mask


def segmentations():
    return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


class TestComparing:
    def test_the_worst_agreement_comes_first_with_dice_hd95_and_kappa(self, decider):
        decider.opens_the_section()
        first, second = decider.disagreements()
        assert first[:2] == ("case1, slice 5\nliver: bob, eve", "0.500")
        assert second[:2] == ("case0, slice 3\nliver: bob, eve", "0.875")
        assert [row[2] for row in (first, second)] == ["8.0", "2.0"]  # mm; rows are 2 mm apart.
        assert [row[3] for row in (first, second)] == ["0.423", "0.856"]
        assert "2 items were read by several, 0 of them resolved." in decider.ui.readersLabel.text

    def test_nothing_is_compared_before_the_section_is_opened(self, decider):
        decider.looks()
        assert decider.ui.readersButton.collapsed
        assert decider.work.compared is None
        decider.opens_the_section()
        assert len(decider.disagreements()) == 2

    def test_an_item_that_is_done_by_a_second_reader_comes_in_by_itself(self, decider):
        decider.opens_the_section()
        read(decider.folder, NAMES[2], {"eve": BAD})
        decider.looks()
        names = [row[0].split("\n")[0] for row in decider.disagreements()]
        assert sorted(names) == ["case0, slice 3", "case0, slice 6", "case1, slice 5"]

    def test_what_was_compared_is_not_read_again(self, decider, monkeypatch):
        from ImperfectSegLib import QueueReaders as module

        read_again, real = [], module.disagreements
        decider.opens_the_section()
        monkeypatch.setattr(
            module,
            "disagreements",
            lambda dataset, item: read_again.append(item.unit.name()) or real(dataset, item),
        )
        read(decider.folder, NAMES[2], {"eve": BAD})
        decider.looks()
        decider.presses("readersCompareButton")
        assert read_again == [NAMES[2]]

    def test_a_new_version_of_a_reader_is_compared_anew(self, decider):
        decider.opens_the_section()
        queue = Queue(decider.dataset)
        unit = next(i.unit for i in queue.items() if i.unit.name() == NAMES[1])
        labels = np.full(SHAPE, -1, np.int32)
        labels[5] = GOOD
        queue.done(queue.reopen(unit, "eve"), SparseMask(labels, GRID))
        decider.looks()
        told = [row[:2] for row in decider.disagreements()]
        assert ("case1, slice 5\nliver: bob, eve", "1.000") in told

    def test_looking_again_starts_nothing_while_nobody_has_done_anything(self, decider):
        decider.opens_the_section()
        compared = decider.work.compared
        decider.looks()
        assert decider.work.compared is compared

    def test_it_can_be_stopped_and_the_window_is_free_meanwhile(self, decider, monkeypatch):
        import ImperfectSegLib.QueueReaders as module

        free, threads, real = threading.Event(), [], module.disagreements

        def slow(dataset, item):
            threads.append(threading.current_thread())
            assert free.wait(60)
            return real(dataset, item)

        monkeypatch.setattr(module, "disagreements", slow)
        decider.ui.readersButton.collapsed = False
        decider.waits(lambda: "case1@0:5 (50 %)" in decider.ui.readersLabel.text or threads)
        assert decider.ui.readersCompareButton.text == "Stop"
        decider.ui.readersCompareButton.click()
        free.set()
        threads[0].join(60)
        decider.rests()
        assert threads[0] is not threading.main_thread()
        assert len(threads) == 1
        assert decider.work.compared is None
        assert decider.ui.readersLabel.text == "Not compared yet."
        decider.looks()
        assert decider.work.compared is None
        decider.presses("readersCompareButton")
        assert len(decider.disagreements()) == 2

    def test_closing_the_section_stops_it(self, decider, monkeypatch):
        import ImperfectSegLib.QueueReaders as module

        free, real = threading.Event(), module.disagreements
        monkeypatch.setattr(
            module, "disagreements", lambda d, item: free.wait(60) and real(d, item)
        )
        decider.ui.readersButton.collapsed = False
        assert decider.work.isComparing
        decider.ui.readersButton.collapsed = True
        assert not decider.work.isComparing
        free.set()
        decider.opens_the_section()
        assert len(decider.disagreements()) == 2

    def test_a_queue_without_double_reading_says_so_in_a_line(
        self, slicer_app, scene, tmp_path, settings
    ):
        make(tmp_path / "set")
        person = Deciding(slicer_app, tmp_path / "set")
        person.opens_the_section()
        assert "No item was read by two annotators yet" in person.ui.readersLabel.text
        assert person.disagreements() == []
        for button in ("readersShowButton", "resolveButton", "handButton"):
            assert not getattr(person.ui, button).enabled

    def test_an_item_that_cannot_be_compared_is_said_and_the_others_are_shown(self, decider):
        dataset = decider.dataset
        queue = Queue(dataset)
        read(decider.folder, NAMES[3], {"bob": GOOD})
        unit = next(i.unit for i in queue.items() if i.unit.name() == NAMES[3])
        queue.done(queue.take(unit, "eve"), ImageLabels(frozenset({1})))
        decider.looks()
        decider.opens_the_section()
        assert "eve gave ImageLabels" in decider.ui.readersLabel.text
        assert len(decider.disagreements()) == 2

    def test_a_damaged_consensus_is_said_and_the_others_are_shown(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("resolveButton")
        version = decider.dataset.versions("case0", "consensus")[-1]
        version.path.write_text("damaged")
        decider.presses("readersCompareButton")
        assert str(version.path.name) in decider.ui.readersLabel.text
        assert len(decider.disagreements()) == 2

    def test_a_label_that_one_reader_lacks_is_the_worst_of_all(self, decider):
        read(decider.folder, NAMES[3], {"bob": GOOD, "eve": block(label=2)})
        decider.looks()
        decider.opens_the_section()
        assert [row[:4] for row in decider.disagreements()[:2]] == [
            ("case1, slice 2\nliver: bob, eve", "0.000", "inf", "0.000"),
            ("case1, slice 2\ntumor: bob, eve", "0.000", "inf", "0.000"),
        ]

    def test_of_those_with_no_overlap_at_all_the_farther_apart_come_first(self, decider):
        read(decider.folder, NAMES[2], {"eve": block(rows=(17, 20))})  # Beside bob's.
        read(decider.folder, NAMES[3], {"bob": GOOD, "eve": block(label=0)})
        decider.looks()
        decider.opens_the_section()
        told = [(row[0].split("\n")[0], *row[1:3]) for row in decider.disagreements()[:2]]
        assert told[0] == ("case1, slice 2", "0.000", "inf")
        assert told[1][:2] == ("case0, slice 6", "0.000")

    def test_an_item_that_a_second_reader_has_just_begun_is_not_compared(self, decider):
        queue = decider.queue
        unit = next(i.unit for i in queue.items() if i.unit.name() == NAMES[2])
        queue.take(unit, "eve")
        decider.looks()
        decider.opens_the_section()
        assert "2 items were read by several" in decider.ui.readersLabel.text
        assert len(decider.disagreements()) == 2

    def test_another_data_set_shows_nothing_of_the_one_before(self, decider, tmp_path):
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        make(tmp_path / "other")
        decider.connects(tmp_path / "other")
        assert decider.disagreements() == []
        assert decider.outlines == {}
        assert segmentations() == []

    def test_the_same_row_stays_chosen_when_others_come_in(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.chooses("eve")
        read(decider.folder, NAMES[2], {"eve": block(rows=(20, 23))})
        decider.looks()
        assert decider.disagreements()[0][0] == "case0, slice 6\nliver: bob, eve"
        assert decider.panel.readers.table.row.unit.name() == NAMES[1]
        assert decider.panel.readers.by == "eve"


class TestShowing:
    def test_all_readers_masks_are_outlines_in_their_own_colors_at_the_slice(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        shown = decider.outlines
        assert sorted(shown) == ["bob: liver", "eve: liver"]
        for (name, labels), color in zip({"bob": GOOD, "eve": BAD}.items(), COLORS, strict=False):
            mask, painted = shown[f"{name}: liver"]
            np.testing.assert_array_equal(mask, whole(5, labels))
            assert painted == pytest.approx(color, abs=0.01)
        display = decider.work.nodes.outlines.GetDisplayNode()
        assert (display.GetVisibility2DFill(), display.GetVisibility2DOutline()) == (0, 1)
        assert decider.shown()[0] == pytest.approx(5, abs=0.02)
        composite = decider.host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == decider.session.volumeNode.GetID()
        assert "bob" in decider.ui.readersOpenLabel.text

    def test_a_double_click_shows_as_well(self, decider):
        decider.opens_the_section()
        decider.ui.readersTable.cellDoubleClicked.emit(0, 0)
        decider.host.process_events()
        decider.rests()
        assert decider.work.opened.item.unit.name() == NAMES[1]

    def test_outlines_of_another_label_are_faint_and_background_has_none(self, decider):
        both = block()
        both[9:12, 8:11] = 2
        partly = GOOD.copy()
        partly[0] = -1  # Not annotated there: background is a part of its own.
        read(decider.folder, NAMES[3], {"bob": both, "eve": partly})
        decider.looks()
        decider.opens_the_section()
        rows = [(row.unit.name(), row.label) for row in decider.panel.readers.table.rows]
        decider.ui.readersTable.selectRow(rows.index((NAMES[3], 2)))
        decider.presses("readersShowButton")
        display = decider.work.nodes.outlines.GetDisplayNode()
        inside = decider.work.nodes.outlines.GetSegmentation()
        strength = {
            inside.GetSegment(i).GetName(): display.GetSegmentOpacity2DOutline(i)
            for i in inside.GetSegmentIDs()
        }
        assert strength["bob: tumor"] == 1
        assert strength["bob: liver"] < 0.6
        assert sorted(strength) == ["bob: liver", "bob: tumor", "eve: liver"]

    def test_it_is_nobodys_annotation_and_is_not_saved_with_the_scene(self, decider):
        before = {case: decider.dataset.annotators(case) for case in ("case0", "case1")}
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        node = decider.work.nodes.outlines
        assert not node.GetSaveWithScene()
        assert not node.GetDisplayNode().GetSaveWithScene()
        assert node.GetHideFromEditors()
        assert not decider.ui.doneButton.enabled
        assert not decider.ui.handSaveButton.enabled
        assert {case: decider.dataset.annotators(case) for case in before} == before

    def test_it_goes_when_it_is_left_and_when_another_one_is_shown(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        decider.selects(NAMES[0])
        decider.presses("readersShowButton")
        assert segmentations() == [decider.work.nodes.outlines]
        assert decider.shown()[0] == pytest.approx(3, abs=0.02)
        displays = slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode")
        assert len(displays) == 1
        decider.presses("handLeaveButton")
        assert segmentations() == []
        assert slicer.util.getNodesByClass("vtkMRMLSegmentationDisplayNode") == []
        assert decider.ui.readersOpenLabel.text == ""

    def test_an_item_in_work_is_left_as_next_would_and_can_be_gone_on_with(self, decider):
        decider.presses("nextButton")
        assert decider.open == NAMES[2]
        decider.draws("tumor", index=6)
        mask = decider.mask("tumor")
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        assert decider.open == ""
        assert f"{NAMES[2]} was left as it is" in decider.status
        assert decider.states()[NAMES[2]] == "leased"
        decider.double_clicks(NAMES[2])
        assert decider.outlines == {}
        np.testing.assert_array_equal(decider.mask("tumor"), mask)

    def test_an_item_that_cannot_be_kept_on_disk_is_not_left(self, decider, settings):
        import shutil

        decider.presses("nextButton")
        kept = settings.parent / "ImperfectSeg" / "Autosave" / "Queue"
        shutil.rmtree(kept)
        kept.write_text("in the way")
        decider.draws("liver", index=6)
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        assert decider.open == NAMES[2]
        assert "Press Done before you go on" in decider.status
        kept.unlink()

    def test_the_image_of_the_same_case_stays_and_that_of_another_goes(self, decider):
        decider.presses("nextButton")
        first = decider.session.volumeNode
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("readersShowButton")
        assert decider.session.volumeNode is first
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        images = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        names = [node.GetName() for node in images]
        assert [name for name in names if name.startswith("case")] == ["case1"]

    def test_opening_an_item_ends_it_and_shows_the_items_image(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("readersShowButton")
        decider.presses("nextButton")
        assert decider.open == NAMES[2]
        assert decider.outlines == {}
        assert segmentations() == [decider.session.segmentationNode]
        composite = decider.host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == decider.session.volumeNode.GetID()
        images = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        assert [node.GetName() for node in images if node.GetName().startswith("case")] == ["case0"]

    def test_an_item_that_others_still_have_to_read_is_asked_about(
        self, slicer_app, scene, tmp_path, settings
    ):
        import qt

        make(tmp_path / "set", NAMES, readings=3)
        read(tmp_path / "set", NAMES[0], {"bob": GOOD, "eve": OFF})
        person = Deciding(slicer_app, tmp_path / "set")
        person.opens_the_section()
        person.selects(NAMES[0])
        with slicer_app.expecting_dialog("cannot read it independently", qt.QMessageBox.No):
            person.presses("readersShowButton")
        assert person.outlines == {}
        with slicer_app.expecting_dialog("fewer than 3 have read it", qt.QMessageBox.Yes):
            person.presses("readersShowButton")
        assert len(person.outlines) == 2

    def test_a_volume_is_shown_where_its_readers_disagree_most(
        self, slicer_app, scene, tmp_path, settings
    ):
        make(tmp_path / "set", ("case0",), cases=1, readings=2)
        one, other = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.int32)
        one[2:7] = other[2:7] = GOOD
        other[6] = block(rows=(16, 20), columns=(2, 6))
        read(tmp_path / "set", "case0", {"bob": one, "eve": other}, of_volume)
        person = Deciding(slicer_app, tmp_path / "set")
        person.opens_the_section()
        person.selects("case0")
        person.presses("readersShowButton")
        assert person.shown()[0] == pytest.approx(6, abs=0.02)
        np.testing.assert_array_equal(person.outlines["eve: liver"][0], other == 1)

    def test_a_patch_is_framed(self, slicer_app, scene, tmp_path, settings):
        name = "case0@0:5+6,5:12x12"
        make(tmp_path / "set", (name,), readings=2)
        read(tmp_path / "set", name, {"bob": GOOD, "eve": OFF})
        person = Deciding(slicer_app, tmp_path / "set")
        person.opens_the_section()
        person.selects(name)
        person.presses("readersShowButton")
        assert person.shown()[0] == pytest.approx(5, abs=0.02)
        assert len(slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")) == 1
        person.presses("handLeaveButton")
        assert slicer.util.getNodesByClass("vtkMRMLMarkupsROINode") == []

    def test_an_image_that_is_gone_is_said_and_what_is_open_stays(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("readersShowButton")
        decider.presses("handLeaveButton")
        decider.session.desk.images.forget()
        for path in (decider.folder / "cases" / "case0").glob("image*"):
            path.unlink()
        decider.presses("readersShowButton")
        assert "case0" in decider.status
        assert decider.outlines == {}

    def test_closing_the_scene_removes_it(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("readersShowButton")
        decider.host.clear_scene()
        assert decider.work.opened is None
        assert not decider.ui.handLeaveButton.enabled
        decider.selects(NAMES[1])
        decider.presses("readersShowButton")
        assert len(decider.outlines) == 2


class TestResolving:
    def test_staple_makes_a_version_of_the_consensus_and_the_table_tells(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        assert decider.choices == ["STAPLE", "bob", "eve"]
        decider.presses("resolveButton")
        labels = decider.consensus("case0")
        assert (labels[3][(GOOD == 1) & (OFF == 1)] == 1).all()
        assert (np.delete(labels, 3, axis=0) == -1).all()
        assert "case0@0:3 is resolved by STAPLE: version 1 of consensus." in decider.status
        left = int((labels[3] == -1).sum())
        assert (f"{left} voxels are undecided" in decider.status) == (left > 0)
        assert decider.resolved() == {NAMES[1]: "", NAMES[0]: "v1"}
        assert "1 of them resolved" in decider.ui.readersLabel.text

    def test_a_readers_masks_are_taken_as_they_are(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[1])
        decider.chooses("eve")
        decider.presses("resolveButton")
        np.testing.assert_array_equal(decider.consensus("case1")[5], BAD)
        assert "resolved by eve: version 1 of consensus" in decider.status

    def test_resolving_once_more_leaves_the_older_version(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[1])
        for name, version in (("eve", 1), ("bob", 2)):
            decider.chooses(name)
            decider.presses("resolveButton")
            assert decider.resolved()[NAMES[1]] == f"v{version}"
        np.testing.assert_array_equal(decider.consensus("case1", 1)[5], BAD)
        np.testing.assert_array_equal(decider.consensus("case1", 2)[5], GOOD)

    def test_voxels_that_stay_unlabeled_are_counted(self, decider):
        partly = GOOD.copy()
        partly[:4] = -1
        read(decider.folder, NAMES[3], {"bob": partly, "eve": GOOD})
        decider.looks()
        decider.opens_the_section()
        decider.selects(NAMES[3])
        decider.chooses("eve")
        decider.presses("resolveButton")
        assert "undecided" not in decider.status
        decider.chooses("bob")
        decider.presses("resolveButton")
        assert "80 voxels are undecided and unlabeled." in decider.status

    def test_another_slice_of_the_same_case_is_not_called_resolved(self, decider):
        read(decider.folder, NAMES[2], {"eve": BAD})
        decider.looks()
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("resolveButton")
        assert decider.resolved() == {NAMES[1]: "", NAMES[2]: "", NAMES[0]: "v1"}

    def test_readers_and_the_queue_stay_as_they_are(self, decider):
        before = decider.readings(NAMES[0])
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("resolveButton")
        assert decider.readings(NAMES[0]) == before
        assert len(decider.disagreements()) == 2

    def test_what_is_resolved_is_offered_as_a_start_but_not_as_a_reader(self, decider):
        decider.opens_the_section()
        decider.selects(NAMES[0])
        decider.presses("resolveButton")
        assert decider.choices == ["STAPLE", "bob", "eve", "consensus, version 1"]
        decider.chooses("consensus, version 1")
        assert not decider.ui.resolveButton.enabled
        assert decider.ui.handButton.enabled

    def test_a_disk_that_is_full_is_said_and_nothing_is_called_resolved(self, decider, monkeypatch):
        decider.opens_the_section()
        decider.selects(NAMES[0])

        with full_disk(monkeypatch):
            decider.presses("resolveButton")
        assert "disk is full" in decider.status
        assert decider.resolved()[NAMES[0]] == ""
        assert decider.ui.resolveButton.enabled


def test_a_dense_consensus_resolves_a_volume(slicer_app, scene, tmp_path, settings):
    make(tmp_path / "set", ("case0",), cases=1, readings=2)
    one = np.zeros(SHAPE, np.int32)
    one[2:7] = GOOD
    read(tmp_path / "set", "case0", {"bob": one, "eve": np.roll(one, 1, axis=1)}, of_volume)
    person = Deciding(slicer_app, tmp_path / "set")
    person.opens_the_section()
    person.selects("case0")
    person.chooses("bob")
    person.presses("resolveButton")
    assert isinstance(person.dataset.case("case0", "consensus").annotation, DenseMask)
    assert person.resolved() == {"case0": "v1"}


def test_a_start_that_is_no_mask_is_refused(decider):
    dataset: Dataset = decider.dataset
    dataset.annotate("case0", ImageLabels(frozenset({1})), "consensus")
    item = next(i for i in decider.queue.items() if i.unit.name() == NAMES[0])
    readers = QueueReaders(dataset, decider.session.desk.images)
    decider.opens_the_section()
    row = decider.panel.readers.table.rows[1]
    with pytest.raises(ValueError, match="got no mask of 'consensus' to start from"):
        readers.open(row, item, "consensus")

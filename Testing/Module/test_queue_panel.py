"""The queue panel: what is asked for, opened, annotated, saved, and set aside."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import slicer.util
from PIL import Image

from ImperfectSegLib import Bridge
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.data import Dataset, DenseMask
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.methods.base import Ranking
from Testing.Logic.active.queues import age
from Testing.Module.conftest import MODULE as INTERACTIVE
from Testing.Module.queue_person import (
    GRID,
    LABELS,
    MODEL,
    SHAPE,
    SLICES,
    Annotating,
    full_disk,
    make,
    person,
    proposed,
    settings,
    uncertain,
)

__all__ = ["person", "settings"]


@pytest.fixture
def editor(person, monkeypatch):
    """The widget of Segment Editor, a module that the host has not."""
    widget = slicer.qMRMLSegmentEditorWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    module = SimpleNamespace(editor=widget)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: None)
    monkeypatch.setattr(slicer.util, "getModuleWidget", {"SegmentEditor": module}.__getitem__)
    return widget


class TestConnecting:
    def test_the_items_are_listed_with_reason_score_and_state_the_most_wanted_first(self, person):
        first, *others = person.rows()
        assert first == ("case0, slice 3\nreason 0", "1", "open")
        assert [row[1] for row in others] == ["0.9", "0.8", "0.7"]
        assert person.ui.progressLabel.text == "0 of 4 done, 4 left"

    def test_each_item_has_a_picture_of_its_slice_with_the_proposal_outlined(self, person):
        shown = person.panel.items.shown
        person.waits(lambda: all(person.panel.items.pictures.path(u, MODEL) for u in shown))
        pixels = [
            np.asarray(Image.open(person.panel.items.pictures.path(unit, MODEL)).convert("RGB"))
            for unit in shown
        ]
        colors = [[round(255 * c) for c in distinct_color(label)] for label in LABELS]
        hasColor = [[(p == color).all(-1).any() for color in colors] for p in pixels]
        assert hasColor == [[True, False], [True, True], [True, False], [True, False]]
        person.waits(lambda: not person.ui.itemsTable.item(3, 0).icon().isNull())

    def test_the_list_can_be_limited_and_searched(self, person):
        person.presses("nextButton")
        person.draws("liver")
        person.presses("doneButton")
        assert [row[0][:5] for row in person.rows()] == ["case1", "case0", "case1"]
        person.ui.filterBox.currentText = "Done"
        assert [row[2] for row in person.rows()] == ["done\nann"]
        person.ui.filterBox.currentText = "All"
        person.ui.searchEdit.text = "CASE1"
        assert [row[0].split("\n")[0] for row in person.rows()] == [
            "case1, slice 5",
            "case1, slice 2",
        ]

    def test_a_data_set_without_a_queue_says_so_and_shows_how_to_make_one(self, person, tmp_path):
        Dataset.create(tmp_path / "new", LABELS)
        person.connects(tmp_path / "new")
        assert "no queue yet" in person.status
        assert not person.ui.buildButton.collapsed
        assert not person.ui.nextButton.enabled
        assert person.rows() == []
        person.connects()
        assert person.ui.buildButton.collapsed

    def test_a_folder_that_is_no_data_set_and_a_name_that_is_not_allowed_are_said(
        self, person, tmp_path
    ):
        person.connects(tmp_path)
        assert "dataset.json" in person.status
        person.connects(annotator="a/b")
        assert "annotator name: got 'a/b'" in person.status
        assert person.session.desk is None
        person.connects(annotator="ben")
        assert len(person.rows()) == 4

    def test_what_others_do_comes_into_the_list(self, person):
        lease = person.queue.next("bob")
        person.session.look()
        person.rests()
        assert person.rows()[0][2] == "leased\nbob"
        person.queue.skip(lease, "blurred")
        person.session.look()
        person.rests()
        assert person.ui.progressLabel.text == "0 of 4 done, 3 left, 1 skipped"
        person.ui.filterBox.currentText = "Skipped and flagged"
        assert person.rows() == [("case0, slice 3\nblurred", "1", "skipped")]

    def test_the_name_is_remembered_for_the_next_time(self, person):
        person.connects(annotator="zoe")
        person.closes_the_panel()
        person.host.clear_scene()
        person.opens_the_panel(connect=False)
        assert person.parameters.annotator == "zoe"


class TestOpening:
    def test_next_opens_the_most_wanted_with_image_proposal_and_uncertainty(self, person):
        person.presses("nextButton")
        assert person.open == SLICES[0]
        assert "case0@0:3 is open" in person.status
        geometry = Bridge.geometryFromNode(person.session.volumeNode)
        assert geometry.matches(GRID)
        labels = proposed()
        for number, name in LABELS.items():
            expected = np.zeros(SHAPE, bool)
            expected[3] = labels[3] == number
            np.testing.assert_array_equal(person.mask(name), expected)
        overlay = person.session.nodes.overlay.node
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(overlay), uncertain())
        composite = person.host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
        assert composite.GetForegroundVolumeID() == overlay.GetID()
        assert composite.GetBackgroundVolumeID() == person.session.volumeNode.GetID()
        assert person.states()[SLICES[0]] == "leased"

    @pytest.mark.parametrize(
        ("name", "view", "axis"), [("case0@0:6", "Red", 0), ("case1@1:9", "Green", 1)]
    )
    def test_the_views_go_to_the_slice(
        self, slicer_app, scene, tmp_path, settings, name, view, axis
    ):
        make(tmp_path / "set", (name,))
        person = Annotating(slicer_app, tmp_path / "set")
        person.presses("nextButton")
        assert person.shown(view)[axis] == pytest.approx(person.session.unit.index, abs=0.02)

    def test_the_views_go_to_a_patch_which_is_framed_and_alone_has_the_proposal(
        self, slicer_app, scene, tmp_path, settings
    ):
        make(tmp_path / "set", ("case0@0:5+10,9:4x6",))
        person = Annotating(slicer_app, tmp_path / "set")
        person.presses("nextButton")
        seen = [person.shown(view)[axis] for axis, view in enumerate(("Red", "Green", "Yellow"))]
        assert seen == pytest.approx([5, 11.5, 11.5], abs=0.02)
        expected = np.zeros(SHAPE, bool)
        expected[5, 10:14, 9:15] = proposed()[5, 10:14, 9:15] == 1
        np.testing.assert_array_equal(person.mask("liver"), expected)
        (frame,) = slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")
        bounds = np.zeros(6)
        frame.GetRASBounds(bounds)
        corners = GRID.to_ras(np.array([[5, 9.5, 8.5], [5, 13.5, 14.5], [5, 9.5, 14.5]]))
        assert (corners[:, 0] > bounds[0] - 0.1).all()
        assert (corners[:, 0] < bounds[1] + 0.1).all()
        assert frame.GetSize() == pytest.approx((12, 8, 5), abs=0.01)
        person.presses("putBackButton")
        assert slicer.util.getNodesByClass("vtkMRMLMarkupsROINode") == []

    def test_a_volume_has_all_of_the_proposal(self, slicer_app, scene, tmp_path, settings):
        make(tmp_path / "set", ("case0", "case1"))
        person = Annotating(slicer_app, tmp_path / "set")
        person.presses("nextButton")
        np.testing.assert_array_equal(person.mask("liver"), proposed() == 1)
        np.testing.assert_array_equal(person.mask("tumor"), proposed() == 2)
        person.draws("liver", index=1)
        person.presses("doneButton")
        assert isinstance(person.dataset.case("case0", "ann").annotation, DenseMask)
        expected = np.where(proposed() == 2, 2, 0)
        expected[1, 2:6, 2:6] = 1
        np.testing.assert_array_equal(person.saved("case0"), expected)

    def test_a_double_click_opens_an_item_out_of_its_order(self, person):
        person.double_clicks(SLICES[2])
        assert person.open == SLICES[2]
        assert person.rows()[2][2] == "in work\nann"
        assert person.queue.next("bob").unit.name() == SLICES[0]

    def test_what_somebody_else_has_is_not_opened(self, person):
        person.queue.next("bob")
        person.double_clicks(SLICES[0])
        assert person.open == ""
        assert "is with bob" in person.status

    def test_two_panels_on_one_folder_never_get_the_same_item(self, person):
        from ImperfectSegLib.QueueDesk import QueueDesk

        other = QueueDesk(person.folder, "ann")  # Even under the same name.
        person.presses("nextButton")
        assert other.next().lease.unit.name() == SLICES[1]
        person.presses("nextButton")
        assert person.open == SLICES[2]
        assert QueueDesk(person.folder, "bob").next().lease.unit.name() == SLICES[3]
        person.presses("nextButton")
        assert person.open == SLICES[2]
        assert "Nothing is free: 4 items are still in work." in person.status

    def test_a_stroke_does_not_look_through_all_items(self, person):
        class Items(list):
            looks = 0

            def __iter__(self):
                Items.looks += 1
                return super().__iter__()

        person.presses("nextButton")
        person.session.items = Items(person.session.items)
        person.draws("tumor")
        person.waits(lambda: not person.session.autosave.isBusy)
        assert Items.looks == 0
        assert person.mask("tumor").any()

    def test_the_image_of_the_same_case_stays_and_that_of_another_goes(self, person):
        person.presses("nextButton")
        first = person.session.volumeNode
        person.double_clicks(SLICES[2])
        assert person.session.volumeNode is first
        person.double_clicks(SLICES[1])
        names = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
        assert [name for name in names if name.startswith("case")] == ["case1"]
        assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1

    def test_the_item_before_stays_lent_and_its_work_comes_back(self, person):
        person.presses("nextButton")
        person.draws("tumor")
        mask = person.mask("tumor")
        person.presses("nextButton")
        assert person.open == SLICES[1]
        assert person.states()[SLICES[0]] == "leased"
        person.double_clicks(SLICES[0])
        assert "is back" in person.status
        np.testing.assert_array_equal(person.mask("tumor"), mask)

    def test_without_a_prediction_segments_are_empty_and_that_is_said(
        self, slicer_app, scene, tmp_path, settings
    ):
        make(tmp_path / "set", predicted=False)
        person = Annotating(slicer_app, tmp_path / "set")
        person.presses("nextButton")
        assert "model first has not predicted case case0" in person.status
        assert not person.mask("liver").any()
        assert not person.ui.uncertaintyBox.enabled
        assert person.session.nodes.overlay.node is None

    def test_the_uncertainty_can_be_hidden(self, person):
        person.presses("nextButton")
        person.ui.uncertaintyBox.click()
        assert person.session.nodes.overlay.node is None
        person.ui.uncertaintyBox.click()
        assert person.session.nodes.overlay.node is not None

    def test_segment_editor_gets_image_and_segmentation(self, person, editor):
        person.presses("nextButton")
        person.presses("editorButton")
        assert editor.segmentationNode() is person.session.segmentationNode
        assert editor.sourceVolumeNode() is person.session.volumeNode

    def test_the_interactive_panel_gets_image_and_segmentation(self, person):
        person.presses("nextButton")
        person.presses("interactiveButton")
        assert "ImperfectSegInteractive: cannot be opened" in person.status
        person.host.load_module(INTERACTIVE)
        person.presses("interactiveButton")
        known = slicer.util.getModuleLogic("ImperfectSegInteractive").getParameterNode()
        assert known.segmentation is person.session.segmentationNode
        assert known.inputVolume is person.session.volumeNode


class TestDone:
    def test_what_is_in_the_slice_is_a_version_and_the_rest_is_unlabeled(self, person):
        person.presses("nextButton")
        person.draws("liver")
        person.presses("doneButton")
        assert "is done: version 1 of ann" in person.status
        labels = person.saved("case0")
        expected = np.where(proposed()[3] == 2, 2, 0)
        expected[2:6, 2:6] = 1
        np.testing.assert_array_equal(labels[3], expected)
        assert (np.delete(labels, 3, axis=0) == -1).all()
        assert person.states()[SLICES[0]] == "done"
        assert person.open == ""
        assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []

    def test_older_versions_stay(self, person):
        for name, count in ((SLICES[0], 1), (SLICES[2], 2)):
            person.double_clicks(name)
            person.draws("liver")
            person.presses("doneButton")
            assert len(person.dataset.versions("case0", "ann")) == count
        assert (person.saved("case0", 1)[6] == -1).all()
        assert (person.saved("case0", 2)[3] >= 0).all()

    def test_voxels_outside_of_the_slice_are_left_out_and_counted(self, person):
        person.presses("nextButton")
        person.draws("liver", index=slice(3, 5))
        person.presses("doneButton")
        assert "16 voxels outside of the slice were left out" in person.status
        assert (person.saved("case0")[4] == -1).all()

    def test_an_empty_one_is_saved_only_if_that_is_confirmed(self, person):
        import qt

        person.presses("nextButton")
        person.erases()
        with person.host.expecting_dialog("no segment has a voxel", qt.QMessageBox.No):
            person.presses("doneButton")
        assert (person.open, person.states()[SLICES[0]]) == (SLICES[0], "leased")
        assert person.dataset.annotators("case0") == []
        with person.host.expecting_dialog("Save it as empty", qt.QMessageBox.Yes):
            person.presses("doneButton")
        assert person.states()[SLICES[0]] == "done"
        assert (person.saved("case0")[3] == 0).all()

    def test_a_segment_that_is_no_label_is_refused_by_its_name(self, person):
        person.presses("nextButton")
        person.session.segmentationNode.GetSegmentation().AddEmptySegment("", "spleen")
        person.presses("doneButton")
        assert "['spleen'], allowed are liver, tumor" in person.status
        assert person.open == SLICES[0]

    def test_segments_that_overlap_are_refused(self, person):
        person.presses("nextButton")
        person.draws("liver")
        person.draws("tumor")
        person.presses("doneButton")
        assert "overlaps another one" in person.status
        assert person.open == SLICES[0]

    def test_an_image_that_was_moved_is_refused_until_it_is_back(self, person):
        person.presses("nextButton")
        moved = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        matrix = np.eye(4)
        matrix[0, 3] = 7
        moved.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        person.session.volumeNode.SetAndObserveTransformNodeID(moved.GetID())
        person.presses("doneButton")
        assert "was moved, cropped or resampled" in person.status
        person.session.volumeNode.SetAndObserveTransformNodeID(None)
        person.presses("doneButton")
        assert "is done" in person.status

    def test_a_segmentation_that_was_removed_is_said(self, person):
        person.presses("nextButton")
        slicer.mrmlScene.RemoveNode(person.session.segmentationNode)
        person.presses("doneButton")
        assert "its segmentation was removed" in person.status
        person.presses("putBackButton")
        assert person.states()[SLICES[0]] == "open"

    def test_of_a_sparse_one_only_what_is_in_segments_counts(self, person):
        person.ui.sparseBox.click()
        person.presses("nextButton")
        person.erases()
        person.presses("doneButton")
        assert "nothing is annotated in this slice" in person.status
        person.session.segmentationNode.GetSegmentation().AddEmptySegment("", "background")
        person.draws("background", rows=slice(0, 1))
        person.draws("liver")
        person.presses("doneButton")
        found = dict(zip(*np.unique(person.saved("case0")[3], return_counts=True), strict=True))
        assert found == {-1: 24 * 20 - 4 - 16, 0: 4, 1: 16}

    def test_a_lease_that_was_lost_loses_no_work(self, person):
        person.presses("nextButton")
        person.draws("liver")
        age(person.queue, person.session.lease, 1000)
        taken = person.queue.next("bob")
        assert taken.unit.name() == SLICES[0]
        person.panel.care.renew()
        person.waits(lambda: not person.panel.care._renewing.isRunning)
        assert "now with bob" in person.status
        assert "Done saves it as a version all the same" in person.status
        person.presses("doneButton")
        assert "kept as version 1 of ann" in person.status
        assert (person.saved("case0")[3, 2:6, 2:6] == 1).all()
        assert person.states()[SLICES[0]] == "leased"
        assert person.open == ""

    def test_a_disk_that_fills_up_leaves_the_old_version_and_the_item_open(
        self, person, monkeypatch
    ):
        person.presses("nextButton")
        person.presses("doneButton")
        before = person.saved("case0").copy()
        person.double_clicks(SLICES[2])
        person.draws("liver")

        with full_disk(monkeypatch):
            person.presses("doneButton")
        assert "disk is full" in person.status
        assert "still open, and older versions are as they were" in person.status
        assert person.open == SLICES[2]
        np.testing.assert_array_equal(person.saved("case0", 1), before)
        person.presses("doneButton")
        assert "version" in person.status
        assert (person.saved("case0")[6, 2:6, 2:6] == 1).all()

    def test_the_next_is_opened_by_itself_if_that_is_wanted(self, person):
        person.ui.goOnBox.click()
        person.presses("nextButton")
        person.presses("doneButton")
        person.waits(lambda: person.open == SLICES[1])


class TestSettingAside:
    def test_a_skipped_item_has_a_reason_and_the_queue_goes_on(self, person):
        person.presses("nextButton")
        person.presses("skipButton")
        assert "write a reason first" in person.status
        person.ui.reasonEdit.text = "motion"
        person.presses("skipButton")
        assert person.states()[SLICES[0]] == "skipped"
        assert person.queue.items()[0].standing.why == "motion"
        assert (person.open, person.ui.reasonEdit.text) == ("", "")
        person.presses("nextButton")
        assert person.open == SLICES[1]

    def test_a_flagged_item_is_left_to_nobody(self, person):
        person.presses("nextButton")
        person.ui.reasonEdit.text = "wrong patient"
        person.presses("flagButton")
        assert person.states()[SLICES[0]] == "flagged"
        assert "1 flagged" in person.ui.progressLabel.text

    def test_a_skipped_item_comes_back_by_a_double_click(self, person):
        person.presses("nextButton")
        person.ui.reasonEdit.text = "later"
        person.presses("skipButton")
        person.ui.filterBox.currentText = "All"
        person.double_clicks(SLICES[0])
        assert (person.open, person.states()[SLICES[0]]) == (SLICES[0], "leased")

    def test_an_image_that_is_gone_is_flagged_and_the_next_one_opened(self, person):
        (person.folder / "cases/case0/image.nrrd").unlink()
        person.presses("nextButton")
        assert person.open == SLICES[1]
        assert person.states()[SLICES[0]] == "flagged"
        person.ui.filterBox.currentText = "Skipped and flagged"
        assert "there is no such image" in person.rows()[0][0]

    def test_an_image_that_was_cut_short_is_flagged_by_a_double_click(self, person):
        path = person.folder / "cases/case1/image.nrrd"
        path.write_bytes(path.read_bytes()[:500])
        person.double_clicks(SLICES[1])
        assert person.open == ""
        assert "was flagged" in person.status
        assert person.states()[SLICES[1]] == "flagged"

    def test_an_item_is_put_back_for_others(self, person):
        import qt

        person.presses("nextButton")
        person.presses("putBackButton")
        assert person.states()[SLICES[0]] == "open"
        person.presses("nextButton")
        person.draws("liver")
        with person.host.expecting_dialog("give up what you annotated", qt.QMessageBox.No):
            person.presses("putBackButton")
        assert person.open == SLICES[0]
        with person.host.expecting_dialog("give up what you annotated", qt.QMessageBox.Yes):
            person.presses("putBackButton")
        assert (person.open, person.states()[SLICES[0]]) == ("", "open")


class TestGoingBack:
    def test_the_item_before_is_opened_again_and_becomes_a_new_version(self, person):
        for _ in range(2):
            person.presses("nextButton")
            person.draws("liver")
            person.presses("doneButton")
        person.presses("backButton")
        assert person.open == SLICES[1]
        assert "becomes a new version" in person.ui.itemLabel.text
        assert "version 1 of ann" in person.ui.itemLabel.text
        assert (person.mask("liver")[5, 2:6, 2:6]).all()
        person.presses("backButton")
        assert person.open == SLICES[0]
        person.draws("tumor", rows=slice(10, 12))
        person.presses("doneButton")
        assert "version 2 of ann" in person.status
        assert person.states()[SLICES[0]] == "done"
        assert (person.saved("case0", 2)[3, 10:12, 2:6] == 2).all()
        assert not (person.saved("case0", 1)[3] == 2).any()

    def test_looking_at_it_changes_nothing(self, person):
        person.presses("nextButton")
        person.presses("doneButton")
        before = person.readings(SLICES[0])
        person.presses("backButton")
        assert not person.ui.skipButton.enabled
        person.presses("nextButton")
        assert person.open == SLICES[1]
        assert person.readings(SLICES[0]) == before
        assert person.states()[SLICES[0]] == "done"

    def test_somebody_elses_is_started_from_and_gets_a_second_reading(self, person):
        lease = person.queue.next("bob")
        labels = np.full(SHAPE, -1)
        labels[3] = 0
        labels[3, 4:8, 4:8] = 2
        from ImperfectSegLogic.data import SparseMask

        person.queue.done(lease, SparseMask(labels, GRID))
        person.ui.filterBox.currentText = "All"
        person.double_clicks(SLICES[0])
        assert "version 1 of bob" in person.ui.itemLabel.text
        np.testing.assert_array_equal(person.mask("tumor"), labels == 2)
        person.presses("doneButton")
        assert [r.annotator for r in person.readings(SLICES[0])] == ["bob", "ann"]
        np.testing.assert_array_equal(person.saved("case0", 1, "bob"), labels)


class TestTime:
    @pytest.fixture
    def clock(self, person):
        """A clock that is put forward by hand."""
        now = [0.0]
        person.session.clock._now = lambda: now[0]
        return now

    def test_the_time_at_work_is_recorded_and_stands_still_elsewhere(self, person, clock):
        person.presses("nextButton")
        clock[0] += 60
        person.host.select_module("ImperfectSegQueue")
        person.host.app.moduleManager().select("")
        clock[0] += 1000
        person.panel.care.tick()
        clock[0] += 1000
        assert "paused" in person.ui.timeLabel.text
        person.host.select_module("ImperfectSegQueue")
        clock[0] += 7
        person.presses("doneButton")
        assert person.readings(SLICES[0])[0].seconds == pytest.approx(67)
        assert "1:07 each" in person.ui.sharesLabel.text

    def test_it_goes_on_in_modules_that_annotate(self, person, clock):
        person.host.load_module(INTERACTIVE)
        person.presses("nextButton")
        person.presses("interactiveButton")
        person.panel.care.tick()
        clock[0] += 30
        person.host.select_module("ImperfectSegQueue")
        clock[0] += 12
        person.presses("doneButton")
        assert person.readings(SLICES[0])[0].seconds == pytest.approx(42)

    def test_a_new_version_adds_to_it(self, person, clock):
        person.presses("nextButton")
        clock[0] += 20
        person.presses("doneButton")
        person.presses("backButton")
        clock[0] += 5
        person.draws("liver")
        person.presses("doneButton")
        assert person.readings(SLICES[0])[0].seconds == pytest.approx(25)


class TestLease:
    def test_it_is_renewed_while_the_item_is_open_whatever_module_is(self, person):
        person.presses("nextButton")
        lease = person.session.lease
        age(person.queue, lease, 590)
        person.host.app.moduleManager().select("")
        for _ in range(60):
            person.panel.care.tick()
        person.waits(lambda: not person.panel.care._renewing.isRunning)
        age(person.queue, lease, 590)
        assert person.queue.next("bob").unit.name() == SLICES[1]

    def test_an_item_that_was_left_is_not_and_others_get_it(self, person):
        person.presses("nextButton")
        lease = person.session.lease
        person.presses("nextButton")
        age(person.queue, lease, 590)
        for _ in range(60):
            person.panel.care.tick()
        person.waits(lambda: not person.panel.care._renewing.isRunning)
        age(person.queue, lease, 590)
        assert person.queue.next("bob").unit.name() == SLICES[0]


def test_keys_do_what_the_buttons_do_and_are_told_in_tool_tips(person):
    person.presses_key("N")
    assert person.open == SLICES[0]
    person.presses_key("D")
    assert person.states()[SLICES[0]] == "done"
    person.presses_key("D")  # Nothing is open.
    person.presses_key("N")
    person.ui.reasonEdit.text = "dark"
    person.presses_key("S")
    assert person.states()[SLICES[1]] == "skipped"
    person.presses_key("B")
    assert person.open == SLICES[0]
    person.presses_key("P")
    assert person.open == ""
    for button, key in (("nextButton", "N"), ("doneButton", "D"), ("skipButton", "S")):
        assert getattr(person.ui, button).toolTip.endswith(f"({key})")


def test_progress_is_told_per_annotator(person):
    person.presses("nextButton")
    person.presses("doneButton")
    person.queue.next("bob")
    person.presses("nextButton")
    lines = person.ui.sharesLabel.text.split("<br>")
    assert lines[0].startswith("<b>ann</b>: 1 done")
    assert lines[0].endswith("1 at work")
    assert lines[1] == "<b>bob</b>: 0 done, 1 at work"
    assert (person.ui.progressBar.value, person.ui.progressBar.maximum) == (1, 4)


def test_a_new_order_comes_into_the_list(person):
    Queue.build(person.dataset, Ranking((SLICES[3], SLICES[0]), (2.0, 1.0), ("new", "old")))
    person.session.look()
    person.rests()
    assert [row[0] for row in person.rows()] == ["case1, slice 2\nnew", "case0, slice 3\nold"]
    person.presses("nextButton")
    assert person.open == SLICES[3]


def test_all_done_is_said(person):
    for _ in range(4):
        person.presses("nextButton")
        person.presses("doneButton")
    person.presses("nextButton")
    assert "All done" in person.status
    assert person.ui.progressLabel.text == "4 of 4 done, 0 left"


def test_the_module_has_its_own_test(person):
    slicer.modules.ImperfectSegQueueInstance.runTest()

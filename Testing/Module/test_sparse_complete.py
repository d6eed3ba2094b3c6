"""A mask is completed from sparse marks beside the window, and the case goes to a data set."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.OverlayNode import NAME
from ImperfectSegLogic.data import (
    Boxes,
    Dataset,
    ImageLabels,
    PointGrid,
    RecistMarks,
    SparseMask,
)
from Testing.Module.sparse_person import ELSEWHERE, INSIDE, person

__all__ = ["person"]


def overlay():
    """The voxels of the overlay in the red view; None if there is none."""
    composite = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    node = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID() or "")
    return slicer.util.arrayFromVolume(node) if node and node.GetName() == NAME else None


class TestCompleting:
    def test_the_mask_goes_into_a_segmentation_of_its_own_and_one_undo_takes_it_back(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.completes()
        ((case, kind),) = person.completer.calls
        assert kind == "scribbles"
        assert isinstance(case.annotation, SparseMask)
        np.testing.assert_array_equal(case.annotation.labels, person.taken.mask().labels)
        half = np.zeros(person.geometry.shape, bool)
        half[..., :24] = True
        np.testing.assert_array_equal(person.mask("liver", person.completed), half)
        assert not person.mask("liver").any(), "marks are marks"
        assert "Completed in" in person.status
        person.presses("undoButton")
        assert not person.mask("liver", person.completed).any()
        assert len(person.store.strokes()) == 1
        person.presses("redoButton")
        assert person.mask("liver", person.completed).any()

    def test_a_locked_segment_is_not_changed(self, person):
        person.adds_segments("liver", "spleen")
        person.scribbles()
        person.completes()
        before = person.mask("liver", person.completed)
        lower = np.zeros(before.shape, bool)
        lower[:10] = True
        Bridge.setSegmentMask(person.completed, person.idOf("liver"), lower, person.geometry)
        person.presses("lockCheckBox")
        person.completes()
        np.testing.assert_array_equal(person.mask("liver", person.completed), lower)
        person.presses("lockCheckBox")
        person.completes()
        np.testing.assert_array_equal(person.mask("liver", person.completed), before)

    def test_where_it_is_unsure_lies_over_the_image_and_goes_with_undo(self, person):
        person.adds_segments("liver")
        person.scribbles()
        assert overlay() is None
        person.completes()
        unsure = overlay()
        assert unsure[..., 23].min() > 0.9
        assert unsure[..., 30:].max() < 1e-6
        person.ui.uncertaintyBox.click()
        assert overlay() is None
        person.ui.uncertaintyBox.click()
        assert overlay() is not None
        person.presses("undoButton")
        assert overlay() is None
        person.presses("redoButton")
        assert overlay() is not None

    def test_wanted_slices_are_listed_and_a_press_goes_there(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.completes()
        texts = [person.ui.wantedList.item(n).text() for n in range(person.ui.wantedList.count)]
        assert texts == ["Slice 30 along k: most uncertain", "Slice 5 along i: next"]
        person.presses_key("N")
        assert person.panel.slices.place == (0, 30)
        person.presses_key("N")
        index = person.geometry.to_continuous_index(person.positionIn("Yellow"))
        assert index[2] == pytest.approx(5, abs=3), "the view is a little oblique to the image"
        person.presses("undoButton")
        assert person.ui.wantedList.count == 0

    def test_the_window_goes_on_meanwhile_and_it_can_be_cancelled(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.completer.isFree.clear()
        person.completes(wait=False)
        assert not person.ui.completeButton.enabled
        person.host.wait_until(lambda: person.ui.progressBar.value == 30)
        person.scribbles(ELSEWHERE)
        assert len(person.store.strokes()) == 2
        person.presses("cancelButton")
        person.completer.isFree.set()
        assert person.status == "Cancelled; nothing was changed."
        assert person.completed is None
        assert person.ui.progressBar.value == 0

    def test_errors_of_the_method_and_a_missing_mark_are_shown(self, person):
        person.adds_segments("liver")
        person.completes()
        assert "sparse mask: nothing of it was marked" in person.status
        person.scribbles()
        person.completer.fail = ValueError("scribbles: got one label only.")
        person.completes()
        assert person.status == "scribbles: got one label only."
        assert "c0392b" in person.ui.statusLabel.styleSheet
        assert person.completed is None

    def test_an_image_that_was_changed_meanwhile_is_not_written_to(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.completer.isFree.clear()
        person.completes(wait=False)
        slicer.util.arrayFromVolume(person.volume)[:] += 1
        slicer.util.arrayFromVolumeModified(person.volume)
        person.completer.isFree.set()
        person.waits()
        assert "the volume was changed meanwhile" in person.status
        assert person.completed is None

    def test_what_there_is_chooses_where_it_is_completed_from(self, person):
        person.adds_segments("liver")
        person.opens("gridTab")
        person.presses("layGridButton")
        person.presses_key("1")
        assert person.panel.completing.source == "grid"
        person.completes()
        person.opens("sliceTab")
        person.presses("annotatedButton")
        person.ui.sourceBox.currentIndex = 1
        person.presses_key("U")
        person.waits()
        assert [kind for _, kind in person.completer.calls] == ["grid", "slices"]
        assert isinstance(person.completer.calls[0][0].annotation, PointGrid)

    def test_closing_the_scene_forgets_it_all(self, person):
        person.adds_segments("liver")
        person.scribbles()
        person.completes()
        person.host.clear_scene()
        person.host.process_events()
        assert person.session.completed is None
        assert not person.ui.undoButton.enabled
        assert not person.ui.completeButton.enabled


class TestShare:
    def test_it_is_counted_as_marks_are_made(self, person):
        person.adds_segments("liver", "spleen")
        assert person.share.voxels == 0
        person.scribbles()
        labels = person.taken.mask().labels
        assert person.share.voxels == person.share.perLabel[1] == (labels == 1).sum() > 0
        assert person.share.outOf == labels.size
        text = person.ui.shareLabel.text
        assert f"({person.share.voxels:,})" in text
        assert "nothing is marked of: background, spleen" in text
        person.presses("undoButton")
        assert person.share.voxels == 0

    def test_painting_in_segment_editor_counts_too(self, person):
        person.adds_segments("liver")
        person.opens("sliceTab")
        person.presses("annotatedButton")
        k = person.geometry.to_index(INSIDE)[0]
        slice_ = np.prod(person.geometry.shape[1:])
        assert dict(person.share.slices) == {0: (1, 40)}
        assert person.share.perLabel == {0: slice_, 1: 0}
        mask = np.zeros(person.geometry.shape, bool)
        mask[k, :10, :10] = True
        Bridge.setSegmentMask(person.marks, person.idOf("liver"), mask, person.geometry)
        assert person.share.perLabel == {0: slice_ - 100, 1: 100}


class TestHandingOver:
    @pytest.fixture
    def dataset(self, person, tmp_path):
        made = Dataset.create(tmp_path / "set", {3: "spleen", 5: "liver"})
        person.adds_segments("liver")
        person.ui.datasetPath.currentPath = str(made.folder)
        person.parameters.annotator = "anna"
        return made

    def test_one_press_makes_the_volume_a_case_with_a_sparse_mask(self, person, dataset):
        person.scribbles()
        person.hands_over()
        case = dataset.case("phantom", "anna")
        np.testing.assert_array_equal(case.volume.array, slicer.util.arrayFromVolume(person.volume))
        wanted = person.taken.mask().labels.astype(int)
        np.testing.assert_array_equal(case.annotation.labels, np.where(wanted == 1, 5, wanted))
        assert "by anna: sparse mask (version 1)" in person.status
        person.scribbles(ELSEWHERE)
        person.hands_over()
        assert [v.number for v in dataset.versions("phantom", "anna")] == [1, 2]

    def test_every_kind_arrives_and_the_one_that_says_most_is_the_newest(self, person, dataset):
        person.opens("recistTab")
        person.takes("axisButton")
        person.drags(INSIDE, person.inView(INSIDE, 90, 0))
        person.drags(person.inView(INSIDE, 40, -30), person.inView(INSIDE, 40, 30))
        person.takes("boxButton")
        person.drags(INSIDE, person.inView(INSIDE, 50, 30))
        person.ui.imageTagBox.currentIndex = 1
        person.opens("gridTab")
        person.presses("layGridButton")
        person.presses_key("0")
        person.ui.caseEdit.text = "case7"
        person.hands_over()
        versions = dataset.versions("case7", "anna")
        made = [dataset.read("case7", version) for version in versions]
        assert [type(a) for a in made] == [ImageLabels, Boxes, RecistMarks, PointGrid]
        assert made[0].present == {5}
        assert {box.label for box in made[1].boxes} == {5}
        np.testing.assert_allclose(made[2].marks[0].long_axis, person.lesion().long_axis)
        assert made[3].labels.tolist() == [0]
        assert "points (version 4)" in person.status
        person.ui.handOverKindBox.currentText = "boxes"
        person.hands_over()
        assert isinstance(dataset.case("case7").annotation, Boxes)

    def test_where_no_folder_is_a_data_set_is_made_with_the_segments_as_labels(
        self, person, dataset, tmp_path
    ):
        person.scribbles()
        person.ui.datasetPath.currentPath = str(tmp_path / "new")
        person.hands_over()
        assert dict(Dataset.open(tmp_path / "new").labels) == {1: "liver"}

    def test_what_does_not_fit_is_said_and_nothing_is_written(self, person, dataset):
        person.hands_over()
        assert "nothing was marked yet" in person.status
        person.scribbles()
        person.parameters.annotator = " "
        person.hands_over()
        assert "Say who annotates" in person.status
        person.parameters.annotator = "anna"
        person.adds_segments("kidney")
        person.hands_over()
        assert "got segments ['kidney'], allowed are spleen, liver" in person.status
        assert dataset.case_ids == []

    def test_another_image_of_the_same_name_is_refused(self, person, dataset):
        person.scribbles()
        person.hands_over()
        slicer.util.arrayFromVolume(person.volume)[:] += 1
        person.hands_over()
        assert "another image named phantom is in the data set" in person.status
        assert len(dataset.versions("phantom", "anna")) == 1

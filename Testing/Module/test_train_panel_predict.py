"""Predicting from the train panel: what the model's process writes comes into the scene."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import (
    Segmentation,
    Volume,
    read_volume,
    write_segmentation,
    write_volume,
)
from Testing.Logic.data import phantom_cases
from Testing.Module.test_bridge import OBLIQUE, SHAPE, SHEARED, makeVolume, rotation
from Testing.Module.train_person import FakeRun, Trainer

LABELS = np.random.default_rng(5).integers(0, 3, SHAPE).astype(np.uint8)
UNSURE = np.random.default_rng(6).random(SHAPE).astype(np.float32)


class Predicter(Trainer):
    """Someone with a trained model, and a stand-in for the process that predicts."""

    def predicts(self, name="predictVolumeButton"):
        count = len(self.processes.started)
        self.presses(name)
        self.waits(lambda: len(self.processes.started) > count)
        return self.processes.started[-1]

    def process_ends(self, command, labels=LABELS, unsure=UNSURE):
        """Writes what `imperfectseg predict` writes, on the grid of the image file."""
        image, out = read_volume(command[2]), Path(command[4])
        found = Segmentation.from_labels(labels, image.geometry, {1: "liver", 2: "spleen"})
        write_segmentation(found, out)
        if "--uncertainty" in command:
            target = out.with_name(f"labels-{command[6]}.nrrd")
            write_volume(Volume(unsure, image.ijk_to_ras), target)
        self.ends(0)

    def ends(self, code):
        pid = self.processes.last
        self.processes.codes[pid] = code
        self.processes.alive.discard(pid)
        self.waits(lambda: not self.panel.predicting.session.isRunning)
        self.host.process_events()

    @property
    def told(self):
        return self.ui.predictionLabel.text

    @property
    def segmentations(self):
        return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")

    def mask(self, number, volume):
        (node,) = self.segmentations
        segmentId = node.GetSegmentation().GetSegmentIDs()[number]
        geometry = Bridge.volumeFromNode(volume).geometry
        return Bridge.segmentMask(node, segmentId, geometry)


@pytest.fixture
def dataset(tmp_path):
    made = phantom_cases.make(tmp_path / "livers")
    run = FakeRun(made.model_folder("good")).begins().has_a_model()
    run.says("done", 100, message="Done: dice 0.900")
    return made


@pytest.fixture
def person(slicer_app, scene, dataset):
    someone = Predicter(slicer_app)
    someone.picks(dataset.folder)
    yield someone
    someone.closes_the_panel()


def open_a_case(person, matrix=OBLIQUE, moved=False):
    node = makeVolume(matrix, rotation(40) if moved else None)
    person.panel.initializeParameterNode()
    person.host.process_events()
    return node


@pytest.mark.parametrize("matrix", [OBLIQUE, SHEARED], ids=["oblique", "sheared"])
@pytest.mark.parametrize("moved", [False, True], ids=["", "transformed"])
def test_the_open_case_gets_a_segmentation_to_the_voxel(person, dataset, matrix, moved):
    volume = open_a_case(person, matrix, moved)
    command = person.predicts()
    assert command[:2] == ["predict", str(dataset.folder / "models" / "good" / "model.safetensors")]
    assert command[3] == "--out"
    image = read_volume(command[2])
    np.testing.assert_array_equal(image.array, slicer.util.arrayFromVolume(volume))
    assert image.geometry.matches(Bridge.volumeFromNode(volume).geometry)
    person.process_ends(command)
    assert person.told == "Found: liver, spleen."
    (node,) = person.segmentations
    assert node.GetName() == "image by good"
    assert node.GetTransformNodeID() == volume.GetTransformNodeID()
    for number, label in enumerate((1, 2)):
        np.testing.assert_array_equal(person.mask(number, volume), label == LABELS)
    assert not Path(command[2]).parent.exists(), "temporary files are gone"


def test_uncertainty_becomes_a_volume_on_the_same_voxels(person):
    volume = open_a_case(person, OBLIQUE, moved=True)
    person.ui.uncertaintyBox.click()
    command = person.predicts()
    assert command[5:] == ["--uncertainty", "entropy"]
    person.process_ends(command)
    node = slicer.util.getNode("image by good, uncertainty")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), UNSURE)
    ours, theirs = (Bridge.volumeFromNode(n).geometry for n in (node, volume))
    assert ours.matches(theirs)


def test_a_label_that_was_not_found_is_an_empty_segment(person):
    volume = open_a_case(person)
    person.process_ends(person.predicts(), np.where(LABELS == 1, 1, 0).astype(np.uint8))
    assert person.told == "Found: liver."
    assert not person.mask(1, volume).any()


def test_predicting_again_adds_another_segmentation(person):
    open_a_case(person)
    for _ in range(2):
        person.process_ends(person.predicts())
    names = [node.GetName() for node in person.segmentations]
    assert names == ["image by good", "image by good_1"]


def test_the_bar_follows_what_the_process_tells(person):
    open_a_case(person)
    person.predicts()
    assert person.ui.predictionBar.maximum == 0, "nobody knows yet how far it is"
    assert not person.ui.predictVolumeButton.enabled
    told = Path(person.processes.variables[-1]["IMPERFECTSEG_PROGRESS"])
    told.write_text(json.dumps({"fraction": 0.42, "text": "slices"}))
    person.waits(lambda: person.ui.predictionBar.value == 42)
    person.presses("cancelButton")


def test_cancel_ends_the_process_and_adds_nothing(person):
    open_a_case(person)
    command = person.predicts()
    person.presses("cancelButton")
    assert len(person.processes.ended) == 1
    assert person.told == "Cancelled."
    assert person.segmentations == []
    assert not Path(command[2]).parent.exists()
    assert person.ui.predictVolumeButton.enabled


def test_closing_the_scene_ends_the_prediction_of_its_volume(person):
    open_a_case(person)
    person.predicts()
    person.host.clear_scene()
    assert len(person.processes.ended) == 1
    assert not person.panel.predicting.session.isRunning


@pytest.mark.parametrize("what", ["removed", "edited"])
def test_a_volume_that_is_not_as_it_was_gets_nothing(person, what):
    volume = open_a_case(person)
    command = person.predicts()
    if what == "removed":
        slicer.mrmlScene.RemoveNode(volume)
    else:
        slicer.util.arrayFromVolume(volume)[:] = 7
        slicer.util.arrayFromVolumeModified(volume)
    person.process_ends(command)
    assert "changed or removed meanwhile" in person.told
    assert person.segmentations == []


def test_what_the_process_could_not_do_is_told(person):
    open_a_case(person)
    command = person.predicts()
    log = Path(command[2]).parent / "log.txt"
    log.write_text("error: image.nrrd: got 1 channel, allowed are 2.\n")
    person.ends(2)
    assert person.told == "image.nrrd: got 1 channel, allowed are 2."
    assert "c0392b" in person.ui.predictionLabel.styleSheet


def test_a_result_on_another_grid_is_refused(person):
    open_a_case(person)
    command = person.predicts()
    other = Volume(np.ones((2, 2, 2), np.uint8), SHEARED)
    write_segmentation(
        Segmentation.from_labels(other.array, other.geometry, {1: "liver"}), Path(command[4])
    )
    person.ends(0)
    assert "another grid" in person.told
    assert person.segmentations == []


def test_a_volume_that_cannot_be_an_image_is_told(person):
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    person.panel.initializeParameterNode()
    person.presses("predictVolumeButton")
    assert "empty: there is no image" in person.told
    assert person.processes.started == []


def test_the_whole_data_set_is_predicted_beside_the_window(person, dataset):
    command = person.predicts("predictDatasetButton")
    model = dataset.folder / "models" / "good" / "model.safetensors"
    assert command == ["predict", str(model), str(dataset.folder), "--overwrite"]
    person.ends(0)
    assert person.told == f"Predicted: {dataset.folder / 'predictions' / 'good'}"


def test_closing_the_panel_lets_the_whole_data_set_go_on(person, dataset):
    person.predicts("predictDatasetButton")
    person.closes_the_panel()
    assert person.processes.ended == []
    person.opens_the_panel()


def test_closing_the_scene_lets_the_whole_data_set_go_on(person, dataset):
    person.predicts("predictDatasetButton")
    person.host.clear_scene()
    assert person.processes.ended == []
    assert person.ui.cancelButton.enabled
    person.ends(0)
    assert person.told.startswith("Predicted: ")


def test_commands_are_such_as_the_command_line_takes(person):
    from ImperfectSegLogic import cli

    parser = cli.parser()
    open_a_case(person)
    person.ui.uncertaintyBox.click()
    options = parser.parse_args(person.predicts())
    assert (len(options.models), options.uncertainty) == (1, ["entropy"])
    person.presses("cancelButton")
    options = parser.parse_args(person.predicts("predictDatasetButton"))
    assert options.overwrite
    person.presses("cancelButton")


def test_without_a_model_there_is_nothing_to_predict_with(person, dataset):
    (dataset.folder / "models" / "good" / "model.safetensors").unlink()
    person.looks()
    open_a_case(person)
    assert not person.ui.predictVolumeButton.enabled
    assert not person.ui.predictDatasetButton.enabled

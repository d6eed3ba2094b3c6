"""Work is kept on disk as it is made, and offered again after a crash."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib.AutosaveFile import (
    EXTENSION,
    Kept,
    KeptSegment,
    fingerprint,
    keptLayer,
    readKept,
    writeKept,
)
from ImperfectSegLib.SegmentTags import isLocked, thresholdOf
from ImperfectSegLib.SessionLock import SessionLock
from ImperfectSegLogic.data import Volume
from Testing.Module.conftest import MODULE
from Testing.Module.crash import files
from Testing.Module.interactive_person import ELSEWHERE, INSIDE, Person, makeVolume

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(slicer_app, tmp_path, monkeypatch):
    """Where 3D Slicer's settings are."""
    path = tmp_path / "settings" / "Slicer.ini"
    monkeypatch.setattr(slicer.app._core, "slicerUserSettingsFilePath", str(path))
    return tmp_path / "settings" / "ImperfectSeg" / "Autosave"


@pytest.fixture
def person(folder, slicer_app, scene):
    someone = Person(slicer_app)
    yield someone
    someone.engine.release()
    slicer_app.unload_module("ImperfectSegInteractive")


def settle(person):
    """Waits until the segments are on disk too."""
    autosave = person.panel.panel.restore.autosave
    person.host.wait_until(lambda: not autosave.isBusy)


class TestKeeping:
    def test_every_prompt_is_on_disk_when_it_is_made(self, person, folder):
        person.adds_a_segment()
        person.takes("positivePointButton")
        assert files(folder) == []
        person.engine.hold()
        person.clicks(INSIDE, wait=False)
        (path,) = files(folder)
        assert [len(s.points) for s in readKept(path).prompts] == [1]
        person.clicks(ELSEWHERE, wait=False)
        assert [len(s.points) for s in readKept(path).prompts] == [2]

    def test_segments_follow_and_so_do_undo_and_redo(self, person, folder):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        settle(person)
        (path,) = files(folder)
        kept = readKept(path)
        (layer,) = kept.layers
        assert (layer.labels() == kept.segments[0].value).sum() == person.mask().sum()
        person.presses("undoButton")
        settle(person)
        assert (readKept(path).prompts, readKept(path).layers) == ((), ())
        person.presses("redoButton")
        settle(person)
        assert readKept(path).layers == kept.layers

    def test_looking_at_a_segmentation_writes_nothing(self, person, folder):
        person.adds_a_segment()
        slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
        person.ui.segmentationSelector.setCurrentNode(slicer.util.getNode("other"))
        settle(person)
        assert files(folder) == []

    def test_closing_the_scene_saving_it_and_leaving_slicer_delete_the_file(
        self, person, folder, tmp_path
    ):
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        settle(person)
        slicer.mrmlScene.StartState(slicer.mrmlScene.SaveState)
        assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
        slicer.mrmlScene.EndState(slicer.mrmlScene.SaveState)
        assert files(folder) == []
        person.clicks(ELSEWHERE)
        assert len(files(folder)) == 1
        person.host.clear_scene()
        assert files(folder) == []
        person.volume = makeVolume()
        person.panel.initializeParameterNode()
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        assert len(files(folder)) == 1
        person.host.unload_module("ImperfectSegInteractive")
        assert list(folder.iterdir()) == []
        person.host.load_module(MODULE)

    @pytest.mark.parametrize("problem", ["read-only", "full"])
    def test_a_disk_that_takes_nothing_is_told_and_work_goes_on(
        self, person, folder, monkeypatch, problem
    ):
        if problem == "full":
            import errno

            def full(*_):
                raise OSError(errno.ENOSPC, "No space left on device")

            monkeypatch.setattr(os, "fsync", full)
            wanted = "disk is full"
        else:  # A file is where the folder is to be: root may write into read-only folders.
            folder.parent.parent.mkdir(parents=True)
            folder.parent.write_text("in the way")
            wanted = str(folder.parent)
        person.adds_a_segment()
        person.takes("positivePointButton")
        person.clicks(INSIDE)
        settle(person)
        assert person.is_at(INSIDE)
        assert "Autosave is off" in person.ui.autosaveLabel.text
        assert wanted in person.ui.autosaveLabel.text
        if problem == "full":
            monkeypatch.undo()
            person.clicks(ELSEWHERE)
            settle(person)
            assert "kept on disk" in person.ui.autosaveLabel.text


CHILD = """
import sys, time
from pathlib import Path
from Testing.Host import application
app = application.start()
import slicer
slicer.app._core.slicerUserSettingsFilePath = sys.argv[1]
from Testing.Module.conftest import MODULE
from Testing.Module.interactive_person import ELSEWHERE, INSIDE, Person
someone = Person(app)
someone.adds_a_segment()
someone.takes("positivePointButton")
someone.clicks(INSIDE)
someone.ui.thresholdSlider.value = 0.4
someone.adds_a_segment()
someone.clicks(ELSEWHERE)
someone.takes("negativeScribbleButton")
someone.drags(INSIDE, (INSIDE[0] + 8, *INSIDE[1:]))
someone.selects(0)
someone.ui.lockCheckBox.click()
someone.selects(1)
someone.takes("positivePointButton")
autosave = someone.panel.panel.restore.autosave
app.wait_until(lambda: not autosave.isBusy)
someone.engine.hold()
someone.clicks((ELSEWHERE[0] + 3, *ELSEWHERE[1:]), wait=False)
import numpy as np
np.save(sys.argv[2], [someone.mask(0), someone.mask(1)])
Path(sys.argv[2] + ".ready").touch()
time.sleep(400)
"""


class TestCrash:
    @pytest.fixture
    def crashed(self, folder, tmp_path, slicer_app, scene):
        """Another 3D Slicer that was killed while it computed; its masks."""
        masks = tmp_path / "masks.npy"
        settings = slicer.app._core.slicerUserSettingsFilePath
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, settings, str(masks)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'ImperfectSegModule'}"},
        )
        ready = Path(f"{masks}.ready")
        deadline = time.monotonic() + 300
        while not ready.exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert ready.exists(), "the other 3D Slicer did not get that far"
        yield child, masks
        child.kill()
        child.wait()

    def test_a_killed_slicers_work_is_offered_and_comes_back(
        self, crashed, folder, slicer_app, scene
    ):
        child, masks = crashed
        someone = Person(slicer_app)
        assert not someone.ui.restoreBox.visible, "the other 3D Slicer is at work still"
        someone.host.unload_module("ImperfectSegInteractive")
        child.send_signal(signal.SIGKILL)
        child.wait()
        (left,) = files(folder)
        slicer.mrmlScene.RemoveNode(someone.volume)
        someone = Person(slicer_app)
        assert someone.ui.restoreBox.visible
        assert "4 prompts and 2 segments" in someone.ui.restoreLabel.text
        someone.presses("restoreButton")
        np.testing.assert_array_equal([someone.mask(0), someone.mask(1)], np.load(masks))
        prompts, _ = someone.store.prompts()
        assert [(type(p).__name__, p.label, p.positive) for p in prompts] == [
            ("Click", 1, True),
            ("Click", 2, True),
            ("Scribble", 2, False),
            ("Click", 2, True),
        ]
        assert np.linalg.norm(prompts[0].position - INSIDE) < 0.6
        assert prompts[2].radius == 1.0
        first, second = someone.segmentation.GetSegmentation().GetSegmentIDs()
        assert isLocked(someone.segmentation, first)
        assert not isLocked(someone.segmentation, second)
        assert thresholdOf(someone.segmentation, first) == 0.4
        assert not someone.ui.restoreBox.visible
        (own,) = files(folder)
        assert own != left, "the copy is this session's now"
        someone.presses("applyButton")
        someone.waits()
        assert someone.is_at((ELSEWHERE[0] + 3, *ELSEWHERE[1:]), 1)
        slicer_app.unload_module("ImperfectSegInteractive")
        assert list(folder.iterdir()) == []


@pytest.fixture
def lost(person, folder):
    """A copy of the image at hand that a session left behind, still to be looked for."""
    volume = slicer.util.arrayFromVolume(person.volume)
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[2:4, 3, 1:5] = 9
    segment = KeptSegment("a", "Leber, größer", (1.0, 0.5, 0.0), False, 0.5, 0, 9)
    matrix = person.geometry.ijk_to_ras
    kept = Kept("phantom", "mine", "2026-11-25 12:00", (segment,), (), (keptLayer(labels, matrix),))
    folder.mkdir(parents=True, exist_ok=True)
    name = fingerprint(Volume(volume, matrix))
    path = folder / f"{name}-abc-vtkMRMLSegmentationNode1{EXTENSION}"
    writeKept(kept, path)
    return path


def lookAgain(person):
    person.ui.inputVolumeSelector.setCurrentNode(None)
    person.ui.inputVolumeSelector.setCurrentNode(person.volume)
    person.host.process_events()


class TestOffer:
    def test_discarding_deletes_it_and_asks_no_more(self, person, lost):
        lookAgain(person)
        assert person.ui.restoreBox.visible
        person.presses("discardButton")
        assert not person.ui.restoreBox.visible
        assert not lost.exists()

    def test_another_image_is_not_offered_it(self, person, lost):
        person.volume = makeVolume("other")
        slicer.util.arrayFromVolume(person.volume)[0, 0, 0] += 1
        slicer.util.arrayFromVolumeModified(person.volume)
        lookAgain(person)
        assert not person.ui.restoreBox.visible

    def test_a_damaged_one_is_told_and_can_be_discarded(self, person, lost):
        lost.write_bytes(lost.read_bytes()[:-40])
        lookAgain(person)
        assert "cannot be read" in person.ui.restoreLabel.text
        person.presses("restoreButton")
        assert "cannot be read" in person.status
        person.presses("discardButton")
        assert not lost.exists()

    def test_restoring_makes_a_new_segmentation_beside_the_users(self, person, lost):
        person.adds_a_segment()
        mine = person.segmentation
        lookAgain(person)
        person.presses("restoreButton")
        node = person.ui.segmentationSelector.currentNode()
        assert node is not mine
        assert node.GetSegmentation().GetSegment("a").GetName() == "Leber, größer"
        assert mine.GetSegmentation().GetNumberOfSegments() == 1


class TestFile:
    def test_it_gives_back_what_was_written(self, tmp_path):
        rng = np.random.default_rng(0)
        labels = np.zeros((9, 8, 7), np.int16)
        labels[2:6, 1:7, 3] = rng.integers(0, 3, (4, 6))
        labels[2, 1, 3] = labels[5, 6, 3] = 1
        matrix = np.eye(4)
        matrix[:3, 3] = (1, 2, 3)
        layer = keptLayer(labels, matrix)
        assert layer.shape == (4, 6, 1), "what is empty is cut off"
        np.testing.assert_array_equal(layer.labels(), labels[2:6, 1:7, 3:4])
        assert np.array(layer.ijkToRas)[:3, 3].tolist() == [4, 3, 5]
        assert keptLayer(np.zeros((2, 2, 2), np.uint8), matrix) is None
        kept = Kept(
            "i", "s", "now", (KeptSegment("a", "b", (0.0, 1.0, 0.5), True, 0.3),), (), (layer,)
        )
        writeKept(kept, tmp_path / f"x{EXTENSION}")
        assert readKept(tmp_path / f"x{EXTENSION}") == kept

    @pytest.mark.parametrize("cut", [0, 10, -1])
    def test_a_damaged_file_is_named(self, tmp_path, cut):
        path = tmp_path / f"x{EXTENSION}"
        writeKept(Kept("i", "s", "now", (), ()), path)
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(ValueError, match=r"x\.autosave: the kept copy cannot be read"):
            readKept(path)

    def test_a_damaged_layer_is_found_before_restoring(self, tmp_path):
        path = tmp_path / f"x{EXTENSION}"
        layer = keptLayer(np.ones((4, 4, 4), np.uint8), np.eye(4))
        broken = dataclasses.replace(layer, content=layer.content[:-3])
        writeKept(Kept("i", "s", "now", (), (), (broken,)), path)
        with pytest.raises(ValueError, match="cannot be read"):
            readKept(path)

    def test_the_fingerprint_is_that_of_image_and_place(self):
        voxels = np.random.default_rng(0).integers(0, 9, (200, 30, 20))
        one = fingerprint(Volume(voxels, np.eye(4)))
        assert fingerprint(Volume(voxels.copy(), np.eye(4), "other name")) == one
        moved = np.eye(4)
        moved[0, 3] = 1
        assert fingerprint(Volume(voxels, moved)) != one
        assert fingerprint(Volume(voxels + 1, np.eye(4))) != one

    def test_a_lock_lives_as_long_as_it_is_held(self, tmp_path):
        one, other = SessionLock(tmp_path), SessionLock(tmp_path)
        assert not other.isAlive(one.token)
        one.hold()
        assert other.isAlive(one.token)
        one.release()
        assert not other.isAlive(one.token)
        assert list(tmp_path.iterdir()) == []

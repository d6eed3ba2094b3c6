"""Sparse annotations are kept on disk as they are made, and come back after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib.AutosaveFile import readKept
from ImperfectSegLib.SparseNotes import notesOf
from ImperfectSegLib.SparseStore import SparseStore
from Testing.Module.crash import files
from Testing.Module.sparse_person import ELSEWHERE, INSIDE, person

__all__ = ["person"]

ROOT = Path(__file__).resolve().parents[2]
OLDER, KEPT_VERSIONS = "Older", 20


@pytest.fixture
def folder(person, tmp_path):
    return tmp_path / "settings" / "ImperfectSeg" / "Autosave" / "Sparse"


def older(folder):
    return sorted((folder / OLDER).glob("*"))


class TestKeeping:
    def test_every_stroke_label_and_tag_is_on_disk_when_it_is_made(self, person, folder):
        person.adds_segments("liver")
        assert files(folder) == []
        person.scribbles()
        (path,) = files(folder)
        assert len(readKept(path).prompts) == 1
        person.opens("gridTab")
        person.presses("layGridButton")
        person.presses_key("1")
        assert notesOf(readKept(path).marks).grid.done == 1
        person.ui.imageTagBox.currentIndex = 1
        assert notesOf(readKept(path).marks).tags == ((person.idOf("liver"), True),)
        assert files(folder) == [path]

    def test_each_annotator_has_a_file(self, person, folder):
        person.adds_segments("liver")
        person.parameters.annotator = "anna"
        person.scribbles()
        person.parameters.annotator = "ben"
        person.scribbles(ELSEWHERE)
        kept = {readKept(path).annotator: len(readKept(path).prompts) for path in files(folder)}
        assert kept == {"anna": 1, "ben": 2}

    def test_versions_before_stay_and_the_oldest_go(self, person, folder):
        person.adds_segments("liver")
        person.scribbles()
        person.opens("gridTab")
        person.presses("layGridButton")
        assert [len(readKept(p).prompts) for p in older(folder)] == [1]
        for _ in range(KEPT_VERSIONS + 3):
            person.presses_key("1")
        kept = [notesOf(readKept(path).marks).grid.done for path in older(folder)]
        assert kept == list(range(3, KEPT_VERSIONS + 3))

    def test_closing_the_scene_in_order_deletes_all(self, person, folder):
        person.adds_segments("liver")
        person.scribbles()
        person.scribbles(ELSEWHERE)
        assert older(folder)
        person.host.clear_scene()
        assert files(folder) == older(folder) == []

    def test_a_disk_that_cannot_be_written_is_said_and_the_mark_stays(self, person, folder):
        folder.parent.mkdir(parents=True)
        folder.write_text("in the way")
        person.adds_segments("liver")
        person.scribbles()
        assert "Autosave is off" in person.ui.autosaveLabel.text
        assert len(person.store.strokes()) == 1


CRASH = """
import os, sys
from pathlib import Path
from Testing.Host import application
app = application.start()
import slicer
slicer.app._core.slicerUserSettingsFilePath = sys.argv[1]
from Testing.Module.sparse_person import Annotating, INSIDE, ELSEWHERE
someone = Annotating(app)
someone.adds_segments("liver")
someone.parameters.annotator = "anna"
someone.scribbles()
someone.takes("axisButton")
someone.drags(INSIDE, someone.inView(INSIDE, 90, 0))
someone.drags(someone.inView(INSIDE, 40, -30), someone.inView(INSIDE, 40, 30))
someone.opens("gridTab")
someone.presses("layGridButton")
someone.presses_key("1")
someone.presses_key("0")
os.kill(os.getpid(), 9)
"""


def test_after_a_kill_all_comes_back_in_the_version_that_is_chosen(person, folder, monkeypatch):
    script = folder.parents[3] / "crash.py"
    script.write_text(CRASH)
    settings = slicer.app.slicerUserSettingsFilePath
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "ImperfectSegModule")))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, str(script), settings], env=environment, capture_output=True, timeout=300
    )
    assert ended.returncode == -9, ended.stderr.decode()[-2000:]
    assert len(files(folder)) == 1
    person.parameters.inputVolume = None
    person.parameters.inputVolume = person.volume
    assert person.ui.restoreBox.visible
    assert person.ui.restoreVersionBox.currentText.startswith("newest by anna: 3 marks, 2 points")
    person.ui.restoreVersionBox.currentIndex = 1
    person.presses("restoreButton")
    assert person.parameters.annotator == "anna"
    assert person.session.notes.grid.labels.startswith("0..")
    assert len(person.store.strokes()) == 1
    assert np.linalg.norm(person.lesion().long_axis[0] - INSIDE) < 0.8
    assert "Restored" in person.status
    assert not person.ui.restoreBox.visible
    nodes = SparseStore(person.marks).nodes()
    assert [n.GetClassName() for n in nodes].count("vtkMRMLMarkupsLineNode") == 2


def test_marks_are_saved_with_the_scene_and_come_back_with_it(person, folder, tmp_path):
    person.adds_segments("liver")
    person.scribbles()
    person.opens("gridTab")
    person.presses("layGridButton")
    person.presses_key("1")
    before, notes = person.taken.mask().labels.copy(), person.session.notes
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    person.host.clear_scene()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    person.host.process_events()
    person.volume = slicer.util.getNode("phantom")
    person.widget.initializeParameterNode()
    assert person.session.notes == notes
    np.testing.assert_array_equal(person.taken.mask().labels, before)
    names = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")]
    assert not [name for name in names if "grid" in name and name.endswith("_1")]

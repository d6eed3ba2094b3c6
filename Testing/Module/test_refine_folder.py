"""Whole folders, refined by a process of their own, and which methods there are to choose from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.RefinerCatalog import lookUp, makeRefiner
from ImperfectSegLogic.data import (
    Geometry,
    Segmentation,
    Volume,
    read_segmentation,
    write_segmentation,
    write_volume,
)
from ImperfectSegLogic.methods.catalog import refiners
from ImperfectSegLogic.refinement.profile import Step, read_profile
from Testing.Module.refine_person import PATIENCE, Refining, person
from Testing.Module.refine_scene import FIRST, MATRIX, SHAPE, ball, brightBalls

__all__ = ["person"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path):
    """Two images, each with a rough segmentation: a ball and a speck."""
    geometry = Geometry(SHAPE, MATRIX)
    rough = ball(FIRST, 6).astype(np.uint8)
    rough[0, 0, 0] = 1
    for name in ("predictions", "images"):
        (tmp_path / name).mkdir()
    for case in ("one", "two"):
        write_volume(Volume(brightBalls(), MATRIX), tmp_path / "images" / f"{case}.nrrd")
        found = Segmentation.from_labels(rough, geometry, {1: "liver"})
        write_segmentation(found, tmp_path / "predictions" / f"{case}.seg.nrrd")
    return tmp_path


def chooses(person, folders):
    person.ui.folderButton.collapsed = False
    for path in ("predictions", "images", "results"):
        getattr(person.ui, f"{path}Path").currentPath = str(folders / path)
    person.host.process_events()


class TestCommand:
    def test_what_is_chosen_goes_to_the_command(self, person, folders):
        assert not person.ui.runFolderButton.enabled
        chooses(person, folders)
        person.sets("level", 70.0)
        person.ui.certaintySlider.value = 0.8
        person.presses("runFolderButton")
        (command,) = person.processes.started
        said = [str(folders / name) for name in ("predictions", "images", "results")]
        assert command[:6] == ["refine", said[0], "--image", said[1], "--out", said[2]]
        profile, certainty = command[7], command[9]
        assert read_profile(profile).steps == (Step("bright", {"level": 70.0}),)
        assert float(certainty) == 0.8
        assert not person.ui.runFolderButton.enabled

    def test_progress_and_the_end_are_shown(self, person, folders):
        chooses(person, folders)
        person.presses("runFolderButton")
        file = Path(person.processes.variables[0]["IMPERFECTSEG_PROGRESS"])
        file.write_text(json.dumps({"fraction": 0.25, "text": "one"}))
        person.host.wait_until(lambda: person.ui.folderBar.value == 25)
        person.processes.alive.clear()
        person.host.wait_until(lambda: not person.parts.folder.isRunning)
        assert person.ui.folderLabel.text == f"Refined: {folders / 'results'}"

    def test_an_error_is_shown_and_stop_ends_the_process(self, person, folders):
        chooses(person, folders)
        person.presses("runFolderButton")
        pid = person.processes.last
        person.processes.log.write_text("error: one: damaged\n")
        person.processes.codes[pid] = 1
        person.processes.alive.clear()
        person.host.wait_until(lambda: not person.parts.folder.isRunning)
        assert person.ui.folderLabel.text == "one: damaged"
        person.presses("runFolderButton")
        person.presses("cancelFolderButton")
        assert person.processes.ended == [pid + 1]
        assert person.ui.runFolderButton.enabled


def test_a_folder_is_really_refined(slicer_app, scene, folders):
    person = Refining(slicer_app, Processes())
    chooses(person, folders)
    person.ui.methodBox.currentText = "clean-up"
    person.parts.method.form("clean-up").edit("largest").value = 1
    person.presses("runFolderButton")
    slicer_app.wait_until(lambda: not person.parts.folder.isRunning, PATIENCE)
    assert "Refined" in person.ui.folderLabel.text
    results = sorted((folders / "results").glob("*.seg.nrrd"))
    assert [path.name for path in results] == ["one.seg.nrrd", "two.seg.nrrd"]
    found = read_segmentation(results[0])
    assert [segment.name for segment in found.segments] == ["liver"]
    np.testing.assert_array_equal(found.mask(found.segments[0].id), ball(FIRST, 6))


class TestCatalog:
    def test_all_refiners_are_offered_with_all_their_settings(self):
        found = lookUp()
        assert [e.name for e in found.methods] == [kind.card.name for kind in refiners()]
        assert not found.missing
        for entry in found.methods:
            assert makeRefiner(entry.name, {}).card.name == entry.name

    def test_an_unknown_one_is_refused_by_name(self):
        with pytest.raises(ValueError, match=r"got 'magic', allowed are .*clean-up"):
            makeRefiner("magic", {})

    def test_without_pytorch_the_panel_opens_and_offers_what_does_not_need_it(self):
        code = """
import os
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "monai"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
from Testing.Host import application
app = application.start()
app.load_module("ImperfectSegModule/ImperfectSegRefine/ImperfectSegRefine.py")
from ImperfectSegLib.RefinerCatalog import lookUp, makeRefiner
from ImperfectSegLogic.methods import catalog
catalog.REFINERS = ("scarce.crf.zheng2015:CRFAsRNN", *catalog.REFINERS)
found = lookUp()
assert "clean-up" in [entry.name for entry in found.methods], found
assert found.missing == ("torch",), found.missing
makeRefiner("clean-up", {})
try:
    makeRefiner("crf-as-rnn", {})
except ValueError as error:
    assert "torch" in str(error), error
else:
    raise AssertionError("made without torch")
from ImperfectSegLib.RefineChoice import RefineChoice, Step
from ImperfectSegLib.RefineLogic import RefineLogic
from Testing.Module.refine_scene import FIRST, addSegments, addVolume, ball
volume = addVolume()
node = addSegments(volume, ball(FIRST, 4))
catalog.REFINERS = tuple(line for line in catalog.REFINERS if "krahenbuhl2011" in line)
for line in catalog.REFINERS:
    try:
        RefineLogic().refine(volume, node, RefineChoice((Step("dense-crf"),)))
    except ValueError as error:
        assert "dense-crf: needs the package torch" in str(error), error
    else:
        raise AssertionError("computed without torch")
print("fine", flush=True)
os._exit(0)
"""
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert done.stdout == "fine\n", done.stderr


def test_the_test_of_the_module_itself_passes(slicer_app, scene):
    import ImperfectSegRefine

    slicer_app.load_module(Path(ImperfectSegRefine.__file__))
    ImperfectSegRefine.ImperfectSegRefineTest().runTest()
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode")

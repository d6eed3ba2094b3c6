"""The train panel with processes that really run: a stand-in script, and `imperfectseg` itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.Processes import Processes
from Testing.Module import ball_cases
from Testing.Module.train_person import CATALOG, FakeProcesses, Trainer

STAND_IN = '''
"""Does to a run's folder what `imperfectseg train` does, in a second."""
import json, os, sys, time
from pathlib import Path
command, dataset, _, name = sys.argv[1:5]
assert command == "train"
folder, resume = Path(dataset, "models", name), "--resume" in sys.argv
def says(state, step, text=""):
    said = dict(state=state, pid=os.getpid(), step=step, of=30, message=text)
    said.update(seconds_left=1.0 if state == "running" else None, updated=str(time.time()))
    (folder / "new.json").write_text(json.dumps(said))
    os.replace(folder / "new.json", folder / "state.json")
def tells(kind, step, **values):
    event = dict(kind=kind, time=time.time(), step=step, of=30, values=values, text="")
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps(event) + chr(10))
print("learning", flush=True)
(folder / "stop").unlink(missing_ok=True)
(folder / "run.json").write_text("{}")
checkpoint = folder / "checkpoint.pt"
first = int(checkpoint.read_text()) if resume else 0
for step in range(first + 1, 31):
    says("running", step)
    tells("step", step, cross_entropy=1 / step)
    if step % 10 == 0:
        tells("validation", step, dice=step / 40)
    time.sleep(0.05)
    (folder / "new.pt").write_text(str(step))
    os.replace(folder / "new.pt", checkpoint)
    if (folder / "stop").exists():
        (folder / "stop").unlink()
        says("stopped", step, f"stopped at step {step} of 30")
        sys.exit(0)
(folder / "model.safetensors").write_bytes(b"weights")
says("done", 30, "Done: dice 0.750")
'''


@pytest.fixture
def dataset(tmp_path):
    return ball_cases.make(tmp_path / "balls")


class TestStandIn:
    @pytest.fixture
    def person(self, slicer_app, scene, tmp_path, dataset):
        script = tmp_path / "stand_in.py"
        script.write_text(STAND_IN)

        class Scripts(FakeProcesses):
            """Runs the script in place of the command line; looks methods up without running."""

            real = Processes()

            def start(self, arguments, log, module="ImperfectSegLogic.cli", variables=None):
                if module != "ImperfectSegLogic.cli":
                    return super().start(arguments, log, module, variables)
                return self.real.start([str(script), *arguments], log, "runpy", variables)

            isAlive = staticmethod(real.isAlive)
            exitCode = staticmethod(real.exitCode)

        monkey = pytest.MonkeyPatch()
        monkey.setattr(
            Processes, "command", lambda self, module, arguments: [sys.executable, *arguments]
        )
        someone = Trainer(slicer_app, Scripts(CATALOG))
        someone.picks(dataset.folder)
        yield someone
        someone.closes_the_panel()
        monkey.undo()

    def state(self, person):
        return person.rows()[0][1] if person.rows() else ""

    def test_start_watch_stop_close_open_resume(self, person, dataset):
        folder = dataset.folder / "models" / "model"
        person.presses("startButton")
        person.waits(lambda: len(person.points("step", "cross_entropy")) > 4)
        person.presses("stopButton")
        person.waits(lambda: self.state(person) == "stopped")
        seen = len(person.points("step", "step"))
        assert 4 < seen < 30
        person.closes_the_panel()
        person.opens_the_panel()
        person.picks("")
        person.picks(dataset.folder)
        assert person.told == f"model: stopped at step {seen} of 30"
        person.presses("resumeButton")
        person.waits(lambda: self.state(person) == "done")
        person.looks()
        assert person.points("step", "step") == list(range(1, 31))
        assert person.points("validation", "dice") == [0.25, 0.5, 0.75]
        assert person.ui.predictDatasetButton.enabled
        log = (folder / "log.txt").read_text().splitlines()
        assert [line for line in log if not line.startswith("$ ")] == ["learning"] * 2

    def test_a_killed_run_is_seen_as_interrupted_and_goes_on(self, person, dataset):
        person.presses("startButton")
        person.waits(lambda: len(person.points("step", "step")) > 2)
        for pid in list(_children()):
            Processes().end(pid)
        person.waits(lambda: self.state(person) == "interrupted")
        person.presses("resumeButton")
        person.waits(lambda: self.state(person) == "done")
        assert person.points("step", "step") == list(range(1, 31))


def _children():
    from ImperfectSegLib.Processes import _children

    return _children


def test_train_and_predict_with_the_real_command(slicer_app, scene, dataset, monkeypatch):
    """From a folder of balls to a ball in the scene, with nothing but the panel."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    person = Trainer(slicer_app, Processes())
    try:
        assert person.ui.packagesLabel.text == ""
        person.picks(dataset.folder)
        person.ui.stepsBox.value = 30
        person.ui.dimsBox.currentText = "2-D"
        person.training.methods.choose("sparse-bokhorst2018").edit("balance").currentText = "none"
        person.training.transforms.choose("noise-christ2016").edit("probability").value = 0.1
        person.presses("startButton")
        person.waits(lambda: person.rows()[0][1] not in ("starting", "running"))
        assert person.rows() == [("model", "done", "30 of 30")], person.told
        assert "Done: dice" in person.told
        person.looks()
        assert person.points("validation", "step") == [30]
        volume, mask = ball_cases.ball(17)
        node = slicer.util.addVolumeFromArray(volume.array, ijkToRAS=volume.ijk_to_ras, name="new")
        person.panel.initializeParameterNode()
        person.ui.uncertaintyBox.click()
        person.presses("predictVolumeButton")
        person.waits(lambda: not person.panel.predicting.session.isRunning)
        assert person.ui.predictionLabel.text == "Found: ball."
        (segmentation,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        (segmentId,) = segmentation.GetSegmentation().GetSegmentIDs()
        found = Bridge.segmentMask(segmentation, segmentId, Bridge.volumeFromNode(node).geometry)
        truth = mask.labels == 1
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.5
        unsure = slicer.util.arrayFromVolume(slicer.util.getNode("*uncertainty"))
        assert 0 <= unsure.min() < unsure.max() <= 1
        assert Path(dataset.folder / "models" / "model" / "log.txt").read_text().count("written")
        assert np.isfinite(unsure).all()
    finally:
        person.closes_the_panel()

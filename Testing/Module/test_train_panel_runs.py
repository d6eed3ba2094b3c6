"""Runs as the train panel shows them: start, watch, stop, resume, come back to."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
import slicer
import slicer.util

from ImperfectSegLib import RunFolders
from ImperfectSegLib.RunFolders import EventReader, askToStop, lastWords
from ImperfectSegLib.RunTexts import timeLeft
from ImperfectSegLib.TrainingCurves import MOST_POINTS, TrainingCurves
from Testing.Logic.data import phantom_cases
from Testing.Module.train_person import FakeProcesses, FakeRun, Trainer


@pytest.fixture
def dataset(tmp_path):
    return phantom_cases.make(tmp_path / "livers")


@pytest.fixture
def person(slicer_app, scene, dataset):
    """Someone who has picked a data set."""
    someone = Trainer(slicer_app)
    someone.picks(dataset.folder)
    yield someone
    someone.closes_the_panel()


@pytest.fixture
def run(person, dataset):
    """A run that the person has started and that is at work."""
    person.presses("startButton")
    begun = FakeRun(dataset.folder / "models" / "model", person.processes.last).begins()
    person.looks()
    return begun


def test_the_panel_tells_how_far_it_is_and_how_long_it_will_take(person, run):
    run.says("running", 40, 200.0)
    person.looks()
    assert person.rows() == [("model", "running", "40 of 100")]
    assert person.told == "model: running, about 3 min left"
    assert (person.ui.trainingBar.value, person.ui.trainingBar.maximum) == (40, 100)
    run.says("running", 41, None, "preparing case1")
    person.looks()
    assert person.told == "model: preparing case1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "about 1 s"), (90, "about 90 s"), (150, "about 2 min"), (9000, "about 2 h")],
)
def test_times_are_told_as_people_say_them(seconds, text):
    assert timeLeft(seconds) == text


def test_curves_grow_while_it_runs(person, run):
    run.tells("step", 10, cross_entropy=0.9, learning_rate=0.002)
    person.looks()
    assert person.points("step", "cross_entropy") == [0.9]
    run.tells("step", 20, cross_entropy=0.5, learning_rate=0.001)
    run.tells("validation", 20, dice=0.7, dice_of_1=0.8)
    person.looks()
    run.tells("step", 30, cross_entropy=0.4, learning_rate=0.001)
    run.tells("validation", 30, dice=0.8, dice_of_1=0.9)
    person.looks()
    assert person.points("step", "step") == [10, 20, 30]
    assert person.points("step", "cross_entropy") == [0.9, 0.5, 0.4]
    assert person.points("validation", "dice") == [0.7, 0.8]
    chart = person.curves.chart
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(3)]
    assert names == ["cross entropy loss", "Dice (validation)", "Dice liver"]
    assert chart.GetNumberOfPlotSeriesNodes() == 3, "the learning rate is no curve"


def test_a_loss_that_is_called_dice_is_not_taken_for_the_validation(person, run):
    for step in (10, 20):
        run.tells("step", step, dice=0.3)
        run.tells("validation", step, dice=0.7)
    person.looks()
    assert person.points("step", "dice") == [0.3, 0.3]
    assert person.points("validation", "dice") == [0.7, 0.7]
    chart = person.curves.chart
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(2)]
    assert names == ["dice loss", "Dice (validation)"]


def test_the_plot_view_shows_them(person, run):
    for step in (10, 20):
        run.tells("step", step, loss=1 / step)
        run.tells("validation", step, dice=step / 100)
    person.looks()
    layout = slicer.app.layoutManager()
    assert layout.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView
    plot = layout.plotWidget(0)
    assert plot.mrmlPlotViewNode().GetPlotChartNode() is person.curves.chart
    assert plot.view.curves == {"loss": 2, "Dice (validation)": 2}
    image = plot.view.image()
    green = (image[..., 1] > 120) & (image[..., 0] < 90) & (image[..., 2] < 90)
    assert green.sum() > 20, "the Dice curve is drawn"


def test_steps_that_a_resumed_run_goes_through_again_are_there_once(person, run):
    for step, loss in ((10, 0.9), (20, 0.8), (30, 0.7), (20, 0.8), (30, 0.71)):
        run.tells("step", step, loss=loss)
    person.looks()
    assert person.points("step", "step") == [10, 20, 30]
    assert person.points("step", "loss") == [0.9, 0.8, 0.71]


def test_a_number_that_comes_later_has_gaps_before(scene):
    curves = TrainingCurves()
    curves.begin("x", {})
    curves.add([{"kind": "step", "step": 1, "values": {"a": 1.0}}])
    curves.add([{"kind": "step", "step": 2, "values": {"b": 2.0}}])
    table = curves.table("step")
    a, b = (slicer.util.arrayFromTableColumn(table, name) for name in "ab")
    assert (a[0], b[1]) == (1.0, 2.0)
    assert math.isnan(a[1])
    assert math.isnan(b[0])


def test_very_long_curves_are_thinned(scene):
    curves = TrainingCurves()
    curves.begin("x", {})
    events = [{"kind": "step", "step": n, "values": {"a": n}} for n in range(3 * MOST_POINTS)]
    curves.add(events)
    steps = slicer.util.arrayFromTableColumn(curves.table("step"), "step")
    assert MOST_POINTS / 2 < len(steps) <= MOST_POINTS
    assert steps[-1] == 3 * MOST_POINTS - 1


def test_only_new_and_whole_lines_are_read(tmp_path, monkeypatch):
    run = FakeRun(tmp_path)
    reader = EventReader(tmp_path)
    assert reader.read() == []
    run.tells("step", 1, a=1)
    assert [e["step"] for e in reader.read()] == [1]
    path = tmp_path / "events.jsonl"
    line = json.dumps({"kind": "step", "step": 2}) + "\n"
    with path.open("a") as file:
        file.write(line[:9])
    assert reader.read() == []
    with path.open("a") as file:
        file.write(line[9:])
    assert [e["step"] for e in reader.read()] == [2]
    assert reader._read == path.stat().st_size
    monkeypatch.setattr(type(path), "open", None)  # Nothing new: the file is not opened.
    assert reader.read() == []


def test_a_file_begun_anew_is_read_anew_and_a_cut_line_is_skipped(tmp_path):
    run = FakeRun(tmp_path)
    run.tells("step", 1, a=1)
    run.tells("step", 2, a=1)
    reader = EventReader(tmp_path)
    assert len(reader.read()) == 2
    (tmp_path / "events.jsonl").write_text('{"kind": "st\n')
    assert reader.read() == []
    run.tells("step", 3, a=1)
    assert [e["step"] for e in reader.read()] == [3]


def test_stop_asks_and_shows_that_it_will_stop(person, run):
    person.presses("stopButton")
    assert (run.folder / "stop").exists()
    assert person.told == "model: stopping after the step at hand..."
    assert not person.ui.stopButton.enabled
    run.says("stopped", 40, message="stopped at step 40 of 100")
    person.looks()
    assert person.told == "model: stopped at step 40 of 100"
    assert person.ui.resumeButton.enabled


def test_stop_before_the_run_has_begun_is_not_lost(person, dataset):
    person.presses("startButton")
    person.presses("stopButton")
    begun = FakeRun(dataset.folder / "models" / "model", person.processes.last).begins()
    assert not (begun.folder / "stop").exists(), "a run that begins takes an old request away"
    person.looks()
    assert (begun.folder / "stop").exists()
    begun.says("stopped", 1)
    person.processes.alive.clear()
    (begun.folder / "stop").unlink()
    person.looks()
    assert not (begun.folder / "stop").exists()


def test_resume_goes_on_with_the_same_run(person, run, dataset):
    run.says("stopped", 40, message="stopped at step 40 of 100")
    person.processes.alive.clear()
    person.looks()
    person.presses("resumeButton")
    assert person.processes.started[-1] == [
        *("train", str(dataset.folder), "--name", "model", "--resume")
    ]
    assert person.rows() == [("model", "starting", "")], "not stopped any more"
    run.pid = person.processes.last
    run.says("running", 41)
    person.looks()
    assert person.rows() == [("model", "running", "41 of 100")]


def test_a_run_whose_process_is_gone_was_interrupted_and_can_be_resumed(person, run):
    person.processes.alive.clear()
    person.looks()
    assert person.rows()[0][1] == "interrupted"
    assert person.told == "model: interrupted, can be resumed"
    assert person.ui.resumeButton.enabled
    assert not person.ui.stopButton.enabled


def test_what_killed_it_is_told(person, run):
    (run.folder / "log.txt").write_text('Traceback\n  File "x"\nRuntimeError: no space left\n')
    person.processes.alive.clear()
    person.looks()
    assert "interrupted, can be resumed (RuntimeError: no space left" in person.told


def test_after_a_restart_of_the_computer_the_number_is_another_programs(person, run, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(RunFolders, "SILENT_S", 0.0)
    with FileLock(run.folder / ".lock", timeout=0):
        person.looks()
        assert person.rows()[0][1] == "running"
    person.looks()
    assert person.rows()[0][1] == "interrupted"


def test_a_process_that_ends_at_once_is_told_with_its_error(person, dataset):
    person.presses("startButton")
    folder = dataset.folder / "models" / "model"
    (folder / "log.txt").write_text("Looking\nerror: labels: got 9,\nallowed are 1 and 2.\n")
    person.processes.alive.clear()
    person.looks()
    assert person.rows() == [("model", "failed", "")]
    assert person.told == "model: failed. labels: got 9, allowed are 1 and 2."
    assert not person.ui.resumeButton.enabled, "there is nothing to go on with"
    person.presses("startButton")
    assert len(person.processes.started) == 2, "the name is not taken"


def test_a_failed_run_says_why(person, run):
    run.says("failed", 12, message="step 12: the loss became NaN; lower the learning rate.")
    person.processes.alive.clear()
    person.looks()
    assert person.told == "model: failed. step 12: the loss became NaN; lower the learning rate."
    assert "c0392b" in person.ui.runLabel.styleSheet
    assert person.ui.resumeButton.enabled


def test_opening_slicer_again_finds_the_run_still_going_and_its_curves(person, run, dataset):
    run.tells("step", 10, loss=0.9)
    run.tells("step", 20, loss=0.8)
    person.looks()
    ended = FakeRun(dataset.model_folder("older")).begins().has_a_model()
    ended.says("done", 100, message="Done: dice 0.900")
    person.closes_the_panel()
    assert person.processes.ended == [], "closing the panel ends nothing"
    run.tells("step", 30, loss=0.7)
    person.host.clear_scene()
    person.opens_the_panel()
    person.picks("")
    person.picks(dataset.folder)
    rows = [("model", "running", "0 of 100"), ("older", "done", "100 of 100")]
    assert person.rows() == rows
    assert person.told == "model: running", "the one at work is selected"
    assert person.points("step", "loss") == [0.9, 0.8, 0.7]
    person.presses("stopButton")
    assert (run.folder / "stop").exists()


def test_runs_that_somebody_else_started_appear(person, dataset):
    FakeRun(dataset.model_folder("theirs"), os.getpid()).begins()
    person.processes.alive.add(os.getpid())
    for _ in range(10):
        person.looks()
    assert person.rows() == [("theirs", "running", "0 of 100")]


def test_selecting_another_run_shows_its_curves(person, run, dataset):
    run.tells("step", 1, loss=0.9)
    other = FakeRun(dataset.model_folder("other")).begins()
    other.says("done", 100, message="Done: dice 0.900")
    other.tells("step", 5, loss=0.1)
    for _ in range(10):
        person.looks()
    person.ui.runsTable.selectRow(1)
    person.host.process_events()
    assert person.told == "other: Done: dice 0.900"
    assert person.points("step", "loss") == [0.1]
    run.says("running", 50)
    person.looks()
    assert person.told == "other: Done: dice 0.900", "the selection stays"
    person.ui.runsTable.selectRow(0)
    person.host.process_events()
    assert person.points("step", "loss") == [0.9]
    tables = [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLTableNode")]
    assert tables == ["model step"], "the other run's nodes are gone"


def test_closing_the_scene_stops_nothing_and_the_curves_come_back(person, run):
    for step in (10, 20):
        run.tells("step", step, loss=1 / step)
    person.looks()
    person.host.clear_scene()
    run.tells("step", 40, loss=1 / 40)
    person.looks()
    assert person.points("step", "step") == [10, 20, 40]
    assert person.processes.ended == []
    assert person.rows() == [("model", "running", "0 of 100")]
    plot = slicer.app.layoutManager().plotWidget(0)
    if plot is not None:
        assert plot.mrmlPlotViewNode().GetPlotChartNode() is person.curves.chart
    assert person.ui.dataSetPath.currentPath


def test_nodes_that_the_user_removes_are_made_again(person, run):
    run.tells("step", 10, loss=0.9)
    run.tells("step", 20, loss=0.8)
    person.looks()
    for kind in ("vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode", "vtkMRMLTableNode"):
        for node in slicer.util.getNodesByClass(kind):
            slicer.mrmlScene.RemoveNode(node)
        run.tells("step", 30, loss=0.7)
        person.looks()
        assert person.points("step", "loss") == [0.9, 0.8, 0.7]
        assert person.curves.chart.GetNumberOfPlotSeriesNodes() == 1
        series = person.curves.chart.GetNthPlotSeriesNode(0)
        assert series.GetTableNode() is person.curves.table("step")


def test_another_data_set_is_another_list_and_the_run_goes_on(person, run, tmp_path):
    other = phantom_cases.make(tmp_path / "spleens")
    person.picks(other.folder)
    assert person.rows() == []
    assert person.curves.table("step") is None
    assert person.processes.ended == []


def test_a_folder_that_cannot_be_written_is_told(person, dataset, monkeypatch):
    def refuse(*_args, **_known):
        raise PermissionError("log.txt: may not be written. Ask its owner.")

    monkeypatch.setattr(person.processes, "start", refuse)
    person.presses("startButton")
    assert person.status == "log.txt: may not be written. Ask its owner."


def test_the_last_words_of_a_log_that_says_nothing(tmp_path):
    assert "ended without a word" in lastWords(tmp_path / "none.txt")
    (tmp_path / "log.txt").write_text("one\ntwo\n\n")
    assert lastWords(tmp_path / "log.txt").startswith("two (more in ")


def test_the_last_words_are_those_of_the_last_command(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("$ train x\nerror: an old one\n$ train x --resume\nerror: a new one\n")
    assert lastWords(log) == "a new one"
    log.write_text("$ train x\nerror: an old one\n$ train x --resume\n")
    assert "ended without a word" in lastWords(log)


class TestRealProcesses:
    """What the operating system says, not a stand-in."""

    @pytest.fixture
    def processes(self, person):
        from ImperfectSegLib.Processes import Processes

        class Scripts(Processes):
            def command(self, module, arguments):
                return [sys.executable, "-c", module, *arguments]

        return Scripts()

    def test_a_process_has_a_session_of_its_own_and_logs(self, person, processes, tmp_path):
        code = "import os, sys, time; print(os.environ['PYTHONPATH'], sys.argv[1]); time.sleep(60)"
        log = tmp_path / "new" / "log.txt"
        pid = processes.start(["hello"], log, code, {"EXTRA": "1"})
        try:
            assert processes.isAlive(pid)
            assert os.getsid(pid) != os.getsid(0)
            person.waits(lambda: log.read_text().count("hello") == 2)
            for package in ("ImperfectSegLogic", "ImperfectSegLib"):
                folders = log.read_text().splitlines()[1].split()[0].split(os.pathsep)
                assert any(os.path.isdir(os.path.join(f, package)) for f in folders)  # noqa: PTH112, PTH118
        finally:
            processes.end(pid)
        person.waits(lambda: not processes.isAlive(pid))
        assert processes.exitCode(pid) not in (0, None)

    def test_a_process_gets_the_environment_that_slicer_was_started_in(
        self, person, processes, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("LD_LIBRARY_PATH", "/of/slicer")
        monkeypatch.setenv("PYTHONHOME", "/of/slicer")
        monkeypatch.setattr(slicer.util, "startupEnvironment", lambda: {"KEPT": "yes"})
        log, code = tmp_path / "log.txt", "import os; print('end', sorted(os.environ))"
        pid = processes.start([], log, code)
        person.waits(lambda: not processes.isAlive(pid))
        told = log.read_text()
        assert "'KEPT'" in told
        assert "LD_LIBRARY_PATH" not in told
        assert "PYTHONHOME" not in told

    def test_a_child_that_ended_is_not_alive_though_nobody_waited_for_it(
        self, person, processes, tmp_path
    ):
        pid = processes.start([], tmp_path / "log.txt", "pass")
        person.waits(lambda: not processes.isAlive(pid))
        assert processes.exitCode(pid) == 0

    def test_processes_of_an_earlier_slicer_are_known(self, person, processes, tmp_path):
        stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        assert processes.isAlive(stranger.pid)
        stranger.kill()
        stranger.wait()
        assert not processes.isAlive(stranger.pid)
        assert not processes.isAlive(0)

    def test_it_goes_on_when_the_one_who_started_it_is_killed(self, person, tmp_path):
        file = tmp_path / "alive.txt"
        child = f"import time\nwhile True:\n open({str(file)!r}, 'w').close(); time.sleep(0.05)"
        code = f"""
import slicer.util, subprocess, sys, time
from pathlib import Path
slicer.util.startupEnvironment = lambda: {{}}
from ImperfectSegLib.Processes import Processes
class Scripts(Processes):
    def command(self, module, arguments):
        return [sys.executable, "-c", {child!r}]
print(Scripts().start([], Path({str(tmp_path / "log.txt")!r})), flush=True)
time.sleep(60)
"""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        parent = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
        )
        pid = int(parent.stdout.readline())
        try:
            person.waits(file.exists)
            os.kill(parent.pid, 9)
            parent.wait()
            file.unlink()
            person.waits(file.exists)
        finally:
            os.kill(pid, 9)

    def test_the_stop_file_is_what_a_run_looks_for(self, tmp_path):
        askToStop(tmp_path)
        assert (tmp_path / "stop").exists()


def test_fake_processes_are_processes():
    from ImperfectSegLib.Processes import Processes

    own = {name for name in vars(Processes) if not name.startswith("_")}
    assert own - {"command"} <= set(vars(FakeProcesses))


def test_the_curves_come_back_even_if_nothing_new_is_told(person, run):
    for step in (10, 20):
        run.tells("step", step, loss=1 / step)
    person.looks()
    person.host.clear_scene()
    assert slicer.mrmlScene.IsNodePresent(person.curves.table("step"))
    assert person.points("step", "step") == [10, 20]

"""The queue panel makes queues, trains on what was annotated, and ranks what is left anew."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest
import slicer
import slicer.util

from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.QueueRound import (
    DONE,
    FAILED,
    PREDICTING,
    RANKING,
    RUNNING,
    TRAINING,
    Round,
    Stage,
    run,
)
from ImperfectSegLib.QueueRounds import (
    annotationsAt,
    curveOf,
    goOn,
    lastRound,
    nextName,
    roundStatus,
    start,
    stop,
)
from ImperfectSegLogic.data import Dataset
from Testing.Module.queue_person import LABELS, SLICES, Annotating, image, make, person, settings
from Testing.Module.train_person import FakeProcesses, FakeRun

__all__ = ["person", "settings"]

THREE = Round(
    ((TRAINING, ("train", "x")), (PREDICTING, ("predict", "x")), (RANKING, ("queue", "build"))),
    12,
    340.5,
)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "set" / "models" / "queue-0001"
    made.mkdir(parents=True)
    return made


class Commands:
    """Stands in for the command line."""

    def __init__(self, folder, codes=None, trained="done"):
        self.folder, self.codes, self.trained = folder, codes or {}, trained
        self.told = []
        self.stages = []

    def __call__(self, arguments):
        self.told.append(list(arguments))
        self.stages.append(Stage.read(self.folder))
        if arguments[0] == "train":
            (self.folder / "state.json").write_text(json.dumps({"state": self.trained}))
        return self.codes.get(arguments[0], 0)


class TestARound:
    def test_it_trains_predicts_and_ranks_and_tells_how_far_it_is(self, folder):
        THREE.write(folder)
        assert Round.read(folder) == THREE
        commands = Commands(folder)
        assert run(folder, commands) == 0
        assert commands.told == [["train", "x"], ["predict", "x"], ["queue", "build"]]
        assert [(s.name, s.state, s.pid) for s in commands.stages] == [
            (name, RUNNING, os.getpid()) for name in (TRAINING, PREDICTING, RANKING)
        ]
        ended = Stage.read(folder)
        assert (ended.state, ended.ended) == (DONE, (TRAINING, PREDICTING, RANKING))

    def test_one_that_failed_goes_on_where_it_failed(self, folder):
        THREE.write(folder)
        assert run(folder, Commands(folder, {"predict": 2})) == 2
        assert (Stage.read(folder).name, Stage.read(folder).state) == (PREDICTING, FAILED)
        again = Commands(folder)
        assert run(folder, again) == 0
        assert [told[0] for told in again.told] == ["predict", "queue"]

    def test_a_training_that_was_stopped_is_resumed(self, folder):
        THREE.write(folder)
        assert run(folder, Commands(folder, trained="stopped")) == 1
        (folder / "run.json").write_text("{}")
        again = Commands(folder)
        run(folder, again)
        assert again.told[0] == ["train", "x", "--resume"]

    def test_a_damaged_one_says_where(self, folder):
        (folder / "round.json").write_text('{"format": "ImperfectSeg queue round", "version": 1}')
        with pytest.raises(ValueError, match=r"round\.json: got a damaged round"):
            Round.read(folder)
        for text in ("", "{", "[]", '{"name": 1}'):
            (folder / "stage.json").write_text(text)
            assert Stage.read(folder) is None


class TestWatchingARound:
    @pytest.fixture
    def processes(self):
        return FakeProcesses()

    def test_it_is_running_as_long_as_its_process_lives(self, folder, processes):
        assert roundStatus(folder, processes) is None
        start(folder, THREE, processes)
        status = roundStatus(folder, processes)
        assert (status.state, status.isActive) == (RUNNING, True)
        assert processes.started == [[str(folder)]]
        Stage(TRAINING, RUNNING, processes.last).write(folder)
        FakeRun(folder, processes.last).begins().says("running", 30)
        status = roundStatus(folder, processes)
        assert (status.stage, status.fraction) == (TRAINING, 0.3)
        Stage(RANKING, RUNNING, processes.last, (TRAINING, PREDICTING)).write(folder)
        assert roundStatus(folder, processes).text == "queue-0001: ranking..."
        Stage("", DONE, processes.last, (TRAINING, PREDICTING, RANKING)).write(folder)
        assert roundStatus(folder, processes).state == DONE

    def test_one_whose_process_has_ended_says_its_last_words_and_can_go_on(self, folder, processes):
        start(folder, THREE, processes)
        Stage(PREDICTING, RUNNING, processes.last, (TRAINING,)).write(folder)
        (folder / "log.txt").write_text("$ x\nerror: the disk is full\n")
        processes.end(processes.last)
        status = roundStatus(folder, processes)
        assert (status.state, status.text) == (
            "interrupted",
            "queue-0001: predicting interrupted: the disk is full",
        )
        goOn(folder, processes)
        assert roundStatus(folder, processes).isActive
        assert Stage.read(folder).ended == (TRAINING,)

    def test_one_of_another_computer_is_running_until_it_says_nothing_for_a_minute(self, folder):
        THREE.write(folder)
        Stage(PREDICTING, RUNNING, 2_000_000_000).write(folder)
        assert roundStatus(folder, Processes()).isActive
        old = time.time() - 120
        for path in folder.iterdir():
            os.utime(path, (old, old))
        assert roundStatus(folder, Processes()).state == "interrupted"

    def test_a_training_is_asked_to_stop_and_all_else_ended(self, folder, processes):
        start(folder, THREE, processes)
        Stage(TRAINING, RUNNING, processes.last).write(folder)
        FakeRun(folder, processes.last).begins()
        stop(roundStatus(folder, processes), processes)
        assert (folder / "stop").exists()
        assert processes.ended == []
        Stage(RANKING, RUNNING, processes.last).write(folder)
        last = processes.last
        stop(roundStatus(folder, processes), processes)
        assert processes.ended == [last]

    def test_names_count_on_and_the_curve_is_what_rounds_have_reached(self, tmp_path):
        dataset = Dataset.create(tmp_path / "set", LABELS)
        assert (nextName(dataset), lastRound(dataset), annotationsAt(None)) == (
            "queue-0001",
            None,
            0,
        )
        for number, dice in ((1, (0.5, 0.4)), (2, (0.7,)), (3, ())):
            made = dataset.model_folder(f"queue-000{number}")
            Round((), 10 * number).write(made)
            for value in dice:
                FakeRun(made).tells("validation", 10, dice=value)
        dataset.model_folder("other")
        assert nextName(dataset) == "queue-0004"
        assert annotationsAt(lastRound(dataset)) == 30
        points = [(p.name, p.annotations, p.dice) for p in curveOf(dataset)]
        assert points == [("queue-0001", 10, 0.5), ("queue-0002", 20, 0.7)]


def arguments(person):
    """What the last process was told: by stage."""
    (folder,) = person.processes.started[-1]
    return {name: list(told) for name, told in Round.read(Path(folder)).stages}


def finishes(person):
    """The round at work comes to its end."""
    folder = Path(person.processes.started[-1][0])
    stages = tuple(name for name, _ in Round.read(folder).stages)
    Stage("", DONE, person.processes.last, stages).write(folder)
    person.processes.alive.clear()
    person.panel.training.work.poll()
    person.rests()


class TestMakingAQueue:
    @pytest.fixture
    def new(self, slicer_app, scene, tmp_path, settings):
        dataset = Dataset.create(tmp_path / "new", LABELS)
        for n in range(3):
            dataset.add_case(f"case{n}", image(n))
        dataset.set_splits({"train": ["case0", "case1"], "val": ["case2"]})
        return Annotating(slicer_app, tmp_path / "new")

    def test_strategy_items_and_number_are_told_to_the_command_line(self, new):
        assert new.ui.makeButton.text == "Make the queue"
        assert new.ui.strategyBox.currentText == "random"
        new.ui.strategyBox.currentText = "k-center"
        new.ui.unitsBox.currentText = "patch"
        new.ui.axisBox.value = 1
        new.ui.patchRowsBox.value, new.ui.patchColumnsBox.value = 8, 12
        new.ui.countBox.value, new.ui.readingsBox.value = 5, 2
        new.ui.splitBox.currentText = "train"
        new.presses("makeButton")
        assert arguments(new) == {
            "ranking": [
                *("queue", "build", str(new.folder), "--strategy", "k-center"),
                *("--units", "patch", "--axis", "1", "--patch", "8", "12"),
                *("--readings", "2", "--count", "5", "--split", "train"),
            ]
        }
        assert not new.ui.makeButton.enabled
        assert new.ui.roundLabel.text == "build: starting..."

    def test_settings_of_a_strategy_are_told_where_they_differ(self, new):
        new.ui.strategyBox.currentText = "k-center"
        form = new.panel.building._form
        assert form is not None
        names = [field.name for field in new.panel.building.strategy.fields]
        values = form.values()
        assert values == {}
        number = next(f for f in new.panel.building.strategy.fields if f.kind is int)
        assert number.name in names
        form.show({number.name: number.default + 1})
        new.presses("makeButton")
        told = arguments(new)["ranking"]
        assert told[4] == f"k-center:{number.name}={number.default + 1}"

    def test_a_strategy_that_asks_a_model_needs_one(self, new):
        new.ui.strategyBox.currentText = "entropy"
        assert not new.ui.makeButton.enabled
        FakeRun(new.dataset.model_folder("good")).has_a_model()
        new.panel.building.showModels()
        new.ui.modelBox.currentText = "good"
        assert new.ui.makeButton.enabled
        new.presses("makeButton")
        told = arguments(new)
        assert list(told) == ["predicting", "ranking"]
        assert told["predicting"] == [
            *("predict", "good", str(new.folder), "--uncertainty", "entropy", "--overwrite")
        ]
        assert told["ranking"][-2:] == ["--model", "good"]

    def test_what_fails_is_said(self, new):
        new.presses("makeButton")
        (folder,) = new.processes.started[-1]
        (Path(folder) / "log.txt").write_text("$ x\nerror: nothing is left to label\n")
        Stage(RANKING, FAILED, new.processes.last).write(Path(folder))
        new.processes.alive.clear()
        new.panel.training.work.poll()
        assert new.ui.roundLabel.text == "build: ranking failed: nothing is left to label"
        assert new.ui.makeButton.enabled
        assert new.ui.resumeButton.enabled

    def test_the_form_shows_how_the_queue_that_is_there_was_made(self, person):
        assert person.ui.strategyBox.currentText == "entropy"
        assert person.ui.unitsBox.currentText == "slice"
        assert person.ui.makeButton.text == "Rank again"

    def test_packages_that_are_missing_are_named(self, new, monkeypatch):
        from ImperfectSegLib import QueueStrategies

        monkeypatch.setattr(QueueStrategies, "absent_packages", lambda names: [names[0]])
        new.panel.building.known = QueueStrategies.Strategies()
        new.panel.building.enter()
        new.waits(lambda: new.panel.building.known.missing)
        assert new.ui.packagesLabel.text == "Making a queue needs rich."
        assert not new.ui.makeButton.enabled
        asked = []
        monkeypatch.undo()
        monkeypatch.setattr(new.panel.building._installer, "install", asked.append)
        new.ui.installButton.click()
        assert asked == [("rich", "torch")]
        new.waits(lambda: new.panel.building.known.entries)
        assert new.ui.makeButton.enabled


def test_what_is_listed_for_queues_is_what_they_need(person):
    from ImperfectSegLib.QueueStrategies import FOR_MODELS, NEEDED

    path = Path(person.widget.resourcePath("queue-requirements.txt"))
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = {line.split(">")[0].strip() for line in lines if not line.startswith("#")}
    wanted = {"skimage" if name == "scikit-image" else name for name in wanted}
    assert wanted | {"torch"} == {*NEEDED, *FOR_MODELS}


class TestRetraining:
    def test_it_trains_predicts_and_ranks_what_is_left_by_the_new_model(self, person):
        person.presses("nextButton")
        person.presses("doneButton")
        person.parameters.trainOptions = "--steps 50 --method 'x y'"
        person.presses("retrainButton")
        told = arguments(person)
        assert told["training"] == [
            *("train", str(person.folder), "--name", "queue-0001"),
            *("--steps", "50", "--method", "x y"),
        ]
        assert told["predicting"][:2] == ["predict", "queue-0001"]
        assert told["ranking"][-2:] == ["--model", "queue-0001"]
        assert "entropy" in told["ranking"]
        made = Round.read(person.folder / "models" / "queue-0001")
        assert made.annotations == 1
        assert not person.ui.retrainButton.enabled
        FakeRun(person.folder / "models" / "queue-0001").has_a_model()
        finishes(person)
        assert "done, the queue is ranked" in person.status
        assert person.ui.modelBox.currentText == "queue-0001"
        assert person.ui.retrainButton.enabled

    def test_annotating_goes_on_while_it_trains(self, person):
        person.presses("retrainButton")
        person.presses("nextButton")
        person.presses("doneButton")
        assert person.states()[SLICES[0]] == "done"

    def test_after_every_so_many_annotations_it_begins_by_itself(self, person):
        person.parameters.retrainEvery = 2
        person.presses("nextButton")
        person.presses("doneButton")
        assert person.processes.started == []
        person.presses("nextButton")
        person.presses("doneButton")
        person.waits(lambda: person.processes.started)
        assert arguments(person)["training"][3] == "queue-0001"
        person.presses("nextButton")
        person.presses("doneButton")
        finishes(person)
        person.presses("nextButton")
        assert len(person.processes.started) == 1
        person.presses("doneButton")
        person.waits(lambda: len(person.processes.started) == 2)
        assert arguments(person)["training"][3] == "queue-0002"

    def test_a_round_that_others_or_a_crash_left_is_found_again(self, person):
        person.presses("retrainButton")
        folder = person.folder / "models" / "queue-0001"
        Stage(TRAINING, RUNNING, person.processes.last).write(folder)
        FakeRun(folder, person.processes.last).begins().says("running", 42)
        processes = person.processes
        person.closes_the_panel()
        person.processes = processes
        person.opens_the_panel()
        person.waits(lambda: person.panel.training.work.isActive)
        assert person.ui.roundBar.value == 42
        processes.alive.clear()
        processes.codes[4_000_000] = 1
        person.panel.training.work.poll()
        assert "interrupted" in person.ui.roundLabel.text
        person.presses("resumeButton")
        assert person.panel.training.work.isActive
        assert processes.started[-1] == [str(folder)]

    def test_options_that_cannot_be_read_are_refused(self, person):
        person.parameters.trainOptions = "--method 'open"
        person.presses("retrainButton")
        assert "training options: got" in person.status
        assert person.processes.started == []

    def test_options_are_taken_over_from_the_train_panel(self, person):
        from Testing.Module.train_person import MODULE

        person.presses("sameOptionsButton")
        assert "ImperfectSegTrain: cannot be asked" in person.status
        widget = person.host.load_module(MODULE)
        widget._parameterNode.steps = 77
        person.presses("sameOptionsButton")
        assert "--steps 77" in person.parameters.trainOptions
        assert "--network unet" in person.parameters.trainOptions


class TestLearningCurve:
    @pytest.fixture
    def trained(self, person):
        for number, dice in ((1, 0.4), (2, 0.7), (3, 0.65)):
            made = person.dataset.model_folder(f"queue-000{number}")
            Round((), 4 * number).write(made)
            FakeRun(made).tells("validation", 10, dice=dice)
        person.connects(annotator="again")
        return person

    def test_it_is_a_chart_of_dice_against_annotations(self, trained):
        curve = trained.panel.training.work.curve
        columns = [
            slicer.util.arrayFromTableColumn(curve.table, n) for n in ("annotations", "dice")
        ]
        assert [list(column) for column in columns] == [[4, 8, 12], [0.4, 0.7, 0.65]]
        trained.presses("curveButton")
        view = trained.host.app.layoutManager().plotWidget(0).view
        assert view.curves == {"Dice (validation)": 3}
        view.image()
        assert view.y_range == (0, 1)
        text = "queue-0003: Dice 0.650 after 12 annotations (best: 0.700 by queue-0002)"
        assert trained.ui.curveLabel.text == text

    def test_it_comes_back_when_the_scene_was_closed(self, trained):
        trained.host.clear_scene()
        curve = trained.panel.training.work.curve
        assert list(slicer.util.arrayFromTableColumn(curve.table, "dice")) == [0.4, 0.7, 0.65]
        assert slicer.mrmlScene.IsNodePresent(curve.chart)

    def test_without_trained_models_it_says_what_is_missing(self, person):
        assert "needs trained models" in person.ui.curveLabel.text
        assert not person.ui.curveButton.enabled


STAND_IN = """
import json, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
from ImperfectSegLib.QueueRound import run
from ImperfectSegLogic import cli
def command(arguments):
    if arguments[0] == "train":
        (folder / "state.json").write_text(json.dumps({"state": "done"}))
        event = {"kind": "validation", "step": 1, "of": 1, "values": {"dice": 0.5}}
        (folder / "events.jsonl").write_text(json.dumps(event) + chr(10))
        return 0
    if arguments[0] == "predict":
        return 0
    return cli.main(["queue", "build", arguments[2], "--strategy", "random", "--units", "slice"])
sys.exit(run(folder, command))
"""


def test_a_round_that_really_runs_ranks_the_queue_anew(person, tmp_path):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)

    class Scripts(Processes):
        """Runs the script in place of the round's own module."""

        def command(self, module, arguments):
            return [sys.executable, str(script), *arguments]

    person.panel.training.work.processes = Scripts()
    person.presses("nextButton")
    person.presses("doneButton")
    person.presses("retrainButton")
    work = person.panel.training.work
    person.waits(lambda: not work.isActive)
    person.rests()
    log = (person.folder / "models/queue-0001/log.txt").read_text()
    assert work.status.state == DONE, log
    ranking = person.queue.ranking()
    assert (ranking.number, ranking.about["strategy"]) == (2, "random")
    assert len(person.rows()) == 15  # Of 16 slices one is done.
    assert person.states()[SLICES[0]] == "done"
    assert work.points[0].annotations == 1


def test_a_queue_that_was_made_elsewhere_meanwhile_is_found(slicer_app, scene, tmp_path, settings):
    dataset = Dataset.create(tmp_path / "set", LABELS)
    for n in range(2):
        dataset.add_case(f"case{n}", image(n))
    person = Annotating(slicer_app, tmp_path / "set")
    assert not person.ui.nextButton.enabled
    for case in ("case0", "case1"):
        assert case in person.dataset.case_ids
    shutil.rmtree(tmp_path / "set")
    make(tmp_path / "set")
    person.session.look()
    person.rests()
    assert person.ui.nextButton.enabled
    assert len(person.rows()) == 4

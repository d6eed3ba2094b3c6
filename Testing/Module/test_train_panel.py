"""The train panel, used as a person uses it; processes are stand-ins that do nothing."""

from __future__ import annotations

import json

import pytest
import slicer
import slicer.util

from ImperfectSegLib.Catalog import Catalog
from ImperfectSegLogic.data import Dataset
from Testing.Logic.data import phantom_cases
from Testing.Module.train_person import CATALOG, FakeProcesses, FakeRun, Trainer


@pytest.fixture
def dataset(tmp_path):
    made = phantom_cases.make(tmp_path / "livers")
    made.annotate("case1", phantom_cases.sparse(), "zoe")
    made.add_case("case3", phantom_cases.image(7))
    return made


@pytest.fixture
def person(slicer_app, scene):
    someone = Trainer(slicer_app)
    yield someone
    someone.closes_the_panel()


@pytest.fixture
def trainer(person, dataset):
    """Someone who has picked a data set."""
    person.picks(dataset.folder)
    return person


def test_picking_a_data_set_shows_what_is_in_it(trainer):
    text = trainer.ui.dataSetLabel.text
    for said in (
        "<b>livers</b>: 4 cases",
        "Labels: 1 liver, 2 spleen",
        "Split train: 2 cases, 2 annotated",
        "Split test: 1 case, 1 annotated",
        "DenseMask by ann: 3 cases",
        "SparseMask by zoe: 1 case",
        "Without annotation: 1 case",
    ):
        assert said in text
    assert trainer.ui.startButton.enabled


def test_a_folder_without_a_data_set_is_told_with_what_to_do(person, tmp_path):
    person.picks(tmp_path)
    assert "there is no data set here" in person.status
    assert "c0392b" in person.ui.statusLabel.styleSheet
    assert not person.ui.startButton.enabled


def test_a_damaged_data_set_is_told(person, dataset):
    (dataset.folder / "dataset.json").write_text("{")
    person.picks(dataset.folder)
    assert "dataset.json: got a file that is no JSON" in person.status
    assert not person.ui.startButton.enabled


def test_without_an_annotation_nothing_starts_and_that_is_said(person, tmp_path):
    empty = Dataset.create(tmp_path / "empty", {1: "liver"})
    person.picks(empty.folder)
    assert "there are no cases" in person.status
    empty.add_case("a", phantom_cases.image())
    person.picks(tmp_path)
    person.picks(empty.folder)
    assert "no case to train on has an annotation" in person.status
    person.presses("startButton")
    assert person.processes.started == []
    assert "no case to train on has an annotation" in person.status


def test_what_was_annotated_meanwhile_is_seen_when_one_comes_back(person, tmp_path):
    empty = Dataset.create(tmp_path / "empty", {1: "liver", 2: "spleen"})
    empty.add_case("a", phantom_cases.image())
    person.picks(empty.folder)
    assert "no case to train on" in person.status
    person.host.select_module("")
    empty.annotate("a", phantom_cases.dense(), "me")
    person.host.select_module("ImperfectSegTrain")
    person.waits(lambda: "DenseMask by me: 1 case" in person.ui.dataSetLabel.text)
    assert person.status == ""
    person.presses("startButton")
    assert len(person.processes.started) == 1


def test_a_path_can_be_typed_also_in_the_middle_and_with_spaces(person, tmp_path):
    made = phantom_cases.make(tmp_path / "my livers")
    line = person.ui.dataSetPath._line
    line.setText(str(made.folder).replace(" ", ""))
    where = len(str(tmp_path)) + len("/my")
    line.setCursorPosition(where)
    line.insert(" ")
    assert line.property("cursorPosition") == where + 1, "nobody else writes into the line"
    person.waits(lambda: "3 cases" in person.ui.dataSetLabel.text)
    person.picks(f" {made.folder} ")
    assert "3 cases" in person.ui.dataSetLabel.text


def test_start_runs_the_command_that_the_panel_says(trainer, dataset):
    trainer.ui.nameEdit.text = "first-try"
    trainer.ui.networkBox.currentText = "segresnet"
    trainer.ui.dimsBox.currentText = "2-D"
    trainer.ui.stepsBox.value = 300
    trainer.ui.augmentBox.currentText = "layout"
    form = trainer.training.methods.choose("first")
    form.edit("balance").currentText = "none"
    form.edit("strength").value = 0.25
    form.edit("scales").text = "0.7 x 1.3"
    form.edit("hard").click()
    trainer.training.methods.choose("third")
    trainer.training.transforms.choose("noise")
    trainer.presses("startButton")
    (command,) = trainer.processes.started
    assert command == [
        *("train", str(dataset.folder), "--name", "first-try"),
        *("--network", "segresnet", "--steps", "300", "--dims", "2", "--augment", "layout"),
        *("--method", "first:balance=none,strength=0.25,scales=0.7x1.3,hard=true"),
        *("--method", "third", "--transform", "noise"),
    ]
    assert trainer.processes.log == dataset.folder / "models" / "first-try" / "log.txt"
    assert trainer.rows() == [("first-try", "starting", "")]
    assert trainer.told == "first-try: starting"


def test_what_was_started_can_be_parsed_by_the_command_line(trainer):
    from ImperfectSegLogic import cli

    trainer.training.methods.choose("first").edit("rounds").value = 5
    trainer.presses("startButton")
    parser = cli.parser()
    options = parser.parse_args(trainer.processes.started[0])
    assert options.method == ["first:rounds=5"]
    assert options.dims is None


def test_of_the_methods_that_supervise_one_at_most_is_chosen(trainer):
    trainer.training.methods.choose("first")
    trainer.training.methods.choose("third")
    trainer.training.methods.choose("second")
    assert trainer.training.methods.chosen() == ["second", "third"]


def test_a_method_that_does_not_work_in_these_dimensions_is_told(trainer):
    trainer.training.methods.choose("second")
    trainer.ui.dimsBox.currentText = "2-D"
    trainer.presses("startButton")
    assert "second: got 2-D, allowed is 3-D" in trainer.status
    trainer.ui.dimsBox.currentText = "auto"
    trainer.presses("startButton")
    assert trainer.processes.started


def test_numbers_that_are_none_are_told(trainer):
    trainer.training.methods.choose("first").edit("scales").text = "wide"
    trainer.presses("startButton")
    assert "scales: got 'wide', allowed are numbers with x between them" in trainer.status
    assert trainer.processes.started == []


@pytest.mark.parametrize("name", ["", "two words", "../up"])
def test_a_name_that_cannot_be_a_folder_is_told(trainer, name):
    trainer.ui.nameEdit.text = name
    trainer.presses("startButton")
    assert "model name: got" in trainer.status
    assert trainer.processes.started == []


def test_a_name_that_is_taken_is_told_and_the_run_is_left_alone(person, dataset):
    FakeRun(dataset.model_folder("model")).begins().says("done", 100)
    person.picks(dataset.folder)
    person.presses("startButton")
    assert "'model', which is taken" in person.status
    assert person.processes.started == []


def test_forms_show_what_can_be_set_with_limits_and_help(trainer):
    form = trainer.training.methods.choose("first")
    strength, rounds, balance = (form.edit(n) for n in ("strength", "rounds", "balance"))
    assert (strength.minimum, strength.maximum, strength.value) == (0.0, 1.0, 1.0)
    assert (rounds.minimum, rounds.maximum, rounds.value) == (1, 9, 3)
    assert [balance.itemText(n) for n in range(balance.count)] == ["none", "batch"]
    assert "how much" in strength.toolTip
    assert "0 to 1" in strength.toolTip
    assert form.edit("scales").text == "0.5 x 2"
    assert form.values() == {}
    rounds.value = 99
    assert form.values() == {"rounds": 9}


class TestWithoutPackages:
    @pytest.fixture
    def newcomer(self, slicer_app, scene, dataset):
        someone = Trainer(slicer_app, FakeProcesses(Catalog(missing=("torch", "monai"))))
        someone.picks(dataset.folder)
        yield someone
        someone.closes_the_panel()

    @pytest.fixture
    def pytorch(self, monkeypatch):
        """The PyTorch extension and Slicer's installer; gives what they were asked."""
        import sys
        import types

        asked: list[object] = []
        extension = types.ModuleType("PyTorchUtils")
        extension.answer = object()

        class PyTorchUtilsLogic:
            def installTorch(self, askConfirmation=False):
                asked.append(("torch", askConfirmation))
                return extension.answer

        extension.PyTorchUtilsLogic = PyTorchUtilsLogic
        packaging = types.ModuleType("slicer.packaging")
        packaging.load_requirements = lambda path: path.read_text().splitlines()[1:]
        packaging.pip_ensure = lambda wanted, requester: asked.append((wanted, requester))
        extension.asked = asked
        monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
        monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
        return extension

    def test_the_panel_says_what_is_missing_and_offers_to_install_it(self, newcomer):
        assert "need torch, monai, which 3D Slicer does not bring" in newcomer.ui.packagesLabel.text
        assert newcomer.ui.installButton.visible
        assert not newcomer.ui.startButton.enabled
        assert "4 cases" in newcomer.ui.dataSetLabel.text, "the data set is shown all the same"

    def test_install_asks_installs_and_looks_again(self, newcomer, pytorch):
        newcomer.processes.catalog = Catalog(methods=(), transforms=())
        newcomer.presses("installButton")
        newcomer.waits(lambda: newcomer.ui.startButton.enabled)
        wanted = ["monai>=1.5", "safetensors>=0.4", "filelock>=3.12", "rich>=13"]
        assert pytorch.asked == [("torch", True), (wanted, "ImperfectSeg")]
        assert not newcomer.ui.installButton.visible

    def test_what_still_cannot_be_imported_is_said_again(self, newcomer, pytorch):
        newcomer.processes.catalog = Catalog(missing=("monai",))
        newcomer.presses("installButton")
        newcomer.waits(lambda: "need monai," in newcomer.ui.packagesLabel.text)
        assert not newcomer.ui.startButton.enabled

    def test_without_the_pytorch_extension_it_says_where_to_get_it(self, newcomer):
        newcomer.presses("installButton")
        assert "Extensions Manager" in newcomer.status

    def test_declining_is_no_error_of_the_program(self, newcomer, pytorch):
        pytorch.answer = None
        newcomer.presses("installButton")
        assert "declined" in newcomer.status
        newcomer.waits(lambda: newcomer.ui.installButton.enabled)

    def test_nothing_is_installed_without_a_click(self, newcomer, pytorch):
        newcomer.host.select_module("")
        newcomer.host.select_module("ImperfectSegTrain")
        assert pytorch.asked == []

    def test_a_look_up_that_fails_is_told(self, newcomer):
        newcomer.processes.catalog = Catalog()
        newcomer.training.lookUp.start()
        newcomer.training.lookUp._target.write_text("{")
        newcomer.waits(lambda: "could not be looked up" in newcomer.ui.packagesLabel.text)
        assert not newcomer.ui.startButton.enabled


def test_a_saved_scene_brings_the_choices_back(trainer, dataset, tmp_path):
    trainer.ui.nameEdit.text = "kept"
    trainer.ui.dimsBox.currentText = "3-D"
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    trainer.host.clear_scene()
    assert trainer.ui.nameEdit.text == "model"
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    trainer.waits(lambda: "4 cases" in trainer.ui.dataSetLabel.text)
    assert trainer.ui.nameEdit.text == "kept"
    assert trainer.ui.dimsBox.currentText == "3-D"
    assert trainer.ui.dataSetPath.currentPath == str(dataset.folder)


def test_curves_are_not_saved_with_the_scene(trainer, dataset, tmp_path):
    trainer.presses("startButton")
    run = FakeRun(dataset.folder / "models" / "model", trainer.processes.last).begins()
    run.tells("step", 10, loss=0.5)
    run.tells("step", 20, loss=0.4)
    trainer.looks()
    assert trainer.curves.chart.GetNumberOfPlotSeriesNodes() == 1
    assert slicer.util.saveScene(str(tmp_path / "scene.mrml"))
    saved = (tmp_path / "scene.mrml").read_text()
    assert "<ScriptedModule" in saved
    for kind in ("<PlotChart", "<PlotSeries", "<Table"):
        assert kind not in saved


def test_the_modules_own_test_passes(person):
    import ImperfectSegTrain

    ImperfectSegTrain.ImperfectSegTrainTest().runTest()


def test_what_is_listed_for_training_is_what_the_panel_installs(person):
    from ImperfectSegLib.Catalog import NEEDED

    path = person.panel.resourcePath("requirements.txt")
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        wanted = {line.split(">")[0].strip() for line in file if not line.startswith("#")}
    assert wanted | {"torch"} == set(NEEDED)


def test_a_catalog_survives_the_way_through_json(tmp_path):
    from ImperfectSegLib.Catalog import readCatalog, toJson

    (tmp_path / "catalog.json").write_text(json.dumps(toJson(CATALOG)))
    assert readCatalog(tmp_path / "catalog.json") == CATALOG

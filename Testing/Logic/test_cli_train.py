"""The commands `train` and `methods`, as typed."""

from __future__ import annotations

import json
import signal

import pytest
import torch

from ImperfectSegLogic import cli
from ImperfectSegLogic.methods import packages
from ImperfectSegLogic.training.model_file import load_model
from Testing.Logic.training.phantom_runs import make_dataset, weights_of

SHORT = ["--patch", "24", "24", "--batch", "4", "--steps", "6", "--validate-every", "3"]


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "data")


def typed(*words) -> int:
    return cli.main([str(word) for word in words])


def test_train_prints_the_data_and_the_plan_and_writes_a_model(dataset, capsys):
    assert typed("train", dataset.folder, "--name", "one", *SHORT, "--augment", "all") == 0
    said = capsys.readouterr().out
    for text in ("3 DenseMask", "disk", "24 x 24", "few", "step 6 of 6", "model.safetensors"):
        assert text in said
    folder = dataset.folder / "models" / "one"
    assert (folder / "model.safetensors").exists()
    assert json.loads((folder / "state.json").read_text())["state"] == "done"
    run = json.loads((folder / "run.json").read_text())["run"]
    assert len(run["transforms"]) > 5
    assert run["train_cases"] == ["case0", "case1", "case2"]
    assert run["validation_cases"] == ["case3"]


def test_plan_only_trains_nothing(dataset, capsys):
    assert typed("train", dataset.folder, "--name", "one", "--plan-only") == 0
    assert "learning rate" in capsys.readouterr().out
    assert not (dataset.folder / "models" / "one").exists()


def test_methods_and_transforms_are_given_with_their_settings(dataset):
    words = ["--method", "sparse-bokhorst2018:balance=instance"]
    words += ["--transform", "noise-christ2016:probability=0.5", "--seed", "3"]
    assert typed("train", dataset.folder, "--name", "one", *SHORT, *words) == 0
    run = json.loads((dataset.folder / "models/one/run.json").read_text())["run"]
    assert run["methods"] == [["sparse-bokhorst2018", {"balance": "instance"}]]
    assert run["transforms"] == [["noise-christ2016", {"probability": "0.5"}]]
    assert run["seed"] == 3


def test_nothing_is_written_into_a_data_set_when_run_and_cache_are_elsewhere(dataset, tmp_path):
    before = set(dataset.folder.rglob("*"))
    words = ["--out", tmp_path / "run", "--cache", tmp_path / "cache"]
    assert typed("train", dataset.folder, "--name", "one", *SHORT, *words) == 0
    assert set(dataset.folder.rglob("*")) == before
    assert load_model(tmp_path / "run" / "model.safetensors").card["name"] == "run"


def test_the_network_can_be_set(dataset):
    words = ["--network-settings", "features=8x16,strides=2,dropout=0.2"]
    assert typed("train", dataset.folder, "--name", "one", *SHORT, *words) == 0
    model = load_model(dataset.folder / "models/one/model.safetensors")
    assert any(isinstance(m, torch.nn.Dropout) and m.p == 0.2 for m in model.network.modules())


def test_a_run_is_resumed_with_its_own_settings(dataset, tmp_path):
    assert typed("train", dataset.folder, "--name", "one", *SHORT) == 0
    again = dataset.folder / "models" / "two"
    again.mkdir()
    (again / "run.json").write_bytes((dataset.folder / "models/one/run.json").read_bytes())
    assert typed("train", dataset.folder, "--name", "two", "--resume") == 0
    one = weights_of(dataset.folder / "models/one/model.safetensors")
    two = weights_of(again / "model.safetensors")
    assert all((one[name] == two[name]).all() for name in one)


def test_ctrl_c_ends_a_run_with_a_checkpoint_to_go_on_from(dataset, monkeypatch, capsys):
    from ImperfectSegLogic.training import fit as fit_module

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return {"dice": 0.5}

    monkeypatch.setattr(fit_module, "scores_of", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert typed("train", dataset.folder, "--name", "one", *SHORT) == 0
    assert "Go on with --resume" in " ".join(capsys.readouterr().out.split())
    assert signal.getsignal(signal.SIGINT) is before
    folder = dataset.folder / "models" / "one"
    assert json.loads((folder / "state.json").read_text())["state"] == "stopped"
    assert (folder / "checkpoint.pt").exists()


def test_tensorboard_gets_the_curves_when_asked(dataset):
    assert typed("train", dataset.folder, "--name", "one", *SHORT, "--tensorboard") == 0
    assert list((dataset.folder / "models/one/tensorboard").glob("events.out*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--train-split", "no"], "got 'no'"),
        (["--method", "x"], "sparse-cicek2016"),
        (["--method", "sparse-bokhorst2018:balance"], "allowed is key=value"),
        (["--network-settings", "depth=3"], "got settings ['depth']"),
        (["--patch", "23", "24"], "multiples of"),
        (["--device", "tpu"], "this computer has cpu"),
        (["--annotator", "nobody"], "nobody"),
        (["--name", "../up"], "model name"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(dataset, capsys, words, message):
    assert typed("train", dataset.folder, "--name", "one", *words) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (dataset.folder / "models" / "one" / "model.safetensors").exists()


def test_a_name_that_is_taken_is_refused(dataset, capsys):
    assert typed("train", dataset.folder, "--name", "one", *SHORT) == 0
    assert typed("train", dataset.folder, "--name", "one", *SHORT) == 2
    assert "Resume it" in " ".join(capsys.readouterr().err.split())


def test_without_torch_it_says_what_to_install(dataset, capsys, monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    assert typed("train", dataset.folder, "--name", "one") == 2
    assert "pip install 'imperfectseg[train]'" in " ".join(capsys.readouterr().err.split())


def test_methods_lists_the_catalog_and_tells_about_one(capsys):
    assert typed("methods") == 0
    said = capsys.readouterr().out
    for name in ("sparse-cicek2016", "noise-christ2016", "geodesic-walker", "trained-model"):
        assert name in said
    assert typed("methods", "sparse-bokhorst2018") == 0
    assert "none, instance, batch" in capsys.readouterr().out
    assert typed("methods", "no-such") == 2


def test_methods_tells_what_an_engine_needs_even_without_torch(capsys, monkeypatch):
    assert typed("methods", "trained-model") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "takes: Click, Scribble, Box, Lasso needs: a model.safetensors" in said
    assert "missing here: nothing" in said
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    assert typed("methods", "trained-model") == 0
    assert "missing here: torch, monai, safetensors" in " ".join(capsys.readouterr().out.split())
    assert typed("methods") == 2
    printed = capsys.readouterr()
    assert "geodesic-walker" in printed.out
    assert "pip install 'imperfectseg[train]'" in " ".join(printed.err.split())

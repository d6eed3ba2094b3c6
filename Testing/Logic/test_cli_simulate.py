"""`imperfectseg queue simulate`, as typed: real trainings of few steps."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from ImperfectSegLogic.active import simulation_teaching
from ImperfectSegLogic.active.simulation_data import only
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.training.run import RunDescription
from Testing.Logic.test_cli import run
from Testing.Logic.training.phantom_runs import make_dataset, pair, weights_of

PLAN = (
    "--patch", "24", "24", "--batch", "4", "--steps", "4", "--device", "cpu",
    "--network-settings", "features=8x16,strides=2",
)  # fmt: skip
SMALL = ("--start", "3", "--per-round", "2", "--rounds", "2")


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Dataset:
    monkeypatch.chdir(tmp_path)
    return make_dataset(tmp_path / "set")


def simulated(*words: str, capsys) -> tuple[int, str, str]:
    code, out, err = run("queue", "simulate", "set", "--out", "out", *words, capsys=capsys)
    return code, " ".join(out.split()), " ".join(err.split())


def rows_of(folder) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "out/results.csv").open()))


def test_a_strategy_beside_the_baselines_and_again_without_training(
    dataset, tmp_path, capsys, monkeypatch
):
    before = {f: f.read_bytes() for f in dataset.folder.rglob("*") if f.is_file()}
    code, out, err = simulated("--strategy", "entropy", *SMALL, *PLAN, capsys=capsys)
    assert code == 0, err
    assert "Dice of 1 cases by units: 3: " in out
    rows = rows_of(tmp_path)
    names = ["entropy", "random", "foreground-random"]
    assert [r["strategy"] for r in rows] == [n for n in names for _ in range(2)] + ["all"]
    assert [r["units"] for r in rows] == ["3", "5"] * 3 + ["12"]
    assert len({r["dice"] for r in rows if r["round"] == "0"}) == 1
    said = json.loads((tmp_path / "out/results.json").read_text())
    assert said["about"]["steps"] == 4
    assert said["campaigns"][0]["rounds"][1]["reasons"][0].startswith("mean entropy")
    assert (tmp_path / "out/curves.png").read_bytes()[:4] == b"\x89PNG"
    assert {f: f.read_bytes() for f in dataset.folder.rglob("*") if f.is_file()} == before
    left = {f.name for f in (tmp_path / "out").rglob("*")}
    assert not left & {"checkpoint.pt", "prepared", "measured"}
    _check_start(tmp_path, said)
    monkeypatch.setattr(simulation_teaching, "fit", None)
    assert simulated("--strategy", "entropy", *SMALL, *PLAN, capsys=capsys)[0] == 0
    assert rows_of(tmp_path) == rows


def _check_start(folder, said) -> None:
    """The first round's model learned from the start's units, and has the Dice that is told."""
    first = said["campaigns"][0]["rounds"][0]
    units = [parse(name) for name in first["new"]]
    for path in (folder / "out/trainings").glob("*/scores.json"):
        if json.loads(path.read_text())["units"] == 3:
            break
    description = RunDescription.read(path.parent / "model0")
    assert set(description.train_cases) == {unit.case for unit in units}
    assert description.plan.steps == 4
    data = Dataset.open(folder / "out/data")
    given = Dataset.open(folder / "set")
    counts = np.zeros(3, int)
    for case in description.train_cases:
        truth = given.case(case).annotation
        wanted = only(truth, [unit for unit in units if unit.case == case]).labels
        shown = data.case(case, description.annotator).annotation.labels
        np.testing.assert_array_equal(shown, wanted)
        counts += [int((wanted == n).sum()) for n in (0, 1, 4)]
    assert description.plan.label_voxels == tuple(counts)
    predictor = Predictor.load([path.parent / "model0/model.safetensors"], device="cpu")
    volume, truth = pair(4)
    found = predictor.predict_labels(volume).mask.labels
    for label in (1, 4):
        both, total = ((found == label) & (truth == label)).sum(), (found == label).sum()
        dice = 2 * both / (total + (truth == label).sum())
        assert first["dice_by_label"][str(label)] == pytest.approx(dice)


def test_ctrl_c_loses_nothing_that_is_done(dataset, tmp_path, capsys, monkeypatch):
    trained, fit = [], simulation_teaching.fit

    def interrupted(description, folder, *more):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(folder)
        return fit(description, folder, *more)

    monkeypatch.setattr(simulation_teaching, "fit", interrupted)
    words = ("--alone", "--strategy", "random", *SMALL, *PLAN, "--seed", "2")
    code, out, _ = simulated(*words, capsys=capsys)
    assert (code, "Go on with the same command." in out) == (130, True)
    monkeypatch.setattr(simulation_teaching, "fit", fit)
    stamps = [(f / "model.safetensors").stat().st_mtime_ns for f in trained]
    code, out, _ = simulated(*words, capsys=capsys)
    assert code == 0
    assert "written: out/results.csv" in out
    assert [(f / "model.safetensors").stat().st_mtime_ns for f in trained] == stamps
    assert [r["units"] for r in rows_of(tmp_path)] == ["3", "5", "12"]


def test_an_ensemble_is_of_models_that_differ_and_scored_on_validation_cases(
    dataset, tmp_path, capsys
):
    words = ("--alone", "--strategy", "yang2017:candidates=2", "--models", "2", "--validation")
    code, _, err = simulated(*words, *SMALL, *PLAN, "--units", "volume", capsys=capsys)
    assert (code, "start: got 3 units, there are 3" in err) == (2, True)
    volumes = ("--units", "volume", "--start", "1", "--per-round", "1", "--rounds", "2")
    code, _, err = simulated(*words, *volumes, *PLAN, capsys=capsys)
    assert code == 0, err
    said = json.loads((tmp_path / "out/results.json").read_text())
    assert said["about"]["test_split"] == "val"
    assert "ensemble variance" in said["campaigns"][0]["rounds"][1]["reasons"][0]
    for folder in (tmp_path / "out/trainings").iterdir():
        one, two = (weights_of(folder / f"model{n}/model.safetensors") for n in range(2))
        assert any((one[name] != two[name]).any() for name in one)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--alone",), "--strategy: got none"),
        (("--strategy", "psychic"), "query strategy: got 'psychic'"),
        (("--test-split", "no"), "got 'no'"),
        (("--val-split", "test"), "in two of the splits"),
        (("--rounds", "0"), "rounds: got 0"),
        (("--annotator", "nobody"), "nobody"),
        (("--models", "0"), "models: got 0"),
        (("--network-settings", "depth"), "allowed is key=value"),
        (("--patch", "23", "24"), "multiples of"),
    ],
)
def test_what_is_wrong_is_told(dataset, capsys, words, text):
    code, _, err = simulated(*SMALL, *PLAN, *words, capsys=capsys)
    assert code == 2
    assert text in err

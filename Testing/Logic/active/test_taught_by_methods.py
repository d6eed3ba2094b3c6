"""Simulated campaigns whose trainings use methods, own masks among them."""

from __future__ import annotations

import json

import pytest

from ImperfectSegLogic.active.simulation_teaching import Teaching
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.methods.scarce.active_learning import own_masks
from ImperfectSegLogic.training.run import RunDescription
from Testing.Logic.test_cli_simulate import SMALL, dataset, rows_of, simulated

__all__ = ("dataset",)  # A fixture.
PLAN = (
    "--patch", "24", "24", "--batch", "8", "--steps", "30", "--device", "cpu",
    "--network-settings", "features=8x16,strides=2,dropout=0.1",
)  # fmt: skip
OWN = ("--method", "gorriz2017-own-masks:passes=2", "--training-rounds", "2")


def test_own_masks_teach_and_are_never_held_for_annotations(dataset, tmp_path, capsys, monkeypatch):
    made = []
    real = own_masks._annotated
    monkeypatch.setattr(
        own_masks, "_annotated", lambda *said: (made.append(said[-1]), real(*said))[1]
    )
    words = ("--strategy", "gorriz2017:passes=2", "--alone", *SMALL, *PLAN, *OWN)
    code, _, err = simulated(*words, capsys=capsys)
    assert code == 0, err
    assert [len(found.items) for found in made[1:]] == [3, 5]  # Per annotated unit one; all first.
    rows = rows_of(tmp_path)
    assert [row["units"] for row in rows] == ["3", "5", "12"]
    voxels = 40 * 36
    assert [int(row["voxels"]) for row in rows] == [3 * voxels, 5 * voxels, 12 * voxels]
    revealed = Dataset.open(tmp_path / "out/data")
    names = {name for case in revealed.case_ids for name in revealed.annotators(case)}
    assert all(name.startswith("robot-") for name in names)
    runs = [RunDescription.read(p.parent) for p in (tmp_path / "out").rglob("run.json")]
    assert {run.rounds for run in runs} == {2}
    assert not list((tmp_path / "out").rglob("rounds"))
    assert json.loads((tmp_path / "out/results.json").read_text())["about"]["method"] == [OWN[1]]


def test_other_methods_are_other_trainings_and_none_is_what_it_was():
    plain = Teaching()
    assert plain.known_by() == Teaching(methods=(), rounds=1).known_by()
    one = Teaching(methods=(("ozdemir2018-entropy", {}),))
    other = Teaching(methods=(("ozdemir2018-entropy", {"weight": 1.0}),))
    known = {t.known_by() for t in (plain, one, other, Teaching(rounds=2))}
    assert len(known) == 4
    assert "methods" not in plain.known_by()


@pytest.mark.parametrize("method", ["ozdemir2018-entropy", "mahapatra2018-noise"])
def test_strategies_ask_models_that_their_methods_trained(dataset, capsys, method):
    strategy = f"{method.partition('-')[0]}:passes=2"
    words = ("--strategy", strategy, "--alone", *SMALL, *PLAN, "--method", method)
    code, out, err = simulated(*words, capsys=capsys)
    assert code == 0, err
    assert "Dice of 1 cases by units: 3: " in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--method", "nobody2020"), "got 'nobody2020'"),
        (("--training-rounds", "0"), "rounds of a training: got 0"),
        (("--method", "gorriz2017-own-masks"), "simulate with --training-rounds 2"),
    ],
)
def test_what_is_wrong_is_said(dataset, capsys, words, text):
    code, _, err = simulated(
        "--alone", "--strategy", "random", *SMALL, *PLAN, *words, capsys=capsys
    )
    assert code == 2
    assert text in err

"""`imperfectseg evidence` on query strategies, as typed: real trainings in two processes."""

from __future__ import annotations

import json

import pytest

from Testing.Logic.evidence.phantom_campaigns import NAME, SPEC, robots
from Testing.Logic.evidence.phantom_evidence import data_folder, evidence_folder
from Testing.Logic.test_cli import run

WHERE = ("--data", "raw", "--folder", "evidence")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evidence_folder(tmp_path / "evidence", SPEC.replace("seeds = [1, 2]", "seeds = [1]"), NAME)
    data_folder(tmp_path / "raw")
    return tmp_path


def test_campaigns_are_run_by_two_processes_shown_and_put_into_the_readme(folder, capsys):
    code, out, err = run("evidence", "run", NAME, *WHERE, "--jobs", "2", capsys=capsys)
    assert code == 0, err
    out = " ".join(out.split())
    assert "all annotations, seed 1: done" in out
    assert "3 of 3 campaigns done" in out
    assert "a quarter is enough: " in out
    # All units, the start, and two rounds of three strategies, each of which is trained once.
    assert len(robots(folder / "build" / "evidence")) <= 2 + 3 * 2
    result = json.loads((folder / "evidence" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert result["command"] == f"imperfectseg evidence run {NAME} --data DIR --jobs 2"
    assert str(folder) not in json.dumps(result)
    assert {arm["curves"][0]["dice"][0] for arm in result["arms"].values()} == {
        result["arms"]["random"]["curves"][0]["dice"][0]
    }
    code, out, _ = run("evidence", "run", NAME, *WHERE, capsys=capsys)
    assert (code, f"{NAME}: is up to date" in out) == (0, True)
    code, out, err = run("evidence", "run", NAME, *WHERE, "--partial", capsys=capsys)
    assert (code, err) == (0, "")
    assert (code, "evidence/few-queries.json" in out) == (0, True)
    _, out, _ = run("evidence", "show", NAME, "--folder", "evidence", capsys=capsys)
    assert "lies above random: " in out
    assert "verdict: " in out
    _, out, _ = run("evidence", "show", "--folder", "evidence", capsys=capsys)
    assert NAME in out
    (folder / "PAGE.md").write_text("<!-- evidence -->\n<!-- /evidence -->\n")
    code, _, _ = run("evidence", "readme", "PAGE.md", "--folder", "evidence", capsys=capsys)
    assert code == 0
    assert "| entropy | mean Dice of the curve | " in (folder / "PAGE.md").read_text("utf-8")


def test_an_evidence_of_trainings_has_no_part_to_put_together(folder, capsys):
    evidence_folder(folder / "evidence")
    code, _, err = run("evidence", "run", "few-slices", *WHERE, "--partial", capsys=capsys)
    assert code == 2
    assert "--partial: got an Evidence of trainings" in err

"""`imperfectseg evidence`, as a person at a shell uses it."""

from __future__ import annotations

import json

import pytest

from Testing.Logic.evidence.phantom_evidence import SPEC, data_folder, evidence_folder
from Testing.Logic.test_cli import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evidence_folder(tmp_path / "evidence", SPEC.replace("share = [0.5, 1.0]", "share = [0.5]")
                    .replace("seeds = [1, 2]", "seeds = [1]")
                    .replace("balanced, share 1", "balanced, share 0.5"))  # fmt: skip
    data_folder(tmp_path / "raw")
    return tmp_path


WHERE = ["--data", "raw", "--folder", "evidence"]


def test_an_evidence_is_run_shown_and_put_into_the_readme(folder, capsys):
    code, out, _ = run("evidence", "show", "--folder", "evidence", capsys=capsys)
    assert code == 0
    assert "not run" in out
    code, out, err = run("evidence", "run", "all", *WHERE, capsys=capsys)
    assert code == 0, err
    assert "plain, share 0.5, seed 1: done" in out
    assert "gains with half of the slices: " in out
    assert "evidence/few-slices.json and .png" in out
    result = json.loads((folder / "evidence" / "few-slices.json").read_text(encoding="utf-8"))
    assert result["command"] == "imperfectseg evidence run few-slices --data DIR --jobs 1"
    assert str(folder) not in json.dumps(result)
    code, out, _ = run("evidence", "run", "few-slices", *WHERE, capsys=capsys)
    assert code == 0
    assert f"few-slices: is up to date ({result['verdict']})" in out
    _, out, _ = run("evidence", "show", "--folder", "evidence", capsys=capsys)
    assert result["verdict"] in out
    _, out, _ = run("evidence", "show", "few-slices", "--folder", "evidence", capsys=capsys)
    assert "Balancing helps." in out
    assert "disk" in out
    assert "gains with half of the slices: " in out
    (folder / "PAGE.md").write_text("<!-- evidence -->\n<!-- /evidence -->\n")
    code, out, _ = run("evidence", "readme", "PAGE.md", "--folder", "evidence", capsys=capsys)
    assert code == 0
    assert result["verdict"] in (folder / "PAGE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "many", *WHERE], "got 'many', allowed are few-slices"),
        (["run", "all", "--data", "gone", "--folder", "evidence"], "gone: there is no such folder"),
        (["run", "all", "--data", "evidence", "--folder", "evidence"], "made of hearts/*_image"),
        (["run", "all", *WHERE, "--jobs", "0"], "--jobs: got 0"),
        (["run", "all", *WHERE, "--arms", "best"], "got arm 'best'"),
        (["run", "all", *WHERE, "--steps", "0"], "steps: got 0"),
        (["show", "many", "--folder", "evidence"], "got 'many', allowed are few-slices"),
        (["readme", "gone.md", "--folder", "evidence"], "gone.md: there is no such file"),
        (["readme", "raw/hearts/splits.json", "--folder", "evidence"], "got 0 pairs"),
    ],
)
def test_what_the_user_can_mend_is_told_in_one_line_with_exit_code_2(
    folder, capsys, arguments, message
):
    code, _, err = run("evidence", *arguments, capsys=capsys)
    assert code == 2
    assert err.startswith("error:")
    assert message in err
    assert not (folder / "build").exists()


def test_without_torch_the_command_says_how_to_install_it(folder, capsys, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "torch" else real(name, *a)
    )
    code, _, err = run("evidence", "run", "all", *WHERE, capsys=capsys)
    assert code == 2
    assert "torch: not installed" in err

"""`imperfectseg bench interactive`: finds the measurement, or says what is missing."""

from __future__ import annotations

import subprocess

import pytest

from ImperfectSegLogic import cli
from ImperfectSegLogic.commands import bench
from Testing.Benchmarks import interactive


@pytest.fixture
def started(monkeypatch):
    """Keeps the command from starting anything; gives what it would start."""
    calls = []

    def run(command, **options):
        calls.append((command, options))
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(bench.subprocess, "run", run)
    return calls


def told(capsys):
    return " ".join(capsys.readouterr().err.split())


def test_options_reach_the_measurement_and_paths_become_absolute(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    words = (
        "bench interactive --data data --sets acdc em --engines geodesic-walker"
        " sakinis2019=model --prompts clicks box --split val --quick --jobs 2 --threads 3 --seed 4"
        " --out result --fresh"
    )
    assert cli.main(words.split()) == 1
    command, options = started[0]
    assert command[1:3] == ["-m", "Testing.Benchmarks.interactive"]
    said = interactive.parser().parse_args(command[3:])
    assert (said.data, said.out) == (tmp_path / "data", tmp_path / "result")
    assert said.sets == ["acdc", "em"]
    assert said.engines == ["geodesic-walker", f"sakinis2019={tmp_path / 'model'}"]
    assert said.prompts == ["clicks", "box"]
    assert (said.split, said.jobs, said.threads, said.seed) == ("val", 2, 3, 4)
    assert said.quick
    assert said.fresh
    assert options["env"]["OMP_NUM_THREADS"] == "3"
    assert (options["cwd"] / "Testing").is_dir()


def test_defaults_are_the_measurement_s_own(started, tmp_path):
    assert cli.main(["bench", "interactive", "--data", str(tmp_path)]) == 1
    said = interactive.parser().parse_args(started[0][0][3:])
    own = interactive.parser().parse_args(["--data", str(tmp_path)])
    assert {**vars(said), "parent": None} == vars(own)


def test_times_alone_need_no_data(started):
    assert cli.main(["bench", "interactive", "--sets", "speed"]) == 1
    assert started


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--data: got nothing"),
        (["--data", "nowhere"], "--data: nowhere is not there"),
        (["--sets", "speed", "--jobs", "0"], "--jobs: got 0, allowed is 1 or more"),
    ],
)
def test_what_is_missing_is_said(started, capsys, words, message):
    assert cli.main(["bench", "interactive", *words]) == 2
    assert message in told(capsys)
    assert not started


def test_without_a_checkout_it_says_where_to_get_one(started, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "CHECKOUT", tmp_path)
    assert cli.main(["bench", "interactive", "--sets", "speed"]) == 2
    assert "part of a source checkout" in told(capsys)


def test_without_matplotlib_it_says_how_to_install_it(started, capsys, monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["bench", "interactive", "--sets", "speed"]) == 2
    assert "imperfectseg[bench]" in told(capsys)

"""The interactive benchmark from end to end, on phantoms; its simulated users and peers."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from ImperfectSegLogic.commands import bench
from ImperfectSegLogic.evidence.code_hash import ROOT
from Testing.Benchmarks import interactive, interactive_engines, interactive_speed
from Testing.Benchmarks.data import Task
from Testing.Benchmarks.data_3d import cut
from Testing.Benchmarks.interactive_engines import Entry, all_entries, fingerprint, missing
from Testing.Benchmarks.interactive_playing import play, play_scribbles, scribbles_of
from Testing.Benchmarks.interactive_running import tasks_to_play
from Testing.Benchmarks.interactive_sets import SETS, SPEED, load_task, save_tasks
from Testing.Benchmarks.interactive_speed import phantom
from Testing.Benchmarks.interactive_users import KINDS, user_of
from Testing.Benchmarks.peers import GrowCut, RandomWalker
from Testing.Benchmarks.players import Engine


def scribbled(name="ACDC__one", people=2):
    """Gives a bright disk, and a bar drawn in it and one beside it by each person."""
    j, i = np.indices((64, 64))
    truth = (j - 30) ** 2 + (i - 34) ** 2 < 15**2
    image = (60 + 120 * truth + np.random.default_rng(0).normal(0, 8, truth.shape)).clip(0, 255)
    scribbles = np.zeros((people, 2, 64, 64), dtype=bool)
    scribbles[:, 0, 30, 26:42] = True
    scribbles[:, 1, 58, 10:50] = True
    return name, image.astype(np.uint8), truth, scribbles


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    (root / "medscribble").mkdir()
    name, image, truth, scribbles = scribbled()
    np.savez(root / "medscribble" / f"{name}.npz", image=image, mask=truth, scribbles=scribbles)
    for kind in ("image", "label"):
        (root / "em_membrane" / kind).mkdir(parents=True)
    for number in range(2):
        task = phantom((1, 280, 280), number)
        gray = task.volume.array[0].clip(0, 255).astype(np.uint8)
        Image.fromarray(gray).save(root / "em_membrane" / "image" / f"{number}.png")
        # Membranes are what is black there.
        label = np.where(task.truth[0], 0, 255).astype(np.uint8)
        Image.fromarray(label).save(root / "em_membrane" / "label" / f"{number}.png")
    return root


class Half:
    """A player whose answers are known: the left half of the truth, then all, then it breaks."""

    name, notes = "half", ("slow today",)

    def __init__(self, truth):
        self.truth = truth

    def start(self, volume):
        self.prompts = []

    def respond(self, prompts):
        self.prompts.append(len(prompts))
        if len(prompts) == 3:
            raise RuntimeError("no memory")
        answer = self.truth.copy()
        answer[..., self.truth.shape[2] // 2 :] &= len(prompts) > 1
        return answer


def test_playing_notes_dice_time_and_what_was_said():
    task = phantom((1, 40, 40))
    played = play(Half(task.truth), task, user_of("clicks", "", 0), 4)
    left = np.count_nonzero(task.truth[..., :20])
    assert played.dice[0] == pytest.approx(2 * left / (left + np.count_nonzero(task.truth)))
    assert played.dice[1:] == [1.0, 1.0, 1.0]
    assert len(played.seconds) == len(played.cpu) == 2
    assert played.notes == ["slow today"]
    assert not played.error


def test_an_engine_that_breaks_keeps_its_last_mask_and_is_told_of():
    task = phantom((1, 40, 40))

    class Breaking(Half):
        def respond(self, prompts):
            answer = super().respond(prompts)
            answer[..., : answer.shape[2] // 2] = False
            return answer

    played = play(Breaking(task.truth), task, user_of("clicks", "", 0), 5)
    assert played.error == "RuntimeError at prompt 3: no memory"
    assert len(played.dice) == 5
    assert played.dice[1] == played.dice[4] < 1


def test_people_scribble_in_runs_of_pixels_and_what_is_on_both_is_left_out():
    name, _image, truth, scribbles = scribbled()
    scribbles[0, 1, 30, 26:30] = True
    task = Task(name, "x", phantom((1, 64, 64)).volume, truth[None], name, scribbles)
    prompts = scribbles_of(task, 0)
    assert [(p.label, p.positive) for p in prompts] == [(1, True), (0, True)]
    index = task.volume.geometry.to_index(prompts[0].points).tolist()
    assert index == [[0, 30, 30], [0, 30, 41]]
    played = play_scribbles(Half(truth[None]), task, 1)
    assert len(played.dice) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_users_prompt_all_engines_alike_and_each_task_in_its_own_way(kind):
    task = phantom((1, 60, 60))
    empty = np.zeros_like(task.truth)
    geometry = task.volume.geometry

    def prompts(name):
        user = user_of(kind, name, 7)
        return [user(empty, task.truth, geometry, n) for n in range(3)]

    def said(prompts):
        return [{k: np.asarray(v).tolist() for k, v in vars(p).items()} for p in prompts]

    assert said(prompts("a")) == said(prompts("a"))
    if kind != "clicks":
        assert said(prompts("a")) != said(prompts("b"))
    needed = {type(p).__name__ for p in prompts("a")}
    assert needed <= set(KINDS[kind].needs)


@pytest.mark.parametrize("make", [RandomWalker, GrowCut, Engine])
def test_everyone_segments_an_easy_disk(make):
    name, image, truth, scribbles = scribbled()
    from ImperfectSegLogic.data import Volume

    task = Task(name, "x", Volume(image[None], np.eye(4)), truth[None], name, scribbles)
    if make is Engine:
        player = Engine("geodesic-walker")
    else:
        pytest.importorskip("slicer") if make is GrowCut else None
        player = make()
    assert play_scribbles(player, task, 0).dice[0] > 0.9


def test_tasks_survive_being_written(tmp_path):
    name, _image, truth, scribbles = scribbled()
    task = Task(name, "kind", phantom((1, 64, 64)).volume, truth[None], "patient", scribbles)
    save_tasks([task], tmp_path)
    again = load_task(tmp_path / "00000.npz")
    assert (again.name, again.group, again.source) == (name, "kind", "patient")
    assert np.array_equal(again.volume.array, task.volume.array)
    assert np.array_equal(again.truth, task.truth)
    assert np.array_equal(again.scribbles, scribbles)
    assert again.volume.geometry.matches(task.volume.geometry)


def test_cutting_keeps_the_structure_and_its_place():
    task = phantom((40, 130, 50))
    small = cut(task, 60)
    assert small.truth.sum() == task.truth.sum()
    assert small.truth.shape[1] < 130
    where, before = np.argwhere(small.truth)[0], np.argwhere(task.truth)[0]
    assert np.allclose(small.volume.geometry.to_ras(where), task.volume.geometry.to_ras(before))


def test_slow_engines_play_some_tasks_of_each_group():
    tasks = [Task(f"{g}{n}", g, None, None) for g in "ab" for n in range(10)]
    assert [t.name for t in tasks_to_play(tasks, 2)] == ["a0", "a1", "b0", "b1"]
    many = [Task(str(n), "a", None, None, "", np.zeros(1)) for n in range(56)]
    assert len(tasks_to_play(many, 8)) == 8


def test_fingerprints_change_with_the_model_and_the_tasks(tmp_path):
    model = tmp_path / "m.safetensors"
    model.write_bytes(b"one")
    entry = Entry.read(f"sakinis2019={model}")
    first = fingerprint(entry, "seed 1")
    assert first == fingerprint(entry, "seed 1") != fingerprint(entry, "seed 2")
    model.write_bytes(b"two")
    assert first != fingerprint(entry, "seed 1")
    assert fingerprint(Entry("growcut")) != fingerprint(Entry("geodesic-walker"))


def test_engines_that_miss_something_are_told_of(monkeypatch, capsys):
    monkeypatch.setattr(interactive_engines.importlib.util, "find_spec", lambda name: None)
    assert "slicer-core is not installed" in missing(Entry("growcut"))
    with pytest.raises(ValueError, match="growcut: slicer-core is not installed"):
        interactive.entries_of(["growcut"])
    monkeypatch.setattr(
        interactive, "all_entries", lambda: [Entry("random-walker"), Entry("growcut")]
    )
    assert interactive.entries_of([]) == [Entry("random-walker")]
    told = " ".join(capsys.readouterr().out.split())
    assert "left out: growcut" in told
    assert "pip install 'imperfectseg[host]'" in told


def test_unknown_engines_and_missing_models_are_refused():
    with pytest.raises(ValueError, match=r"got 'magic', allowed are .*random-walker"):
        missing(Entry("magic"))
    with pytest.raises(ValueError, match=r"Write sakinis2019=PATH"):
        missing(Entry("sakinis2019"))
    with pytest.raises(ValueError, match=r"nowhere\.safetensors is not there"):
        missing(Entry.read("sakinis2019=nowhere.safetensors"))


def test_every_engine_without_a_model_takes_part():
    names = [entry.name for entry in all_entries()]
    assert {"geodesic-walker", "random-walker", "growcut"} <= set(names)
    assert len(names) == len(set(names))


def run(data, out, *sets):
    words = ["--data", str(data), "--sets", *sets, "--quick", "--out", str(out)]
    return interactive.main([*words, "--engines", "geodesic-walker", "random-walker"])


def test_from_images_to_tables_and_on_from_where_it_stopped(data, tmp_path, capsys):
    assert run(data, tmp_path, "medscribble", "em") == 0
    told = capsys.readouterr().out
    assert "membranes" in told
    result = json.loads((tmp_path / "interactive.json").read_text(encoding="utf-8"))
    groups = {(g["set"], g["prompts"]): g["engines"] for g in result["groups"]}
    scribbles = {row["engine"]: row for row in groups["medscribble", "human scribbles"]}
    assert scribbles["geodesic-walker"]["tasks"] == 2
    assert scribbles["geodesic-walker"]["dice"]["1"]["mean"] > 0.9
    assert groups["em", "clicks"][0]["tasks"] == 2
    assert (tmp_path / "interactive.png").stat().st_size > 1000
    with (tmp_path / "tasks.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 8
    with (tmp_path / "summary.csv").open(encoding="utf-8") as file:
        row = next(r for r in csv.DictReader(file) if r["set"] == "medscribble")
    assert float(row["dice_1"]) == pytest.approx(scribbles[row["engine"]]["dice"]["1"]["mean"])
    _check_resuming(data, tmp_path, capsys)


def _check_resuming(data, out, capsys):
    """Cuts a line in two, as a kill does, and marks another one as measured with older code."""
    path = out / "lines" / "em-geodesic-walker-clicks.jsonl"
    first, second = path.read_text(encoding="utf-8").splitlines()
    path.write_text(first + "\n" + second[:40], encoding="utf-8")
    other = out / "lines" / "em-random-walker-clicks.jsonl"
    old = [json.loads(text) for text in other.read_text(encoding="utf-8").splitlines()]
    old[0] |= {"fingerprint": "older", "dice": [0.123] * 3}
    other.write_text("".join(json.dumps(one) + "\n" for one in old), encoding="utf-8")
    assert run(data, out, "em") == 0
    assert "1 earlier results dropped: code or weights changed since" in capsys.readouterr().out
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == first
    assert json.loads(lines[1])["dice"] == json.loads(second)["dice"]
    assert json.loads(lines[1])["ready"] != json.loads(second)["ready"]
    assert "0.123" not in other.read_text(encoding="utf-8")


def test_sets_that_are_not_there(data, tmp_path, capsys):
    words = ["--data", str(data), "--out", str(tmp_path), "--engines", "random-walker"]
    assert interactive.main([*words, "--sets", "acdc"]) == 2
    assert "acdc is not there" in " ".join(capsys.readouterr().err.split())
    empty = tmp_path / "empty"
    empty.mkdir()
    words[1] = str(empty)
    assert interactive.main(words) == 2
    printed = capsys.readouterr()
    assert "left out: chase" in printed.out
    assert "holds none of the image sets" in " ".join(printed.err.split())


def test_speed_is_measured_in_processes_and_what_breaks_is_told():
    engines = [Entry("geodesic-walker"), Entry("magic")]
    (row,), (told,) = interactive_speed.measure_speed(engines, 1, 1, 2)
    assert row["engine"] == "geodesic-walker"
    assert 0 < row["start"] < row["answered"]
    flat = row["2-D 256 x 256"]
    assert flat["responses"] == 2
    assert 0 < flat["p50"] <= flat["p95"]
    assert "magic, speed: exit code 1" in told


def test_the_command_line_knows_all_sets_and_kinds():
    assert (*SETS, SPEED) == bench.SETS
    assert tuple(KINDS) == bench.PROMPTS


def test_who_measures_ends_when_the_one_who_asked_is_killed():
    child = (
        "import os, sys, time; from Testing.Benchmarks.parent import end_with;"
        "end_with(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(150)"
    )
    parent = (
        "import os, subprocess, sys, time;"
        f"subprocess.Popen([sys.executable, '-c', {child!r}, str(os.getpid())]); time.sleep(150)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        number = int(process.stdout.readline())
        assert _is_there(number)
        began = time.monotonic()
        process.kill()
        # The pipe is at its end when nobody is left to write to it.
        assert process.stdout.read() == ""
        assert time.monotonic() - began < 60


def _is_there(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True

"""`imperfectseg complete`, as a person at a shell uses it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    UNLABELED,
    Dataset,
    DenseMask,
    NoisyMask,
    PointGrid,
    SparseMask,
    Volume,
    read_volume,
)
from Testing.Logic.completion.stacks import dice, only, stack, tube
from Testing.Logic.methods.phantoms import grid
from Testing.Logic.test_cli import run

GRID = grid((9, 36, 38))
TRUTH = tube(GRID.shape, bend=0.3).astype(int)
NAME = "completed-slices"


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Dataset:
    """Three cases: two with annotated slices, one with none."""
    monkeypatch.chdir(tmp_path)
    made = Dataset.create("set", {1: "tube"})
    for n in range(3):
        made.add_case(f"case{n}", stack(TRUTH, GRID, noise=4.0 + n).volume)
    for n in range(2):
        made.annotate(f"case{n}", only(TRUTH, GRID, (0, 4, 8)), "ann")
    return made


def completed(*options, capsys):
    return run("complete", "set", *options, capsys=capsys)


def test_slices_become_masks_with_probabilities_and_wanted_slices(dataset, capsys):
    code, out, _ = completed("--from", "slices", capsys=capsys)
    assert code == 0
    assert "2 worked on" in out
    assert "Worth annotating next" in out
    case = dataset.case("case0", NAME)
    assert isinstance(case.annotation, NoisyMask)
    assert dice(case.annotation.labels == 1, TRUTH == 1) > 0.9
    found = dataset.probabilities(NAME, "case0")
    np.testing.assert_array_equal(found.full_labels(), case.annotation.labels)
    entropy = read_volume(f"set/predictions/{NAME}/case0-entropy.nrrd").array
    assert entropy[4].max() < 1e-6 < 0.1 < entropy[2].max() <= 1
    wanted = json.loads(Path(f"set/predictions/{NAME}/wanted.json").read_text())
    assert set(wanted) == {"case0", "case1"}
    assert wanted["case0"][0]["index"] not in (0, 4, 8)
    assert dataset.annotators("case2") == []
    assert run("dataset", "check", "set", capsys=capsys)[0] == 0


def test_what_is_done_is_kept_until_its_input_changes(dataset, capsys):
    completed("--from", "slices", capsys=capsys)
    _, out, _ = completed("--from", "slices", capsys=capsys)
    assert "2 worked on already and kept" in out
    assert "0 worked on" in out
    dataset.annotate("case1", only(TRUTH, GRID, (0, 2, 4, 6, 8)), "ann")
    _, out, _ = completed("--from", "slices", capsys=capsys)
    assert "1 worked on already and kept" in out
    assert [v.number for v in dataset.versions("case1", NAME)] == [1, 2]
    assert [v.number for v in dataset.versions("case0", NAME)] == [1]
    completed("--from", "slices", "--overwrite", "--cases", "case0", capsys=capsys)
    assert [v.number for v in dataset.versions("case0", NAME)] == [1, 2]


def test_a_case_that_fails_is_named_and_does_not_stop_the_rest(dataset, capsys):
    labels = np.full(GRID.shape, UNLABELED)
    labels[3, 4:9, 4:9] = 1
    dataset.annotate("case0", SparseMask(labels, GRID), "ann")
    code, out, _ = completed("--from", "slices", capsys=capsys)
    assert code == 1
    assert "failed: case0" in out.replace("\n", " ")
    assert dataset.annotators("case0") == ["ann"]
    assert NAME in dataset.annotators("case1")


def test_changed_settings_complete_anew_under_a_name_of_choice(dataset, capsys):
    typed = ("--from", "scribbles", "--cases", "case0", "--as", "mine")
    engine = ("--engine", "geodesic-walker")
    completed(*typed, *engine, capsys=capsys)
    _, out, _ = completed(*typed, *engine, capsys=capsys)
    assert "1 worked on already" in out
    _, out, _ = completed(*typed, *engine, "--prefer", "ann", capsys=capsys)
    assert "already" not in out
    assert [v.number for v in dataset.versions("case0", "mine")] == [1, 2]


def test_annotators_who_disagree_fail_unless_one_is_preferred_or_chosen(dataset, capsys):
    other = only(1 - TRUTH, GRID, (4,))
    dataset.annotate("case0", other, "bob")
    code, out, _ = completed("--from", "slices", capsys=capsys)
    assert code == 1
    assert "annotators ann and bob" in out.replace("\n", " ")
    assert completed("--from", "slices", "--prefer", "ann", capsys=capsys)[0] == 0
    assert dice(dataset.case("case0", NAME).annotation.labels == 1, TRUTH == 1) > 0.9
    assert completed("--from", "slices", "--annotator", "ann", capsys=capsys)[0] == 0


def test_points_become_masks(dataset, capsys):
    index = np.argwhere(np.random.default_rng(0).random(GRID.shape) < 0.01)
    points = PointGrid(GRID.to_ras(index), TRUTH[tuple(index.T)])
    dataset.annotate("case2", points, "ann")
    assert completed("--from", "grid", "--engine", "geodesic-walker", capsys=capsys)[0] == 0
    found = dataset.case("case2", "completed-grid").annotation
    assert dice(found.labels == 1, TRUTH == 1) > 0.85


def test_frames_of_a_subject_become_masks_and_other_subjects_are_left_alone(dataset, capsys):
    for n in range(2):
        dataset.add_case(f"heart{n}", stack(TRUTH, GRID).volume, subject="heart")
    dataset.annotate("heart0", DenseMask(TRUTH, GRID), "ann")
    assert completed("--from", "frames", capsys=capsys)[0] == 0
    found = dataset.case("heart1", "completed-frames").annotation
    assert dice(found.labels == 1, TRUTH == 1) > 0.9
    assert dataset.annotators("heart0") == ["ann"]
    assert "1 worked on already" in completed("--from", "frames", capsys=capsys)[1]


def test_masks_that_were_completed_are_input_only_where_they_are_asked_for(dataset, capsys):
    for n in range(2):
        dataset.add_case(f"heart{n}", stack(TRUTH, GRID).volume, subject="heart")
    dataset.annotate("heart0", DenseMask(TRUTH, GRID), "ann")
    for name in ("completed-frames", "mine"):
        typed = ("--from", "frames", "--as", name)
        assert completed(*typed, capsys=capsys)[0] == 0
        assert "1 worked on already" in completed(*typed, capsys=capsys)[1]
    assert dataset.annotators("heart0") == ["ann"]
    asked = ("--from", "frames", "--annotator", "completed-frames", "--as", "back")
    assert completed(*asked, capsys=capsys)[0] == 0
    assert dataset.annotators("heart0") == ["ann", "back"]


def test_frames_of_two_grids_fail_and_both_are_named(dataset, capsys):
    dataset.add_case("heart0", stack(TRUTH, GRID).volume, subject="heart")
    thicker = Volume(stack(TRUTH, GRID).volume.array, np.diag([1.0, 1.0, 2.0, 1.0]))
    dataset.add_case("heart1", thicker, subject="heart")
    dataset.annotate("heart0", DenseMask(TRUTH, GRID), "ann")
    code, out, _ = completed("--from", "frames", capsys=capsys)
    assert code == 1
    assert "heart0, heart1" in out.replace("\n", " ")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("--from", "grid"), "got no case with PointGrid"),
        (("--from", "slices", "--cases", "nobody"), "got nobody, there are case0"),
        (("--from", "slices", "--engine", "geodesic-walker"), "--from slices uses none"),
        (("--from", "scribbles", "--model", "x"), "--engine that needs one"),
        (("--from", "slices", "--annotator", "eve"), "by eve"),
        (("--from", "slices", "--as", "a/b"), "--as"),
    ],
)
def test_bad_options_are_told(dataset, typed, told, capsys):
    code, _, err = completed(*typed, capsys=capsys)
    assert code == 2
    assert told in err.replace("\n", " ")

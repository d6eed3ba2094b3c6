"""`imperfectseg evaluate`, as a person at a shell uses it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ImperfectSegLogic.data import (
    Dataset,
    DenseMask,
    Geometry,
    ImageLabels,
    NoisyMask,
    Segmentation,
    SparseMask,
    write_label_map,
    write_segmentation,
)
from ImperfectSegLogic.evaluation import evaluate, evaluate_folders
from Testing.Logic.data.phantom_cases import GRID, MATRIX, SHAPE, dense, image, labels, make, sparse
from Testing.Logic.test_cli import run

CASES = [f"case{n}" for n in range(4)]


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Dataset:
    """Four cases, all test, each a subject of its own; a perfect model and one that errs."""
    monkeypatch.chdir(tmp_path)
    made = make(tmp_path / "set", 0)
    for n, case in enumerate(CASES):
        made.add_case(case, image(n), subject=f"subject{n}")
        made.annotate(case, dense(n), "ann")
        made.add_prediction("good", case, dense(n))
        made.add_prediction("bad", case, dense(n + 10))
    made.set_splits({"test": CASES, "train": []})
    return made


def evaluated(*arguments, capsys):
    return run("evaluate", *arguments, capsys=capsys)


def test_one_model_gets_a_table_per_label(dataset, capsys):
    code, out, _ = evaluated("set", "--model", "good", capsys=capsys)
    assert code == 0
    assert "truth: ann (DenseMask) for 4 cases" in out
    assert "good: 1 liver" in out
    assert "good: 2 spleen" in out
    assert "1.000 to 1.000" in out
    assert "4 of 4 cases" in out
    assert "worst of 2 spleen: case" in out


def test_two_models_are_compared_and_all_files_written(dataset, capsys):
    files = ["--csv", "s.csv", "--json", "s.json", "--plot", "s.png"]
    both = ["set", "--model", "good", "--against", "bad", *files]
    code, out, _ = evaluated(*both, capsys=capsys)
    assert code == 0
    assert "good minus bad, by subject" in out
    assert "4/0/0" in out
    rows = list(csv.DictReader(Path("s.csv").read_text().splitlines()))
    assert len(rows) == 2 * 4 * 2
    assert rows[0]["model"] == "good"
    assert rows[0]["name"] == "liver"
    assert (rows[0]["dice"], rows[0]["hd95"]) == ("1", "0")
    found = json.loads(Path("s.json").read_text())
    assert found["comparison"]["first"] == "good"
    assert len(found["comparison"]["results"]) == 2 * 5
    assert len(found["models"]["bad"]["scores"]) == 8
    assert Image.open("s.png").size[0] > 600
    code, _, err = evaluated(*both, capsys=capsys)
    assert code == 2
    assert "is there already" in err
    assert evaluated(*both, "--overwrite", capsys=capsys)[0] == 0


def test_labels_and_tolerance_are_chosen(dataset, capsys):
    code, out, _ = evaluated("set", "--model", "bad", "--labels", "2", capsys=capsys)
    assert code == 0
    assert "1 liver" not in out
    scores = evaluate(dataset, "bad", CASES, tolerance=100)
    assert all(s.metrics["surface_dice"] == 1 for s in scores)
    code, _, err = evaluated("set", "--model", "bad", "--labels", "2", "7", capsys=capsys)
    assert code == 2
    assert "labels: got [7], allowed are {1: 'liver', 2: 'spleen'}" in err
    code, _, err = evaluated("set", "--model", "bad", "--tolerance", "-1", capsys=capsys)
    assert code == 2
    assert "tolerance: got -1.0" in err


def test_only_labels_that_were_looked_for_are_scored(dataset, capsys):
    dataset.add_case("part", image(9), labels=[2])
    dataset.annotate("part", DenseMask(np.where(labels(9) == 2, 2, 0), GRID), "ann")
    dataset.add_prediction("good", "part", dense(9))
    scores = evaluate(dataset, "good", ["case0", "part"])
    assert [(s.case, s.subject, s.label) for s in scores] == [
        ("case0", "subject0", 1), ("case0", "subject0", 2), ("part", "part", 2),
    ]  # fmt: skip
    dataset.set_splits({"test": ["part"]})
    code, out, _ = evaluated("set", "--model", "good", capsys=capsys)
    assert code == 0
    assert "note: 1 liver was looked for in none of the cases." in out
    code, _, err = evaluated("set", "--model", "good", "--labels", "1", capsys=capsys)
    assert code == 2
    assert "looked for in none" in err


def test_one_case_is_told_to_have_no_interval(dataset, capsys):
    dataset.set_splits({"one": ["case0"]})
    code, out, _ = evaluated(
        "set", "--model", "good", "--against", "bad", "--split", "one", capsys=capsys
    )
    assert code == 0
    assert "neither confidence intervals nor tests are possible" in out


def test_the_annotator_who_was_named_is_the_truth(dataset, capsys):
    for n, case in enumerate(CASES):
        dataset.annotate(case, dense(n + 10), "bob")
    assert all(s.metrics["dice"] == 1 for s in evaluate(dataset, "bad", CASES, "bob"))
    assert all(s.metrics["dice"] == 1 for s in evaluate(dataset, "good", CASES, "ann"))
    code, _, err = evaluated("set", "--model", "good", "--annotator", "eve", capsys=capsys)
    assert code == 2
    assert "got annotator eve" in err


def test_a_sparse_truth_gives_dice_only(dataset):
    dataset.annotate("case0", sparse(0), "scribbler")
    dataset.add_prediction("good", "case0", DenseMask(np.maximum(sparse(0).labels, 0), GRID),
                           overwrite=True)  # fmt: skip
    for score in evaluate(dataset, "good", ["case0"], "scribbler"):
        assert score.truth == "scribbler (SparseMask)"
        assert score.metrics["dice"] == 1
        assert np.isnan(score.metrics["hd95"])
    assert isinstance(dataset.case("case0", "scribbler").annotation, SparseMask)


def test_what_is_no_truth_is_told(dataset):
    dataset.annotate("case0", NoisyMask(labels(1), GRID), "noisy")
    with pytest.raises(ValueError, match="case0: got a NoisyMask of noisy as the truth"):
        evaluate(dataset, "good", CASES)
    assert len(evaluate(dataset, "good", ["case0"], "noisy")) == 2
    dataset.annotate("case0", ImageLabels(frozenset({1})), "reader")
    with pytest.raises(ValueError, match="case0: got a ImageLabels of reader as the truth"):
        evaluate(dataset, "good", ["case0"], "reader")
    dataset.add_case("bare", image(7))
    dataset.add_prediction("good", "bare", dense(7))
    with pytest.raises(ValueError, match="truth: 1 of 2 cases have no annotation: bare"):
        evaluate(dataset, "good", ["case1", "bare"])


def test_missing_predictions_and_models_are_told_before_any_work(dataset, capsys):
    dataset.add_prediction("half", "case1", dense(1))
    code, _, err = evaluated("set", "--model", "good", "--against", "half", capsys=capsys)
    assert code == 2
    assert "model half: has no predictions of 3 of 4 cases: case0, case2, case3" in err
    code, _, err = evaluated("set", "--model", "nobody", capsys=capsys)
    assert code == 2
    assert "got 'nobody', there are ['bad', 'good', 'half']" in err
    with pytest.raises(ValueError, match="one or more, each only once"):
        evaluate(dataset, "good", ["case0", "case0"])
    with pytest.raises(FileNotFoundError, match="case nowhere"):
        evaluate(dataset, "good", ["nowhere"])


def test_damaged_predictions_are_told(dataset):
    file = dataset.folder / "predictions" / "good" / "case2.seg.nrrd"
    other = Geometry(SHAPE, MATRIX @ np.diag([1, 1, 1.7, 1]))
    write_segmentation(Segmentation.from_labels(labels(2), other), file, overwrite=True)
    with pytest.raises(ValueError, match=r"case2.*another grid"):
        evaluate(dataset, "good", CASES)
    strange = Segmentation.from_labels(np.full(SHAPE, 5, dtype=np.uint8), GRID)
    write_segmentation(strange, file, overwrite=True)
    with pytest.raises(ValueError, match=r"case case2: got labels \[5\], allowed are"):
        evaluate(dataset, "good", CASES)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--model: missing, there are ['bad', 'good']"),
        (["--against", "bad"], "--against: needs --model"),
        (["--model", "bad", "--against", "bad"], "Choose another model"),
        (["--model", "bad", "--truth", "."], "--truth: got a data set"),
        (["--model", "bad", "--split", "none"], "got 'none' of fold 0"),
        (["--model", "bad", "--split", "train"], "cases: got []"),
        (["--model", "bad", "--csv", "s.txt"], "allowed are .csv"),
    ],
)
def test_options_that_do_not_fit_are_told(dataset, capsys, options, told):
    code, _, err = evaluated("set", *options, capsys=capsys)
    assert code == 2
    assert told in err


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Truth as label maps, and two models' predictions, one of them as .seg.nrrd."""
    monkeypatch.chdir(tmp_path)
    for name in ("truth", "results/one", "results/two"):
        (tmp_path / name).mkdir(parents=True)
    for n in range(3):
        write_label_map(labels(n), GRID, f"truth/p{n}.nii.gz")
        named = Segmentation.from_labels(labels(n), GRID)
        write_segmentation(named, f"results/one/p{n}.seg.nrrd")
        write_label_map(labels(n + 10), GRID, f"results/two/p{n}.nrrd")
    return tmp_path


def test_label_maps_are_matched_by_name(folders, capsys):
    scores = evaluate_folders(folders / "results/one", folders / "truth")
    assert [(s.case, s.label) for s in scores] == [(f"p{n}", m) for n in range(3) for m in (1, 2)]
    assert all(s.metrics["dice"] == 1 for s in scores)
    code, out, _ = evaluated("results/two", "--truth", "truth", capsys=capsys)
    assert code == 0
    assert "two: 1 label_1" in out
    code, out, _ = evaluated(
        "results", "--model", "one", "--against", "two", "--truth", "truth", capsys=capsys
    )
    assert code == 0
    assert "3/0/0" in out


def test_folders_that_do_not_fit_are_told(folders, capsys):
    one, truth = folders / "results/one", folders / "truth"
    code, _, err = evaluated("results/one", capsys=capsys)
    assert code == 2
    assert "--truth: missing" in err
    code, _, err = evaluated("results/one", "--truth", "truth", "--split", "a", capsys=capsys)
    assert code == 2
    assert "only for data sets" in err
    code, _, err = evaluated("nowhere", "--truth", "truth", capsys=capsys)
    assert code == 2
    assert "no such folder" in err
    with pytest.raises(ValueError, match="no label maps"):
        evaluate_folders(folders / "results", truth)
    (one / "p1.seg.nrrd").rename(one / "q.seg.nrrd")
    with pytest.raises(ValueError, match="one: has no prediction of 1 cases: p1"):
        evaluate_folders(one, truth)
    (truth / "p1.nii.gz").unlink()
    with pytest.raises(ValueError, match="truth: has no truth of 1 cases: q"):
        evaluate_folders(one, truth)
    write_label_map(labels(0), GRID, one / "q.mha")
    with pytest.raises(ValueError, match="has the same name"):
        evaluate_folders(one, truth)


def test_label_maps_on_another_grid_or_with_other_labels_are_told(folders):
    two, truth = folders / "results/two", folders / "truth"
    write_label_map(np.full(SHAPE, 3, dtype=np.uint8), GRID, two / "p1.nrrd", overwrite=True)
    with pytest.raises(ValueError, match=r"p1.nrrd: got labels \[3\]"):
        evaluate_folders(two, truth)
    assert len(evaluate_folders(two, truth, labels=[1])) == 3
    write_label_map(labels(0)[:2], Geometry((2, 6, 8), MATRIX), two / "p1.nrrd", overwrite=True)
    with pytest.raises(ValueError, match="another grid"):
        evaluate_folders(two, truth, labels=[1])

"""`imperfectseg dataset`, as a person at a shell uses it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ImperfectSegLogic.data import Dataset, write_label_map, write_volume
from Testing.Logic.data.phantom_cases import GRID, dense, image, labels, make, same
from Testing.Logic.test_cli import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with images, labels and scribbles of two people, and a file with splits."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    for n, case in enumerate(("ann_1", "ann_2", "bob_1")):
        write_volume(image(n), f"raw/{case}_image.nii.gz")
        write_label_map(labels(n), GRID, f"raw/{case}_label.nii.gz")
    write_label_map(np.where(labels(3) == 0, 4, labels(3)), GRID, "raw/bob_1_scribble.nii.gz")
    (tmp_path / "splits.json").write_text('{"train": ["ann"], "test": ["bob"]}')
    return tmp_path


IMPORT = [
    "dataset", "import", "raw/*_image.nii.gz", "--format", "folder", "--label-maps",
    "raw/*_label.nii.gz", "--scribbles", "raw/*_scribble.nii.gz", "--unlabeled", "4", "--names",
    "1=liver", "2=spleen", "--subject", "([a-z]+)_", "--splits", "splits.json", "--out", "livers",
]  # fmt: skip


def test_create_makes_an_empty_data_set(folder, capsys):
    code, out, _ = run(
        "dataset", "create", "set", "--labels", "1=liver", "2=spleen", "--channels", "CT",
        "--description", "some words", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "made: set" in out
    about = Dataset.open("set").description
    assert (about.name, about.labels, about.channels) == ("set", {1: "liver", 2: "spleen"}, ("CT",))


def test_import_check_show_and_export_of_a_folder(folder, capsys):
    code, out, _ = run(*IMPORT, capsys=capsys)
    assert code == 0
    assert "made: livers (3 cases, 4 masks, splits: train 2, test 1)" in out
    code, out, _ = run("dataset", "check", "livers", "--json", "found.json", capsys=capsys)
    assert code == 0
    assert "3 cases checked: 0 problems, 0 notes." in out
    assert json.loads((folder / "found.json").read_text()) == {"problems": [], "notes": []}
    code, out, _ = run("dataset", "show", "livers", "--out", "sheet.png", capsys=capsys)
    assert code == 0
    assert Image.open(folder / "sheet.png").size == (600, 268)
    for name in ("nnunet", "decathlon", "folder", "bids"):
        code, out, _ = run(
            "dataset", "export", "livers", "--format", name, "--out", name, capsys=capsys
        )
        assert code == 0
        assert f"written: {name}" in out
    assert "note: splits cannot be held." in out
    code, out, _ = run(
        "dataset", "import", "nnunet", "--format", "nnunet", "--out", "again", capsys=capsys
    )
    assert code == 0
    assert same(Dataset.open("again").case("ann_2").annotation, dense(1))


def test_check_finds_problems_with_exit_code_1_and_writes_them(folder, capsys):
    dataset = make(folder / "set")
    dataset.add_case("again", image(1))
    code, out, _ = run("dataset", "check", "set", "--json", "found.json", capsys=capsys)
    assert code == 1
    assert "duplicate" in out
    assert "4 cases checked: 1 problems, 2 notes." in out
    found = json.loads((folder / "found.json").read_text())
    assert found["problems"] == [
        {
            "severity": "problem",
            "kind": "duplicate",
            "case": "case1",
            "text": "has the same voxels as case again. Remove one.",
        }
    ]
    code, _, err = run("dataset", "check", "set", "--json", "found.json", capsys=capsys)
    assert code == 2
    assert "is there already" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "set", "--labels", "liver"], "--labels: got 'liver'"),
        (["create", "raw", "--labels", "1=liver"], "raw: is there already"),
        (["check", "raw"], "there is no data set here"),
        (["check", "set", "--json", "found.txt"], "found.txt"),
        (["show", "set", "--out", "sheet.jpg"], "sheet.jpg"),
        (["export", "set", "--format", "nnunet", "--out", "raw"], "raw: is there already"),
        (["export", "set", "--format", "nnunet", "--out", "o", "--ending", ".txt"], ".txt"),
        (["export", "set", "--format", "bids", "--out", "o", "--annotator", "eve"], "'eve'"),
        (["import", "gone", "--format", "nnunet", "--out", "o"], "gone: there is no such folder"),
        (["import", "raw", "--format", "nnunet", "--out", "o"], "dataset.json: there is no such"),
        (["import", "gone/*", "--format", "folder", "--out", "o"], "gone/*: there is no such file"),
        (["import", "raw", "--format", "bids", "--names", "1=a", "--out", "o"], "--names: is only"),
        (["import", "raw", "--format", "folder", "--names", "a", "--out", "o"], "NUMBER=NAME"),
        ([*IMPORT[1:-1], "no/such"], "there is no folder"),
        ([*IMPORT[1:], "--subject", "("], "no regular expression"),
        ([*IMPORT[1:], "--annotator", "a/b"], "annotator name: got 'a/b'"),
    ],
)  # fmt: skip
def test_what_the_user_can_mend_is_told_in_one_line_with_exit_code_2(
    folder, capsys, arguments, message
):
    make(folder / "set")
    before = sorted(p.name for p in folder.iterdir())
    code, _, err = run("dataset", *arguments, capsys=capsys)
    assert code == 2
    assert err.startswith("error:")
    assert message in err
    assert sorted(p.name for p in folder.iterdir()) == before

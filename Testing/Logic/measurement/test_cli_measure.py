"""`imperfectseg measure`, as a person at a shell uses it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from ImperfectSegLogic.data import Segment, Segmentation, write_label_map, write_segmentation
from Testing.Logic.methods.phantoms import ball, grid
from Testing.Logic.test_cli import run

GRID = grid((10, 40, 40), spacing=(3.0, 1.0, 1.0))


def labels(**radii):
    found = np.zeros(GRID.shape, dtype=np.uint8)
    places = {1: (5, 12, 12), 2: (5, 28, 28)}
    for name, radius in radii.items():
        label = int(name[1:])
        found[ball(GRID, places[label], radius)] = label
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_label_map(labels(l1=10.0, l2=4.0), GRID, "before.nii.gz")
    write_label_map(labels(l1=6.0, l2=4.0), GRID, "now.nii.gz")
    return tmp_path


def test_a_mask_is_measured_with_units(folder, capsys):
    code, out, _ = run("measure", "now.nii.gz", "--out", "m.csv", capsys=capsys)
    assert code == 0
    assert "volume, ml" in out
    rows = list(csv.DictReader(Path("m.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == ["1", "2"]
    assert float(rows[0]["volume_ml"]) == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.1)
    assert float(rows[0]["long_mm"]) == pytest.approx(12, abs=1.5)
    assert rows[0]["slice"] == "k=5"
    code, _, err = run("measure", "now.nii.gz", "--out", "m.csv", capsys=capsys)
    assert (code, "is there already" in err) == (2, True)
    assert run("measure", "now.nii.gz", "--out", "m.csv", "--overwrite", capsys=capsys)[0] == 0


def test_the_change_and_its_category_are_told(folder, capsys):
    arguments = ["measure", "now.nii.gz", "--prior", "before.nii.gz", "--out", "c.json"]
    code, out, _ = run(*arguments, capsys=capsys)
    assert code == 0
    assert "RECIST 1.1: PR (partial response)" in out
    found = json.loads(Path("c.json").read_text())
    assert found["recist_1_1"]["response"] == "PR"
    one, other = found["lesions"]
    assert one["volume_change_ml"] == pytest.approx(one["volume_ml"] - one["prior_volume_ml"])
    assert one["volume_change_percent"] == pytest.approx(-78, abs=4)
    assert (one["target"], other["target"]) == (True, False)
    code, out, _ = run(*arguments[:4], "--nodes", "1", capsys=capsys)
    assert re.search(r"target\W+node|target node", out)
    code, out, _ = run("measure", "before.nii.gz", "--prior", "now.nii.gz", capsys=capsys)
    assert "RECIST 1.1: PD" in out


def test_overlapping_segments_are_measured_each(folder, capsys):
    layers = np.stack([labels(l1=8.0), labels(l1=5.0)])
    both = (Segment("a", "whole", 1, 0), Segment("b", "core", 1, 1))
    write_segmentation(Segmentation(layers, GRID, both), "both.seg.nrrd")
    code, out, _ = run("measure", "both.seg.nrrd", "--across", "row", capsys=capsys)
    assert code == 0
    assert "whole" in out
    assert "core" in out
    assert "j=12" in out


def test_parts_are_counted_and_what_does_not_go_together_refused(folder, capsys):
    write_label_map((labels(l1=6.0, l2=4.0) > 0).astype(np.uint8), GRID, "one.nii.gz")
    code, out, _ = run("measure", "one.nii.gz", "--parts", capsys=capsys)
    assert (code, "lesion 2" in out) == (0, True)
    for more in (["--parts", "--prior", "now.nii.gz"], ["--nodes", "1"], ["--out", "x.txt"]):
        code, _, err = run("measure", "one.nii.gz", *more, capsys=capsys)
        assert (code, "error" in err) == (2, True)
    write_label_map(np.zeros(GRID.shape, dtype=np.uint8), GRID, "empty.nii.gz")
    code, _, err = run("measure", "empty.nii.gz", capsys=capsys)
    assert (code, "no segment" in err) == (2, True)

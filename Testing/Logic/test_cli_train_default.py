"""`imperfectseg train-default`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ImperfectSegLogic import cli
from ImperfectSegLogic.training.default_engine import learning


def test_it_trains_as_it_is_told_and_says_where_the_weights_are(tmp_path, monkeypatch, capsys):
    told = []

    def learn(dims, steps, path, seed, device, tell, progress, style, start):
        told.append((dims, steps, path, seed, str(device), style, start))
        path.write_bytes(b"weights")

    monkeypatch.setattr(learning, "learn", learn)
    out = tmp_path / "new"
    options = ["--dims", "3", "--steps", "7", "--seed", "2", "--device", "cpu", "--out", str(out)]
    options += ["--style", "organs", "--start", "before.safetensors"]
    assert cli.main(["train-default", *options]) == 0
    path = out / "prompted-unet-3d.safetensors"
    assert told == [(3, 7, path, 2, "cpu", "organs", Path("before.safetensors"))]
    assert path.name in capsys.readouterr().out.replace("\n", "")
    assert cli.main(["train-default", *options]) == 2
    assert cli.main(["train-default", *options, "--overwrite"]) == 0


@pytest.mark.parametrize("wrong", [["--steps", "0"], ["--device", "abacus"]])
def test_what_is_not_allowed_is_told(tmp_path, wrong, capsys):
    assert cli.main(["train-default", "--out", str(tmp_path), *wrong]) == 2
    assert wrong[1] in capsys.readouterr().err


def test_it_shows_synthetic_images(tmp_path):
    assert cli.main(["train-default", "--show", "--out", str(tmp_path), "--seed", "3"]) == 0
    assert (tmp_path / "synthetic-2d.png").stat().st_size > 10_000

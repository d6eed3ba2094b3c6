"""`imperfectseg segment` with engines that the user chooses, and models that the user brings."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from ImperfectSegLogic import cli
from ImperfectSegLogic.commands import segment
from ImperfectSegLogic.data import (
    Click,
    Geometry,
    Volume,
    read_segmentation,
    write_prompts,
    write_volume,
)
from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg
from ImperfectSegLogic.training.model_file import save_model
from Testing.Logic.methods.gray_engine import GrayEngine
from Testing.Logic.methods.phantoms import ball
from Testing.Logic.prediction.tiny_models import random_model

GRID = Geometry((8, 20, 24), np.diag([1.0, 1.0, 2.0, 1.0]))
TRUTH = ball(GRID, (4, 10, 12), 6.0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with an image, clicks in it, and a model that knows the labels 1 and 3."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    noise = np.random.default_rng(0).normal(0, 4, GRID.shape)
    write_volume(Volume((100 * TRUTH + noise).astype(np.float32), GRID.ijk_to_ras), "image.nrrd")
    for name, label in (("one", 1), ("two", 2)):
        clicks = [
            Click(GRID.to_ras((4, 10, 12)), label=label),
            Click(GRID.to_ras((1, 1, 1)), label=0),
        ]
        write_prompts(clicks, f"{name}.json")
    save_model(random_model(), "model.safetensors")
    return tmp_path


def typed(capsys, *arguments: str) -> tuple[int, str]:
    code = cli.main(["segment", "image.nrrd", "--out", "o.seg.nrrd", *arguments])
    printed = capsys.readouterr()
    return code, re.sub(r"\s+", " ", printed.out + printed.err)


def test_a_trained_model_answers(capsys):
    code, said = typed(
        capsys, "--points", "one.json", "--engine", "trained-model", "--model", "model.safetensors"
    )
    assert code == 0, said
    assert "label 1: " in said
    segmentation = read_segmentation("o.seg.nrrd")
    assert segmentation.mask(segmentation.segments[0].id)[4, 10, 12]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "trained-model"], "got no model; it needs a model.safetensors"),
        (["--model", "m.safetensors"], r"--model: got m.safetensors without an engine"),
        (["--engine", "geodesic-walker", "--model", "m"], "brings all it needs"),
        (["--engine", "trained-model", "--model", "m.safetensors"], "no such model"),
        (["--engine", "geodesic-walker", "--adapt", "3"], "no network that could adapt"),
        (["--adapt", "-1"], "--adapt: got -1.0, allowed are seconds above 0"),
        (["--adapt", "nan"], "--adapt: got nan, allowed are seconds above 0"),
    ],
)
def test_what_cannot_be_done_is_said_clearly(capsys, folder, arguments, message):
    code, said = typed(capsys, "--points", "one.json", *arguments)
    assert code == 2
    assert message in said
    assert not (folder / "o.seg.nrrd").exists()


def test_a_label_that_the_model_does_not_know_is_named_with_those_it_knows(capsys, folder):
    code, said = typed(
        capsys, "--points", "two.json", "--engine", "trained-model", "--model", "model.safetensors"
    )
    assert code == 2
    assert "got label 2" in said
    assert "allowed are 1 (liver), 3 (spleen)" in said
    assert not (folder / "o.seg.nrrd").exists()


def test_a_network_adapts_for_as_long_as_it_may(capsys, monkeypatch):
    asked = []

    def adapt(self, prompts, progress, seconds):
        asked.append(seconds)
        return adapted(self, prompts, progress=progress, seconds=seconds)

    adapted = BIFSeg.adapt
    monkeypatch.setattr(BIFSeg, "adapt", adapt)
    monkeypatch.setattr(segment, "interactive_segmenter", lambda name, model: GrayEngine())
    code, said = typed(
        capsys, "--points", "one.json", "--engine", "geodesic-walker", "--adapt", "1.5"
    )
    assert code == 0, said
    assert asked == [1.5]

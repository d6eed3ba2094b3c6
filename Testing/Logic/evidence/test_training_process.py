"""One real training, tiny, with its test."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ImperfectSegLogic.evidence.data_sets import build
from ImperfectSegLogic.evidence.overlap import overlap
from ImperfectSegLogic.evidence.spec_reading import read_evidence
from ImperfectSegLogic.evidence.study import part_of
from ImperfectSegLogic.evidence.training_process import described, train_and_test
from ImperfectSegLogic.evidence.trainings import make_trainings, scored, train
from ImperfectSegLogic.evidence.used_methods import modules_of
from Testing.Logic.evidence.phantom_evidence import SPEC, data_folder, evidence_folder

SECOND = """
[[arms]]
name = "augmented"
annotation = "masks"
augment = "quality"
transforms = [{ name = "brightness-dong2017" }]
validation = true
rounds = 2
"""


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    evidence = read_evidence("few-slices", evidence_folder(folder / "evidence", SPEC + SECOND))
    evidence = part_of(evidence, quick=True)
    dataset = build(evidence.data, data_folder(folder / "raw"), folder / "data", lambda *_: None)
    modules = {arm.name: modules_of(arm) for arm in evidence.arms}
    made = make_trainings(evidence, dataset, folder / "work", modules, lambda *_: None, "cpu")
    return dataset, {training.arm.name: training for training in made}


def test_a_training_is_tested_on_each_case_and_label(trainings):
    _, each = trainings
    training = each["balanced, share 0.5"]
    assert scored(training) is None
    train(training, train_and_test)
    found = scored(training)
    assert list(found.dice) == list(training.test_cases)
    for case in training.test_cases:
        for label in ("1", "4"):
            dice, iou = found.dice[case][label], found.iou[case][label]
            assert 0 <= iou <= dice <= 1
            assert iou == pytest.approx(dice / (2 - dice), abs=1e-4)
    assert found.seconds > 0
    assert found.circumstances["gpu"] == ""
    assert (training.folder / "model.safetensors").exists()
    assert not (training.folder / "checkpoint.pt").exists()


def test_a_run_is_described_by_the_arm(trainings):
    dataset, each = trainings
    run = described(each["balanced, share 0.5"], dataset)
    assert run.methods == (("sparse-cicek2016", {"strength": 0.5}),)
    assert (run.plan.batch, run.plan.patch, run.plan.dims) == (2, (24, 24), 2)
    assert (run.annotator, run.seed, run.validation_cases) == ("slices-0.5-seed1", 1, ())
    assert run.rounds == 1
    run = described(each["augmented"], dataset)
    assert run.rounds == 2
    assert [name for name, _ in run.transforms][-1] == "brightness-dong2017"
    assert len(run.transforms) > 1
    assert run.validation_cases == dataset.split("val")


def test_arms_share_prepared_images_whatever_their_cases(trainings):
    dataset, each = trainings
    plans = {described(training, dataset).plan.preprocessing for training in each.values()}
    assert len(plans) == 1


def test_a_run_of_other_code_is_begun_anew(trainings):
    _, each = trainings
    training = each["plain, share 1"]
    training.folder.mkdir(parents=True)
    (training.folder / "run.json").write_text(json.dumps({"format": "ImperfectSeg run"}))
    train(training, train_and_test)
    assert scored(training)


def test_a_label_that_neither_has_is_no_score():
    nothing, something = np.zeros(3, dtype=bool), np.array([True, False, False])
    assert overlap(nothing, nothing) is None
    assert overlap(something, nothing) == 0.0
    assert overlap(something, something) == 1.0

"""Arms whose predictions are refined: one training for all of them, and settings by validation."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from ImperfectSegLogic.data import Case
from ImperfectSegLogic.evidence.code_hash import code_hash
from ImperfectSegLogic.evidence.data_sets import build
from ImperfectSegLogic.evidence.sparse_annotations import dense_of
from ImperfectSegLogic.evidence.spec_reading import read_evidence
from ImperfectSegLogic.evidence.study import StudyOptions, part_of, run_study
from ImperfectSegLogic.evidence.training_process import WINDOWS, train_and_test
from ImperfectSegLogic.evidence.trainings import is_done, make_trainings, train
from ImperfectSegLogic.evidence.used_methods import check_about, modules_of, refiner_modules_of
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.progress import CancelledError
from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.prediction.predict import predict
from ImperfectSegLogic.training.model_file import load_model
from Testing.Contracts.broken_refiners import Settings, Sound
from Testing.Logic.evidence.phantom_evidence import Here, Trainer, data_folder, evidence_folder

REFINED = """
title = "Refined"
claim = "Smoothing gains."
survey = "+0.03"
about = ["planted-smoother"]
data = "hearts"
seeds = [1]
headline = "smoothed"

[training]
dims = 2
network_settings = { features = [4, 8], strides = [2] }
patch = [24, 24]
batch = 2
steps = 2
steps_per_validation = 2

[[arms]]
name = "bare"

[[arms]]
name = "smoothed"
baseline = "bare"
refine = [{ name = "planted-smoother", width = 3.0 }]

[[arms]]
name = "calibrated"
baseline = "bare"
refine = [{ name = "planted-smoother", strength = 0.5 }, { name = "clean-up", largest = 1 }]
calibrate = 4

[[targets]]
text = "gains"
arm = "smoothed"
over = "bare"
at_least = 0.0
"""


@pytest.fixture(autouse=True)
def refiners(monkeypatch):
    monkeypatch.setattr(catalog, "refiners", lambda: (Sound, CleanUp))


@pytest.fixture(scope="module")
def hearts(tmp_path_factory):
    """Evidence, data set and root folder."""
    root = tmp_path_factory.mktemp("hearts")
    evidence = read_evidence("refined", evidence_folder(root / "evidence", REFINED, "refined"))
    dataset = build(evidence.data, data_folder(root / "files"), root / "data", lambda f, t: None)
    return evidence, dataset, root


def trainings_of(hearts, folder="work", evidence=None):
    declared, dataset, root = hearts
    evidence = evidence or declared
    modules = {arm.name: modules_of(arm) for arm in evidence.arms}
    refiners = {arm.name: refiner_modules_of(arm) for arm in evidence.arms}
    made = make_trainings(
        evidence, dataset, root / folder, modules, lambda f, t: None, "cpu", refiners
    )
    return {one.arm.name: one for one in made}


def read(hearts, text, name="changed"):
    folder = evidence_folder(hearts[2] / "changed", text, name)
    return read_evidence(name, folder)


def test_refiners_are_read_and_told(hearts):
    evidence, _, _ = hearts
    bare, smoothed, calibrated = evidence.arms
    assert (bare.refine, bare.calibrate) == ((), 0)
    assert [(one.name, dict(one.settings)) for one in calibrated.refine] == [
        ("planted-smoother", {"strength": 0.5}),
        ("clean-up", {"largest": 1}),
    ]
    assert (smoothed.calibrate, calibrated.calibrate) == (0, 4)
    assert bare.trained == smoothed.trained == calibrated.trained
    assert "refine" not in bare.trained
    check_about(evidence)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("calibrate = 4", "calibrate = -1", "got calibrate -1, margin 0, 2 refiners"),
        ("calibrate = 4", "calibrate = 4\nmargin = -2", "margin -2, 2 refiners"),
        ("width = 3.0 }]", "width = 3.0 }]\nclicks = 1", "1 refiners and 1 clicks"),
    ],
)
def test_what_cannot_be_is_refused(hearts, old, new, message):
    with pytest.raises(ValueError, match=message):
        read(hearts, REFINED.replace(old, new, 1))


def test_a_refiner_that_is_not_there_is_refused(hearts):
    evidence = read(hearts, REFINED.replace('"planted-smoother", width', '"nobody", width'))
    with pytest.raises(ValueError, match="refiner: got 'nobody', allowed are planted-smoother"):
        refiner_modules_of(evidence.arm("smoothed"))


def test_modules_of_refiners_count_for_tests_and_not_for_trainings(hearts):
    evidence, _, _ = hearts
    own = refiner_modules_of(evidence.arm("calibrated"))
    assert {Sound.__module__, CleanUp.__module__} < set(own)
    assert "ImperfectSegLogic.refinement.calibration" in own
    assert refiner_modules_of(evidence.arm("bare")) == ()
    assert modules_of(evidence.arm("bare")) == modules_of(evidence.arm("calibrated"))


def test_code_that_refiners_import_counts(tmp_path):
    folder = tmp_path / "ImperfectSegLogic"
    for name, text in {
        "methods/one.py": "from ImperfectSegLogic.crf.part import x\n",
        "crf/part.py": "x = 1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = code_hash(["ImperfectSegLogic.methods.one"], tmp_path)
    (folder / "crf/part.py").write_text("x = 2\n")
    assert code_hash(["ImperfectSegLogic.methods.one"], tmp_path) != before


def test_all_arms_share_one_training_which_is_that_of_an_unrefined_evidence(hearts):
    each = trainings_of(hearts)
    assert len({one.folder for one in each.values()}) == 1
    assert each["bare"].own is None
    assert {test.calibrate for test in each["bare"].refined} == {0, 4}
    assert each["calibrated"].own.validation_cases == ("dan_1", "dan_2")
    assert each["smoothed"].own.validation_cases == ()
    alone = read(hearts, REFINED[: REFINED.index('[[arms]]\nname = "smoothed"')].replace(
        '"smoothed"', '"bare"'), "alone")  # fmt: skip
    assert trainings_of(hearts, evidence=alone)["bare"].folder == each["bare"].folder
    other = read(hearts, REFINED.replace("width = 3.0", "width = 2.0"), "other")
    assert trainings_of(hearts, evidence=other)["smoothed"].own != each["smoothed"].own


@pytest.fixture(scope="module")
def measured(hearts):
    evidence, _, root = hearts
    folder = root / "measured"
    options = StudyOptions(root / "files", folder, folder / "results", 1, False, "cpu", "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "refiners", lambda: (Sound, CleanUp))
        result, _ = run_study(
            evidence, evidence, options, lambda *_: None, lambda now: None, train_and_test, Here()
        )
    return result, folder


def test_scores_are_those_of_refined_predictions(hearts, measured):
    _, dataset, _ = hearts
    _, folder = measured
    (run,) = (folder / "trainings").iterdir()
    model = load_model(run / "model.safetensors")
    stored = [json.loads(path.read_text()) for path in run.glob("refined-*.json")]
    (said,) = [one for one in stored if not one["calibration"]]
    refiner = Sound(Settings(width=3.0))
    for case in dataset.split("test"):
        image, truth = dataset.image(case), dense_of(dataset, case).labels
        plain = predict((model,), image, WINDOWS, device="cpu").prediction
        found = refiner.refine(Case(image), plain).full_labels()
        assert said["dice"][case]["1"] == pytest.approx(dice(found == 1, truth == 1), abs=1e-4)
        assert (found != plain.full_labels()).any()


def test_a_search_takes_what_is_best_on_validation_cases(hearts, measured):
    result, folder = measured
    (run,) = (folder / "trainings").iterdir()
    found = result["arms"]["calibrated"]["refined"][0]
    assert found["calibration"]["trials"] == 4
    dice_of = found["calibration"]["validation_dice"]
    assert dice_of["found"] >= dice_of["at_start"]
    smoother, clean_up = found["settings"]
    assert (clean_up["name"], clean_up["settings"]["largest"]) == ("clean-up", 1)
    assert smoother["settings"]["strength"] == 0.5  # Declared, so not searched.
    assert not list(run.glob("*.trials.json"))


def test_the_result_tells_refiners_and_their_code(measured):
    result, _ = measured
    assert result["arms"]["smoothed"]["refine"] == [["planted-smoother", {"width": 3.0}]]
    assert result["arms"]["calibrated"]["calibrate"] == 4
    assert "refined" not in result["arms"]["bare"]
    assert Sound.__module__ in result["modules"]
    gain = result["arms"]["smoothed"]["gain"]["mean"]
    arms = result["arms"]
    assert gain == pytest.approx(arms["smoothed"]["mean"] - arms["bare"]["mean"], abs=2e-4)
    assert arms["smoothed"]["mean"] != arms["bare"]["mean"]
    assert np.isfinite(arms["smoothed"]["refined"][0]["seconds_per_case"])


def test_a_test_that_was_stopped_goes_on_without_training_again(hearts):
    each = trainings_of(hearts, "stopped")
    training = each["calibrated"]
    trained = []

    def trainer(one):
        trained.append(one.name)
        return train_and_test(one)

    train(dataclasses.replace(training, refined=()), trainer)
    (training.folder / "stop").touch()
    with pytest.raises(CancelledError):
        train(training, trainer)
    assert not is_done(training)
    (training.folder / "stop").unlink()
    train(training, trainer)
    assert is_done(training)
    assert len(trained) == 1
    before = {path: path.stat().st_mtime_ns for path in training.folder.glob("refined-*")}
    train(training, trainer)
    assert before == {path: path.stat().st_mtime_ns for path in training.folder.glob("refined-*")}


def test_a_quick_run_makes_few_trials(hearts):
    quick = part_of(hearts[0], quick=True)
    assert [arm.calibrate for arm in quick.arms] == [0, 0, 2]
    assert [arm.calibrate for arm in part_of(hearts[0], steps=2).arms] == [0, 0, 4]


def test_unrefined_evidences_need_no_model(hearts, tmp_path):
    """Trainers that leave no model are enough where nothing is refined."""
    training = trainings_of(hearts, "none")["bare"]
    train(dataclasses.replace(training, refined=()), Trainer())
    assert (training.folder / "scores.json").is_file()

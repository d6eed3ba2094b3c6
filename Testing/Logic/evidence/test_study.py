"""An Evidence runs all of its arms and seeds, goes on where it stopped, and judges by its rule."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ImperfectSegLogic.evidence.spec_reading import read_evidence
from ImperfectSegLogic.evidence.study import StudyOptions, part_of, run_study
from Testing.Logic.evidence.phantom_evidence import (
    SPEC,
    Here,
    Trainer,
    data_folder,
    evidence_folder,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return data_folder(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Where data sets are made, once for all tests of this file."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def study(tmp_path, data, datasets):
    """Runs the Evidence, or a part of it; gives result, file and the names of what was trained."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "data").symlink_to(datasets)

    def run(trainer=None, text=SPEC, listener=lambda now: None, overwrite=False, **part):
        trainer = trainer or Trainer()
        folder = evidence_folder(tmp_path / "evidence", text)
        declared = read_evidence("few-slices", folder)
        options = StudyOptions(
            data, tmp_path / "work", folder, 1, overwrite, "cpu", "imperfectseg evidence run"
        )
        wanted = part_of(declared, **part)
        result, path = run_study(
            declared, wanted, options, lambda *_: None, listener, trainer, Here()
        )
        return result, path, trainer.trained

    return run


def test_every_arm_is_trained_once_per_seed(study):
    _, _, trained = study()
    assert sorted(trained) == sorted(
        f"{series}, share {share}, seed {seed}"
        for series in ("plain", "balanced")
        for share in ("0.5", "1")
        for seed in (1, 2)
    )


def test_the_result_tells_all_that_is_needed_to_measure_it_again(study):
    result, path, _ = study()
    assert json.loads(path.read_text()) == result
    assert path.with_suffix(".png").stat().st_size > 10_000
    assert result["data"]["splits"]["train"] == {"cases": 6, "patients": 3}
    assert result["data"]["splits"]["test"] == {"cases": 4, "patients": 2}
    for key in ("command", "commit", "date", "processor", "cores", "python", "torch", "monai"):
        assert result[key], key
    assert (result["seeds"], result["jobs"], result["threads_per_training"]) == ([1, 2], 1, 1)
    assert result["modules"] == [
        "ImperfectSegLogic.methods.supervised",
        "ImperfectSegLogic.methods.weak.selective_loss.cicek2016",
    ]


def test_scores_are_means_over_labels_cases_and_subjects_with_the_sd_over_seeds(study):
    result, _, _ = study()
    arm = result["arms"]["plain, share 0.5"]
    assert arm["by_seed"] == [0.71, 0.72]
    assert arm["mean"] == pytest.approx(0.715)
    assert arm["sd"] == pytest.approx(np.std([0.71, 0.72], ddof=1), abs=1e-4)
    assert arm["by_structure"]["disk"]["mean"] == pytest.approx(0.715 + 0.02 * 1.5)
    assert arm["by_subject"] == {"eve": 0.715, "fay": 0.715}
    assert arm["seconds_per_training"] == 12.5
    assert arm["methods"] == []
    assert result["arms"]["balanced, share 1"]["methods"] == [
        ["sparse-cicek2016", {"strength": 0.5}]
    ]


def test_the_gain_is_over_the_baseline_with_the_same_number(study):
    result, _, _ = study()
    gain = result["arms"]["balanced, share 0.5"]["gain"]
    assert gain["over"] == "plain, share 0.5"
    assert (gain["mean"], gain["low"], gain["high"]) == (0.1, 0.1, 0.1)
    assert "gain" not in result["arms"]["plain, share 0.5"]


@pytest.mark.parametrize(
    ("gain", "verdict"), [(0.1, "reproduced"), (0.06, "partial"), (0.01, "not reproduced")]
)
def test_the_verdict_follows_the_declared_targets(study, gain, verdict):
    result, _, _ = study(Trainer(gain))
    assert result["verdict"] == verdict
    found = [target["found"] for target in result["targets"]]
    assert found == pytest.approx([gain, 0.815 + gain], abs=1e-4)


def test_what_is_done_is_not_trained_again(study):
    study()
    _, _, trained = study()
    assert trained == []
    _, _, trained = study(overwrite=True)
    assert len(trained) == 8


def test_only_arms_that_changed_are_trained_again(study):
    study()
    _, _, trained = study(text=SPEC.replace("strength = 0.5", "strength = 0.6"))
    assert len(trained) == 4
    assert all(name.startswith("balanced") for name in trained)


def test_trainings_of_several_versions_of_the_training_code_are_told_apart(study, monkeypatch):
    from ImperfectSegLogic.evidence import circumstances

    result, _, _ = study(arms=["plain"])
    assert isinstance(result["training_code"], str)
    monkeypatch.setattr(circumstances, "code_hash", lambda names, followed: "other")
    circumstances.circumstances.cache_clear()
    result, _, trained = study()
    assert len(trained) == 4
    circumstances.circumstances.cache_clear()
    assert len(result["training_code"]) == 2


def test_two_evidences_share_the_trainings_that_are_alike(study):
    study()
    _, _, trained = study(
        text=SPEC.replace('"plain', '"usual').replace("at_least = 0.05", "at_least = 1")
    )
    assert trained == []


def test_changed_code_of_a_method_is_trained_again(study, monkeypatch):
    from ImperfectSegLogic.evidence import trainings

    study()
    real = trainings.code_hash
    monkeypatch.setattr(
        trainings, "code_hash", lambda names: real(names) + "changed" * (len(names) > 1)
    )
    _, _, trained = study()
    assert len(trained) == 4


def test_a_training_that_fails_is_told_and_the_others_are_kept(study):
    failing = Trainer(fails=["balanced, share 1, seed 2"])
    with pytest.raises(ValueError, match=r"1 of 8 trainings failed: balanced, share 1, seed 2"):
        study(failing)
    assert len(failing.trained) == 7
    _, _, trained = study()
    assert trained == ["balanced, share 1, seed 2"]


def test_a_part_comes_with_its_baseline_and_does_not_take_the_place_of_the_whole(study):
    _, whole, _ = study()
    before = whole.read_bytes()
    result, path, trained = study(seeds=[3], arms=["balanced, share 0.5"], steps=5)
    assert sorted(trained) == ["balanced, share 0.5, seed 3", "plain, share 0.5, seed 3"]
    assert path.parent.name == "results"
    assert whole.read_bytes() == before
    assert [target["text"] for target in result["targets"]] == ["gains with half of the slices"]
    assert result["arms"]["plain, share 0.5"]["training"]["steps"] == 5


def test_a_whole_series_can_be_chosen(study):
    _, _, trained = study(arms=["plain"], quick=True)
    assert sorted(trained) == ["plain, share 0.5, seed 1", "plain, share 1, seed 1"]


@pytest.mark.parametrize(
    ("part", "message"),
    [({"arms": ["best"]}, "got arm 'best'"), ({"steps": 0}, "steps: got 0")],
)
def test_a_part_that_is_not_there_is_told(study, part, message):
    with pytest.raises(ValueError, match=message):
        study(**part)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('about = ["sparse-cicek2016"]', 'about = ["noise-christ2016"]', "no arm uses it"),
        ("strength = 0.5", "strength = 5", "got 5.0, allowed is 0"),
        ('name = "sparse-cicek2016", strength', 'name = "gone", strength', "got 'gone'"),
        ('annotation = "slices"', 'annotation = "slices"\naugment = "some"', "got 'some'"),
        ('annotation = "slices"', 'annotation = "slices"\npatients = 9', "got 9, there are 3"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is(study, old, new, message):
    trainer = Trainer()
    with pytest.raises(ValueError, match=message):
        study(trainer, SPEC.replace(old, new))
    assert trainer.trained == []


def test_cases_without_a_kept_slice_are_left_out_of_the_training(study, tmp_path):
    result, _, _ = study(text=SPEC.replace("0.5", "0.05"))  # One of 24 slices.
    assert result["arms"]["plain, share 0.05"]["training_cases"] == 1
    assert result["arms"]["plain, share 1"]["training_cases"] == 6


def test_the_listener_hears_of_every_training_and_how_much_is_left(study):
    heard = []
    study(listener=heard.append)
    assert [now.done for now in heard if now.finished] == [*range(1, 9)]
    assert heard[-1].fraction == 1.0
    assert heard[-1].seconds_left == 0.0

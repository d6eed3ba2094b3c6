"""`imperfectseg refine --calibrate`, and `imperfectseg predict --refine` with what it wrote."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from ImperfectSegLogic.commands import calibrate
from ImperfectSegLogic.data import Case, Dataset, DenseMask, read_probabilities, read_volume
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.refinement.profile import profile_beside, read_profile
from ImperfectSegLogic.training.model_file import load_model, save_model
from Testing.Contracts.broken_refiners import Settings, Sound
from Testing.Contracts.refiner_scenes import scene
from Testing.Logic.prediction.tiny_models import random_model
from Testing.Logic.test_cli import run

NAMES = {2: "liver", 5: "gut"}
COMMAND = ("refine", "--calibrate", "set", "--model", "net", "--method", "planted-smoother")
FILE = "model.safetensors"


@pytest.fixture(autouse=True)
def refiners(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(catalog, "refiners", lambda: (Sound, CleanUp))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A data set with truth, and noisy predictions of the model `net` for all cases but one."""
    folder = tmp_path_factory.mktemp("made")
    dataset = Dataset.create(folder / "set", NAMES)
    for n in range(3):
        one = scene(3, seed=n)
        dataset.add_case(f"case{n}", one.case.volume)
        dataset.annotate(f"case{n}", DenseMask(one.truth, one.prediction.geometry), "ann")
        if n < 2:
            dataset.add_prediction("net", f"case{n}", one.prediction, probabilities=True)
    dataset.set_splits({"val": ["case0", "case1"], "test": ["case2"]})
    save_model(random_model(labels=NAMES), dataset.model_folder("net") / FILE)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch, made):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_profile_beside_the_model_that_gains(folder, capsys):
    code, out, _ = run(*COMMAND, "--trials", "6", capsys=capsys)
    assert code == 0
    assert "(6 trials)" in out
    assert "best: --method planted-smoother" in out
    assert "written: set/models/net/refine.json" in out
    profile = read_profile("set/models/net/refine.json")
    assert set(profile.steps[0].settings) == {"width", "strength", "rounds", "mode"}
    dice = profile.about["dice"]
    assert dice["calibrated"] >= dice["at_start"]
    assert dice["calibrated"] > dice["unrefined"] + 0.02
    assert profile.about["cases"] == ["case0", "case1"]
    assert len(profile.about["trials"]) == 6
    assert not (folder / "set/models/net/refine.trials.json").exists()
    code, _, err = run(*COMMAND, "--trials", "1", capsys=capsys)
    assert code == 2
    assert "refine.json: is there already" in err
    assert run(*COMMAND, "--trials", "1", "--overwrite", capsys=capsys)[0] == 0


def test_it_goes_on_where_it_was_stopped(folder, capsys, monkeypatch):
    calls = []

    def stopping(self, *given, **named):
        calls.append(1)
        if len(calls) == 5:  # Two cases a trial: within the third.
            raise KeyboardInterrupt
        return original(self, *given, **named)

    original = Sound.refine
    monkeypatch.setattr(Sound, "refine", stopping)
    code, _, err = run(*COMMAND, "--trials", "4", capsys=capsys)
    assert (code, "stopped." in err) == (130, True)
    trials = json.loads((folder / "set/models/net/refine.trials.json").read_text())["trials"]
    assert len(trials) == 2
    code, out, _ = run(*COMMAND, "--trials", "4", capsys=capsys)
    assert code == 0
    assert "2 trials of before are taken" in out
    assert len(calls) == 5 + 2 * 2
    whole = read_profile("set/models/net/refine.json")
    run(*COMMAND, "--trials", "4", "--out-profile", "other.json", capsys=capsys)
    assert read_profile("other.json") == whole  # As if it had never been stopped.


@pytest.mark.parametrize("change", ["prediction", "annotation", "split"])
def test_trials_on_other_data_are_not_taken(folder, capsys, monkeypatch, change):
    def no_gain(*given):
        return 1.0

    with monkeypatch.context() as patch:
        patch.setattr("ImperfectSegLogic.refinement.calibration.mean_dice", no_gain)
        code, out, _ = run(*COMMAND, "--trials", "2", capsys=capsys)
    assert code == 1
    assert "no profile is written" in out
    assert not (folder / "set/models/net/refine.json").exists()
    dataset = Dataset.open("set")
    other = scene(3, seed=9)
    if change == "prediction":
        dataset.add_prediction("net", "case1", other.prediction, True, overwrite=True)
    elif change == "annotation":
        dataset.annotate("case1", DenseMask(other.truth, other.prediction.geometry), "ann")
    else:
        dataset.set_splits({"val": ["case0"]})
    _, out, _ = run(*COMMAND, "--trials", "2", capsys=capsys)
    assert "its trials are of other predictions" in out
    assert "1.0000 calibrated" not in out


def test_cases_that_are_not_predicted_are_predicted_first(folder, capsys):
    code, out, _ = run(*COMMAND, "--split", "test", "--trials", "2", capsys=capsys)
    assert "1 predicted first, with probabilities" in out
    assert code in (0, 1)  # The network is random.
    image = Dataset.open("set").image("case2")
    right = predict([load_model(f"set/models/net/{FILE}")], image).prediction
    got = Dataset.open("set").probabilities("net", "case2")
    np.testing.assert_allclose(got.probabilities, right.probabilities, atol=1e-6)
    assert Dataset.open("set").predicted("net") == ["case0", "case1", "case2"]


def test_labels_without_probabilities_are_not_replaced(folder, capsys):
    dataset = Dataset.open("set")
    mask = DenseMask(scene(3, seed=2).truth, dataset.record("case2").geometry)
    dataset.add_prediction("net", "case2", mask)
    code, _, err = run(*COMMAND, "--split", "test", capsys=capsys)
    assert code == 2
    assert "got labels without probabilities for case2" in err


def test_what_is_given_stays_and_steps_after_it_count(folder, capsys):
    command = [*COMMAND[:-1], "planted-smoother:strength=0.5", "--clean-up", "largest=1"]
    run(*command, "--trials", "3", capsys=capsys)
    steps = read_profile("set/models/net/refine.json").steps
    assert [one.name for one in steps] == ["planted-smoother", "clean-up"]
    assert steps[0].settings["strength"] == 0.5
    about = read_profile("set/models/net/refine.json").about
    assert list(about["searched"]) == ["width"]
    assert all(float(t["settings"]["strength"]) == 0.5 for t in about["trials"])
    command = [*COMMAND, "--search", "rounds=1:3", "strength", "--out-profile", "b.json"]
    run(*command, "--trials", "3", capsys=capsys)
    assert read_profile("b.json").about["searched"] == {"rounds": [1, 3], "strength": [0.1, 1.0]}


def test_predict_applies_the_profile(folder, capsys):
    run(*COMMAND, "--trials", "3", capsys=capsys)
    code, out, _ = run(
        "predict", "net", "set", "--split", "test", "--refine", "--probabilities", capsys=capsys
    )
    assert code == 0
    assert "predictions/net+planted-smoother" in out.replace(" ", "")
    step = read_profile("set/models/net/refine.json").steps[0]
    settings = Settings(**step.settings)
    image = Dataset.open("set").image("case2")
    plain = predict([load_model(f"set/models/net/{FILE}")], image, PredictionSettings()).prediction
    right = Sound(settings).refine(Case(image), plain)
    got = Dataset.open("set").probabilities("net+planted-smoother", "case2")
    np.testing.assert_allclose(got.probabilities, right.probabilities, atol=1e-5)
    shutil.copy("set/models/net/refine.json", "mine.json")
    (folder / "set/models/net/refine.json").unlink()
    file = next((folder / "set/cases/case2").glob("*.n*"))
    command = ["predict", f"set/models/net/{FILE}", str(file)]
    code, _, _ = run(*command, "--out", "a.nrrd", "--refine", "mine.json", capsys=capsys)
    assert code == 0
    np.testing.assert_array_equal(read_volume("a.nrrd").array, right.full_labels())
    run(*command, "--out", "b.nrrd", "--probabilities", capsys=capsys)
    bare = read_probabilities("b-probabilities.nrrd")
    np.testing.assert_allclose(bare.probabilities, plain.probabilities, atol=1e-6)


def test_predict_without_a_profile_tells_how_to_make_one(folder, capsys):
    code, _, err = run("predict", "net", "set", "--refine", capsys=capsys)
    assert code == 2
    assert "there is no profile set/models/net/refine.json beside the model" in err
    (folder / "bad.json").write_text("{}")
    code, _, err = run("predict", "net", "set", "--refine", "bad.json", capsys=capsys)
    assert code == 2
    assert "bad.json: got format None" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "gone"], "model gone: there is no such file"),
        (["--split", "exam"], "got 'exam' of fold 0"),
        (["--trials", "0"], "--trials: got 0, allowed is 1 or more"),
        (["--search", "x"], "got x to search, allowed are width"),
        (["--search", "width=2"], "got 'width=2', allowed is NAME or NAME=LOW:HIGH"),
        (["--search", "width=0:3"], "got bounds 0 to 3, allowed are two rising numbers from 0.01"),
        (["--method", "nobody"], "refiner: got 'nobody', allowed are planted-smoother, clean-up"),
        (["--annotator", "nobody"], "got annotator nobody"),
        (["--out-profile", "a.txt"], "got .txt, allowed are .json"),
        (["--out", "a.nrrd"], "--out: got it with --calibrate"),
        (["--probabilities"], "--probabilities: got it with --calibrate"),
    ],
)
def test_what_is_typed_wrong_is_told_before_any_work(folder, capsys, options, message):
    code, _, err = run(*COMMAND, *options, capsys=capsys)
    assert code == 2
    assert message in err
    assert not (folder / "set/models/net/refine.trials.json").exists()


def test_other_mistakes(folder, capsys):
    code, _, err = run("refine", "--calibrate", "set", capsys=capsys)
    assert (code, "--model: missing" in err) == (2, True)
    code, _, err = run(*COMMAND[:-1], "clean-up:largest=1", capsys=capsys)
    assert (code, "clean-up: got no number to search" in err) == (2, True)
    dataset = Dataset.open("set")
    dataset.add_case("bare", scene(3, seed=5).case.volume)
    dataset.set_splits({"val": ["bare"]})
    code, _, err = run(*COMMAND, capsys=capsys)
    assert (code, "case bare: got no annotation" in err) == (2, True)


def test_profiles_lie_beside_models():
    from pathlib import Path

    assert profile_beside(Path("m/model.safetensors")) == Path("m/refine.json")
    assert profile_beside(Path("m/lung.safetensors")) == Path("m/lung.refine.json")
    assert calibrate.TRIALS >= 20

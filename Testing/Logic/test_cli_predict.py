"""`imperfectseg predict`, as a person at a shell uses it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import (
    Dataset,
    read_probabilities,
    read_segmentation,
    read_volume,
    write_volume,
)
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.training.model_file import load_model, save_model
from Testing.Logic.prediction.tiny_models import noise, random_model
from Testing.Logic.test_cli import run

MATRIX = np.array([[0, 0, 1.0, 3], [-1, 0, 0, 5], [0, 1, 0, -7], [0, 0, 0, 1]])
FILE = "model.safetensors"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three images, a data set of them, and models."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    dataset = Dataset.create("set", {1: "liver", 2: "gut", 3: "spleen"})
    for n in range(3):
        write_volume(noise((6, 8, 9), MATRIX, seed=n), f"raw/p{n}.nii.gz")
        dataset.add_case(f"case{n}", f"raw/p{n}.nii.gz")
    dataset.set_splits({"train": ["case0"], "test": ["case1", "case2"]})
    for n, name in enumerate(("one", "two")):
        save_model(random_model(seed=n), dataset.model_folder(name) / FILE)
    save_model(random_model(seed=2, dropout=0.3), "dropping.safetensors")
    return tmp_path


def wanted(image: str, *models: str, **settings):
    loaded = [load_model(f"set/models/{m}/{FILE}") for m in models]
    return predict(loaded, read_volume(image), PredictionSettings(**settings))


def test_one_image_becomes_one_file(folder, capsys):
    code, out, _ = run(
        "predict", f"set/models/one/{FILE}", "raw/p1.nii.gz", "--out", "p1.seg.nrrd", capsys=capsys
    )
    assert code == 0
    assert "1 predicted in" in out
    got = read_segmentation("p1.seg.nrrd")
    assert [s.name for s in got.segments] == ["liver", "spleen"]
    assert got.geometry.matches(read_volume("raw/p1.nii.gz").geometry)
    labels = wanted("raw/p1.nii.gz", "one").prediction.full_labels()
    np.testing.assert_array_equal(got.label_map(), labels)
    run("predict", "set/models/one", "raw/p1.nii.gz", "--out", "p1.nii.gz", capsys=capsys)
    np.testing.assert_array_equal(read_volume("p1.nii.gz").array, labels)


def test_probabilities_and_maps_lie_beside_the_labels(folder, capsys):
    code, _, _ = run(
        "predict", "set/models/one", "set/models/two", "raw/p0.nii.gz", "--out", "p0.seg.nrrd",
        "--tta", "--probabilities", "--uncertainty", "entropy", "mutual_information",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    right = wanted(
        "raw/p0.nii.gz", "one", "two", flips=True, uncertainty=("entropy", "mutual_information")
    )
    got = read_probabilities("p0-probabilities.nrrd")
    np.testing.assert_allclose(got.probabilities, right.prediction.probabilities, atol=1e-6)
    for name, values in right.uncertainty.items():
        there = read_volume(f"p0-{name}.nrrd")
        np.testing.assert_allclose(there.array, values, atol=1e-6)
        assert there.geometry.matches(right.prediction.geometry)
    assert not (folder / "p0-variance.nrrd").exists()


def test_a_file_is_not_replaced_unless_asked(folder, capsys):
    command = ["predict", "set/models/one", "raw/p0.nii.gz", "--out", "p0.seg.nrrd"]
    run(*command, "--uncertainty", "entropy", capsys=capsys)
    assert (folder / "p0-entropy.nrrd").exists()
    code, _, err = run(*command, capsys=capsys)
    assert code == 2
    assert "p0.seg.nrrd: is there already" in err
    code, _, _ = run(*command, "--overwrite", capsys=capsys)
    assert code == 0
    assert not (folder / "p0-entropy.nrrd").exists()  # It was another prediction's.
    (folder / "p0.seg.nrrd").unlink()
    (folder / "p0-entropy.nrrd").write_text("somebody else's")
    code, _, err = run(*command, "--uncertainty", "entropy", capsys=capsys)
    assert code == 2
    assert "p0-entropy.nrrd: is there already" in err


@pytest.mark.parametrize("images", ["raw", "raw/p*.nii.gz"])
def test_a_folder_of_images_becomes_a_folder(folder, capsys, images):
    command = ["predict", "set/models/one", images, "--out", "new/out", "--ending", ".nii.gz"]
    code, out, _ = run(*command, capsys=capsys)
    assert code == 0
    assert "3 predicted in" in out
    names = ["p0", "p1", "p2"] if images == "raw" else ["0", "1", "2"]
    assert sorted(p.name for p in (folder / "new/out").iterdir()) == [f"{n}.nii.gz" for n in names]
    labels = wanted("raw/p2.nii.gz", "one").prediction.full_labels()
    np.testing.assert_array_equal(read_volume(f"new/out/{names[2]}.nii.gz").array, labels)


def test_what_is_there_is_kept_and_counted(folder, capsys):
    command = ["predict", "set/models/one", "raw", "--out", "out"]
    run(*command, capsys=capsys)
    (folder / "out" / "p1.seg.nrrd").unlink()
    before = (folder / "out" / "p0.seg.nrrd").stat().st_mtime_ns
    _, out, _ = run(*command, capsys=capsys)
    assert "2 predicted already and kept" in out
    assert "1 predicted in" in out
    assert (folder / "out" / "p0.seg.nrrd").stat().st_mtime_ns == before
    _, out, _ = run(*command, "--overwrite", capsys=capsys)
    assert "3 predicted in" in out
    assert (folder / "out" / "p0.seg.nrrd").stat().st_mtime_ns > before


def test_a_data_set_keeps_its_predictions(folder, capsys):
    code, out, _ = run("predict", "one", "set", "--split", "test", capsys=capsys)
    assert code == 0
    assert "2 predicted in" in out
    dataset = Dataset.open("set")
    assert dataset.predicted("one") == ["case1", "case2"]
    labels = wanted("raw/p1.nii.gz", "one").prediction.full_labels()
    np.testing.assert_array_equal(dataset.prediction("one", "case1").labels, labels)
    _, out, _ = run("predict", "one", "set", capsys=capsys)
    assert "2 predicted already and kept" in out
    assert dataset.predicted("one") == ["case0", "case1", "case2"]


def test_an_ensemble_of_a_data_set_has_a_name_of_its_own(folder, capsys):
    command = ["predict", "one", "two", "set", "--split", "train", "--probabilities"]
    run(*command, "--uncertainty", "variance", capsys=capsys)
    dataset = Dataset.open("set")
    right = wanted("raw/p0.nii.gz", "one", "two", uncertainty=("variance",))
    got = dataset.probabilities("one+two", "case0")
    np.testing.assert_allclose(got.probabilities, right.prediction.probabilities, atol=1e-6)
    there = read_volume("set/predictions/one+two/case0-variance.nrrd")
    np.testing.assert_allclose(there.array, right.uncertainty["variance"], atol=1e-6)
    run(*command, "--name", "both", capsys=capsys)
    assert dataset.predicted("both") == ["case0"]


def test_mc_dropout(folder, capsys):
    command = ["raw/p0.nii.gz", "--mc-samples", "3", "--seed", "4", "--uncertainty", "variance"]
    code, _, _ = run(
        "predict", "dropping.safetensors", *command, "--out", "a.seg.nrrd", capsys=capsys
    )
    assert code == 0
    assert read_volume("a-variance.nrrd").array.max() > 0
    code, _, err = run("predict", "set/models/one", *command, "--out", "b.seg.nrrd", capsys=capsys)
    assert code == 2
    assert "without dropout" in err


def test_it_stops_at_a_damaged_image_and_tells_what_is_done(folder, capsys):
    whole = (folder / "raw/p1.nii.gz").read_bytes()
    (folder / "raw/p1.nii.gz").write_bytes(whole[:200])
    command = ["predict", "set/models/one", "raw", "--out", "out"]
    code, _, err = run(*command, capsys=capsys)
    assert code == 2
    assert "p1.nii.gz" in err
    assert "Stopped there: 1 of 3 are predicted and kept (out)" in err
    assert [p.name for p in (folder / "out").iterdir()] == ["p0.seg.nrrd"]
    (folder / "raw/p1.nii.gz").write_bytes(whole)
    code, out, _ = run(*command, capsys=capsys)
    assert code == 0
    assert "1 predicted already and kept" in out


def test_others_can_see_how_far_it_is(folder, capsys, monkeypatch):
    monkeypatch.setenv("IMPERFECTSEG_PROGRESS", str(folder / "progress.json"))
    run("predict", "set/models/one", "raw", "--out", "out", capsys=capsys)
    said = json.loads((folder / "progress.json").read_text())
    assert 0 <= said["fraction"] <= 1


def test_label_names_that_differ_are_told_and_labels_that_miss_are_refused(folder, capsys):
    other = random_model(labels={1: "Leber", 3: "spleen"})
    save_model(other, "other.safetensors")
    code, out, _ = run("predict", "other.safetensors", "set", "--split", "train", capsys=capsys)
    assert code == 0
    assert "label 1 is 'Leber' for the model, 'liver' in the data set" in out
    assert Dataset.open("set").predicted("other") == ["case0"]
    save_model(random_model(labels={1: "liver", 7: "gold"}), "gold.safetensors")
    code, _, err = run("predict", "gold.safetensors", "set", capsys=capsys)
    assert code == 2
    assert "got labels {7: 'gold'}" in err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["one", "set", "--out", "x"], "a data set keeps predictions in its own folder"),
        (["three", "set"], "set has one, two. Check the name"),
        (["one", "raw", "--out", "x"], "model one: there is no such file"),
        (["empty", "set"], "model empty: has no model.safetensors yet"),
        (["one", "set", "--split", "exam"], "got 'exam' of fold 0"),
        (["set/models/one", "raw"], "got no --out"),
        (["set/models/one", "raw", "--out", "x", "--split", "test"], "which is for data sets"),
        (["set/models/one", "raw", "--out", "raw"], "where the images are"),
        (["set/models/one", "raw", "--out", "x", "--ending", ".png"], "got .png, allowed are"),
        (["set/models/one", "no.nrrd", "--out", "x.nrrd"], "no.nrrd: there is no such file"),
        (["set/models/one", "raw/p0.nii.gz", "--out", "x.png"], "got .png, allowed are"),
        (["set/models/one", "raw/p0.nii.gz", "--out", "x.nrrd", "--device", "tpu"], "got 'tpu'"),
        (
            ["set/models/one", "raw", "--out", "x", "--uncertainty", "variance"],
            "variance: got one pass",
        ),
        (["one", "set", "--name", "a/b"], "model name: got 'a/b'"),
    ],
)
def test_what_is_typed_wrong_is_told_before_any_work(folder, capsys, command, message):
    Dataset.open("set").model_folder("empty")
    code, _, err = run("predict", *command, capsys=capsys)
    assert code == 2
    assert message in " ".join(err.split())
    assert not list((folder / "set" / "predictions").rglob("*.nrrd"))


def test_an_image_with_other_channels_is_refused(folder, capsys):
    write_volume(noise((6, 8, 9), MATRIX, channels=2), "raw/q.nrrd")
    code, _, err = run("predict", "set/models/one", "raw", "--out", "out", capsys=capsys)
    assert code == 2
    told = " ".join(err.split())
    assert "q.nrrd: got 2 channels, allowed are 1" in told
    assert "3 of 4 are predicted and kept" in told

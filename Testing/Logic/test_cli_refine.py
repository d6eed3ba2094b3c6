"""`imperfectseg refine`, as a person at a shell uses it."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    Case,
    Click,
    Dataset,
    Region,
    Segmentation,
    read_probabilities,
    read_segmentation,
    read_volume,
    write_label_map,
    write_probabilities,
    write_prompts,
    write_segmentation,
    write_volume,
)
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp
from ImperfectSegLogic.refinement.label_probabilities import prediction_of_labels
from ImperfectSegLogic.refinement.near_segments import cut
from ImperfectSegLogic.refinement.profile import Profile, Step, write_profile
from Testing.Contracts.broken_refiners import Settings, Sound
from Testing.Contracts.refiner_scenes import scene
from Testing.Logic.test_cli import run

NAMES = {2: "liver", 5: "gut"}
METHOD = ("--method", "planted-smoother")


@pytest.fixture(autouse=True)
def refiners(monkeypatch):
    monkeypatch.setattr(catalog, "refiners", lambda: (Sound, CleanUp))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three images with stored predictions, as `imperfectseg predict --probabilities` writes them,
    and a data set with predictions of the model `net`."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fill(folder)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch, made):
    """A copy of what was made."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder):
    for name in ("raw", "predicted"):
        (folder / name).mkdir()
    dataset = Dataset.create("set", NAMES)
    for n in range(3):
        one = scene(3, seed=n)
        write_volume(one.case.volume, f"raw/p{n}.nii.gz")
        write_probabilities(one.prediction, f"predicted/p{n}-probabilities.nrrd")
        labels = one.prediction.full_labels()
        segmentation = Segmentation.from_labels(labels, one.prediction.geometry, NAMES)
        write_segmentation(segmentation, f"predicted/p{n}.seg.nrrd")
        write_volume(one.case.volume, f"predicted/p{n}-entropy.nrrd")  # Is no prediction.
        dataset.add_case(f"case{n}", f"raw/p{n}.nii.gz")
        dataset.add_prediction("net", f"case{n}", one.prediction, probabilities=n < 2)
    dataset.set_splits({"train": ["case0"], "test": ["case1", "case2"]})


def wanted(n: int, clicks=(), prediction=None, **settings):
    image = read_volume(f"raw/p{n}.nii.gz")
    prediction = prediction or read_probabilities(f"predicted/p{n}-probabilities.nrrd")
    return Sound(Settings(**settings)).refine(Case(image), prediction, clicks)


def test_stored_probabilities_become_a_segmentation_with_the_names_beside_them(folder, capsys):
    code, out, _ = run(
        "refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz", *METHOD,
        "--out", "p1.seg.nrrd", "--probabilities", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "1 refined by planted-smoother" in out
    got = read_segmentation("p1.seg.nrrd")
    right = wanted(1)
    np.testing.assert_array_equal(got.label_map(), right.full_labels())
    assert (right.full_labels() != scene(3, seed=1).prediction.full_labels()).any()
    assert {s.label: s.name for s in got.segments} == NAMES
    there = read_probabilities("p1-probabilities.nrrd")
    np.testing.assert_array_equal(there.probabilities, right.probabilities)
    assert there.provenance.settings["refined"] == "unet-2d"


def test_settings_come_from_the_command_line(folder, capsys):
    command = ["refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz"]
    method = "planted-smoother:width=4,rounds=2"
    code, _, _ = run(*command, "--method", method, "--out", "a.nii.gz", capsys=capsys)
    assert code == 0
    right = wanted(1, width=4.0, rounds=2).full_labels()
    np.testing.assert_array_equal(read_volume("a.nii.gz").array, right)
    assert (right != wanted(1).full_labels()).any()


def test_the_first_refiner_of_the_catalog_is_the_default(folder, capsys):
    command = ["refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz"]
    _, out, _ = run(*command, "--out", "a.nrrd", capsys=capsys)
    assert "refined by planted-smoother" in out
    np.testing.assert_array_equal(read_volume("a.nrrd").array, wanted(1).full_labels())


def test_a_segmentation_is_as_certain_as_asked_and_keeps_names_and_colors(folder, capsys):
    labels = scene(3, seed=1).prediction.full_labels()
    drawn = Segmentation.from_labels(labels, scene(3).prediction.geometry, {2: "A", 5: "B", 7: "C"})
    painted = tuple(dataclasses.replace(s, color=(0.25, 0.5, 0.75)) for s in drawn.segments)
    write_segmentation(dataclasses.replace(drawn, segments=painted), "drawn.seg.nrrd")
    code, _, _ = run(
        "refine", "drawn.seg.nrrd", "--image", "raw/p1.nii.gz", *METHOD, "--certainty", "0.9",
        "--names", "5=bowel", "--out", "a.seg.nrrd", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    got = read_segmentation("a.seg.nrrd")
    assert [s.name for s in got.segments] == ["A", "bowel", "C"]
    assert all(np.allclose(s.color, (0.25, 0.5, 0.75), atol=1e-3) for s in got.segments)
    prediction = prediction_of_labels(labels, drawn.geometry, (2, 5, 7), 0.9)
    np.testing.assert_array_equal(got.label_map(), wanted(1, prediction=prediction).full_labels())


def test_steps_are_applied_in_their_order_and_the_clean_up_last(folder, capsys):
    command = ["refine", "predicted/p0-probabilities.nrrd", "--image", "raw/p0.nii.gz", *METHOD]
    code, out, _ = run(
        *command, "--clean-up", "largest=1,holes=fill", "--out", "a.nrrd", "--probabilities",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "planted-smoother+clean-up" in out
    source = read_probabilities("a-probabilities.nrrd").provenance
    assert (source.method, source.settings["refined"]) == ("clean-up", "planted-smoother")
    kind = CleanUp.settings_type
    right = CleanUp(kind(largest=1, holes="fill")).refine(
        Case(read_volume("raw/p0.nii.gz")), wanted(0)
    )
    np.testing.assert_array_equal(read_volume("a.nrrd").array, right.full_labels())
    assert (right.full_labels() != wanted(0).full_labels()).any()


def test_prompted_voxels_keep_their_label(folder, capsys):
    grid = read_volume("raw/p1.nii.gz").geometry
    clicks = [Click(grid.to_ras((0, 0, 0)), label=5), Click(grid.to_ras((7, 15, 0)), label=2)]
    write_prompts(clicks[:1], "one.json")
    write_prompts(clicks[1:], "two.mrk.json")
    command = ["refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz", *METHOD]
    code, _, _ = run(
        *command, "--prompts", "one.json", "two.mrk.json", "--out", "a.nrrd", capsys=capsys
    )
    assert code == 0
    got = read_volume("a.nrrd").array
    assert (got[0, 0, 0], got[7, 15, 0]) == (5, 2)
    assert wanted(1).full_labels()[0, 0, 0] != 5


def test_a_profile_says_methods_and_settings(folder, capsys):
    steps = (Step("planted-smoother", {"width": 4.0}), Step("clean-up", {"largest": 1}))
    write_profile(Profile(steps), "mine.json")
    command = ["refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz"]
    code, out, _ = run(*command, "--profile", "mine.json", "--out", "a.nrrd", capsys=capsys)
    assert code == 0
    assert "planted-smoother+clean-up" in out
    method = ["--method", "planted-smoother:width=4", "--clean-up", "largest=1"]
    run(*command, *method, "--out", "b.nrrd", capsys=capsys)
    np.testing.assert_array_equal(read_volume("a.nrrd").array, read_volume("b.nrrd").array)


def test_a_margin_leaves_what_is_far_from_segments_alone(folder, capsys):
    command = ["refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz", *METHOD]
    labels = scene(3, seed=1).prediction.full_labels()
    region = Region.around(np.argwhere(labels > 0)).grown((0, 1, 1), labels.shape)
    run(*command, "--margin", "1", "--out", "a.nrrd", "--probabilities", capsys=capsys)
    found = read_probabilities("a-probabilities.nrrd")
    before = read_probabilities("predicted/p1-probabilities.nrrd")
    right = wanted(1, prediction=cut(before, region))
    at = (slice(None), *region.slices)
    np.testing.assert_array_equal(found.probabilities[at], right.probabilities)
    code, _, err = run(*command, "--margin", "-1", "--out", "b.nrrd", capsys=capsys)
    assert (code, "--margin: got -1" in err) == (2, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"format": "else"}, "got format 'else'"),
        ({"steps": []}, "got a profile without steps"),
        ({"steps": [{"settings": {}}]}, "damaged steps"),
        ({"steps": [{"name": "nobody", "settings": {}}]}, "refiner: got 'nobody', allowed are"),
        ({"version": 9, "steps": []}, "got version 9"),
        ({"steps": [{"name": "x", "settings": {}}], "margin": "wide"}, "damaged steps"),
    ],
)
def test_a_damaged_profile_is_refused(folder, capsys, content, message):
    said = {"format": "ImperfectSeg refinement profile", "version": 1, **content}
    (folder / "p.json").write_text(json.dumps(said))
    command = ["refine", "predicted/p1-probabilities.nrrd", "--image", "raw/p1.nii.gz"]
    code, _, err = run(*command, "--profile", "p.json", "--out", "a.nrrd", capsys=capsys)
    assert code == 2
    assert message in err


@pytest.mark.parametrize("stored", ["predicted", "predicted/*-probabilities.nrrd"])
def test_a_folder_becomes_a_folder(folder, capsys, stored):
    code, out, _ = run(
        "refine", stored, "--image", "raw", *METHOD, "--out", "new/out", capsys=capsys
    )
    assert code == 0
    assert "3 refined by" in out
    assert sorted(p.name for p in (folder / "new/out").iterdir()) == [
        f"p{n}.seg.nrrd" for n in range(3)
    ]
    for n in range(3):
        got = read_segmentation(f"new/out/p{n}.seg.nrrd")
        np.testing.assert_array_equal(got.label_map(), wanted(n).full_labels())
        assert {s.label: s.name for s in got.segments} == NAMES


def test_prompts_of_a_folder_are_found_by_name(folder, capsys):
    (folder / "clicks").mkdir()
    grid = read_volume("raw/p1.nii.gz").geometry
    write_prompts([Click(grid.to_ras((0, 0, 0)), label=5)], "clicks/p1.mrk.json")
    command = ["refine", "predicted", "--image", "raw", *METHOD, "--out", "out"]
    code, _, _ = run(*command, "--prompts", "clicks", capsys=capsys)
    assert code == 0
    assert read_segmentation("out/p1.seg.nrrd").label_map()[0, 0, 0] == 5
    assert read_segmentation("out/p0.seg.nrrd").label_map()[0, 0, 0] == 0


def test_what_is_there_is_kept_and_it_goes_on_where_it_stopped(folder, capsys):
    broken = folder / "predicted/p1-probabilities.nrrd"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    command = ["refine", "predicted", "--image", "raw", *METHOD, "--out", "out"]
    code, _, err = run(*command, capsys=capsys)
    assert code == 2
    assert "p1-probabilities.nrrd" in err
    assert "Stopped there: 1 of 3 are refined and kept (out)" in err
    broken.write_bytes(whole)
    before = (folder / "out/p0.seg.nrrd").stat().st_mtime_ns
    code, out, _ = run(*command, capsys=capsys)
    assert code == 0
    assert "1 refined already and kept" in out
    assert "2 refined by" in out
    assert (folder / "out/p0.seg.nrrd").stat().st_mtime_ns == before
    _, out, _ = run(*command, "--overwrite", capsys=capsys)
    assert "3 refined by" in out
    assert (folder / "out/p0.seg.nrrd").stat().st_mtime_ns > before


def test_a_label_map_without_segments_is_written_as_it_is_and_told(folder, capsys):
    (folder / "maps").mkdir()
    for n in range(2):
        grid = read_volume(f"raw/p{n}.nii.gz").geometry
        labels = scene(3, seed=n).prediction.full_labels() * n
        write_label_map(labels, grid, f"maps/p{n}.nii.gz")
    code, out, _ = run(
        "refine", "maps", "--image", "raw", *METHOD, "--out", "out", "--ending", ".nii.gz",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "note: 1 images have no prediction to refine" in out
    assert "note: p0: holds background only" in out
    assert not read_volume("out/p0.nii.gz").array.any()
    assert read_volume("out/p1.nii.gz").array.any()


def test_a_data_set_keeps_refined_predictions_beside_the_others(folder, capsys):
    code, out, _ = run("refine", "set", "--model", "net", *METHOD, capsys=capsys)
    assert code == 0
    assert "3 refined by" in out
    dataset = Dataset.open("set")
    name = "net+planted-smoother"
    assert dataset.predicted(name) == ["case0", "case1", "case2"]
    got = dataset.prediction(name, "case1").labels
    np.testing.assert_array_equal(got, wanted(1).full_labels())
    before = dataset.prediction("net", "case2")  # It has labels only.
    certain = prediction_of_labels(before.labels, before.geometry, tuple(NAMES))
    got = dataset.prediction(name, "case2").labels
    np.testing.assert_array_equal(got, wanted(2, prediction=certain).full_labels())
    _, out, _ = run("refine", "set", "--model", "net", *METHOD, "--split", "test", capsys=capsys)
    assert "2 refined already and kept" in out
    run("refine", "set", "--model", "net", *METHOD, "--name", "mine", "--split", "train",
        "--probabilities", capsys=capsys)  # fmt: skip
    assert dataset.predicted("mine") == ["case0"]
    assert dataset.probabilities("mine", "case0").provenance.method == "planted-smoother"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["predicted/p0-probabilities.nrrd"], "got no --image"),
        (["predicted/p0-probabilities.nrrd", "--image", "raw/p0.nii.gz"], "got no --out"),
        ([], "IN: missing"),
        (["no.nrrd", "--image", "raw/p0.nii.gz", "--out", "a.nrrd"], "no.nrrd: there is no such"),
        (["predicted/p0.seg.nrrd", "--image", "no", "--out", "a.nrrd"], "no: there is no such"),
        (["predicted/p0.seg.nrrd", "--image", "raw/p0.nii.gz", "--out", "a.png"], "got .png"),
        (["predicted", "--image", "raw", "--out", "predicted"], "where the predictions or images"),
        (["predicted", "--image", "raw", "--out", "x", "--ending", ".png"], "got .png"),
        (["predicted", "--image", "raw/p[01]*", "--out", "x"], "there is no such"),
        (["predicted", "--image", "raw/p0*", "--out", "x"], "there is no image 'p0'"),
        (["raw/none", "--image", "raw", "--out", "x.nrrd"], "raw/none: there is no such file"),
        (["set", "--model", "net", "--out", "x"], "--out: got it for the data set"),
        (["set"], "--model: missing, there are net"),
        (["set", "--model", "gone"], "got no prediction of gone for any case"),
        (["set", "--model", "net", "--split", "exam"], "got 'exam' of fold 0"),
        (["predicted", "--image", "raw", "--out", "x", "--model", "net"], "for data sets"),
        (["predicted", "--image", "raw", "--out", "x", "--trials", "3"], "only with --calibrate"),
        (["set", "--model", "net", "--method", "nobody"], "refiner: got 'nobody', allowed are"),
        (["set", "--model", "net", "--method", "planted-smoother:x=1"], "got settings ['x']"),
        (
            ["set", "--model", "net", "--method", "planted-smoother:width=-1"],
            "width: got -1.0, allowed is 0.01 to 100.0",
        ),
        (["set", "--model", "net", "--clean-up", "closing"], "allowed is key=value"),
        (
            ["set", "--model", "net", "--profile", "p.json", "--method", "clean-up"],
            "which says which methods to apply",
        ),
        (["predicted", "--image", "raw", "--out", "x", "--prompts", "a.json"], "is a folder of"),
    ],
)
def test_what_is_typed_wrong_is_told_before_any_work(folder, capsys, command, message):
    code, _, err = run("refine", *command, capsys=capsys)
    assert code == 2
    assert message in err
    assert not (folder / "x").exists() or not list((folder / "x").iterdir())
    assert Dataset.open("set").models == ["net"]


@pytest.mark.parametrize("stored", ["p0-probabilities.nrrd", "p0.seg.nrrd"])
def test_an_image_of_another_grid_is_refused(folder, capsys, stored):
    write_volume(scene(2).case.volume, "raw/q.nrrd")
    command = ["refine", f"predicted/{stored}", *METHOD, "--out", "a.nrrd"]
    code, _, err = run(*command, "--image", "raw/q.nrrd", capsys=capsys)
    assert code == 2
    assert f"{stored}: got" in err
    assert "on another grid" in err
    assert not (folder / "a.nrrd").exists()


@pytest.mark.parametrize("certainty", ["0.3", "1", "nan"])
def test_a_certainty_that_means_nothing_is_refused(folder, capsys, certainty):
    command = ["refine", "predicted/p0.seg.nrrd", "--image", "raw/p0.nii.gz", *METHOD]
    code, _, err = run(*command, "--out", "a.nrrd", "--certainty", certainty, capsys=capsys)
    assert code == 2
    assert "certainty: got" in err


def test_segments_that_overlap_are_refused(folder, capsys):
    labels = scene(3).truth
    layers = np.stack([labels == 2, labels > 0]).astype(np.uint8)
    flat = Segmentation.from_labels(labels, scene(3).prediction.geometry)
    one, other = flat.segments
    two = (dataclasses.replace(one, label=1), dataclasses.replace(other, label=1, layer=1))
    write_segmentation(Segmentation(layers, flat.geometry, two), "two.seg.nrrd")
    command = ["refine", "two.seg.nrrd", "--image", "raw/p0.nii.gz", *METHOD]
    code, _, err = run(*command, "--out", "a.nrrd", capsys=capsys)
    assert code == 2
    assert "two.seg.nrrd: got segments that overlap" in err


def test_refiners_are_listed_with_their_settings(folder, capsys):
    code, out, _ = run("methods", capsys=capsys)
    assert code == 0
    assert "planted-smoother" in out
    code, out, _ = run("methods", "planted-smoother", capsys=capsys)
    assert code == 0
    assert "of the Gaussian, mm" in out

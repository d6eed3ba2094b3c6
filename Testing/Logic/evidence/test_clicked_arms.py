"""Arms that are tested by the robot user's clicks, and data sets in one HDF5 file."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from ImperfectSegLogic.data import Case, Prediction, Provenance
from ImperfectSegLogic.evidence import clicked_test
from ImperfectSegLogic.evidence.clicked_test import scores_after_clicks
from ImperfectSegLogic.evidence.data_sets import build, check_data
from ImperfectSegLogic.evidence.sparse_annotations import dense_of
from ImperfectSegLogic.evidence.spec_reading import read_data, read_evidence
from ImperfectSegLogic.evidence.study import StudyOptions, run_study
from ImperfectSegLogic.evidence.training_process import train_and_test
from ImperfectSegLogic.evidence.trainings import make_trainings, scored, train
from ImperfectSegLogic.evidence.used_methods import check_about, modules_of
from Testing.Logic.evidence.phantom_evidence import (
    Here,
    data_folder,
    evidence_folder,
)

CLICKED = """
title = "Clicks"
claim = "One click beats none."
survey = "+0.08"
about = ["sakinis2019"]
data = "hearts"
seeds = [1]
headline = "clicked, clicks 1"

[training]
dims = 2
network_settings = { features = [4, 8], strides = [2] }
patch = [24, 24]
batch = 2
steps = 2
steps_per_validation = 2

[[arms]]
name = "automatic"

[[arms]]
name = "clicked"
baseline = "automatic"
methods = [{ name = "sakinis2019", most_clicks = 2 }]
each = { clicks = [1, 3] }

[[targets]]
text = "one click gains"
arm = "clicked, clicks 1"
over = "automatic"
at_least = 0.0
"""


@pytest.fixture(scope="module")
def hearts(tmp_path_factory):
    """Evidence, data set and work folder."""
    root = tmp_path_factory.mktemp("hearts")
    evidence = read_evidence("clicks", evidence_folder(root / "evidence", CLICKED, "clicks"))
    dataset = build(evidence.data, data_folder(root / "files"), root / "data", lambda f, t: None)
    return evidence, dataset, root


def trainings_of(hearts):
    evidence, dataset, root = hearts
    modules = {arm.name: modules_of(arm) for arm in evidence.arms}
    made = make_trainings(evidence, dataset, root / "work", modules, lambda f, t: None, "cpu")
    return {one.arm.name: one for one in made}


def test_clicks_are_read_and_told(hearts):
    evidence, _, _ = hearts
    assert [(arm.name, arm.clicks) for arm in evidence.arms] == [
        ("automatic", 0),
        ("clicked, clicks 1", 1),
        ("clicked, clicks 3", 3),
    ]
    assert evidence.arms[2].baseline == "automatic"
    used = modules_of(evidence.arms[1])
    assert any(name.endswith(".sakinis2019") for name in used)
    assert any(name.endswith(".robot_user") for name in used)
    assert not any(name.endswith(".robot_user") for name in modules_of(evidence.arms[0]))


def test_arms_that_differ_in_clicks_share_one_training(hearts):
    made = trainings_of(hearts)
    one, three = made["clicked, clicks 1"], made["clicked, clicks 3"]
    assert one.folder == three.folder != made["automatic"].folder
    assert one.clicks == three.clicks == (1, 3)
    assert made["automatic"].clicks == ()


def test_each_arm_gets_the_scores_of_its_own_number_of_clicks(hearts):
    made = trainings_of(hearts)
    by_clicks = {"1": {"eve_1": {"1": 0.5}}, "3": {"eve_1": {"1": 0.7}}}
    made["clicked, clicks 1"].folder.mkdir(parents=True)
    train(made["clicked, clicks 1"], lambda training: (by_clicks, by_clicks, 1.0))
    found = [scored(made[f"clicked, clicks {n}"]).dice["eve_1"]["1"] for n in (1, 3)]
    assert found == [0.5, 0.7]


def test_old_hashes_do_not_know_of_clicks(tmp_path):
    folder = evidence_folder(tmp_path)
    evidence = read_evidence("few-slices", folder)
    arms = tuple(dataclasses.replace(arm, clicks=2) for arm in evidence.arms)
    assert dataclasses.replace(evidence, arms=arms).hash != evidence.hash
    # Of this file, by the version that knew neither clicks nor HDF5.
    assert evidence.hash == "75aef53bc579e00b"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{ clicks = [1, 3] }", "{ clicks = [1, 1.5] }"), "allowed is a list of whole numbers"),
        (
            ("{ clicks = [1, 3] }", "{ clicks = [-1, 3] }"),
            "got 0 patients, share 1.0 and -1 clicks",
        ),
    ],
)
def test_clicks_that_cannot_be_are_refused(tmp_path, change, said):
    folder = evidence_folder(tmp_path, CLICKED.replace(*change), "clicks")
    with pytest.raises(ValueError, match=said):
        read_evidence("clicks", folder)


def test_prompted_networks_are_tested_with_clicks_and_no_others(hearts):
    evidence = hearts[0]
    bare = dataclasses.replace(evidence.arms[1], clicks=0)
    clicked = dataclasses.replace(evidence.arms[0], clicks=4)
    for arm in (bare, clicked):
        with pytest.raises(ValueError, match="where a method trains a network for prompts"):
            check_about(dataclasses.replace(evidence, arms=(arm, *evidence.arms[1:])))
    check_about(evidence)


class Circle:
    """An engine that draws a disk around each positive click, and remembers what it saw."""

    def __init__(self):
        self.shapes, self.most = [], 0

    def set_case(self, case: Case) -> None:
        self.case = case
        self.shapes.append(case.volume.geometry.shape)

    def respond(self, prompts):
        self.most = max(self.most, len(prompts))
        grid = self.case.volume.geometry
        index = np.indices(grid.shape).reshape(3, -1).T
        found = np.zeros(grid.shape, dtype=bool)
        for click in prompts:
            if click.positive:
                away = np.linalg.norm(grid.to_ras(index) - click.position, axis=1)
                found |= (away < 5).reshape(grid.shape)
        chance = np.stack([~found, found]).astype(np.float32)
        labels = (0, prompts[0].label)
        return Prediction(chance, labels, grid.whole, grid, Provenance("circle"))


class Model:
    engine = "circle"

    def __init__(self, dims):
        self.patch = (8,) * dims


@pytest.mark.parametrize("dims", [2, 3])
def test_objects_are_clicked_on_one_by_one(hearts, monkeypatch, dims):
    _, dataset, _ = hearts
    training = trainings_of(hearts)["clicked, clicks 3"]
    training = dataclasses.replace(training, test_cases=training.test_cases[:1])
    engine = Circle()
    monkeypatch.setattr(clicked_test, "load_model", lambda path: Model(dims))
    monkeypatch.setattr(clicked_test, "interactive_segmenter", lambda name, path: engine)
    dice, iou = scores_after_clicks(training.folder, training, dataset)
    assert set(dice) == {"1", "3"}
    (case,) = training.test_cases
    assert set(dice["1"][case]) == {"1", "4"}
    for label in ("1", "4"):
        d = dice["1"][case][label]
        assert iou["1"][case][label] == pytest.approx(d / (2 - d), abs=1e-4)
    assert engine.most == 3
    slices = dense_of(dataset, case).labels.shape[0]
    assert len(engine.shapes) == (slices if dims == 2 else 1)
    assert {shape[0] for shape in engine.shapes} == ({1} if dims == 2 else {slices})
    if dims == 2:  # A disk in each slice; in 3-D a ball in one place.
        assert dice["3"][case]["1"] > 0.6
    else:
        assert dice["1"][case]["1"] < 0.5


def test_a_label_that_a_case_has_not_is_no_score(hearts, monkeypatch):
    _, dataset, _ = hearts
    training = trainings_of(hearts)["clicked, clicks 3"]
    monkeypatch.setattr(clicked_test, "load_model", lambda path: Model(2))
    monkeypatch.setattr(clicked_test, "interactive_segmenter", lambda name, path: Circle())
    whole = clicked_test.dense_of

    def without_squares(dataset, case):
        mask = whole(dataset, case)
        return dataclasses.replace(mask, labels=np.where(mask.labels == 4, 0, mask.labels))

    monkeypatch.setattr(clicked_test, "dense_of", without_squares)
    dice, _ = scores_after_clicks(training.folder, training, dataset)
    assert all(each["4"] is None for each in dice["3"].values())
    assert all(each["1"] is not None for each in dice["3"].values())


def test_a_study_with_clicks_from_data_to_result(hearts):
    evidence, _, root = hearts
    options = StudyOptions(root / "files", root / "study", root / "results", device="cpu")
    result, path = run_study(
        evidence, evidence, options, lambda f, t: None, lambda s: None, train_and_test, Here()
    )
    assert path.with_suffix(".png").stat().st_size > 0
    arms = result["arms"]
    assert arms["clicked, clicks 3"]["clicks"] == 3
    assert "clicks" not in arms["automatic"]
    assert arms["clicked, clicks 1"]["gain"]["over"] == "automatic"
    assert arms["clicked, clicks 1"]["mean"] != arms["automatic"]["mean"]
    assert json.loads(path.read_text())["verdict"] == result["verdict"]


# HDF5 --------------------------------------------------------------------------------------------

PATCHES = """
hdf5 = "patches/all.h5"
images = "images"
label_maps = "labels"
spacing = [3.0, 2.0, 1.0]
subject = "p([0-9]{2})"
[labels]
1 = "tumor"
[split]
train = ["00"]
test = ["p010", "p011"]
"""


@pytest.fixture
def patches(tmp_path):
    """A recipe and its data folder: twelve patches of two patients."""
    h5py = pytest.importorskip("h5py")
    folder = evidence_folder(tmp_path / "evidence")
    (folder / "data" / "patches.toml").write_text(PATCHES)
    (tmp_path / "files" / "patches").mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = rng.random((12, 1, 6, 8)).astype(np.float32)
    with h5py.File(tmp_path / "files" / "patches" / "all.h5", "w") as file:
        file["images"] = images
        file["labels"] = (images > 0.8).astype(np.float64)
    return folder, tmp_path / "files", images


def test_patches_of_one_file_become_cases(patches, tmp_path):
    folder, files, images = patches
    recipe = read_data("patches", folder)
    check_data(recipe, files)
    dataset = build(recipe, files, tmp_path / "work", lambda f, t: None)
    assert dataset.case_ids[0] == "p000"
    assert len(dataset.case_ids) == 12
    assert dataset.split("train") == tuple(f"p00{n}" for n in range(10))
    assert dataset.split("test") == ("p010", "p011")
    assert dataset.record("p011").subject == "01"
    volume = dataset.image("p011")
    assert volume.geometry.spacing == (3.0, 2.0, 1.0)
    assert np.array_equal(volume.array[0], images[11, 0])
    assert np.array_equal(dense_of(dataset, "p011").labels[0] == 1, images[11, 0] > 0.8)
    again = build(recipe, files, tmp_path / "work", lambda f, t: None)
    assert again.folder == dataset.folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('label_maps = "labels"', 'label_maps = "masks"'), "has no array 'masks', there are"),
        (('subject = "p([0-9]{2})"', 'subject = "q"'), "does not match case p000"),
        (('train = ["00"]', 'train = ["07"]'), "got '07', which is no case and no subject"),
    ],
)
def test_a_wrong_recipe_makes_no_data_set(patches, tmp_path, change, said):
    folder, files, _ = patches
    (folder / "data" / "patches.toml").write_text(PATCHES.replace(*change))
    recipe = read_data("patches", folder)
    with pytest.raises(ValueError, match=said):
        build(recipe, files, tmp_path / "work", lambda f, t: None)
    assert not [path for path in (tmp_path / "work").glob("*") if not path.name.startswith(".")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("spacing = [3.0, 2.0, 1.0]", ""), "a spacing of three numbers"),
        (("[labels]", 'splits = "s.json"\n[labels]'), "either `splits` or `split`"),
        (('test = ["p010", "p011"]', "test = [1]"), "allowed is a list of texts"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(patches, change, said):
    folder, *_ = patches
    (folder / "data" / "patches.toml").write_text(PATCHES.replace(*change))
    with pytest.raises(ValueError, match=said):
        read_data("patches", folder)


def test_a_missing_file_is_named(patches, tmp_path):
    folder, files, _ = patches
    (files / "patches" / "all.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"patches/all\.h5"):
        build(read_data("patches", folder), files, tmp_path / "work", lambda f, t: None)


def test_an_arm_that_adapts_is_tested_by_bifseg_around_its_own_network(
    hearts, tmp_path, monkeypatch
):
    _, dataset, _ = hearts
    more = '\n[[arms]]\nname = "adapted"\nclicks = 3\nadapt = { steps = 2 }\n'
    more += 'methods = [{ name = "sakinis2019", most_clicks = 2 }]\n\n[[targets]]'
    text = CLICKED.replace("\n[[targets]]", more, 1).replace(
        '["sakin', '["bifseg-wang2018a", "sakin'
    )
    evidence = read_evidence("clicks", evidence_folder(tmp_path / "evidence", text, "clicks"))
    check_about(evidence)
    assert any(name.endswith(".wang2018a") for name in modules_of(evidence.arm("adapted")))
    made = trainings_of((evidence, dataset, tmp_path))
    adapted, plain = made["adapted"], made["clicked, clicks 3"]
    assert adapted.folder != plain.folder
    assert (adapted.clicks, plain.clicks) == ((3,), (1, 3))
    dice, _, _ = train_and_test(adapted)
    assert set(dice) == {"3"}
    engine = clicked_test._engine(
        "sakinis2019", adapted.folder / "model.safetensors", adapted.arm.adapt
    )
    assert engine.settings.steps == 2
    assert engine.settings.adapts_first
    monkeypatch.setattr(clicked_test, "interactive_segmenter", lambda name, path: Circle())
    with pytest.raises(ValueError, match="allowed are engines whose answer is one pass"):
        clicked_test._engine("circle", tmp_path, {"steps": 2})


@pytest.mark.parametrize(
    ("adapt", "clicks", "said"),
    [({"step": 2}, 3, r"got settings \['step'\]"), ({"steps": 2}, 0, "got `adapt` with 0 clicks")],
)
def test_adapting_that_cannot_be_is_refused(hearts, adapt, clicks, said):
    evidence = hearts[0]
    arm = dataclasses.replace(evidence.arms[1], adapt=adapt, clicks=clicks)
    with pytest.raises(ValueError, match=said):
        check_about(dataclasses.replace(evidence, arms=(arm, *evidence.arms[1:])))

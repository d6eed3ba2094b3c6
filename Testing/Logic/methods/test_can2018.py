"""Scribbles grow where a random walk is sure, and what passes agree on is taught again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ImperfectSegLogic.data import Dataset, DenseMask, Geometry, PointGrid, SparseMask, Volume
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.weak.selective_loss.can2018 import (
    GrownScribbles,
    Settings,
    _looked_for,
    certain_labels,
    grown,
)
from ImperfectSegLogic.methods.weak.selective_loss.relabeling import ANNOTATOR, relabeled
from ImperfectSegLogic.prediction.dropout import dropout_layers
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.players import Players
from ImperfectSegLogic.training.preprocessing import Preprocessing
from Testing.Contracts.training_checks import batch_of, plan_of, players_of
from Testing.Logic.training.phantom_runs import SPACING, make_dataset, make_run

SQUARE = np.zeros((3, 24, 20), dtype=np.int16)
SQUARE[:, 8:16, 6:14] = 4
OBLIQUE = np.array(
    [[0.0, 0.0, 5.0, 7.0], [0.0, -1.0, 0.0, -3.0], [1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
)


def scene(matrix=SPACING, noise=0.05):
    """A bright square on dark, one stroke in it and one beside it on two of three slices."""
    rng = np.random.default_rng(0)
    image = SQUARE / 2 + rng.normal(0, noise, SQUARE.shape)
    volume = Volume(image.astype(np.float32), matrix)
    labels = np.full(SQUARE.shape, -1, dtype=np.int16)
    labels[:2, 12, 8:12] = 4
    labels[:2, 3, 2:18] = 0
    labels[2, 12, 8:12] = 4
    return volume, SparseMask(labels, volume.geometry)


@pytest.mark.parametrize("matrix", [SPACING, OBLIQUE])
def test_scribbles_grow_to_the_edges_and_not_beyond(matrix):
    volume, given = scene(matrix)
    made = grown(volume, given, Preprocessing(2, volume.geometry.spacing), 0.9, 130.0).labels
    assert np.array_equal(made[given.labeled], given.labels[given.labeled])
    known = made[:2] >= 0
    assert known.mean() > 0.9
    assert (made[:2] == SQUARE[:2])[known].mean() > 0.99
    # Nothing tells what is beside the only label of a slice.
    assert np.array_equal(made[2], given.labels[2])


def test_the_higher_the_threshold_the_less_is_grown():
    volume, given = scene(noise=0.4)
    how = Preprocessing(2, volume.geometry.spacing)
    low, high, most = (grown(volume, given, how, t, 130.0).labeled for t in (0.6, 0.99, 1.0))
    assert high.sum() < low.sum()
    assert low[high].all()
    assert np.array_equal(most, given.labeled)


def test_walks_run_on_the_prepared_image_and_scribbles_keep_every_voxel():
    volume, given = scene()
    k, j, i = volume.geometry.spacing
    made = grown(volume, given, Preprocessing(2, (k, 2 * j, 2 * i)), 0.9, 130.0).labels
    assert np.array_equal(made[given.labeled], given.labels[given.labeled])
    known = made[:2] >= 0
    assert known.mean() > 0.6
    assert (made[:2] == SQUARE[:2])[known].mean() > 0.95


def test_a_scribble_keeps_its_label_where_the_walk_is_sure_of_another_one():
    volume, given = scene()
    labels = given.labels.copy()
    labels[0, 13, 9] = 0  # In one prepared voxel with a scribble of label 4.
    k, j, i = volume.geometry.spacing
    known = SparseMask(labels, volume.geometry)
    made = grown(volume, known, Preprocessing(2, (k, 2 * j, 2 * i)), 0.6, 130.0).labels
    assert made[0, 13, 9] == 0
    assert made[0, 13, 8] == 4


def test_nothing_grows_from_nothing():
    volume, _ = scene()
    for value in (-1, 0, 4):
        alone = SparseMask(np.full(SQUARE.shape, value, dtype=np.int16), volume.geometry)
        how = Preprocessing(2, volume.geometry.spacing)
        assert np.array_equal(grown(volume, alone, how, 0.9, 130.0).labels, alone.labels)


def test_only_what_all_passes_tell_apart_is_certain():
    sure = [[0.9, 0.1, 0.0], [0.8, 0.1, 0.1], [0.9, 0.0, 0.1], [0.85, 0.1, 0.05]]
    torn = [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.8, 0.2, 0.0], [0.2, 0.8, 0.0]]
    near = [[0.1, 0.46, 0.44], [0.1, 0.455, 0.445], [0.1, 0.47, 0.43], [0.1, 0.44, 0.46]]
    same = [[0.2, 0.3, 0.5]] * 4
    tied = [[0.0, 0.5, 0.5]] * 4
    draws = np.array([sure, torn, near, same, tied], dtype=np.float32).transpose(1, 2, 0)
    assert certain_labels(draws, 0.95).tolist() == [0, -1, -1, 2, -1]
    assert certain_labels(draws, 0.5).tolist()[:3] == [0, -1, 1]


def test_labels_nobody_looked_for_are_background_before_certainty_is_asked():
    draws = np.array([[[0.3], [0.3], [0.4]]], dtype=np.float32)
    found = _looked_for(draws.copy(), (0, 1, 4), (1,))
    assert np.allclose(found[0, :, 0], [0.7, 0.3, 0.0])
    assert np.allclose(_looked_for(draws.copy(), (0, 1, 4), (1, 4)), draws)


def players_for(dataset, **known):
    train, validation = dataset.split("train"), dataset.split("val")
    named = {"train_cases": train, "validation_cases": validation, "annotator": "ann"} | known
    return Players({}, plan_of(2), lambda volume: None, **named)


def test_a_round_has_its_own_data_set_and_what_was_given_is_not_forgotten(tmp_path):
    dataset = make_dataset(tmp_path / "data", kind="sparse")
    first, second, third = dataset.split("train")
    grid = dataset.record(first).geometry
    dataset.annotate(second, DenseMask(np.zeros(grid.shape, dtype=int), grid), "ann")
    points = PointGrid(grid.to_ras(np.array([[1, 2, 3]])), np.array([4]))
    dataset.annotate(third, points, "ann")
    dataset.annotate(first, SparseMask(np.full(grid.shape, -1), grid), "later")
    before = {case: dataset.case(case, "ann").annotation for case in dataset.case_ids}
    asked = []

    def more(volume, given, labels):
        asked.append((int(given.labeled.sum()), labels))
        labels = np.where(given.labeled, given.labels, 1)
        labels[0] = given.labels[0]
        return SparseMask(labels, given.geometry)

    one = relabeled(players_for(dataset), dataset, tmp_path / "one", more)
    two = relabeled(players_for(dataset, annotator=None), one, tmp_path / "two", more)
    count = int(before[first].labeled.sum())
    assert asked == [(count, (1, 4)), (1, (1, 4))] * 2
    for made in (one, two):
        assert made.case_ids == sorted((first, second, third, *dataset.split("val")))
        grew = made.case(first).annotation
        assert bool((grew.labels[1:] >= 0).all())
        assert np.array_equal(made.image(first).array, dataset.image(first).array)
        validation = dataset.split("val")[0]
        assert np.array_equal(made.case(validation).annotation.labels, before[validation].labels)
        assert isinstance(made.case(second).annotation, DenseMask)
        assert len(made.versions(first, ANNOTATOR)) == 2
    assert dataset.annotators(first) == ["ann", "later"]


def test_the_network_has_dropout_whatever_the_plan_says():
    method = GrownScribbles(Settings(dropout=0.3))
    segmenter = method.segmenter(plan_of(2))
    layers = dropout_layers(segmenter)
    assert layers
    assert {layer.p for layer in layers} == {0.3}


def test_rounds_teach_grown_scribbles_and_then_what_is_certain(tmp_path):
    dataset = make_dataset(tmp_path / "data", cases=4, kind="sparse")
    settings = {"passes": 3, "iterations": 1, "iterations_after": 1, "threshold": 0.9}
    chosen = (("sparse-can2018", settings),)
    run = make_run(dataset, rounds=2, steps=20, steps_per_validation=20, methods=chosen)
    fit(run, tmp_path / "run", device="cpu")
    given = [dataset.case(case).annotation.labeled.mean() for case in run.train_cases]
    for folder in ("0-0-sparse-can2018", "1-0-sparse-can2018"):
        made = Dataset.open(tmp_path / "run" / "rounds" / folder)
        each = [made.case(case).annotation for case in run.train_cases]
        assert np.mean([one.labeled.mean() for one in each]) > 3 * np.mean(given)
        for case, one in zip(run.train_cases, each, strict=True):
            known = dataset.case(case).annotation
            assert np.array_equal(one.labels[known.labeled], known.labels[known.labeled])
    first, last = (
        [Dataset.open(path).case(case).annotation.labels for case in run.train_cases]
        for path in sorted((tmp_path / "run" / "rounds").iterdir())
    )
    assert not np.array_equal(first, last)


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", 0.2), ("passes", 1), ("dropout", 0.0), ("certainty", 1.0)]
)
def test_settings_that_are_none_are_refused(name, value):
    with pytest.raises(ValueError, match=f"sparse-can2018, {name}: got"):
        catalog.training_method("sparse-can2018", {name: value})


def test_geometry_is_kept():
    volume, given = scene(OBLIQUE)
    made = grown(volume, given, Preprocessing(2, volume.geometry.spacing), 0.9, 130.0)
    assert isinstance(made.geometry, Geometry)
    assert made.geometry.matches(volume.geometry)


def test_dice_is_taken_over_labeled_voxels_where_not_all_are_labeled():
    method = GrownScribbles(Settings(dice=0.7))
    players = players_of(method, 2)

    def terms(*kinds):
        return {t.name: t for t in method.loss(players, batch_of(2, kinds))}

    mixed = terms("DenseMask", "SparseMask", "")
    assert mixed["dice of labeled voxels"].weight == mixed["dice"].weight == 0.7
    assert set(terms("SparseMask")) - set(mixed) == set()
    assert "dice" not in terms("SparseMask")
    assert "dice of labeled voxels" not in terms("DenseMask")
    assert "dice of labeled voxels" not in terms("")  # Nothing is labeled.
    players.segmenter.eval()  # Without dropout.
    # As the supervised Dice of the same samples would be, were all of their voxels labeled.
    batch = batch_of(2, ("DenseMask", "DenseMask"))
    dense = {t.name: t.value.item() for t in method.loss(players, batch)}
    players.forget()
    called = replace(batch, kinds=("SparseMask", "SparseMask"))
    sparse = {t.name: t.value.item() for t in method.loss(players, called)}
    assert sparse["dice of labeled voxels"] == pytest.approx(dense["dice"], rel=1e-5)

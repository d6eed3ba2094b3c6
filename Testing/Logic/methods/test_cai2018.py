"""Cai 2018: from two diameters to a mask of their slice, and from there slice by slice."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    UNLABELED,
    Dataset,
    DenseMask,
    Geometry,
    Prediction,
    Recist,
    RecistMarks,
    Volume,
)
from ImperfectSegLogic.data.prediction import Provenance
from ImperfectSegLogic.measurement.recist_marks import recist_mark
from ImperfectSegLogic.methods.weak.selective_loss.cai2018 import GrownRecist, Settings
from ImperfectSegLogic.methods.weak.selective_loss.lesion_slices import (
    lesion_slices,
    lesion_window,
)
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.players import Players
from Testing.Logic.training.phantom_runs import make_run

SHAPE = (9, 40, 44)
GRIDS = {
    "axial": np.diag([1.0, 1.2, 3.0, 1.0]),
    "turned": np.array([[0, 0, -3.0, 4], [1.2, 0, 0, 9], [0, -1.0, 0, -2], [0, 0, 0, 1]]),
}
MIDDLE = 4


def lesion(matrix=GRIDS["axial"], seed=0):
    """A bright ellipsoid of five slices beside a brighter bar; image and mask."""
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    truth = ((k - MIDDLE) / 2.5) ** 2 + ((j - 18) / 9) ** 2 + ((i - 20) / 12) ** 2 < 1
    bar = (i > 38) & ~truth
    gray = 100 + 60 * truth + 90 * bar + np.random.default_rng(seed).normal(0, 8, SHAPE)
    return Volume(gray.astype(np.float32), matrix), truth


def told(truth, geometry: Geometry, sureness=0.9) -> Prediction:
    """What a network would say that knows the lesion."""
    chance = np.where(truth, sureness, 1 - sureness).astype(np.float32)
    stacked = np.stack([1 - chance, chance])
    return Prediction(stacked, (0, 1), geometry.whole, geometry, Provenance("test"))


@pytest.mark.parametrize("name", GRIDS)
def test_diameters_become_a_mask_of_their_slice(name):
    volume, truth = lesion(GRIDS[name])
    mark = recist_mark(truth, volume.geometry, 0)
    window = lesion_window(mark, volume.geometry)
    assert (window.axis, window.index) == (0, MIDDLE)
    ends = volume.geometry.to_index(np.concatenate([mark.long_axis, mark.short_axis]))
    assert np.allclose(window.far[0][ends[:, 1], ends[:, 2]], 1, atol=0.15)
    found = lesion_slices(volume, window)
    assert list(found) == [MIDDLE]
    assert dice(found[MIDDLE][0], truth[MIDDLE]) > 0.95
    assert found[MIDDLE][window.marked].all()


def test_slices_across_another_axis_work_as_well():
    volume, truth = lesion()
    turned = Volume(np.moveaxis(volume.array, 0, 2), np.diag([3.0, 1.0, 1.2, 1.0]))
    inside = np.moveaxis(truth, 0, 2)
    window = lesion_window(recist_mark(inside, turned.geometry, 2), turned.geometry)
    assert (window.axis, window.index) == (2, MIDDLE)
    found = lesion_slices(turned, window)[MIDDLE]
    assert dice(found[0], truth[MIDDLE]) > 0.95


def test_growth_goes_as_far_as_it_may_and_ends_where_the_lesion_does():
    volume, truth = lesion()
    window = lesion_window(recist_mark(truth, volume.geometry, 0), volume.geometry)
    chance = told(truth, volume.geometry).probabilities[1]
    near = lesion_slices(volume, window, chance, 1)
    assert sorted(near) == [3, 4, 5]
    far = lesion_slices(volume, window, chance, 8)
    assert sorted(far) == [1, 2, 3, 4, 5, 6, 7]
    assert not far[1].any()
    assert not far[7].any()
    for at in (2, 3, 4, 5, 6):
        assert dice(far[at][0], truth[at]) > 0.9


def test_what_does_not_touch_the_slice_before_is_left_out():
    volume, truth = lesion()
    window = lesion_window(recist_mark(truth, volume.geometry, 0), volume.geometry)
    beside = np.zeros_like(truth)
    beside[MIDDLE + 1, 1:6, 16:25] = True
    shown = Volume(volume.array + np.float32(60) * beside, volume.ijk_to_ras)
    assert (window.inside[0] & beside[MIDDLE + 1]).sum() > 20
    for lesions in (beside, truth | beside):
        chance = told(lesions, volume.geometry).probabilities[1]
        found = lesion_slices(shown, window, chance, 1)[MIDDLE + 1][0]
        assert not (found & beside[MIDDLE + 1]).any()
        assert found.any() == lesions[MIDDLE + 1, 18, 20]


def test_growth_ends_where_the_network_sees_nothing_of_it_however_alike_the_gray_values():
    volume, truth = lesion()
    window = lesion_window(recist_mark(truth, volume.geometry, 0), volume.geometry)
    beside = np.zeros_like(truth)
    beside[MIDDLE + 1, 1:6, 16:25] = True
    shown = Volume(volume.array + np.float32(60) * beside, volume.ijk_to_ras)
    chance = told(beside, volume.geometry).probabilities[1].copy()
    for doubt, grows in ((0.45, False), (0.55, True)):
        chance[MIDDLE + 1][truth[MIDDLE + 1]] = doubt
        found = lesion_slices(shown, window, chance, 2)
        assert found[MIDDLE + 1].any() == grows
        assert (MIDDLE + 2 in found) == grows, "growth ends on the first slice without lesion"


def make_dataset(folder, cases=2) -> Dataset:
    dataset = Dataset.create(folder, {1: "lesion"})
    for n in range(cases):
        volume, truth = lesion(seed=n)
        dataset.add_case(f"case{n}", volume)
        mark = recist_mark(truth, volume.geometry, 0)
        dataset.annotate(f"case{n}", RecistMarks((mark,)), "ann")
        if n == 0:  # Newer, and not to be looked at.
            dataset.annotate(f"case{n}", DenseMask(truth.astype(np.uint8), volume.geometry), "spy")
    volume, truth = lesion(seed=9)
    dataset.add_case("case9", volume)
    dataset.annotate("case9", DenseMask(truth.astype(np.uint8), volume.geometry), "ann")
    dataset.set_splits({"train": dataset.case_ids[:-1], "val": ["case9"]})
    return dataset


def players_of(number=0, annotator=None) -> Players:
    def predict(volume):
        return told(lesion()[1], volume.geometry)

    known = {"train_cases": ("case0", "case1"), "validation_cases": ("case9",)}
    return Players({}, None, predict, round=number, annotator=annotator, **known)


def test_rounds_reach_farther_and_keep_the_marks(tmp_path):
    method, truth = GrownRecist(Settings(step=1)), lesion()[1]
    dataset = make_dataset(tmp_path / "data")
    dataset = method.before_rounds(players_of(0, "ann"), dataset, tmp_path / "0")
    for number in range(3):
        labels = dataset.case("case0").annotation.labels
        there = np.flatnonzero((labels != UNLABELED).any(axis=(1, 2)))
        assert there.tolist() == list(range(MIDDLE - number, MIDDLE + number + 1))
        for at in there:
            assert dice(labels[at] == 1, truth[at]) > 0.9
            assert (labels[at] == UNLABELED).any(), "far from the marks nothing is known"
        made = tmp_path / str(number + 1)
        dataset = method.between_rounds(players_of(number), dataset, made)
    assert type(dataset.case("case9").annotation) is DenseMask


def test_far_from_all_marks_can_be_background(tmp_path):
    method = GrownRecist(Settings(elsewhere="background"))
    made = method.before_rounds(
        players_of(0, "ann"), make_dataset(tmp_path / "data"), tmp_path / "made"
    )
    labels = made.case("case1").annotation.labels
    assert set(np.unique(labels[MIDDLE])) == {0, 1}
    assert (labels[MIDDLE + 1] == UNLABELED).all()


def test_diameters_alone_can_be_learned_for_comparison(tmp_path):
    method = GrownRecist(Settings(start="diameters"))
    made = method.before_rounds(
        players_of(0, "ann"), make_dataset(tmp_path / "data"), tmp_path / "made"
    )
    labels, truth = made.case("case0").annotation.labels[MIDDLE], lesion()[1][MIDDLE]
    assert 20 < (labels == 1).sum() < 60
    assert not (labels[truth] == 0).any()
    assert (labels == 0).sum() > 50


def test_a_run_grows_from_round_to_round(tmp_path):
    dataset = make_dataset(tmp_path / "data")
    methods = (("cai2018", {"elsewhere": "background"}),)
    run = make_run(dataset, methods=methods, rounds=2, steps=2, annotator="ann")
    fit(run, tmp_path / "run", device="cpu")
    made = tmp_path / "run" / "rounds"
    assert sorted(p.name for p in made.iterdir()) == ["0-0-cai2018", "1-0-cai2018"]


def test_marks_that_do_not_cross_are_refused():
    volume, truth = lesion()
    mark = recist_mark(truth, volume.geometry, 0)
    apart = Recist(mark.long_axis, mark.short_axis + np.array([0, 25, 0]), label=1)
    with pytest.raises(ValueError, match="RECIST mark"):
        lesion_window(apart, volume.geometry)

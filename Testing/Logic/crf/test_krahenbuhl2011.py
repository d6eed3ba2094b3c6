"""The dense CRF as a refiner: what it makes better, settings, slabs, prompts, bad input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ImperfectSegLogic.crf.backends import pydensecrf_missing
from ImperfectSegLogic.crf.refining import given as ready
from ImperfectSegLogic.data import Case, Click, Lasso, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.methods.catalog import refiner
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from Testing.Logic.crf.crf_scenes import scene

SHAPE = (20, 30, 32)


def given(shape=SHAPE, labels=3, channels=1, spacing=(1.0, 1.0, 1.0), region=None):
    image, probabilities, true = scene(shape, labels, channels=channels)
    matrix = np.diag([*spacing[::-1], 1.0])
    matrix[:3, 3] = (5, -7, 11)
    case = Case(Volume(image if channels > 1 else image[0], matrix))
    geometry = case.volume.geometry
    region = region or geometry.whole
    part = probabilities[(slice(None), *region.slices)]
    known = (0, 2, 7, 9)[:labels]
    prediction = Prediction(part, known, region, geometry, Provenance("network", {"a": 1}, "abc"))
    return case, prediction, true


def refined(case, prediction, prompts=(), progress=None, **settings):
    return refiner("dense-crf", settings).refine(case, prediction, prompts, progress)


def right(prediction, true):
    return (prediction.probabilities.argmax(axis=0) == true).mean()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dims", [2, 3])
def test_it_makes_noisy_probabilities_better(dims, channels):
    case, prediction, true = given(channels=channels)
    before = prediction.probabilities.copy()
    answer = refined(case, prediction, dims=dims, appearance_width=3, smoothness_width=1)
    assert right(answer, true) > right(prediction, true) + 0.03
    assert np.abs(answer.probabilities.sum(axis=0) - 1).max() < 1e-5
    assert answer.probabilities.dtype == np.float32
    assert np.array_equal(prediction.probabilities, before)
    assert (answer.labels, answer.region) == (prediction.labels, prediction.region)
    assert answer.provenance.method == "dense-crf"
    assert answer.provenance.settings["dims"] == dims
    assert answer.provenance.settings["refined"] == "network"
    assert answer.provenance.weights_hash == "abc"


def test_slices_hear_nothing_of_each_other_in_2d():
    case, prediction, _ = given()
    whole = refined(case, prediction, dims=2)
    region = Region((4, 0, 0), (5, 30, 32))
    _, part, _ = given(region=region)
    one = refined(case, part, dims=2)
    assert np.allclose(one.probabilities, whole.probabilities[:, 4:5], atol=1e-5)
    space = refined(case, prediction, dims=3)
    assert np.abs(space.probabilities - whole.probabilities).mean() > 0.01


def test_the_image_matters_only_by_appearance():
    case, prediction, _ = given()
    other = Case(Volume(case.volume.array[::-1].copy(), case.volume.ijk_to_ras))
    smooth = [refined(one, prediction, appearance=0).probabilities for one in (case, other)]
    assert np.array_equal(*smooth)
    looks = [refined(one, prediction).probabilities for one in (case, other)]
    assert np.abs(looks[0] - looks[1]).mean() > 0.01


def test_without_weights_or_with_scaled_gray_values_nothing_changes():
    case, prediction, _ = given()
    same = refined(case, prediction, smoothness=0, appearance=0)
    assert np.abs(same.probabilities - prediction.probabilities).max() < 1e-4
    scaled = Case(Volume(case.volume.array * 7 - 300, case.volume.ijk_to_ras))
    usual, other = (refined(one, prediction).probabilities for one in (case, scaled))
    assert np.abs(usual - other).max() < 1e-2
    raw = refined(scaled, prediction, contrast_unit="gray", contrast=20).probabilities
    assert np.abs(usual - raw).max() > 0.05


def test_widths_are_millimeters_and_stretch_works_per_axis():
    case, prediction, _ = given()
    wide, far, _ = given(spacing=(2.0, 2.0, 2.0))
    usual = refined(case, prediction, smoothness_width=2, appearance_width=4)
    scaled = refined(wide, far, smoothness_width=4, appearance_width=8)
    assert np.allclose(usual.probabilities, scaled.probabilities, atol=1e-5)
    flat, thick, _ = given(spacing=(3.0, 1.0, 1.0))
    stretched = refined(flat, thick, smoothness_width=2, appearance_width=4, stretch=(3, 1, 1))
    assert np.allclose(usual.probabilities, stretched.probabilities, atol=1e-5)


def test_compatibility_is_the_price_of_labels_beside_each_other():
    case, prediction, _ = given()
    potts = refined(case, prediction)
    same = refined(case, prediction, compatibility=(0, 1, 1, 1, 0, 1, 1, 1, 0))
    assert np.abs(potts.probabilities - same.probabilities).max() < 1e-3
    apart = refined(case, prediction, compatibility=(0, 1, 9, 1, 0, 1, 9, 1, 0))
    assert np.abs(apart.probabilities - potts.probabilities).mean() > 0.005
    with pytest.raises(ValueError, match="got 4 numbers, allowed are none or 9"):
        refined(case, prediction, compatibility=(0, 1, 1, 0))
    with pytest.raises(ValueError, match="stretch: got"):
        refined(case, prediction, stretch=(1.0, 1.0))


def test_slabs_are_near_the_whole_or_refused_before_starting():
    case, prediction, _ = given(shape=(40, 12, 13))
    widths = {"smoothness_width": 1.5, "appearance_width": 2.0}
    whole = refined(case, prediction, **widths)
    assert not whole.notes
    parts = refined(case, prediction, **widths, memory=0.0006)
    assert "slabs" in parts.notes[0]
    off = np.abs(parts.probabilities - whole.probabilities)
    assert off.mean() < 0.005
    told = []
    progress = Progress(lambda fraction, _: told.append(fraction))
    with pytest.raises(ValueError, match=r"have to be in memory at once.*Raise memory"):
        refined(case, prediction, progress=progress, appearance_width=50, memory=1e-4)
    assert told == [0.0]


def test_prompted_voxels_keep_their_label_and_convince_their_neighbors():
    case, prediction, _ = given()
    place = case.volume.geometry.to_ras
    label = prediction.labels[prediction.probabilities[:, 4, 10, 10].argmin()]
    clicks = [Click(position=place((4, 10, 10)), label=label)]
    answer = refined(case, prediction, clicks)
    channel = prediction.labels.index(label)
    assert answer.probabilities[channel, 4, 10, 10] == 1
    energies = ready(case, prediction, clicks).unary()[:, 4, 10, 10]
    assert energies[channel] == 0
    assert np.delete(energies, channel).min() > 100, "neighbors could outweigh a prompt"
    plain = refined(case, prediction).probabilities[channel, 4, 10, 11]
    assert answer.probabilities[channel, 4, 10, 11] > plain
    denied = Click(position=place((2, 3, 4)), label=2, positive=False)
    for prompts in ([denied], [denied, *clicks]):
        assert refined(case, prediction, prompts).probabilities[1, 2, 3, 4] == 0
    corners = place([(4, 5, 5), (4, 5, 20), (4, 20, 20), (4, 20, 5)])
    inside = refined(case, prediction, [Lasso(points=corners, label=7)])
    assert (inside.probabilities[2, 4, 10:15, 10:15] == 1).all()
    with pytest.raises(ValueError, match="got label 5, which the probabilities do not have"):
        refined(case, prediction, [Click(position=place((1, 1, 1)), label=5)])
    _, part, _ = given(region=Region((0, 0, 0), (3, 30, 32)))
    assert "outside the region" in refined(case, part, clicks).notes[0]


def test_it_tells_how_far_it_is_and_stops():
    case, prediction, _ = given()
    told = []
    refined(case, prediction, progress=Progress(lambda fraction, _: told.append(fraction)))
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 10
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.4 else None)
    with pytest.raises(CancelledError):
        refined(case, prediction, progress=progress)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: np.where(p > 0.9, np.nan, p), "NaN or infinite values in"),
        (lambda p: p * 0.9, "sums over the labels that differ from 1"),
        (lambda p: p * 3 - 0.5, "got values from"),
    ],
)
def test_bad_probabilities_are_named(change, said):
    case, prediction, _ = given()
    broken = change(prediction.probabilities).astype(np.float32)
    with pytest.raises(ValueError, match=said):
        refined(case, dataclasses.replace(prediction, probabilities=broken))


def test_other_bad_input_is_named():
    case, prediction, _ = given()
    other, _, _ = given(spacing=(1.0, 1.0, 1.5))
    with pytest.raises(ValueError, match="on another grid"):
        refined(other, prediction)
    alone = dataclasses.replace(
        prediction, probabilities=np.ones((1, *SHAPE), dtype=np.float32), labels=(0,)
    )
    with pytest.raises(ValueError, match="got one label only"):
        refined(case, alone)
    constant = Case(Volume(np.full(SHAPE, 3.0), case.volume.ijk_to_ras))
    with pytest.raises(ValueError, match="same value in every voxel"):
        refined(constant, prediction)
    assert refined(constant, prediction, appearance=0).labels == prediction.labels
    spoiled = case.volume.array.copy()
    spoiled[0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="1 NaN or infinite"):
        refined(Case(Volume(spoiled, case.volume.ijk_to_ras)), prediction)
    for name in ("smoothness_width", "appearance_width", "contrast"):
        with pytest.raises(ValueError, match=name):
            refined(case, prediction, **{name: 0})


def test_undecided_probabilities_and_a_slice_of_air_are_no_trouble():
    case, prediction, _ = given()
    even = np.full((3, *SHAPE), 1 / 3, dtype=np.float32)
    answer = refined(case, dataclasses.replace(prediction, probabilities=even))
    assert np.allclose(answer.probabilities, 1 / 3, atol=1e-4)
    airy = case.volume.array.copy()
    airy[2] = 0
    answer = refined(Case(Volume(airy, case.volume.ijk_to_ras)), prediction, dims=2)
    assert np.isfinite(answer.probabilities).all()


@pytest.mark.skipif(bool(pydensecrf_missing()), reason=pydensecrf_missing())
@pytest.mark.parametrize("dims", [2, 3])
def test_the_other_backend_finds_nearly_the_same(dims):
    case, prediction, _ = given(spacing=(2.0, 1.0, 1.0))
    ours, theirs = (refined(case, prediction, dims=dims, backend=b) for b in ("own", "pydensecrf2"))
    labels = [one.probabilities.argmax(axis=0) for one in (ours, theirs)]
    assert (labels[0] == labels[1]).mean() > 0.97
    prices = (0, 1, 1, 2, 0, 1, 1, 1, 0)
    with pytest.raises(ValueError, match="not symmetric"):
        refined(case, prediction, backend="pydensecrf2", compatibility=prices)


def test_without_pydensecrf_the_other_backend_says_what_to_do(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    case, prediction, _ = given()
    with pytest.raises(ValueError, match="backend=own, or install it with"):
        refined(case, prediction, backend="pydensecrf2")

"""Spectral coordinates against eigenfunctions that are known, and the CRF that uses them."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.crf.spectral import spectral_coordinates
from ImperfectSegLogic.data import Case, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.crf.wachinger2018 import Settings, SpectralCRF
from Testing.Logic.methods.phantoms import click, grid


@pytest.mark.parametrize(("spacing", "most"), [(0.5, 8000), (2.0, 8000), (2.0, 150)])
def test_those_of_a_bar_are_cosines_in_mm(spacing, most):
    bar = np.zeros((40, 10, 10), dtype=bool)
    bar[:, 4:8, 4:8] = True
    found = spectral_coordinates(bar, (spacing, 1.0, 1.0), 2 if spacing > 1 else 1, most)
    length, at = 40 * spacing, (np.arange(40) + 0.5) / 40
    for number, one in enumerate(found[:, :, 5, 5], start=1):
        truth = np.sqrt(2) * length / (number * np.pi) * np.cos(number * np.pi * at)
        error = np.minimum(np.abs(one - truth).max(), np.abs(one + truth).max())
        assert error < (0.02 if most > 1000 else 0.1) * length


def test_both_ends_of_a_bent_shape_are_far_apart():
    bent = np.zeros((1, 30, 9), dtype=bool)
    bent[0, :, 1:4] = bent[0, :, 5:8] = bent[0, 27:, :8] = True  # A U, whose arms are 1 mm apart.
    (along,) = spectral_coordinates(bent, (1.0, 1.0, 1.0), 1)
    across = abs(along[0, 0, 3] - along[0, 0, 5])
    near_bend = abs(along[0, 26, 3] - along[0, 26, 5])
    assert across > 40
    assert near_bend < 15
    straight = abs(along[0, 0, 3] - along[0, 2, 3])
    assert straight < 5


def test_around_the_shape_they_go_on_and_other_pieces_do_not_count():
    shape = np.zeros((1, 20, 20), dtype=bool)
    shape[0, 3:6, 2:18] = True
    alone = spectral_coordinates(shape, (1.0, 1.0, 1.0), 1)
    shape[0, 12, 4] = True
    found = spectral_coordinates(shape, (1.0, 1.0, 1.0), 1)
    assert np.allclose(np.abs(found[:, 0, 3:6]), np.abs(alone[:, 0, 3:6]), atol=1e-4)
    assert np.allclose(found[0, 0, 3:13, 2:18], found[0, 0, 3, 2:18], atol=1e-4)
    assert np.all(found[0, 0, 13:] == found[0, 0, 12])
    assert np.all(found[0, 0, :, :2] == found[0, 0, :, 2:3])


def test_they_are_the_same_every_time_and_turn_with_the_image():
    rng = np.random.default_rng(0)
    shape = np.zeros((8, 20, 14), dtype=bool)
    shape[1:7, 2:18, 3:12] = True
    shape[2:6, 5:9, 8:12] = rng.random((4, 4, 4)) < 0.5
    one = spectral_coordinates(shape, (2.0, 1.0, 1.0))
    assert np.array_equal(one, spectral_coordinates(shape, (2.0, 1.0, 1.0)))
    turned = spectral_coordinates(shape.transpose(2, 0, 1)[::-1], (1.0, 2.0, 1.0))
    back = turned[:, ::-1].transpose(0, 2, 3, 1)
    for a, b in zip(one, back, strict=True):
        assert min(np.abs(a - b).max(), np.abs(a + b).max()) < 1e-3 * np.abs(a).max()


def test_those_of_a_disk_come_in_pairs_so_that_distances_turn_with_it():
    j, i = np.indices((21, 21)) - 10
    disk = (j**2 + i**2 < 90)[np.newaxis]
    found = spectral_coordinates(disk, (1.0, 1.0, 1.0), 1)
    assert len(found) == 2
    away = np.linalg.norm(found - found[:, 0, 10, 14][:, None, None, None], axis=0)
    turned = np.linalg.norm(found - found[:, 0, 14, 10][:, None, None, None], axis=0)
    assert np.allclose(away, turned.transpose(0, 2, 1), atol=1e-3)


def test_too_small_a_shape_is_refused():
    shape = np.zeros((1, 9, 9), dtype=bool)
    for size in (0, 3):
        shape[0, :size, :size] = True
        with pytest.raises(
            ValueError, match=f"of {size * size} voxels in one piece, allowed are 24"
        ):
            spectral_coordinates(shape, (1.0, 1.0, 1.0))


# The refiner --------------------------------------------------------------------------------


def folded(seed=0):
    """Gives a U of one gray value; one arm is labeled 1, the other 2, with noise."""
    geometry = grid((1, 30, 11))
    truth = np.zeros(geometry.shape, dtype=np.int64)
    truth[0, :, 1:5] = 1
    truth[0, 26:, 5:10] = 1
    truth[0, :26, 6:10] = 2
    rng = np.random.default_rng(seed)
    gray = np.where(truth > 0, 100.0, 0.0) + rng.normal(0, 3, truth.shape)
    scores = 1.2 * (truth[np.newaxis] == np.arange(3)[:, None, None, None])
    scores = scores + rng.normal(0, 0.7, scores.shape)
    scores[0] += np.where(truth > 0, -3, 3)
    p = np.exp(scores) / np.exp(scores).sum(axis=0)
    volume = Volume(gray.astype(np.float32), geometry.ijk_to_ras)
    whole = Prediction(p.astype(np.float32), (0, 1, 2), geometry.whole, geometry, Provenance("x"))
    return Case(volume), whole, truth


STRONG = {"smoothness": 0.0, "appearance": 6.0, "appearance_width": 8.0, "spectral_width": 4.0}


def errors(found, truth):
    return np.count_nonzero(found.full_labels() != truth)


def test_arms_that_are_near_in_space_only_do_not_hear_each_other():
    plain, spectral, before = 0, 0, 0
    for seed in range(3):
        case, prediction, truth = folded(seed)
        before += errors(prediction, truth)
        without = SpectralCRF(Settings(**STRONG, coordinates=0)).refine(case, prediction)
        plain += errors(without, truth)
        found = SpectralCRF(Settings(**STRONG, coordinates=1)).refine(case, prediction)
        spectral += errors(found, truth)
    assert spectral < 0.4 * before
    assert spectral < 0.5 * plain


def test_it_works_in_a_region_in_space_with_channels_and_prompts():
    case, prediction, truth = folded()
    geometry = grid((4, 30, 11), (2.0, 1.0, 1.0), 20)
    gray = np.repeat(case.volume.array, 4, axis=0)
    image = Volume(np.stack([gray, -gray]), geometry.ijk_to_ras)
    region = Region((0, 1, 0), (4, 30, 11))
    p = np.repeat(prediction.probabilities, 4, axis=1)[(slice(None), *region.slices)]
    part = Prediction(p, (0, 3, 7), region, geometry, Provenance("x", {}, "hash"))
    prompts = [click(geometry, (2, 5, 2), 7)]
    found = SpectralCRF(Settings(**STRONG)).refine(Case(image), part, prompts)
    assert found.region == region
    assert found.probabilities.sum(axis=0) == pytest.approx(1, abs=1e-5)
    assert found.full_labels()[2, 5, 2] == 7
    labels = np.array([0, 3, 7])[truth[0, 1:]]
    right = found.region_labels()[0] == labels
    assert np.mean(right) > np.mean(part.region_labels()[0] == labels)
    assert found.provenance.weights_hash == "hash"


def test_slabs_give_what_the_whole_gives_and_a_note():
    geometry = grid((24, 20, 20))
    truth = np.zeros(geometry.shape, dtype=np.int64)
    truth[3:21, 5:15, 5:15] = 1
    rng = np.random.default_rng(0)
    gray = (truth * 50 + rng.normal(0, 5, truth.shape)).astype(np.float32)
    p = np.clip(np.where(truth > 0, 0.7, 0.3) + rng.normal(0, 0.15, truth.shape), 0.01, 0.99)
    p = np.stack([1 - p, p]).astype(np.float32)
    prediction = Prediction(p, (0, 1), geometry.whole, geometry, Provenance("x"))
    case = Case(Volume(gray, geometry.ijk_to_ras))
    narrow = {"appearance_width": 1.5, "smoothness_width": 1.0, "spectral_width": 3.0}
    each = 4 * (4 * 2 + 10 + 16 * (4 + 4)) * 400 / 1e9
    whole = SpectralCRF(Settings(**narrow)).refine(case, prediction)
    parts = SpectralCRF(Settings(**narrow, memory=12.5 * each)).refine(case, prediction)
    assert np.abs(parts.probabilities - whole.probabilities).max() < 0.05
    assert "refined in 4 slabs" in parts.notes[-1]
    assert whole.notes == ()
    with pytest.raises(ValueError, match="wachinger2018: got a region of 24 slices"):
        SpectralCRF(Settings(**narrow, memory=1.5e-3)).refine(case, prediction)


def test_nothing_but_background_is_refined_without_coordinates_and_a_note_says_so():
    case, prediction, _ = folded()
    p = np.zeros_like(prediction.probabilities)
    p[0], p[1] = 0.9, 0.1
    nothing = Prediction(p, (0, 1, 2), prediction.region, prediction.geometry, Provenance("x"))
    found = SpectralCRF().refine(case, nothing)
    assert "without coordinates" in found.notes[-1]
    plain = SpectralCRF(Settings(coordinates=0)).refine(case, nothing)
    # On a GPU sums are added in any order.
    np.testing.assert_allclose(found.probabilities, plain.probabilities, atol=1e-5)
    assert plain.notes == ()


def cancelled_after(share):
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > share else None)
    return progress


def test_it_can_be_cancelled():
    case, prediction, _ = folded()
    for at in (0.01, 0.3):
        progress = cancelled_after(at)
        with pytest.raises(CancelledError):
            SpectralCRF().refine(case, prediction, progress=progress)

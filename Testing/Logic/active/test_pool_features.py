"""Small pictures of units, and their principal components."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active import features
from ImperfectSegLogic.active.features import pictures, principal_components
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume


def volume(shape=(4, 40, 32), seed=0):
    voxels = np.random.default_rng(seed).normal(100, 20, shape)
    return Volume(voxels.astype(np.float32), np.eye(4))


def test_pictures_are_means_of_parts():
    ramp = np.broadcast_to(np.arange(32.0), (1, 32, 32))
    (picture,) = pictures(Volume(ramp, np.eye(4)), [Unit("a", 0, 0)])
    low, high = np.percentile(ramp, (1, 99))
    wanted = np.clip((np.arange(32) - low) / (high - low), 0, 1).reshape(16, 2).mean(axis=1)
    np.testing.assert_allclose(picture.reshape(16, 16)[5], wanted, atol=1e-3)


@pytest.mark.parametrize("unit", [Unit("a"), Unit("a", 1, 7), Unit("a", 0, 1, (3, 4), (5, 9))])
def test_all_units_of_one_kind_have_as_many_numbers(unit):
    one, other = (pictures(volume(shape), [unit]) for shape in ((4, 40, 32), (9, 21, 17)))
    assert one.shape == other.shape
    colors = pictures(volume((3, 4, 40, 32)), [unit])
    assert colors.shape[1] == 3 * one.shape[1]


def test_pictures_do_not_depend_on_the_gray_scale():
    given = volume()
    scaled = Volume(given.array * 7 - 900, np.eye(4))
    one, other = (pictures(v, [Unit("a", 0, 2)]) for v in (given, scaled))
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_constant_images_are_fine_and_nan_is_refused():
    assert np.isfinite(pictures(Volume(np.ones((2, 9, 9)), np.eye(4)), [Unit("a")])).all()
    with pytest.raises(ValueError, match="NaN"):
        pictures(Volume(np.full((2, 9, 9), np.nan), np.eye(4)), [Unit("a")])


def test_components_are_those_of_a_singular_value_decomposition(monkeypatch):
    monkeypatch.setattr(features, "CHUNK", 7)
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(30, 12)) * np.arange(1, 13) + 5).astype(np.float32)
    found = principal_components(rows, 3)
    away = rows - rows.mean(axis=0)
    scores = away @ np.linalg.svd(away)[2][:3].T
    np.testing.assert_allclose(np.abs(found), np.abs(scores), rtol=1e-3, atol=1e-3)

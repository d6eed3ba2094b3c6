"""A variational auto-encoder's features, and zheng2019 with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from ImperfectSegLogic.active import learned_features as learned
from ImperfectSegLogic.active.features import pictures
from ImperfectSegLogic.active.learned_features import learned_features
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.scarce.active_learning.zheng2019 import (
    RepresentativeAnnotation,
    Settings,
)
from ImperfectSegLogic.methods.settings import setting
from Testing.Contracts import query_checks
from Testing.Contracts.query_scenes import Phantoms, pool

SIDE = 32


def blobs(count: int, dims: int = 2, seed: int = 0, side: int = SIDE):
    """Pictures of a blob at random places, and the places."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(side / 4, 3 * side / 4, (count, dims))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * dims, indexing="ij"), axis=-1)
    away = np.linalg.norm(grid[None] - places.reshape(count, *[1] * dims, dims), axis=-1)
    return (away < side / 8).astype(np.float16).reshape(count, -1), places


def to_nearest(features, places) -> float:
    """How far the blob of the nearest other unit is, as a share of that of any other."""
    apart = np.linalg.norm(features[:, None] - features[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    true = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return float(true[np.arange(len(places)), apart.argmin(axis=1)].mean() / true.mean())


def features_of(rows, dims=4, steps=150, seed=0, most=10_000, space=(SIDE, SIDE)):
    return learned_features(rows, space, dims, steps, most, np.random.default_rng(seed))


def test_units_that_look_alike_are_near_and_learning_makes_it_so():
    rows, places = blobs(200)
    before, after = (to_nearest(features_of(rows, steps=n), places) for n in (1, 150))
    assert after < 0.2
    assert after < before / 1.5


def test_the_same_seed_gives_the_same_features_and_leaves_torch_as_it_was():
    rows, _ = blobs(50)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one = features_of(rows, steps=5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    np.testing.assert_array_equal(features_of(rows, steps=5), one)
    assert not np.allclose(features_of(rows, steps=5, seed=1), one)
    assert one.shape == (50, 4)
    assert one.dtype == np.float32
    np.testing.assert_allclose(one.mean(axis=0), 0, atol=1e-5)


def test_all_units_get_features_though_it_learns_of_a_few(monkeypatch):
    monkeypatch.setattr(learned, "CHUNK", 7)
    seen = []
    real = learned._learn
    monkeypatch.setattr(learned, "_learn", lambda n, p, s: (seen.append(len(p)), real(n, p, s)))
    rows, _ = blobs(40)
    assert features_of(rows, steps=2, most=12).shape == (40, 4)
    assert seen == [12]


@pytest.mark.parametrize("unit", ["slice", "patch", "volume"])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_takes_all_kinds_of_units_and_channels(unit, channels):
    class Channels(Phantoms):
        def image(self, case):
            made = super().image(case)
            array = made.array if channels == 1 else np.stack([made.array] * channels)
            return Volume(array, np.asarray(made.geometry.ijk_to_ras))

    strategy = query_strategy("zheng2019", {"features": "vae", "steps": 3})
    given = pool(Channels(), unit=unit)
    table, _ = strategy.measured(given, None)
    side = 16**3 if unit == "volume" else 32**2
    assert table["pictures"].shape == (len(given.units), channels * side)
    assert len(strategy.rank(given, None, 2, np.random.default_rng(0)).items) == 2


def test_other_features_are_measured_anew_and_other_components_are_not(tmp_path):
    images = Phantoms()
    for settings, reads in (({}, 5), ({"components": 3}, 5), ({"features": "vae", "steps": 2}, 10)):
        strategy = query_strategy("zheng2019", settings)
        strategy.rank(pool(images, folder=tmp_path), None, 2, np.random.default_rng(0))
        assert images.reads == reads


def test_pictures_can_be_larger():
    ramp = Volume(np.broadcast_to(np.arange(64.0), (2, 64, 64)), np.eye(4))
    (large,) = pictures(ramp, [Unit("a", 0, 0)], 32)
    assert large.shape == (32 * 32,)
    row = large.reshape(32, 32)[3].astype(float)
    assert (np.diff(row[2:-2]) > 0).all()
    assert pictures(ramp, [Unit("a")], 32, 16).shape == (1, 16**3)


@dataclass(frozen=True)
class Learned(Settings):
    """Short, for the contract."""

    features: str = setting("vae", "auto-encoder", choices=("pca", "vae"))
    steps: int = setting(4, "steps of learning", 1, 1000)


class LearnedRepresentatives(RepresentativeAnnotation):
    """zheng2019 with learned features, for the contract of query strategies."""

    settings_type = Learned


LEFT_OUT = {
    "has_a_complete_card",  # It is that of another class.
    "scores_do_not_depend_on_the_size_of_images",  # See below.
    "goes_on_where_it_stopped",
    "another_model_is_asked_anew",
}
CHECKS = [check for check in query_checks.CHECKS if check.__name__ not in LEFT_OUT]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_it_keeps_the_contract(check):
    check(LearnedRepresentatives)


def test_the_size_of_images_does_not_matter():
    """Scores depend on what was learned; the pictures that are learned of must not."""
    strategy = query_strategy("zheng2019", {"features": "vae"})
    coarse, fine = (strategy.measured(pool(Phantoms(zoom)), None)[0] for zoom in (1, 2))
    away = np.abs(coarse["pictures"].astype(float) - fine["pictures"].astype(float))
    assert away.mean() < 0.02

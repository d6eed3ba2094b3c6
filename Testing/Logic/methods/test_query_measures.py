"""What query strategies measure of units."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Look
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Geometry, Volume
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.scarce.active_learning.annotation_cost import fit_cost, outlines
from ImperfectSegLogic.methods.scarce.active_learning.gorriz2017 import weights
from ImperfectSegLogic.prediction.statistics import PassStatistics, entropy
from Testing.Contracts.query_scenes import Grays, Phantoms, pool

SHAPE = (2, 6, 8)
GRID = Geometry(SHAPE, np.diag([0.5, 2, 5, 1]))
SLICES = [Unit("a", 0, 0), Unit("a", 0, 1)]


class Passes(Grays):
    """Answers with given passes, shape (pass, label, slice, row, column)."""

    def __init__(self, passes):
        self.passes = passes.astype(np.float32)

    def look(self, volume, maps, samples):
        mean = np.zeros_like(self.passes[0])
        made = {name: np.zeros(mean.shape[1:], np.float32) for name in maps}
        statistics = PassStatistics(mean, made)
        for one in self.passes:
            statistics.add(one)
        statistics.finish()
        return Look(mean, made)


def random_passes(count=5, labels=3, seed=0):
    drawn = np.random.default_rng(seed).gamma(0.5, size=(count, labels, *SHAPE)) + 1e-3
    return drawn / drawn.sum(axis=1, keepdims=True)


def measured(name, passes, units=SLICES, **settings):
    volume = Volume(np.zeros(SHAPE), GRID.ijk_to_ras)
    return query_strategy(name, settings).measure(volume, units, Passes(passes))


def test_entropy_bald_and_variance_are_means_over_the_unit():
    p = random_passes()
    mean = p.mean(axis=0)
    whole = -(mean * np.log(mean)).sum(axis=0) / np.log(3)
    each = -(p * np.log(p)).sum(axis=1).mean(axis=0) / np.log(3)
    spread = p.var(axis=0).sum(axis=0)
    for unit in ([*SLICES, Unit("a"), Unit("a", 0, 1, (2, 3), (2, 4))],):
        places = [one.slices(SHAPE) for one in unit]
        found = measured("entropy", p, unit)["entropy"]
        np.testing.assert_allclose(found, [whole[at].mean() for at in places], rtol=1e-4)
        found = measured("bald", p, unit)["bald"]
        np.testing.assert_allclose(found, [(whole - each)[at].mean() for at in places], rtol=1e-4)
        found = measured("mahapatra2018", p, unit)
        np.testing.assert_allclose(
            found["epistemic"], [spread[at].mean() for at in places], rtol=1e-4
        )


def test_aleatoric_is_the_mean_spread_within_passes():
    p = random_passes()
    within = (p * (1 - p)).sum(axis=1).mean(axis=0)
    found = measured("mahapatra2018", p)["aleatoric"]
    np.testing.assert_allclose(found, [within[0].mean(), within[1].mean()], rtol=1e-4)


def test_a_model_that_is_sure_but_noisy_is_aleatoric_only():
    even = np.full((4, 2, *SHAPE), 0.5)
    found = measured("mahapatra2018", even)
    assert found["epistemic"].max() == 0
    assert found["aleatoric"] == pytest.approx(0.5)


def test_kuo_measures_the_jensen_shannon_divergence_of_the_ensemble():
    p = random_passes()
    mean = p.mean(axis=0)
    divergence = (p * np.log(p / mean)).sum(axis=1).mean(axis=0) / np.log(3)
    found = measured("kuo2018", p)["divergence"]
    np.testing.assert_allclose(found, [part.mean() for part in divergence], rtol=1e-3)


def test_outlines_of_rectangles_are_as_long_as_their_sides():
    labels = np.zeros(SHAPE, int)
    labels[0, 1:3, 2:6] = 1  # 2 rows of 2 mm, 4 columns of 0.5 mm.
    labels[0, 5, 7] = 3
    labels[1, 0, 0] = labels[1, 1, 1] = 1  # Corners do not connect; ends of the image are outlined.
    lengths, parts = outlines(labels, GRID, [*SLICES, Unit("a"), Unit("a", 0, 0, (0, 0), (6, 4))])
    np.testing.assert_allclose(lengths, [2 * (4 + 2) + 5, 10, 27, 2 * (4 + 1)])
    np.testing.assert_array_equal(parts, [2, 2, 4, 1])


@pytest.mark.parametrize("axis", [-1, 0, 1, 2])
def test_each_label_is_outlined_as_if_it_were_alone(axis):
    labels = np.random.default_rng(axis + 1).integers(-1, 4, SHAPE)  # Touch each other; -1 is none.
    units = [Unit("a", axis, n) for n in range(SHAPE[axis])] if axis >= 0 else [Unit("a")]
    alone = [outlines(np.where(labels == one, 1, 0), GRID, units) for one in (1, 2, 3)]
    lengths, parts = outlines(labels, GRID, units)
    np.testing.assert_allclose(lengths, sum(length for length, _ in alone))
    np.testing.assert_array_equal(parts, sum(count for _, count in alone))


def test_parts_of_neighboring_slices_are_counted_in_each():
    labels = np.ones(SHAPE, int)
    assert outlines(labels, GRID, [Unit("a")])[1] == SHAPE[0]


def test_the_most_probable_label_is_that_of_the_highest_probability_and_the_first_of_equals():
    drawn = np.random.default_rng(0).integers(0, 3, (5, *SHAPE)).astype(np.float32)
    found = Look(drawn).most_probable
    np.testing.assert_array_equal(found, drawn.argmax(axis=0))
    second, first = np.sort(drawn, axis=0)[-2:]
    assert (first == second).any()


def test_outlines_do_not_depend_on_the_number_of_voxels():
    labels = np.zeros(SHAPE, int)
    labels[:, 1:5, 2:7] = np.random.default_rng(0).integers(0, 3, (2, 4, 5))
    fine = labels.repeat(2, 1).repeat(2, 2)
    grid = Geometry(fine.shape, np.diag([0.25, 1, 5, 1]))
    for one, other in zip(
        outlines(labels, GRID, SLICES), outlines(fine, grid, SLICES), strict=True
    ):
        np.testing.assert_allclose(one, other)


def test_costs_are_found_again_from_times():
    rng = np.random.default_rng(0)
    lengths, parts = rng.uniform(0, 500, 40), rng.integers(0, 6, 40)
    model = fit_cost(lengths, parts, 0.7 + 0.01 * lengths + 0.3 * parts)
    assert (model.each, model.per_mm, model.per_part) == pytest.approx((0.7, 0.01, 0.3))
    noisy = fit_cost(lengths, parts, rng.uniform(0, 1, 40))
    assert min(noisy.each, noisy.per_mm, noisy.per_part) >= 0
    assert model.minutes([100, 0], [2, 0]) == pytest.approx([2.3, 0.7])


@pytest.mark.parametrize("minutes", [[1, 2], [1, 2, -1], [1, 2, np.nan]])
def test_times_that_cannot_be_are_refused(minutes):
    with pytest.raises(ValueError, match="annotation times"):
        fit_cost(np.ones(len(minutes)), np.ones(len(minutes)), minutes)


def test_what_is_unsure_far_from_outlines_counts_more():
    labels = np.zeros((1, 20, 20), int)
    labels[:, :, 10:] = 1
    near, far = np.zeros((2, 1, 20, 20))
    near[:, :, 8:12], far[:, :, 0:4] = 1, 1
    weight = weights(labels, (1, 1, 1))
    assert np.average(far, weights=weight) > 3 * np.average(near, weights=weight)
    np.testing.assert_allclose(weights(labels, (1, 1, 2)), 2 * weight)


def test_without_an_outline_all_voxels_count_alike():
    for labels in (np.zeros((1, 5, 5), int), np.ones((3, 5, 5), int), np.zeros((1, 1, 1), int)):
        np.testing.assert_array_equal(weights(labels, (1, 1, 1)), 1)
    p = random_passes()
    p[:, 0] += 9
    p /= p.sum(axis=1, keepdims=True)
    found = measured("gorriz2017", p)["entropy"]
    wanted = entropy(p.mean(axis=0).astype(np.float32)).mean(axis=(1, 2))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_gorriz_learns_from_what_is_certain_and_not_empty():
    strategy = query_strategy("gorriz2017", {"certain": 0.5})
    given = pool(Phantoms())
    found = strategy.certain(given, Grays(), 8, np.random.default_rng(0))
    table, _ = strategy.measured(given, Grays())
    full = table["foreground"] > 0
    assert found.scores == tuple(-np.sort(table["entropy"][full])[:4])
    queried = strategy.rank(given, Grays(), 8, np.random.default_rng(0))
    assert set(queried.items[:4]).isdisjoint(found.items)
    empty = strategy.certain(Pool(Phantoms(), ()), Grays(), 8, np.random.default_rng(0))
    assert empty.items == ()


def test_models_that_are_not_asked_are_not_waited_for(tmp_path):
    """What zheng2019 measures is the same with any model, or none."""
    images = Phantoms()
    strategy, rng = query_strategy("zheng2019"), np.random.default_rng
    one = strategy.rank(pool(images, folder=tmp_path), None, 3, rng(0))
    reads = images.reads
    assert strategy.rank(pool(images, folder=tmp_path), Grays(), 3, rng(0)) == one
    assert images.reads == reads

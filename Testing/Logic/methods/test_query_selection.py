"""How query strategies select: max-cover, k-center, the knapsack, the query distribution."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ImperfectSegLogic.active.measurements import Table
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.scarce.active_learning.coverage import (
    cosine,
    drawn,
    farthest_first,
    max_cover,
    nearest,
)
from ImperfectSegLogic.methods.scarce.active_learning.fisher import query_distribution
from ImperfectSegLogic.methods.scarce.active_learning.kuo2018 import packed


def rng(seed=0):
    return np.random.default_rng(seed)


def table(**columns) -> Table:
    columns = {name: np.asarray(values) for name, values in columns.items()}
    count = len(next(iter(columns.values())))
    return Table(tuple(Unit(f"case{n:03d}") for n in range(count)), columns)


EMPTY = Table((), {})


def chosen(name, rows, count, known=EMPTY, seed=0, **settings) -> list[int]:
    found = query_strategy(name, settings).select(rows, known, count, rng(seed))
    return [int(item[4:]) for item in found.items]


def coverage(candidates, references):
    return np.maximum(references @ candidates.T, 0).max(axis=1).mean()


@pytest.mark.parametrize("seed", range(5))
def test_max_cover_is_the_greedy_one(seed):
    rows = cosine(rng(seed).normal(size=(40, 5)))
    candidates = rows[:15]
    found, gains = max_cover(candidates, rows, 6)
    greedy: list[int] = []
    for _ in range(6):
        left = [n for n in range(15) if n not in greedy]
        greedy.append(max(left, key=lambda n: coverage(candidates[[*greedy, n]], rows)))
    assert found == greedy
    assert sum(gains) == pytest.approx(coverage(candidates[found], rows), rel=1e-5)
    best = max(
        coverage(candidates[list(some)], rows) for some in itertools.combinations(range(15), 3)
    )
    assert coverage(candidates[found[:3]], rows) >= (1 - 1 / np.e) * best


def test_of_equal_candidates_the_first_are_chosen():
    rows = cosine(np.ones((6, 3)))
    assert max_cover(rows, rows, 4)[0] == [0, 1, 2, 3]


def test_k_center_goes_to_the_ends_of_a_line():
    line = np.array([0.0, 1, 2, 3, 10])[:, None].astype(np.float32)
    known = np.array([[0.0]], np.float32)
    found, far = farthest_first(line, known, 3)
    assert (found, far) == ([4, 3, 1], [10, 3, 1])
    found, far = farthest_first(line, known[:0], 2)
    assert (found, far) == ([0, 4], [10, 10])


def test_k_center_gives_nothing_twice_where_all_are_the_same():
    alike = np.zeros((4, 2), np.float32)
    assert sorted(farthest_first(alike, alike[:1], 4)[0]) == [0, 1, 2, 3]


def test_distances_to_the_nearest(monkeypatch):
    monkeypatch.setattr("ImperfectSegLogic.methods.scarce.active_learning.coverage.CHUNK", 3)
    rows = rng().normal(size=(10, 4)).astype(np.float32)
    every = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    np.testing.assert_allclose(nearest(rows, rows[:4]), every[:, :4].min(axis=1), atol=1e-3)
    np.fill_diagonal(every, np.inf)
    np.testing.assert_allclose(nearest(rows, rows, apart=True), every.min(axis=1), atol=1e-3)
    assert np.isinf(nearest(rows, rows[:0])).all()


def test_few_are_drawn_from_many_and_all_from_few():
    rows = np.arange(10, dtype=np.float32)[:, None]
    assert drawn(rows, 10, rng()) is rows
    some = drawn(rows, 4, rng())[:, 0]
    assert len(set(some)) == 4


@pytest.mark.parametrize("seed", range(8))
def test_the_knapsack_holds_what_is_worth_most(seed):
    value, cost = rng(seed).uniform(0, 1, (2, 11))
    for budget, count in ((1.5, 11), (2.5, 3), (0.2, 5), (50, 4)):
        found = packed(value, cost, budget, count)
        assert cost[found].sum() <= budget
        assert len(found) <= count
        fitting = (
            sum(value[list(some)])
            for n in range(count + 1)
            for some in itertools.combinations(range(11), n)
            if sum(cost[list(some)]) <= budget
        )
        assert value[found].sum() >= (1 - 2e-4) * max(fitting)


def test_a_budget_that_fits_to_the_last_minute_is_spent():
    assert len(packed(np.ones(10), np.full(10, 0.1), 1.0, 10)) in (9, 10)
    assert list(packed(np.ones(3), np.full(3, 20.0), 60.0, 10)) == [0, 1, 2]


def test_what_is_worth_nothing_or_cannot_be_paid_is_not_bought():
    assert list(packed(np.array([0.0, 1, 1]), np.array([1.0, 1, 99]), 10, 3)) == [1]
    assert len(packed(np.zeros(3), np.ones(3), 10, 3)) == 0


def test_the_budget_is_never_exceeded_by_many_random_things():
    for seed in range(8):
        value, cost = rng(seed).uniform(0, 1, (2, 200))
        budget = float(rng(seed).uniform(0, 20))
        assert cost[packed(value, cost, budget, 50)].sum() <= budget


def criterion(gradients, chances, ridge=0.01):
    flat = gradients / np.sqrt((gradients**2).mean(axis=(0, 1)))
    each = np.einsum("nsi,nsj->nij", flat, flat) / flat.shape[1]
    queried = np.einsum("n,nij->ij", chances, each) + ridge * np.eye(flat.shape[2])
    return np.trace(np.linalg.solve(queried, each.mean(axis=0)))


def test_the_query_distribution_gets_better_in_every_round():
    gradients = rng().normal(size=(60, 3, 5)) * rng(1).uniform(0.1, 3, (60, 1, 5))
    found = [query_distribution(gradients, n, 0.01) for n in (0, 1, 5, 50, 500)]
    values = [criterion(gradients, one) for one in found]
    assert all(one > other for one, other in itertools.pairwise(values))
    assert values[-1] > 0.99 * values[-2]
    for one in found:
        assert one.sum() == pytest.approx(1)
        assert one.min() >= 0
    for seed in range(20):
        assert criterion(gradients, rng(seed).dirichlet(np.ones(60))) > values[-1]


def test_units_without_gradients_are_not_queried_and_none_at_all_is_fine():
    gradients = rng().normal(size=(10, 2, 3))
    gradients[4] = 0
    assert query_distribution(gradients, 50, 0.01)[4] == 0
    np.testing.assert_allclose(query_distribution(np.zeros((5, 2, 3)), 50, 0.01), 0.2)
    found = chosen("sourati2019", table(gradients=gradients), 10)
    assert sorted(found) == list(range(10))
    assert found[-1] == 4


def test_fisher_information_asks_for_both_of_two_things_to_learn():
    """Nine tenths of the units teach one weight, the rest the other: the rest is asked more often.

    For 0.9 / q + 0.1 / (1 - q) to be smallest, shares go as the square roots.
    """
    gradients = np.zeros((40, 1, 2))
    gradients[:36, 0, 0], gradients[36:, 0, 1] = 1, 1
    chances = query_distribution(gradients, 200, 0.01)
    assert chances[36:].sum() == pytest.approx(0.25, abs=0.01)


def test_yang_takes_from_each_group_of_uncertain_units():
    groups = np.repeat(np.eye(4), 5, axis=0) + rng().normal(0, 0.01, (20, 4))
    variance = np.r_[np.full(5, 0.1), rng().uniform(0.5, 0.9, 15)]
    found = chosen("yang2017", table(variance=variance, features=groups), 3, candidates=5)
    assert {n // 5 for n in found} == {1, 2, 3}


def test_zheng_takes_from_each_group():
    groups = np.repeat(rng(1).uniform(0, 1, (4, 30)), 25, axis=0) + rng().normal(0, 0.01, (100, 30))
    pictures = groups.astype(np.float16)
    assert {n // 25 for n in chosen("zheng2019", table(pictures=pictures), 4)} == {0, 1, 2, 3}
    few = chosen("zheng2019", table(pictures=pictures), 4, references=40)
    assert {n // 25 for n in few} == {0, 1, 2, 3}


def test_borda_adds_both_votes():
    """Unit 0 is the least uncertain candidate but far away, 3 the other way round."""
    variance = [0.1, 0.2, 0.3, 0.4]
    features = np.array([[9.0], [4.0], [0.0], [0.5]], np.float32)
    found = query_strategy("ozdemir2018").select(
        table(variance=variance, features=features), EMPTY, 2, rng()
    )
    # Points: uncertainty 0 1 2 3; distances 5 3.5 0.5 0.5, that is 3 2 0.5 0.5.
    assert found.scores == (3.5, 3.0)
    known = table(features=np.array([[9.0]], np.float32))
    beside = query_strategy("ozdemir2018").select(
        table(variance=variance, features=features), known, 4, rng()
    )
    assert beside.items[-1] == "case000"


def test_gorriz_mixes_uncertain_and_random_units():
    entropy = np.linspace(0, 1, 100)
    rows = table(entropy=entropy, foreground=np.ones(100))
    found = [chosen("gorriz2017", rows, 10, seed=seed, random=0.4) for seed in range(30)]
    for one in found:
        assert one[:6] == [99, 98, 97, 96, 95, 94]
    others = [n for one in found for n in one[6:]]
    assert len(set(others)) > 50
    assert max(others) < 94
    assert abs(np.mean(others) - 46.5) < 10


def test_foreground_is_drawn_as_often_as_wanted():
    share = np.r_[np.zeros(80), np.full(20, 0.3)]
    rows = table(foreground=share)
    assert sum(n >= 80 for n in chosen("foreground-random", rows, 10, foreground=0.7)) == 7
    assert sum(n >= 80 for n in chosen("foreground-random", rows, 50, foreground=0.9)) == 20
    assert sum(n >= 80 for n in chosen("foreground-random", rows, 90, foreground=0)) == 10


def test_mahapatra_weighs_both_kinds_of_uncertainty():
    rows = table(aleatoric=[0.1, 0.5], epistemic=[0.3, 0.0])
    assert chosen("mahapatra2018", rows, 1) == [1]
    assert chosen("mahapatra2018", rows, 1, aleatoric=0.5) == [0]

"""What scores say together, and which of two models is better."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ImperfectSegLogic.evaluation import Score, compare, summary
from ImperfectSegLogic.evaluation.resampling import holm, mean_interval
from ImperfectSegLogic.metrics.measures import METRICS


def scores(values, subjects=None, metric: str = "dice", label: int = 1) -> list[Score]:
    """One case per value; all other metrics are perfect."""
    perfect = {name: float(m.best) for name, m in METRICS.items()}
    return [
        Score(f"c{n}", subjects[n] if subjects else f"c{n}", label, {**perfect, metric: value})
        for n, value in enumerate(values)
    ]


def of(found, metric: str, label: int = 1):
    return next(one for one in found if (one.metric, one.label) == (metric, label))


def test_a_summary_gives_mean_sd_median_and_interval():
    got = of(summary(scores([0.2, 0.4, 0.9])), "dice")
    assert (got.mean, got.median) == pytest.approx((0.5, 0.4))
    assert got.sd == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1))
    assert 0.2 <= got.low < 0.5 < got.high <= 0.9
    assert (got.defined, got.cases, got.subjects) == (3, 3, 3)


def test_cases_without_a_finite_value_are_counted_and_not_averaged():
    got = of(summary(scores([1.0, 3.0, np.inf, np.nan], metric="hd95")), "hd95")
    assert (got.mean, got.defined, got.infinite, got.cases) == (2, 2, 1, 4)
    none = of(summary(scores([np.nan, np.nan], metric="hd95")), "hd95")
    assert np.isnan([none.mean, none.sd, none.median, none.low, none.high]).all()
    assert none.defined == 0


def test_the_interval_is_about_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(size=200)
    low, high = mean_interval(values, [str(n) for n in range(200)])
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.1)
    assert mean_interval(values, [str(n) for n in range(200)]) == (low, high)


def test_many_cases_of_one_subject_tell_no_more_than_one():
    few = mean_interval([0.2, 0.5, 0.9], ["a", "b", "c"])
    many = mean_interval([0.2] * 9 + [0.5] * 9 + [0.9] * 9, [s for s in "abc" for _ in range(9)])
    assert many == pytest.approx(few)


def test_a_single_subject_has_no_interval():
    assert np.isnan(mean_interval([0.1, 0.2], ["a", "a"])).all()
    assert np.isnan(mean_interval([], [])).all()


def test_holm_corrects_step_by_step():
    got = holm([0.01, np.nan, 0.04, 0.03, 0.9])
    np.testing.assert_allclose(got, [0.04, np.nan, 0.09, 0.09, 0.9])


def test_a_comparison_is_paired_by_subject():
    a, b = scores([0.9, 0.7, 0.5], "xxy"), scores([0.5, 0.5, 0.6], "xxy")
    got = of(compare(a, b), "dice")
    assert got.difference == pytest.approx((0.3 - 0.1) / 2)
    assert (got.wins, got.ties, got.losses, got.subjects) == (1, 0, 1, 2)
    assert of(compare(a, b), "hd95").ties == 2


def test_the_test_is_the_signed_rank_test_and_corrected():
    draws = np.random.default_rng(1)
    one, other = 0.6 * draws.random(12), 0.6 * draws.random(12) + 0.4
    found = compare(scores(one), scores(other))
    got = of(found, "dice")
    assert got.p == pytest.approx(stats.wilcoxon(one - other).pvalue)
    assert got.corrected == pytest.approx(min(1, 5 * got.p))
    assert got.low < got.difference < got.high < 0
    assert of(found, "assd").p == 1


def test_a_smaller_distance_and_a_smaller_volume_error_win():
    got = of(compare(scores([1.0, 1.0], metric="hd95"), scores([2.0, 3.0], metric="hd95")), "hd95")
    assert (got.wins, got.difference) == (2, -1.5)
    name = "volume_difference_ml"
    a, b = (scores(v, "xx", metric=name) for v in ([-5.0, 5.0], [1.0, 1.0]))
    assert of(compare(a, b), name).losses == 1


def test_a_missed_structure_loses_although_its_distance_has_no_mean():
    a = scores([1.0, 2.0, np.inf, np.inf], metric="hd95")
    b = scores([2.0, np.inf, np.inf, 1.0], metric="hd95")
    got = of(compare(a, b), "hd95")
    assert (got.wins, got.ties, got.losses) == (2, 1, 1)
    assert (got.difference, got.finite, got.subjects) == (-1, 1, 4)


def test_a_structure_that_only_one_model_invents_is_its_loss():
    for name, invented in (("dice", 0.0), ("hd95", np.inf), ("surface_dice", 0.0)):
        a = scores([np.nan, np.nan], metric=name)
        b = scores([invented, np.nan], metric=name)
        got = of(compare(a, b), name)
        assert (got.wins, got.ties, got.losses) == (1, 0, 0)


def test_models_with_scores_of_different_cases_are_not_compared():
    with pytest.raises(ValueError, match=r"not in both: \[\('c1', 'c1', 1\)\]"):
        compare(scores([0.5, 0.5]), scores([0.5]))
    with pytest.raises(ValueError, match="got 0 and 0 scores"):
        compare([], [])

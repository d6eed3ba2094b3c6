"""Means over subjects, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.evidence.statistics import by_subject, interval, mean_over_seeds, sd

SUBJECTS = {"a1": "a", "a2": "a", "b1": "b"}


def test_a_subject_counts_once_however_many_cases_it_has():
    scores = {"a1": {"1": 0.0, "2": 0.2}, "a2": {"1": 0.4, "2": 0.2}, "b1": {"1": 1.0, "2": 0.8}}
    assert by_subject(scores, SUBJECTS) == pytest.approx({"a": 0.2, "b": 0.9})
    assert by_subject(scores, SUBJECTS, "2") == pytest.approx({"a": 0.2, "b": 0.8})


def test_a_label_that_is_not_there_counts_nowhere():
    scores = {"a1": {"1": 0.5, "2": None}, "a2": {"1": 0.7, "2": 0.9}, "b1": {"1": None, "2": None}}
    assert by_subject(scores, SUBJECTS) == pytest.approx({"a": 0.65})
    assert by_subject(scores, SUBJECTS, "2") == {"a": 0.9}
    assert mean_over_seeds([{"a": 0.2, "b": 1.0}, {"a": 0.4}]) == pytest.approx({"a": 0.3})


def test_the_interval_holds_the_true_mean_about_19_times_in_20():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        low, high = interval(rng.normal(0.03, 0.05, 20))
        inside += low <= 0.03 <= high
    assert 0.87 <= inside / 200 <= 0.98


def test_the_sd_is_that_of_a_sample():
    assert sd([0.1, 0.3]) == pytest.approx(0.1414, abs=1e-4)
    assert sd([0.1]) == 0.0

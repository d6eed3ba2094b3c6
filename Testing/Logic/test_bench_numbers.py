"""The arithmetic of the interactive benchmark, on made-up results."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.Benchmarks.interactive_numbers import (
    adaptation,
    costs,
    groups_of,
    interval,
    prompts_to,
    summary,
    worst_drop,
)
from Testing.Benchmarks.interactive_tables import goals

PEERS = ("random-walker", "growcut")


def line(engine, task, dice, source=None, **more):
    told = {
        "set": "set", "group": "thing", "prompts": "clicks", "dims": 2, "error": "", "ready": 0.5,
        "seconds": [0.1] * len(dice), "cpu": [0.05] * len(dice), "peak": 10.0,
    }  # fmt: skip
    return {**told, "engine": engine, "task": task, "dice": dice, "source": source or task, **more}


def rising(start, step=0.05):
    return [min(start + step * n, 1.0) for n in range(10)]


@pytest.mark.parametrize(
    ("dices", "good", "wanted"),
    [([0.9, 0.5], 0.85, 1), ([0.1, 0.85], 0.85, 2), ([0.1, 0.2], 0.85, 3), ([0.84999], 0.85, 2)],
)
def test_prompts_to_a_dice_and_one_more_where_it_is_not_reached(dices, good, wanted):
    assert prompts_to(dices, good) == wanted


def test_what_comes_after_the_limit_does_not_count():
    assert prompts_to([0.1] * 10 + [0.9], 0.85, 10) == 11


def test_the_worst_drop_is_between_neighbors():
    assert worst_drop([0.5, 0.9, 0.8, 0.85, 0.6]) == pytest.approx(0.25)
    assert worst_drop([0.1, 0.2]) == 0
    assert worst_drop([0.1]) == 0


def test_the_interval_is_that_of_the_mean_and_of_sources():
    rng = np.random.default_rng(0)
    gains = rng.normal(0.1, 0.05, 400)
    low, high = interval(gains, [str(n) for n in range(400)])
    error = 1.96 * gains.std() / 20
    assert (low, high) == pytest.approx((gains.mean() - error, gains.mean() + error), abs=2e-3)
    patients = np.repeat(rng.normal(0.1, 0.05, 8), 50)
    by_patient = interval(patients, np.repeat([str(n) for n in range(8)], 50))
    by_task = interval(patients, [str(n) for n in range(400)])
    assert by_patient[1] - by_patient[0] > 4 * (by_task[1] - by_task[0])


def test_a_source_with_more_tasks_counts_more():
    low, high = interval(np.array([0.0, 0.0, 0.0, 1.0]), ["a", "a", "a", "b"])
    assert (low, high) == (0.0, 1.0)


def test_the_summary_has_means_spreads_and_counts():
    lines = [line("ours", "a", rising(0.5)), line("ours", "b", rising(0.7))]
    (row,) = summary(lines, PEERS)
    assert row["dice"][1] == pytest.approx({"mean": 0.6, "sd": 0.2 / np.sqrt(2)})
    assert row["dice"][10]["mean"] == pytest.approx((0.95 + 1.0) / 2)
    assert row["prompts_to"][0.85] == {"mean": 6.0, "reached": 1.0}
    assert row["gain"][1] is None


def test_gains_are_over_the_better_peer_after_as_many_prompts_on_common_tasks():
    lines = [line("ours", t, rising(0.5)) for t in "abc"]
    lines += [line("random-walker", t, rising(0.4, 0.01)) for t in "ab"]
    lines += [line("growcut", t, rising(0.2, 0.07)) for t in "ab"]
    row = next(r for r in summary(lines, PEERS) if r["engine"] == "ours")
    assert (row["gain"][1]["peer"], row["gain"][10]["peer"]) == ("random-walker", "growcut")
    assert row["gain"][1]["mean"] == pytest.approx(0.1)
    assert row["gain"][10]["mean"] == pytest.approx(0.95 - 0.83)
    assert row["gain"][1]["tasks"] == 2
    assert all(not r["gain"] for r in summary(lines, PEERS) if r["engine"] in PEERS)


def test_goals_want_to_be_ahead_everywhere_with_half_of_the_prompts():
    lines = [line("ours", "a", rising(0.8, 0.02)), line("random-walker", "a", rising(0.6, 0.02))]
    lines += [line("growcut", "a", [0.99, *rising(0.1, 0.02)[1:]])]
    found = {("set", "thing", "clicks"): summary(lines, PEERS)}
    (row,) = goals(found, PEERS)
    assert row == ["thing", "ours", "2, 3, 5, 10", "4.00 : 1.00", "no"]
    found = {("set", "thing", "clicks"): summary(lines[:2], PEERS)}
    assert goals(found, PEERS) == [["thing", "ours", "all", "4.00 : 11.00", "yes"]]


def test_scribbled_sets_are_one_group_with_their_own_goal():
    told = {"prompts": "human scribbles"}
    lines = [line("ours", "a", [0.79], group="x", **told), line("growcut", "a", [0.1], **told)]
    lines += [line("ours", "b", [0.83], group="y", **told), line("growcut", "b", [0.2], **told)]
    groups = groups_of(lines, "human scribbles")
    assert list(groups) == [("set", "all kinds", "human scribbles")]
    (row,) = goals({key: summary(own, PEERS) for key, own in groups.items()}, PEERS)
    assert row[2:] == ["all", "Dice 0.810, goal 0.8", "yes"]


def test_adapting_is_compared_with_the_same_engine_at_its_last_prompt():
    lines = [line("base", t, rising(0.5)) for t in "abc"]
    lines += [
        line("adapting", t, [0.5, 0.55, 0.7], seconds=[1, 1, n]) for t, n in (("a", 7), ("b", 9))
    ]
    groups = groups_of(lines, "human scribbles")
    one, whole = adaptation(groups, "adapting", ["base"])
    assert (one["tasks"], one["before"], one["after"]) == (
        2,
        pytest.approx(0.6),
        pytest.approx(0.7),
    )
    assert one["gain"] == pytest.approx(0.1)
    assert one["seconds"] == 9
    assert whole["group"] == "all"
    assert adaptation(groups, "adapting", ["another"]) == []


def test_costs_are_by_engine_and_dimension():
    lines = [line("ours", "a", [0.1] * 100, seconds=[n / 100 for n in range(1, 101)])]
    lines += [line("ours", "b", [0.1], dims=3, peak=99.0, error="broke", seconds=[])]
    flat, solid = costs(lines)
    assert flat["p50"] == pytest.approx(0.505)
    assert flat["p95"] == pytest.approx(0.9505)
    assert (solid["peak"], solid["errors"], solid["responses"]) == (99.0, 1, 0)
    assert np.isnan(solid["p95"])

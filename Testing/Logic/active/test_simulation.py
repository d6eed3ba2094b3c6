"""Simulated campaigns: what is revealed, to whom, and what the curves say."""

from __future__ import annotations

import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ImperfectSegLogic.active.pool_units import Division
from ImperfectSegLogic.active.segmenter import Look
from ImperfectSegLogic.active.simulation import Simulation, simulate, units_of
from ImperfectSegLogic.active.simulation_data import LabeledSet, only
from ImperfectSegLogic.active.simulation_results import (
    Campaign,
    Round,
    summary,
    write_csv_results,
    write_json_results,
)
from ImperfectSegLogic.active.simulation_work import Question, Work
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.active_learning.luth2025 import ForegroundAwareRandom
from Testing.Logic.data.phantom_cases import LABELS, SHAPE, dense, image, sparse

NAMES = ("random", "foreground-random")
TRAIN, TEST = ("case0", "case1", "case2"), ("case3",)


class Counting:
    """Trains nothing: its Dice is the share of the training voxels that it was shown."""

    def __init__(self, stop_at: int = -1):
        self.robots: list[str] = []
        self.stop_at = stop_at

    def known_by(self) -> str:
        return "counting"

    def train(self, labeled, data, robot, seed, folder, progress) -> None:
        if len(self.robots) == self.stop_at:
            raise KeyboardInterrupt
        self.robots.append(robot)
        shown = [c for c in labeled.train if data.versions(c, robot)]
        masks = [data.case(case, robot).annotation for case in shown]
        count = sum(int(mask.labeled.sum()) for mask in masks)
        (folder / "count").write_text(str(count))

    def scores(self, labeled, folder, progress) -> dict[str, dict[int, float | None]]:
        share = int((folder / "count").read_text()) / (len(labeled.train) * np.prod(SHAPE))
        return {case: {1: share, 2: None} for case in labeled.test}

    def tidy(self, folder) -> None:
        (folder / "tidy").touch()

    def segmenter(self, folder):
        return Half()


class Half:
    """Finds the first label in the upper half of each slice."""

    labels, identity = LABELS, "half"

    def check(self, maps, samples) -> None: ...

    def look(self, volume, maps, samples) -> Look:
        found = np.zeros((3, *volume.geometry.shape), np.float32)
        found[1, :, :3] = found[0, :, 3:] = 1
        return Look(found)


class Asks:
    """Keeps the pools that it was asked about, and wants the last units."""

    needs_segmenter = False

    def __init__(self):
        self.pools = []

    def rank(self, pool, segmenter, count, rng, progress=None) -> Ranking:
        self.pools.append(pool)
        names = tuple(unit.name() for unit in pool.units[-count:])
        return Ranking(names, (1.0,) * len(names), ("last",) * len(names))


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    made = Dataset.create(tmp_path / "set", LABELS)
    for n in range(4):
        made.add_case(f"case{n}", image(n))
        made.annotate(f"case{n}", dense(n), "ann")
    return made


def described(dataset, strategies=None, **changes) -> Simulation:
    strategies = strategies or {name: query_strategy(name) for name in NAMES}
    wanted = {"start": 3, "per_round": 2, "rounds": 3} | changes
    return Simulation(LabeledSet(dataset, TRAIN, TEST), strategies, **wanted)


def content(folder) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_all_strategies_start_with_the_same_units_and_get_as_many(dataset, tmp_path):
    before, teacher = content(dataset.folder), Counting()
    found = list(simulate(described(dataset, seeds=(0, 1)), teacher, tmp_path / "out"))
    assert [(c.strategy, c.seed) for c in found] == [(n, s) for s in (0, 1) for n in NAMES]
    for one in found:
        assert [r.units for r in one.rounds] == [3, 5, 7]
        assert [r.voxels for r in one.rounds] == [48 * n for n in (3, 5, 7)]
        assert [r.mean for r in one.rounds] == [n / 12 for n in (3, 5, 7)]
        assert (one.full.mean, one.full.units, one.total) == (1, 12, 12)
        new = [name for r in one.rounds for name in r.new]
        assert len(set(new)) == 7
    assert found[0].rounds[0].new == found[1].rounds[0].new != found[2].rounds[0].new
    assert found[0].rounds[1].new != found[1].rounds[1].new
    # For each seed: all units, the shared start, and two more rounds of each strategy.
    assert len(teacher.robots) == len(set(teacher.robots)) == 2 * (1 + 1 + 2 * 2)
    assert content(dataset.folder) == before


def test_the_robot_tells_the_truth_in_what_was_asked_for_and_nothing_elsewhere(dataset, tmp_path):
    teacher, asks = Counting(), Asks()
    (found,) = simulate(described(dataset, {"asks": asks}), teacher, tmp_path / "out")
    data = Dataset.open(tmp_path / "out/data")
    units = [parse(name) for name in found.rounds[0].new]
    for own, robot in zip(found.rounds, teacher.robots[1:], strict=True):
        units = sorted({*units, *map(parse, own.new)})
        cases = {unit.case for unit in units}
        assert cases == {case for case in TRAIN if data.versions(case, robot)}
        for case in cases:
            labels = np.full(SHAPE, -1)
            for unit in (u for u in units if u.case == case):
                labels[unit.index] = dense(int(case[-1])).labels[unit.index]
            np.testing.assert_array_equal(data.case(case, robot).annotation.labels, labels)
    known = [set(map(parse, found.rounds[0].new))]
    known.append(known[0] | set(map(parse, found.rounds[1].new)))
    assert [set(pool.labeled) for pool in asks.pools] == known
    assert all(len(p.units) + len(p.labeled) == 12 for p in asks.pools)
    assert not set(data.case_ids) & set(TEST)


def test_what_is_done_is_not_done_again(dataset, tmp_path):
    wanted = list(simulate(described(dataset), Counting(), tmp_path / "whole"))
    asks = {name: query_strategy(name) for name in NAMES}
    teachers = [Counting(stop_at=n) for n in (0, 2, 1)]
    for teacher in teachers:
        with pytest.raises(KeyboardInterrupt):
            list(simulate(described(dataset, asks), teacher, tmp_path / "parts"))
    last = Counting()
    assert list(simulate(described(dataset, asks), last, tmp_path / "parts")) == wanted
    robots = [robot for teacher in (*teachers, last) for robot in teacher.robots]
    assert len(robots) == len(set(robots)) == 6
    again = Counting(stop_at=0)
    assert list(simulate(described(dataset, asks), again, tmp_path / "parts")) == wanted
    assert not list((tmp_path / "parts").rglob("measured*"))
    longer = Counting()
    found = list(simulate(described(dataset, asks, rounds=4), longer, tmp_path / "parts"))
    assert [c.rounds[:3] for c in found] == [c.rounds for c in wanted]
    assert len(longer.robots) == 2


class Slow(Counting):
    """Trains for a while."""

    def train(self, labeled, data, robot, seed, folder, progress) -> None:
        super().train(labeled, data, robot, seed, folder, progress)
        time.sleep(0.3)


def test_campaigns_at_the_same_time_train_the_same_thing_once(dataset, tmp_path):
    simulation, teacher = described(dataset, rounds=1), Slow()
    labeled = simulation.labeled
    works = [Work(labeled, teacher, tmp_path / "out", Progress()) for _ in range(3)]
    units = units_of(simulation)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda work: work.trained(units, 0, Progress()), works))
    assert len(teacher.robots) == 1
    assert found[0] == found[1] == found[2]
    assert found[0].cases == {"case3": {1: 1.0, 2: None}}


class Interrupted(ForegroundAwareRandom):
    """Meanwhile, another campaign asks about the same training."""

    meanwhile: list = []  # noqa: RUF012

    def measure(self, volume, units, segmenter):
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().measure(volume, units, segmenter)


def test_campaigns_at_the_same_time_do_not_take_away_what_others_measured(dataset, tmp_path):
    simulation = described(dataset)
    work = Work(simulation.labeled, Counting(), tmp_path / "out", Progress())
    every = units_of(simulation)
    some = every[:3]
    work.trained(some, 0, Progress())
    one = Question("one", Interrupted(), 2, 0)
    other = Question("other", query_strategy("foreground-random"), 2, 0)
    Interrupted.meanwhile.append(lambda: work.asked(other, every, some, 0, Progress()))
    assert len(work.asked(one, every, some, 0, Progress()).items) == 2
    assert not Interrupted.meanwhile
    assert len(list((tmp_path / "out").rglob("asked-*.json"))) == 2


def test_another_version_of_a_strategy_is_asked_again_and_nothing_else(dataset, tmp_path):
    asks, teacher = Asks(), Counting()
    for version, asked in (("", 2), ("", 2), ("a", 4), ("b", 6), ("a", 6)):
        wanted = described(dataset, {"asks": asks}, versions={"asks": version})
        list(simulate(wanted, teacher, tmp_path / "out"))
        assert len(asks.pools) == asked
    assert len(teacher.robots) == 4


def test_a_folder_of_an_earlier_version_is_read(dataset, tmp_path):
    simulation = described(dataset, rounds=1)
    (found, _) = simulate(simulation, Counting(), tmp_path / "out")
    for path in (tmp_path / "out").rglob("scores.json"):
        said = json.loads(path.read_text())
        assert said.pop("cases") == {"case3": {"1": said["dice"]["1"], "2": None}}
        path.write_text(json.dumps(said))
    teacher = Counting()
    (again, _) = simulate(simulation, teacher, tmp_path / "out")
    assert not teacher.robots
    assert again.rounds[0].dice == found.rounds[0].dice
    assert again.rounds[0].cases == {}


def test_another_truth_is_learned_anew(dataset, tmp_path):
    list(simulate(described(dataset), Counting(), tmp_path / "out"))
    dataset.annotate("case3", dense(7), "ann")
    teacher = Counting()
    list(simulate(described(dataset), teacher, tmp_path / "out"))
    assert len(teacher.robots) == 6


def test_a_folder_made_for_other_images_is_refused(dataset, tmp_path):
    list(simulate(described(dataset), Counting(), tmp_path / "out"))
    other = Dataset.create(tmp_path / "other", LABELS)
    for n in range(4):
        other.add_case(f"case{n}", image(n + 5))
        other.annotate(f"case{n}", dense(n), "ann")
    with pytest.raises(ValueError, match="made for other images"):
        list(simulate(described(other), Counting(), tmp_path / "out"))


def test_a_campaign_ends_when_all_is_annotated(dataset, tmp_path):
    simulation = described(dataset, per_round=8, rounds=9)
    for one in simulate(simulation, Counting(), tmp_path / "out"):
        assert [r.units for r in one.rounds] == [3, 11, 12]
        assert one.rounds[-1].dice == one.full.dice


def test_patches_that_overlap_are_revealed_once(dataset, tmp_path):
    division = Division("patch", 0, (4, 8))
    simulation = described(dataset, division=division, start=1, per_round=23, rounds=2)
    for one in simulate(simulation, Counting(), tmp_path / "out"):
        assert [(r.units, r.voxels) for r in one.rounds] == [(1, 32), (24, 576)]


def test_validation_cases_are_revealed_whole_to_every_robot(dataset, tmp_path):
    labeled = LabeledSet(dataset, ("case0", "case1"), TEST, ("case2",))
    simulation = Simulation(labeled, {"random": query_strategy("random")}, start=2, rounds=1)
    teacher = Counting()
    list(simulate(simulation, teacher, tmp_path / "out"))
    data = Dataset.open(tmp_path / "out/data")
    for robot in teacher.robots:
        found = data.case("case2", robot).annotation
        np.testing.assert_array_equal(found.labels, dense(2).labels)


def test_it_can_be_cancelled_and_tells_how_far_it_is(dataset, tmp_path):
    told: list[float] = []
    progress = Progress(lambda share, _: told.append(share))
    list(simulate(described(dataset), Counting(), tmp_path / "out", progress))
    assert told == sorted(told)
    assert told[-1] == 1
    progress.cancel()
    with pytest.raises(CancelledError):
        list(simulate(described(dataset), Counting(), tmp_path / "other", progress))


def curve(*dice, name="one", seed=0, full=0.8) -> Campaign:
    rounds = [Round(n, 10 * (n + 1), 100 * (n + 1), {1: d}) for n, d in enumerate(dice)]
    return Campaign(name, seed, Round(-1, 100, 1000, {1: full}), tuple(rounds), 100)


def test_area_and_shares_are_those_of_the_curve():
    one = curve(0.2, 0.6, 0.77)
    assert one.area == pytest.approx((0.4 + 0.685) / 2)
    assert (one.share_to(0.95), one.share_to(1.0)) == (0.3, None)
    assert (curve(0.8).area, curve(0.8).share_to(1.0)) == (0.8, 0.1)
    found = summary([one, curve(0.2, 0.8, seed=1), curve(0.1, name="two")])
    assert found["one"]["last_dice"]["mean"] == pytest.approx(0.785)
    assert found["one"]["last_dice"]["sd"] == pytest.approx(0.03 / np.sqrt(2))
    assert found["one"]["share_to"] == {"0.95": [0.3, 0.2], "1": [None, 0.2]}
    assert (found["two"]["seeds"], found["two"]["area"]["sd"]) == ([0], 0)


def test_files_tell_all_rounds_and_the_training_on_all_units(tmp_path):
    one = Campaign("a", 4, Round(-1, 8, 80, {1: 0.9, 2: None}), (Round(0, 2, 20, {1: 0.5, 2: 0.25},
                   ("case0",), ("at the start",)),), 8)  # fmt: skip
    for _ in range(2):  # An earlier file is replaced.
        write_csv_results([one], LABELS, tmp_path / "a.csv")
        write_json_results([one], {"seed": 4}, tmp_path / "a.json")
    rows = list(csv.reader((tmp_path / "a.csv").open()))
    assert rows[0][-2:] == ["dice of 1 liver", "dice of 2 spleen"]
    assert rows[1:] == [
        ["a", "4", "0", "2", "0.25", "20", "0.375", "0.5", "0.25"],
        ["all", "4", "", "8", "1", "80", "0.9", "0.9", ""],
    ]
    said = json.loads((tmp_path / "a.json").read_text())
    assert said["about"] == {"seed": 4}
    assert said["campaigns"][0]["rounds"][0]["new"] == ["case0"]
    assert said["campaigns"][0]["full"]["dice_by_label"] == {"1": 0.9, "2": None}
    assert said["summary"]["a"]["area"]["mean"] == 0.375


class Blind(Counting):
    def scores(self, labeled, folder, progress):
        return {case: {1: None, 2: None} for case in labeled.test}


def test_what_cannot_be_simulated_is_told(dataset, tmp_path):
    for changes, text in (
        ({"start": 12}, "start: got 12 units, there are 12"),
        ({"start": 0}, "start: got 0"),
        ({"rounds": 0}, "rounds: got 0"),
        ({"per_round": 0}, "per_round: got 0"),
        ({"seeds": (1, 1)}, r"seeds: got \[1, 1\]"),
    ):
        with pytest.raises(ValueError, match=text):
            list(simulate(described(dataset, **changes), Counting(), tmp_path / "out"))
    with pytest.raises(ValueError, match="no case to score on has any"):
        list(simulate(described(dataset), Blind(), tmp_path / "out"))
    with pytest.raises(ValueError, match="no cases to train"):
        LabeledSet(dataset, (), TEST)
    with pytest.raises(ValueError, match=r"'case0'.* in two of the splits"):
        LabeledSet(dataset, TRAIN, ("case0",))
    dataset.annotate("case1", sparse(1), "ann")
    with pytest.raises(ValueError, match="case case1: got SparseMask"):
        list(simulate(described(dataset), Counting(), tmp_path / "sparse"))


def test_a_case_that_a_strategy_cannot_measure_is_told(dataset, tmp_path):
    simulation = described(dataset, {NAMES[1]: query_strategy(NAMES[1])})
    campaigns = simulate(simulation, Losing(dataset), tmp_path / "out")
    with pytest.raises(ValueError, match=r"case case1 cannot be measured: .*Bring it back"):
        list(campaigns)


class Losing(Counting):
    """Loses an image before the strategy is asked."""

    def __init__(self, dataset):
        super().__init__()
        self.path = dataset.record("case1").image_path(dataset.folder)

    def segmenter(self, folder):
        self.path.unlink()
        return Half()


def test_only_the_units_of_a_mask_are_left():
    units = [parse("a@0:1"), parse("a@1:2+0,3:2x2")]
    left, whole = only(dense(), units).labels, dense().labels
    known = np.zeros(SHAPE, bool)
    known[1] = known[0:2, 2, 3:5] = True
    np.testing.assert_array_equal(left, np.where(known, whole, -1))

"""Recorded times of a queue teach kuo2018 what annotating costs."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active.annotation_times import LONGEST, timed_masks
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.commands.queue_orders import with_costs
from ImperfectSegLogic.data import UNLABELED, PointGrid, SparseMask
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.scarce.active_learning.annotation_cost import CostModel, outlines
from ImperfectSegLogic.methods.scarce.active_learning.kuo2018 import CostSensitive, Settings
from ImperfectSegLogic.training.model_file import save_model
from Testing.Contracts.query_scenes import Grays, pool
from Testing.Logic.active.queues import again, make_queue
from Testing.Logic.data.phantom_cases import GRID, LABELS, SHAPE
from Testing.Logic.prediction.tiny_models import random_model
from Testing.Logic.test_cli import run

RNG = np.random.default_rng(1)
EVERY = tuple(f"case{n}@0:{k}" for n in range(3) for k in range(4))


def drawn(unit: Unit, sides: int) -> SparseMask:
    """A rectangle of some columns in a unit of a slice; the rest of the slice is background."""
    labels = np.full(SHAPE, UNLABELED, np.int16)
    labels[unit.index] = 0
    labels[unit.index, 1:4, :sides] = 1
    return SparseMask(labels, GRID)


def annotated(queue, count, seconds):
    """Has an annotator outline so many slices; gives their outlines in mm and minutes."""
    lengths, minutes = [], []
    for n in range(count):
        lease = queue.next("ann")
        mask = drawn(lease.unit, 1 + n % 7)
        length = float(outlines(np.maximum(mask.labels, 0), GRID, [lease.unit])[0][0])
        queue.done(lease, mask, seconds(length))
        lengths.append(length)
        minutes.append(seconds(length) / 60)
    return lengths, minutes


@pytest.fixture
def queue(tmp_path):
    return make_queue(tmp_path / "set", EVERY, cases=3)


def test_times_and_what_was_drawn_in_each_unit_are_found(queue):
    _, minutes = annotated(queue, 8, lambda length: 30 + length)
    found = timed_masks(again(queue))
    assert sorted(one.minutes for one in found) == pytest.approx(sorted(minutes))
    for one in found:
        length = outlines(one.labels(), one.mask.geometry, [one.unit])[0][0]
        assert one.minutes * 60 == pytest.approx(30 + length)
        assert one.labels().min() == 0


def test_the_newest_count_if_there_are_many(queue, monkeypatch):
    monkeypatch.setattr("ImperfectSegLogic.active.annotation_times.MOST", 3)
    annotated(queue, 8, lambda length: 100.0)
    newest = {unit.name() for unit in [one.unit for one in timed_masks(queue)]}
    done = [i for i in queue.items() if i.state == "done"]
    done.sort(key=lambda item: item.standing.readings[0].ended)
    times = [item.standing.readings[0].ended for item in done]
    assert len(newest) == 3
    assert newest <= {i.unit.name() for i in done if i.standing.readings[0].ended >= times[-3]}


def test_what_says_nothing_about_costs_is_left_out(queue):
    annotated(queue, 3, lambda length: 60.0)
    for seconds in (0.0, LONGEST + 1):
        lease = queue.next("ann")
        queue.done(lease, drawn(lease.unit, 3), seconds)
    gone = queue.next("other")
    queue.done(gone, drawn(gone.unit, 3), 60.0)
    broken = queue.next("third")
    queue.done(broken, drawn(broken.unit, 3), 60.0)
    points = queue.next("fourth")
    queue.done(points, PointGrid(GRID.ijk_to_ras[:3, 3][None], np.ones(1, int)), 60.0)
    aside = queue.next("ann")
    queue.done(aside, drawn(aside.unit, 3), 60.0)
    queue.flag(aside.unit, "odd")
    folder = queue.dataset.folder / "annotations"
    for file in (folder / gone.unit.case / "other").iterdir():
        file.unlink()
    for file in (folder / broken.unit.case / "third").iterdir():
        file.write_bytes(b"not what it was")
    assert len(timed_masks(again(queue))) == 3


def test_costs_are_fitted_to_enough_times_and_it_says_so(queue):
    strategy = query_strategy("kuo2018", {"times": 8})
    annotated(queue, 7, lambda length: 60 * (0.5 + 0.02 * length))
    same, said = with_costs(strategy, again(queue), {"slice"})
    assert same is strategy
    assert "the default" in said
    assert "7 such units" in said
    annotated(queue, 1, lambda length: 60 * (0.5 + 0.02 * length))
    fitted, said = with_costs(strategy, again(queue), {"slice"})
    assert "fitted to 8 recorded times" in said
    # All have one part, so that what a part costs cannot be told from what a unit costs.
    assert fitted.costs.each + fitted.costs.per_part == pytest.approx(0.5)
    assert fitted.costs.per_mm == pytest.approx(0.02)
    assert fitted.costs.minutes([50], [1]) == pytest.approx([1.5])
    assert fitted.settings == strategy.settings


def test_times_of_other_kinds_of_units_do_not_count(queue):
    annotated(queue, 12, lambda length: 60.0)
    strategy = query_strategy("kuo2018")
    assert with_costs(strategy, queue, {"slice"})[0] is not strategy
    assert with_costs(strategy, queue, {"volume"})[0] is strategy


def test_costs_that_somebody_named_stay(queue):
    annotated(queue, 12, lambda length: 60.0)
    strategy = query_strategy("kuo2018", {"per_mm": 1})
    same, said = with_costs(strategy, queue, {"slice"}, {"per_mm": "1"})
    assert same is strategy
    assert "as asked for" in said
    assert "1 min a mm" in said
    assert with_costs(strategy, queue, {"slice"}, {"budget": "3"})[0] is not strategy


def test_without_a_queue_the_default_is_used(queue):
    strategy = query_strategy("kuo2018")
    same, said = with_costs(strategy, None, {"slice"})
    assert same is strategy
    assert "0.5 min a unit" in said


def test_what_costs_were_learned_decides_what_the_budget_buys():
    dear = CostSensitive(Settings(budget=30), CostModel(7, 0, 0))
    found = dear.rank(pool(), Grays(), 20, np.random.default_rng(0))
    assert len(found.items) == 4
    assert all(reason.endswith("about 7.0 min") for reason in found.reasons)
    assert len(CostSensitive(Settings(budget=30)).rank(pool(), Grays(), 20, RNG).items) > 4


def test_queue_build_fits_costs_and_notes_it(tmp_path, capsys):
    queue = make_queue(tmp_path / "set", EVERY, cases=3)
    models = [str(tmp_path / f"{n}.safetensors") for n in range(2)]
    for n, path in enumerate(models):
        save_model(random_model(2, seed=n, labels=LABELS), path)
    build = ("queue", "build", str(queue.dataset.folder), "--units", "slice", "--model", *models)
    for count, word in ((4, "the default"), (4, "fitted to 8 recorded times")):
        annotated(queue, count, lambda length: 60 * (0.5 + 0.02 * length))
        code, out, err = run(*build, "--strategy", "kuo2018:times=8", capsys=capsys)
        assert code == 0, err
        assert word in " ".join(out.split())
        (told,) = again(queue).ranking().about["learned"]
        assert word in told
    for item in again(queue).items():
        if item.state == "open":
            assert item.reason.startswith("divergence")
    code, _, err = run(*build, "--strategy", "entropy", capsys=capsys)
    assert code == 0, err
    assert "learned" not in again(queue).ranking().about

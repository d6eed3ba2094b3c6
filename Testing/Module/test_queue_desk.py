"""An annotator's place at a queue: what is read ahead, proposed and counted, without a window."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ImperfectSegLib.QueueClock import QueueClock, timeText
from ImperfectSegLib.QueueDesk import QueueDesk
from ImperfectSegLib.QueueProgress import progressOf
from ImperfectSegLib.QueueProposal import modelOf, predictionOf
from ImperfectSegLib.QueueStart import startOf
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import Dataset, SparseMask, Volume, write_volume
from ImperfectSegLogic.methods.base import Ranking

SHAPE = (4, 6, 8)
GRID = Volume(np.zeros(SHAPE, np.int16), np.eye(4)).geometry
NAMES = ("a@0:1", "b@0:2", "a@0:3", "b@0:0")
LABELS = {1: "liver"}


def rank(dataset, names=NAMES, model="net", readings=1):
    scores = tuple(float(len(names) - n) for n in range(len(names)))
    return Queue.build(dataset, Ranking(names, scores, names), readings, {"model": [model]})


@pytest.fixture
def dataset(tmp_path):
    made = Dataset.create(tmp_path / "set", LABELS)
    for n, case in enumerate("ab"):
        made.add_case(case, Volume(np.full(SHAPE, n, np.int16), np.eye(4)))
    rank(made)
    return made


@pytest.fixture
def read(monkeypatch):
    """How often each image was read from disk."""
    from ImperfectSegLogic.data.datasets import folder

    count, real = Counter(), folder.read_volume

    def counted(path):
        count[path.parent.name] += 1
        return real(path)

    monkeypatch.setattr(folder, "read_volume", counted)
    return count


def marked(name, label=1):
    unit = parse(name)
    labels = np.full(SHAPE, -1)
    labels[unit.slices(SHAPE)] = label
    return SparseMask(labels, GRID)


class TestReadingAhead:
    def test_what_was_read_ahead_is_not_read_again(self, dataset, read):
        desk = QueueDesk(dataset.folder, "ann")
        assert desk.readAhead().name() == NAMES[0]
        assert read == {"a": 1}
        opened = desk.next()
        assert (opened.lease.unit.name(), opened.wasAhead) == (NAMES[0], True)
        assert desk.readAhead().name() == NAMES[1]
        assert read == {"a": 1, "b": 1}
        assert [desk.next().wasAhead for _ in range(2)] == [True, False]
        assert read == {"a": 1, "b": 1}  # The two read last are kept.

    def test_nothing_is_lent_by_it(self, dataset):
        QueueDesk(dataset.folder, "ann").readAhead()
        assert {item.state for item in Queue(dataset).items()} == {"open"}

    def test_what_somebody_took_meanwhile_was_read_in_vain(self, dataset):
        desk = QueueDesk(dataset.folder, "ann")
        desk.readAhead()
        Queue(dataset).next("bob")
        opened = desk.next()
        assert (opened.lease.unit.name(), opened.wasAhead) == (NAMES[1], False)
        assert (opened.volume.array == 1).all()

    def test_a_new_order_or_an_image_that_has_changed_is_read_anew(self, dataset, read):
        desk = QueueDesk(dataset.folder, "ann")
        desk.readAhead()
        rank(dataset, model="other")
        assert "other" in desk.next().proposal.problem
        path = dataset.folder / "cases/b/image.nrrd"
        desk.readAhead()
        write_volume(Volume(np.full(SHAPE, 7, np.int16), np.eye(4)), path, overwrite=True)
        assert (desk.next().volume.array == 7).all()
        assert read["b"] == 2

    def test_a_damaged_one_is_passed_over_and_flagged_when_its_turn_comes(self, dataset):
        (dataset.folder / "cases/a/image.nrrd").unlink()
        desk = QueueDesk(dataset.folder, "ann")
        assert desk.readAhead().name() == NAMES[1]
        assert {item.state for item in desk.look()} == {"open"}
        assert desk.next().lease.unit.name() == NAMES[1]
        assert desk.look()[0].state == "flagged"

    def test_items_of_this_annotator_and_those_of_an_older_order_are_not(self, dataset):
        desk = QueueDesk(dataset.folder, "ann")
        desk.next()
        rank(dataset, NAMES[:2])
        assert desk.readAhead().name() == NAMES[1]
        desk.next()
        assert desk.readAhead() is None
        assert desk.next() is None

    def test_what_was_given_back_and_is_not_wanted_any_more_is_not_either(self, dataset):
        desk = QueueDesk(dataset.folder, "ann")
        desk.giveBack(desk.take(parse(NAMES[3]), False).lease)
        rank(dataset, NAMES[:1])
        desk.next()
        assert [item.state for item in desk.look()] == ["leased", "open"]
        assert desk.readAhead() is None

    def test_after_a_new_order_the_same_item_is_read_with_the_new_proposal(self, dataset):
        desk = QueueDesk(dataset.folder, "ann")
        desk.readAhead()
        rank(dataset, model="other")
        desk.readAhead()
        opened = desk.next()
        assert opened.wasAhead
        assert "other" in opened.proposal.problem


class TestProposals:
    def test_of_a_new_item_it_is_what_the_model_said(self, dataset):
        labels = np.zeros(SHAPE, np.uint8)
        labels[1:3] = 1
        from ImperfectSegLogic.data import DenseMask

        dataset.add_prediction("net", "a", DenseMask(labels, GRID))
        proposal = QueueDesk(dataset.folder, "ann").next().proposal
        np.testing.assert_array_equal(proposal.labels, labels)
        assert (proposal.source, proposal.uncertainty, proposal.problem) == ("model net", None, "")

    def test_of_a_done_one_it_is_the_annotators_own_else_the_last_ones(self, dataset):
        rank(dataset, readings=2)
        for name, label in (("ann", 0), ("bob", 1)):
            queue = Queue(dataset)
            queue.done(queue.take(parse(NAMES[0]), name), marked(NAMES[0], label))
        for name, label in (("ann", 0), ("bob", 1), ("eve", 1)):
            opened = QueueDesk(dataset.folder, name).take(parse(NAMES[0]), True)
            assert opened.isReopened
            assert (opened.proposal.labels[1] == label).all()

    def test_what_cannot_be_read_is_said_and_nothing_breaks(self, dataset):
        folder = dataset.folder / "predictions/net"
        folder.mkdir(parents=True)
        (folder / "a.seg.nrrd").write_text("damaged")
        proposal = predictionOf(dataset, parse("a"), "net")
        assert proposal.labels is None
        assert "what model net predicted cannot be read" in proposal.problem
        assert predictionOf(dataset, parse("b"), "net").problem == (
            "model net has not predicted case b"
        )
        assert predictionOf(dataset, parse("b"), "").problem == ""

    def test_an_uncertainty_on_another_grid_is_refused(self, dataset):
        from ImperfectSegLogic.data import DenseMask

        dataset.add_prediction("net", "a", DenseMask(np.zeros(SHAPE, np.uint8), GRID))
        path = dataset.folder / "predictions/net/a-entropy.nrrd"
        write_volume(Volume(np.zeros((2, 6, 8), np.float32), np.eye(4)), path)
        assert "not on the grid" in predictionOf(dataset, parse("a"), "net").problem

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            ([], ""),
            (["net"], "net"),
            (["one", "two"], "one+two"),
            (["/x/models/good/model.safetensors"], "good"),
            (["v1.5"], "v1.5"),
        ],
    )
    def test_the_model_is_the_one_that_the_queue_was_ranked_by(self, dataset, typed, name):
        queue = Queue.build(dataset, Ranking((), (), ()), 1, {"model": typed})
        assert modelOf(queue.ranking()) == name


class TestWhatGoesIntoTheScene:
    @pytest.fixture
    def labels(self):
        made = np.full(SHAPE, 0)
        made[1, 2:4, 3:6] = 1
        made[3, 1:6, 1:8] = 2
        return made

    def test_of_a_slice_it_is_what_is_in_it_at_its_place(self, labels):
        start = startOf(labels, parse("a@0:1"), GRID)
        ((label, (region, mask)),) = start.parts.items()
        assert (label, region.start, region.stop) == (1, (1, 2, 3), (2, 4, 6))
        assert mask.all()
        assert not start.isSparse

    def test_of_a_patch_it_ends_at_its_border(self, labels):
        start = startOf(labels, parse("a@0:3+4,5:2x3"), GRID)
        region, mask = start.parts[2]
        assert (region.start, region.stop) == ((3, 4, 5), (4, 6, 8))
        assert mask.shape == (1, 2, 3)
        np.testing.assert_allclose(start.focus, (3, 4.5, 6))

    def test_of_a_volume_the_fullest_slice_is_looked_at(self, labels):
        start = startOf(labels, parse("a"), GRID)
        assert sorted(start.parts) == [1, 2]
        np.testing.assert_allclose(start.focus, (3, 3, 4))

    def test_background_is_a_segment_only_where_some_voxels_are_unlabeled(self, labels):
        labels[1, 0] = -1
        start = startOf(labels, parse("a@0:1"), GRID)
        assert start.isSparse
        region, mask = start.parts[0]
        assert (region.start, region.stop) == ((1, 1, 0), (2, 6, 8))
        assert mask.sum() == 40 - 6
        assert not startOf(labels, parse("a@0:2"), GRID).isSparse
        assert startOf(np.full(SHAPE, -1), parse("a"), GRID).parts == {}

    def test_without_a_proposal_the_middle_is_looked_at(self):
        start = startOf(None, parse("a"), GRID)
        assert start.parts == {}
        np.testing.assert_allclose(start.focus, (1.5, 2.5, 3.5))


def test_a_skipped_item_is_released_by_taking_it(dataset):
    desk = QueueDesk(dataset.folder, "ann")
    opened = desk.next()
    desk.skip(opened.lease, "dark")
    assert desk.take(opened.lease.unit, False).lease.unit == opened.lease.unit


def test_without_a_queue_it_says_how_to_make_one(tmp_path):
    dataset = Dataset.create(tmp_path / "new", LABELS)
    desk = QueueDesk(dataset.folder, "ann")
    assert (desk.look(), desk.readAhead(), desk.model) == ([], None, "")
    with pytest.raises(ValueError, match="no queue yet"):
        desk.next()


def test_progress_is_counted_per_state_and_annotator(dataset):
    queue = Queue(dataset)
    queue.done(queue.next("ann"), marked(NAMES[0]), seconds=60)
    queue.done(queue.next("ann"), marked(NAMES[1]), seconds=120)
    queue.skip(queue.next("bob"), "dark")
    queue.next("bob")
    progress = progressOf(queue.items())
    assert progress.text == "2 of 4 done, 1 left, 1 skipped"
    assert (progress.readings, progress.count, progress.left) == (2, 4, 1)
    assert progress.asHtml() == ("<b>ann</b>: 2 done, 1:30 each<br><b>bob</b>: 0 done, 1 at work")


def test_the_clock_counts_only_while_it_runs():
    now = [100.0]
    clock = QueueClock(lambda: now[0])
    assert (clock.seconds, clock.isRunning) == (0, False)
    clock.start(5)
    now[0] += 10
    clock.resume()
    clock.pause()
    now[0] += 1000
    clock.pause()
    assert clock.seconds == 15
    clock.resume()
    now[0] += 1
    assert (clock.seconds, clock.isRunning) == (16, True)
    clock.start()
    assert clock.seconds == 0
    assert [timeText(s) for s in (0, 59.9, 60, 3599, 3675)] == [
        *("0:00", "0:59", "1:00", "59:59", "1:01:15")
    ]

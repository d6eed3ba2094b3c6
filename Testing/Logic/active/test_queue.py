"""The queue lends each unit to one annotator, and keeps what they did."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time

import numpy as np
import pytest

from ImperfectSegLogic.active import queue_files, queue_saving
from ImperfectSegLogic.active.queue import LeaseLostError, Queue
from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask
from ImperfectSegLogic.methods.base import Ranking
from Testing.Logic.active.queues import SLICES, again, age, make_queue, marked, ranking, state
from Testing.Logic.active.queues import states as states_of
from Testing.Logic.data.phantom_cases import GRID, SHAPE, dense, same


@pytest.fixture
def queue(tmp_path):
    return make_queue(tmp_path / "set")


def test_units_are_lent_in_their_order_with_score_and_reason(queue):
    given = [again(queue).next(name) for name in ("ann", "bob", "ann", "eve")]
    assert [lease.unit.name() for lease in given] == list(SLICES)
    assert [(g.item.score, g.item.reason) for g in given[:2]] == [(4, "number 0"), (3, "number 1")]
    assert again(queue).next("ann") is None
    assert set(states_of(queue).values()) == {"leased"}


def test_what_is_done_is_a_version_and_stays_done(queue):
    lease = queue.next("ann")
    assert queue.done(lease, marked(lease.unit), seconds=12.5) == 1
    item = again(queue).items()[0]
    (reading,) = item.standing.readings
    assert (item.state, reading.annotator, reading.seconds) == ("done", "ann", 12.5)
    assert (reading.version, reading.began <= reading.ended) == (1, True)
    assert same(queue.dataset.case("case0", "ann", 1).annotation, marked(lease.unit))
    assert again(queue).next("bob").unit.name() == SLICES[1]


def test_time_at_work_is_measured_by_the_disk_if_nobody_says_it(queue):
    lease = queue.next("ann")
    time.sleep(0.05)
    queue.done(lease, marked(lease.unit))
    assert 0.04 < queue.items()[0].standing.readings[0].seconds < 60


def test_a_history_tells_all_that_happened_to_a_unit(queue):
    lease = queue.next("ann")
    queue.skip(lease, "too noisy")
    queue.release(lease.unit)
    lease = queue.next("bob")
    queue.done(lease, marked(lease.unit))
    events = sorted((queue.dataset.folder / "queue/events").iterdir())
    told = [json.loads((e / "event.json").read_text()) for e in events]
    assert [(t["what"], t["annotator"]) for t in told] == [
        ("leased", "ann"), ("skipped", "ann"), ("released", ""), ("leased", "bob"), ("done", "bob"),
    ]  # fmt: skip
    assert [t["time"] for t in told] == sorted(t["time"] for t in told)
    assert {t["unit"] for t in told} == {SLICES[0]}


def test_a_skipped_unit_has_a_reason_and_is_lent_again_once_released(queue):
    lease = queue.next("ann")
    with pytest.raises(ValueError, match="no reason"):
        queue.skip(lease, "  ")
    queue.skip(lease, "motion")
    item = again(queue).items()[0]
    assert (item.state, item.standing.why) == ("skipped", "motion")
    assert again(queue).next("bob").unit.name() == SLICES[1]
    assert queue.release(lease.unit)
    assert not queue.release(lease.unit)
    assert again(queue).next("bob").unit == lease.unit


def test_a_lease_expires_by_the_clock_of_the_disk_unless_it_is_renewed(queue, monkeypatch):
    lease = queue.next("ann", lease=100)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # This machine's clock is not asked.
    age(queue, lease, 90)
    assert again(queue).next("bob").unit.name() == SLICES[1]
    assert queue.expired() == []
    age(queue, lease, 20)
    assert [held.unit for held in queue.expired()] == [lease.unit]
    queue.renew(lease)  # Nobody has taken it yet.
    assert queue.expired() == []
    assert again(queue).next("bob").unit.name() == SLICES[2]
    age(queue, lease, 110)
    taken = again(queue).next("bob", lease=100)
    assert taken.unit == lease.unit
    with pytest.raises(LeaseLostError, match=r"not lent to ann any more.*now with bob"):
        queue.renew(lease)
    again(queue).renew(taken)


def test_a_clock_that_was_ahead_does_not_make_two_owners_and_the_unit_can_be_released(queue):
    lease = queue.next("ann", lease=100)
    age(queue, lease, -1e6)
    assert again(queue).next("bob").unit.name() == SLICES[1]
    queue.release(lease.unit)
    assert again(queue).next("bob").unit == lease.unit
    with pytest.raises(LeaseLostError):
        queue.renew(lease)


def test_work_after_a_lost_lease_is_saved_all_the_same(queue):
    lease = queue.next("ann", lease=100)
    age(queue, lease, 110)
    taken = again(queue).next("bob")
    with pytest.raises(LeaseLostError, match="kept as version 1 of ann"):
        queue.done(lease, marked(lease.unit))
    assert same(queue.dataset.case("case0", "ann").annotation, marked(lease.unit))
    assert again(queue).done(taken, marked(lease.unit, 2)) == 1
    assert [r.annotator for r in again(queue).items()[0].standing.readings] == ["bob"]
    with pytest.raises(LeaseLostError, match="kept as version 2 of bob"):
        again(queue).done(taken, marked(lease.unit, 2))
    with pytest.raises(LeaseLostError):
        queue.skip(taken, "a reason")


def test_an_expired_lease_that_nobody_took_can_still_be_done(queue):
    lease = queue.next("ann", lease=100)
    age(queue, lease, 1000)
    queue.done(lease, marked(lease.unit))
    assert state(queue, SLICES[0]) == "done"


def test_after_a_crash_an_annotator_goes_on_with_what_was_lent(queue):
    lost = queue.next("ann")
    assert again(queue).next("ann").unit.name() == SLICES[1]
    resumed = [again(queue).next("ann", resume=True) for _ in range(2)]
    assert [lease.unit for lease in resumed] == [lost.unit] * 2
    with pytest.raises(LeaseLostError):
        queue.renew(lost)
    assert [held.unit.name() for held in queue.held("ann")] == list(SLICES[:2])
    assert again(queue).next("bob", resume=True).unit.name() == SLICES[2]


def test_two_readings_are_by_two_annotators(tmp_path):
    queue = make_queue(tmp_path / "set", SLICES[:2], readings=2)
    first = again(queue).next("ann")
    assert again(queue).next("ann").unit.name() == SLICES[1]
    second = again(queue).next("bob")
    assert second.unit == first.unit
    assert again(queue).next("eve").unit.name() == SLICES[1]
    queue.done(first, marked(first.unit))
    assert state(queue, SLICES[0]) == "leased"
    again(queue).done(second, marked(first.unit, 2))
    assert state(queue, SLICES[0]) == "done"
    assert again(queue).next("eve") is None
    assert again(queue).next("ann", resume=True).unit.name() == SLICES[1]


def test_of_two_readers_only_the_one_who_gave_up_is_replaced(tmp_path):
    queue = make_queue(tmp_path / "set", SLICES[:1], readings=2)
    gone, there = queue.next("ann", lease=100), queue.next("bob", lease=100)
    assert queue.next("eve") is None
    age(queue, gone, 200)
    lease = queue.next("eve")
    assert lease.unit == gone.unit
    queue.done(there, marked(gone.unit))
    queue.done(lease, marked(gone.unit))
    with pytest.raises(LeaseLostError):
        queue.renew(gone)
    assert state(queue, SLICES[0]) == "done"


def test_a_new_order_keeps_what_is_lent_and_done_and_can_ask_for_second_readings(queue):
    lease, held = queue.next("ann"), queue.next("bob")
    queue.done(lease, marked(lease.unit))
    Queue.build(queue.dataset, ranking(SLICES[::-1][:3]))
    assert queue.next("eve").unit.name() == SLICES[3]  # An open queue follows the new order.
    assert states_of(queue) == dict(zip(SLICES, ["done", "leased", "open", "leased"], strict=True))
    assert [lease.reading for lease in again(queue).held("bob")] == [held.reading]
    Queue.build(queue.dataset, ranking(SLICES[:1]), readings=2)
    assert again(queue).next("ann") is None
    assert again(queue).next("eve").unit == lease.unit
    queue.done(held, marked(held.unit))  # What is not in the order any more can be finished.
    assert state(queue, held.unit.name()) == "done"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (Ranking(("case0", "case0"), (2, 1)), "twice"),
        (Ranking(("case9",), (1,)), "no such case"),
        (Ranking(("case0@0",), (1,)), "allowed are CASE"),
        (Ranking(("case0",), (float("nan"),)), "the score nan"),
        (Ranking(("case0",), ()), "as many of each"),
    ],
)
def test_a_wrong_order_is_told_and_the_earlier_one_stays(queue, wrong, text):
    with pytest.raises(ValueError, match=text):
        Queue.build(queue.dataset, wrong)
    assert len(again(queue).items()) == 4
    with pytest.raises(ValueError, match="got 0"):
        Queue.build(queue.dataset, ranking(SLICES), readings=0)


def test_an_empty_order_gives_nothing(tmp_path):
    assert make_queue(tmp_path / "set", ()).next("ann") is None


def test_a_data_set_without_a_queue_says_how_to_make_one(tmp_path):
    dataset = Dataset.create(tmp_path / "set", {1: "a"})
    with pytest.raises(FileNotFoundError, match="imperfectseg queue build"):
        Queue(dataset)


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "ann\n", "名", ".hidden", "a~0001"])
def test_an_annotator_with_odd_characters_is_refused(queue, name):
    with pytest.raises(ValueError, match="annotator name"):
        queue.next(name)
    assert set(states_of(queue).values()) == {"open"}


@pytest.mark.parametrize("lease", [0, -1, float("inf"), float("nan")])
def test_a_lease_that_is_no_time_is_refused(queue, lease):
    with pytest.raises(ValueError, match="lease: got"):
        queue.next("ann", lease=lease)


def gone(case):
    shutil.rmtree(case)


def without_image(case):
    (case / "image.nrrd").unlink()


def cut_short(case):
    whole = (case / "image.nrrd").read_bytes()
    (case / "image.nrrd").write_bytes(whole[: len(whole) // 2])


def without_record(case):
    (case / "case.json").write_text("{")


@pytest.mark.parametrize("spoil", [gone, without_image, cut_short, without_record])
def test_a_case_that_is_gone_or_damaged_is_flagged_and_the_queue_goes_on(queue, spoil):
    spoil(queue.dataset.folder / "cases/case0")
    assert queue.next("ann").unit.name() == SLICES[1]
    assert queue.next("ann").unit.name() == SLICES[3]
    assert queue.next("ann") is None
    assert states_of(queue) == dict(zip(SLICES, ["flagged", "leased"] * 2, strict=True))
    assert "case0" in queue.items()[0].standing.why


def test_a_unit_outside_of_its_image_is_flagged(tmp_path):
    queue = make_queue(tmp_path / "set", ["case0@0:4", "case0@0:3"])
    assert queue.next("ann").unit.name() == "case0@0:3"
    assert "reaches out" in queue.items()[0].standing.why


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "else"}', None])
def test_a_damaged_event_flags_its_unit_and_the_queue_opens(queue, content):
    lease = queue.next("ann")
    queue.done(lease, marked(lease.unit))
    event = queue.dataset.folder / "queue/events/case0@0-0~0002/event.json"
    event.unlink() if content is None else event.write_text(content)
    item = again(queue).items()[0]
    assert (item.state, "event.json" in item.standing.why) == ("flagged", True)
    assert again(queue).next("bob").unit.name() == SLICES[1]
    assert again(queue).release(lease.unit)
    assert again(queue).next("bob").unit == lease.unit


def test_what_killed_processes_leave_behind_is_in_nobodys_way_and_is_removed_a_day_later(queue):
    events = queue.dataset.folder / "queue/events"
    (events / ".12345678.new").mkdir()
    (events / ".abc.clock").touch()
    assert len(again(queue).items()) == 4
    Queue.build(queue.dataset, ranking(SLICES))
    assert len(list(events.iterdir())) == 2
    for path in events.iterdir():
        os.utime(path, (1, 1))
    Queue.build(queue.dataset, ranking(SLICES))
    assert list(events.iterdir()) == []


def test_of_those_who_make_the_same_change_one_wins(queue):
    many = [again(queue) for _ in range(5)]
    for one in many:
        one.items()
    real, taken = queue_files.last_events, []
    stale = real(queue.dataset.folder / "queue/events")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue_files, "last_events", lambda _: stale)  # A share with a slow listing.
        taken = [one.next("ann").unit.name() for one in many[:4]]
        assert many[4].next("ann") is None
    assert taken == list(SLICES)


def test_a_server_whose_answer_got_lost_has_still_done_what_it_was_asked(tmp_path, monkeypatch):
    target = tmp_path / "case~0001"
    real = queue_files.new_folder

    def unheard(path):
        with real(path) as made:
            yield made
        raise FileNotFoundError(errno.ENOENT, "the name was changed already")

    monkeypatch.setattr(queue_files, "new_folder", contextlib.contextmanager(unheard))
    assert queue_files.publish(target, "event.json", {})
    with pytest.raises(FileNotFoundError):
        queue_files.publish(tmp_path / "no/case~0001", "event.json", {})
    assert not queue_files.publish(target, "event.json", {})


def full(after: int):
    """Makes a disk that is full after some files."""
    real, calls = os.fsync, []

    def fsync(handle):
        calls.append(handle)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    return fsync


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_disk_that_fills_up_while_saving_leaves_the_old_version_and_the_lease(
    queue, monkeypatch, after
):
    lease = queue.next("ann")
    queue.done(lease, marked(lease.unit))
    lease = queue.next("ann")
    lease = queue.next("ann")
    assert lease.unit.case == "case0"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full(after))
        with pytest.raises(OSError, match="disk is full"):
            queue.done(lease, marked(lease.unit))
    assert same(queue.dataset.case("case0", "ann", 1).annotation, marked(parse(SLICES[0])))
    assert state(queue, lease.unit.name()) == "leased"
    assert again(queue).done(lease, marked(lease.unit)) in (2, 3)
    assert state(queue, lease.unit.name()) == "done"


def test_a_disk_that_is_full_lends_nothing_and_a_new_order_leaves_the_old_one(queue, monkeypatch):
    monkeypatch.setattr(os, "fsync", full(0))
    with pytest.raises(OSError, match="disk is full"):
        queue.next("ann")
    with pytest.raises(OSError, match="disk is full"):
        Queue.build(queue.dataset, ranking(SLICES[:1]))
    monkeypatch.undo()
    assert set(states_of(queue).values()) == {"open"}
    assert len(states_of(queue)) == 4


def test_the_newest_version_has_all_slices_of_an_annotator(queue):
    done = [queue.next("ann"), queue.next("ann"), queue.next("ann")]
    for n, lease in enumerate(done):
        queue.done(lease, marked(lease.unit, n % 3))
    labels = queue.dataset.case("case0", "ann").annotation.labels
    assert (labels[0] == 0).all()
    assert (labels[1] == 2).all()
    assert (labels[2:] == UNLABELED).all()
    assert len(queue.dataset.versions("case0", "ann")) == 2


def test_two_slices_that_are_finished_at_the_same_time_are_both_in_the_newest_version(
    queue, monkeypatch
):
    dataset, one, other = queue.dataset, Unit("case0", 0, 1), Unit("case0", 0, 2)
    dataset.annotate("case0", marked(Unit("case0", 0, 0)), "ann")
    real, nested = queue_saving._newest, []

    def slow(*arguments):
        found = real(*arguments)
        if not nested:  # Between reading the newest version and writing the next one.
            nested.append(True)
            queue_saving.save(dataset, other, marked(other, 2), "ann")
        return found

    monkeypatch.setattr(queue_saving, "_newest", slow)
    assert queue_saving.save(dataset, one, marked(one, 0), "ann") == 4
    labels = dataset.case("case0", "ann").annotation.labels
    assert [set(np.unique(part)) for part in labels] == [{1}, {0}, {2}, {UNLABELED}]


def test_a_mask_of_the_whole_volume_is_taken_as_it_is(queue):
    lease = queue.next("ann")
    queue.done(lease, dense(3))
    assert same(queue.dataset.case("case0", "ann").annotation, dense(3))


def test_a_slice_over_a_dense_mask_leaves_the_rest_of_it(queue):
    queue.dataset.annotate("case0", DenseMask(np.full(SHAPE, 2), GRID), "ann")
    lease = queue.next("ann")
    queue.done(lease, marked(lease.unit, 0))
    labels = queue.dataset.case("case0", "ann").annotation.labels
    assert (labels[0] == 0).all()
    assert (labels[1:] == 2).all()


def test_an_annotation_that_says_nothing_of_its_unit_is_refused(queue):
    lease = queue.next("ann")
    with pytest.raises(ValueError, match="no labeled voxel in this slice"):
        queue.done(lease, marked(Unit("case0", 0, 3)))
    assert queue.dataset.annotators("case0") == []
    with pytest.raises(ValueError, match="seconds at work"):
        queue.done(lease, marked(lease.unit), seconds=-1)
    assert queue.held("ann")


def test_many_units_are_no_burden(tmp_path):
    names = [f"case0@0:{n // 4000}+{n % 4000},0:1x1" for n in range(16_000)]
    queue = make_queue(tmp_path / "set", names)
    assert len(again(queue).items()) == 16_000
    assert queue.next("ann").unit.name() == names[0]

"""Annotators choose units for themselves, do them anew, and give them back."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.active.queue import LeaseLostError
from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.data import read_volume
from Testing.Logic.active.queues import SLICES, again, age, make_queue, marked, state

LAST = parse(SLICES[3])


@pytest.fixture
def queue(tmp_path):
    return make_queue(tmp_path / "set")


class TestTaking:
    def test_a_unit_is_lent_out_of_its_order(self, queue):
        lease = queue.take(LAST, "ann")
        assert (lease.unit, lease.item.score, lease.reading.annotator) == (LAST, 1.0, "ann")
        assert again(queue).held("ann")[0].unit == LAST
        queue.done(lease, marked(LAST))
        assert state(queue, SLICES[3]) == "done"

    def test_what_somebody_else_has_is_refused_until_the_lease_expires(self, queue):
        held = queue.take(LAST, "ann", lease=100)
        with pytest.raises(ValueError, match="is with ann"):
            again(queue).take(LAST, "bob")
        age(queue, held, 110)
        assert again(queue).take(LAST, "bob").reading.annotator == "bob"
        with pytest.raises(LeaseLostError):
            queue.renew(held)

    def test_what_is_lent_to_the_same_name_is_taken_back_only_if_that_is_said(self, queue):
        held = queue.take(LAST, "ann")
        with pytest.raises(ValueError, match="lent to ann already"):
            again(queue).take(LAST, "ann")
        assert again(queue).take(LAST, "ann", resume=True).unit == LAST
        with pytest.raises(LeaseLostError):
            queue.renew(held)

    def test_of_two_who_take_the_same_one_gets_it(self, queue):
        one, other = again(queue), again(queue)
        one.items(), other.items()
        one.take(LAST, "ann")
        with pytest.raises(ValueError, match="is with ann"):
            other.take(LAST, "bob")

    def test_what_is_done_or_set_aside_says_what_to_do(self, queue):
        queue.done(queue.take(LAST, "ann"), marked(LAST))
        for name in ("ann", "bob"):
            with pytest.raises(ValueError, match=r"is done\. Reopen it"):
                queue.take(LAST, name)
        first = parse(SLICES[0])
        queue.skip(queue.take(first, "ann"), "motion")
        with pytest.raises(ValueError, match="was skipped: motion"):
            queue.take(first, "bob")

    def test_a_unit_that_is_not_there_and_a_wrong_name_are_refused(self, queue):
        with pytest.raises(ValueError, match="case0@1:0: is not in the queue"):
            queue.take(Unit("case0", 1, 0), "ann")
        with pytest.raises(ValueError, match="annotator name"):
            queue.take(LAST, "a/b")
        with pytest.raises(ValueError, match="lease: got 0"):
            queue.take(LAST, "ann", lease=0)

    def test_a_case_whose_image_is_gone_is_flagged(self, queue):
        (queue.dataset.folder / "cases/case1/image.nrrd").unlink()
        with pytest.raises(ValueError, match=r"was flagged.*image\.nrrd"):
            queue.take(LAST, "ann")
        assert state(queue, SLICES[3]) == "flagged"


class TestReopening:
    def test_an_own_unit_becomes_a_new_version_and_the_old_one_stays(self, queue):
        queue.done(queue.take(LAST, "ann"), marked(LAST, 1), seconds=10)
        lease = again(queue).reopen(LAST, "ann")
        assert state(queue, SLICES[3]) == "done"
        assert again(queue).done(lease, marked(LAST, 2), seconds=14) == 2
        (reading,) = again(queue).items()[3].standing.readings
        assert (reading.version, reading.seconds) == (2, 14)
        for version in (1, 2):
            labels = queue.dataset.case("case1", "ann", version).annotation.labels
            assert (labels[LAST.index] == version).all()

    def test_somebody_elses_unit_gets_a_second_reading_and_theirs_stays(self, queue):
        queue.done(queue.take(LAST, "ann"), marked(LAST, 1))
        lease = again(queue).reopen(LAST, "bob")
        assert state(queue, SLICES[3]) == "done"
        assert [held.unit for held in again(queue).held("bob")] == [LAST]
        again(queue).done(lease, marked(LAST, 2))
        readings = again(queue).items()[3].standing.readings
        assert [(r.annotator, r.version) for r in readings] == [("ann", 1), ("bob", 1)]

    def test_what_is_not_done_is_taken_instead(self, queue):
        with pytest.raises(ValueError, match=r"unit that is open\. Take it"):
            queue.reopen(LAST, "ann")
        queue.take(LAST, "ann")
        with pytest.raises(ValueError, match=r"unit that is leased\. Take it"):
            queue.reopen(LAST, "ann")
        assert len(again(queue).items()[3].standing.readings) == 1


class TestGivingBack:
    def test_the_unit_is_free_for_others_at_once(self, queue):
        lease = queue.next("ann")
        assert queue.give_back(lease)
        assert not queue.give_back(lease)
        assert again(queue).next("bob").unit == lease.unit
        with pytest.raises(LeaseLostError):
            queue.renew(lease)

    def test_what_is_done_stays_done_and_others_keep_what_they_have(self, tmp_path):
        queue = make_queue(tmp_path / "two", SLICES[:1], readings=2)
        mine, theirs = queue.next("ann"), again(queue).next("bob")
        assert queue.give_back(mine)
        again(queue).done(theirs, marked(theirs.unit))
        reopened = again(queue).reopen(theirs.unit, "bob")
        assert not again(queue).give_back(reopened)
        (reading,) = again(queue).items()[0].standing.readings
        assert (reading.annotator, reading.version) == ("bob", 1)


def test_an_image_is_read_once_as_long_as_it_does_not_change(queue, monkeypatch):
    read = []

    def counted(path):
        read.append(path)
        return read_volume(path)

    monkeypatch.setattr("ImperfectSegLogic.data.datasets.folder.read_volume", counted)
    for name in SLICES[:3]:
        assert queue.take(parse(name), "ann").unit.name() == name
    assert len(read) == 2
    path = queue.dataset.folder / "cases/case1/image.nrrd"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="was flagged"):
        queue.take(LAST, "ann")

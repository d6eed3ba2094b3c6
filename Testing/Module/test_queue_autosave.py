"""Items in work are kept on disk, and found again after a crash, with their lease."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer

from ImperfectSegLib.AutosaveFile import EXTENSION, readKept
from ImperfectSegLib.SessionLock import SessionLock
from ImperfectSegLogic.active.queue import Queue
from Testing.Module.crash import crash, files
from Testing.Module.queue_person import SHAPE, SLICES, Annotating, make, person, settings

__all__ = ["person", "settings"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def kept(settings):
    """The folder with the files."""
    return settings.parent / "ImperfectSeg" / "Autosave" / "Queue"


def rests(person):
    """Waits until what was drawn is on disk."""
    person.waits(lambda: not person.session.autosave.isBusy)


class TestKeeping:
    def test_an_item_is_on_disk_from_the_moment_it_is_opened_and_as_it_is_changed(
        self, person, kept
    ):
        assert files(kept) == []
        person.presses("nextButton")
        (path,) = files(kept)
        assert readKept(path).annotator == "ann"
        person.draws("tumor")
        rests(person)
        said = readKept(path)
        tumor = next(s for s in said.segments if s.name == "tumor")
        assert (said.layers[tumor.layer].labels() == tumor.value).sum() == 16

    def test_done_skipped_and_put_back_items_are_deleted(self, person, kept):
        person.presses("nextButton")
        person.presses("doneButton")
        assert files(kept) == []
        person.presses("nextButton")
        person.ui.reasonEdit.text = "dark"
        person.presses("skipButton")
        assert files(kept) == []
        person.presses("nextButton")
        person.presses("putBackButton")
        assert files(kept) == []

    def test_each_annotator_and_item_has_a_file(self, person, kept):
        person.presses("nextButton")
        person.presses("nextButton")
        person.connects(annotator="ben")
        person.presses("nextButton")
        said = sorted(readKept(path).annotator for path in files(kept))
        assert said == ["ann", "ann", "ben"]
        person.connects(annotator="ann")
        assert person.open == SLICES[0]

    def test_a_disk_that_cannot_be_written_is_said_and_the_item_is_not_left(self, person, kept):
        person.presses("nextButton")
        shutil.rmtree(kept)
        kept.write_text("in the way")
        person.draws("liver")
        rests(person)
        assert "Autosave is off" in person.ui.autosaveLabel.text
        person.presses("nextButton")
        assert person.open == SLICES[0]
        assert "Press Done before you go on" in person.status
        person.presses("doneButton")
        assert person.states()[SLICES[0]] == "done"
        kept.unlink()

    def test_work_that_changed_nothing_of_a_done_item_leaves_no_file(self, person, kept):
        person.presses("nextButton")
        person.presses("doneButton")
        person.presses("backButton")
        assert len(files(kept)) == 1
        person.presses("nextButton")
        assert len(files(kept)) == 1
        person.presses("doneButton")
        assert files(kept) == []


def test_two_readers_of_one_item_do_not_get_each_others_work(
    slicer_app, scene, settings, kept, tmp_path
):
    make(tmp_path / "set", SLICES[:1], readings=2)
    person = Annotating(slicer_app, tmp_path / "set")
    person.presses("nextButton")
    person.draws("tumor")
    rests(person)
    person.connects(annotator="ben")
    person.presses("nextButton")
    assert person.open == SLICES[0]
    assert not person.mask("tumor").any()
    assert len(files(kept)) == 2
    person.connects(annotator="ann")
    assert person.mask("tumor").sum() == 16


class TestComingBack:
    def test_after_a_crash_the_lease_and_the_half_done_work_are_there_again(self, person, kept):
        person.session.clock._now = lambda: now[0]
        now = [0.0]
        person.presses("nextButton")
        now[0] = 33.0
        person.draws("tumor")
        rests(person)
        mask = person.mask("tumor")
        sequence = person.session.lease.reading.sequence
        crash(person, person.session)
        person.opens_the_panel()
        assert person.open == SLICES[0]
        assert "is back" in person.status
        np.testing.assert_array_equal(person.mask("tumor"), mask)
        assert person.session.seconds >= 33
        assert person.session.lease.reading.sequence > sequence
        assert person.states()[SLICES[0]] == "leased"
        assert len(files(kept)) == 1
        assert len(list(kept.glob("*.lock"))) == 1
        person.presses("doneButton")
        np.testing.assert_array_equal(person.saved("case0")[3] == 2, mask[3])
        assert person.readings(SLICES[0])[0].seconds >= 33

    def test_closing_the_module_or_the_scene_in_order_keeps_the_item_too(self, person, kept):
        person.presses("nextButton")
        person.draws("liver")
        person.host.clear_scene()
        assert person.open == ""
        assert len(files(kept)) == 1
        person.double_clicks(SLICES[0])
        assert person.mask("liver").sum() == 16
        person.draws("tumor", rows=slice(10, 12))
        person.closes_the_panel()
        assert len(files(kept)) == 1
        person.host.clear_scene()
        person.opens_the_panel()
        assert person.open == SLICES[0]
        assert person.mask("tumor").sum() == 8

    def test_an_item_that_was_left_has_the_time_until_then(self, person):
        now = [0.0]
        person.session.clock._now = lambda: now[0]
        person.presses("nextButton")
        person.draws("liver")
        rests(person)
        now[0] = 50.0
        person.presses("nextButton")
        now[0] = 60.0
        person.double_clicks(SLICES[0])
        now[0] = 61.0
        person.presses("doneButton")
        assert person.readings(SLICES[0])[0].seconds == 51

    def test_an_item_that_is_open_in_another_slicer_here_is_left_alone(self, person, kept):
        person.presses("nextButton")
        (path,) = files(kept)
        own = person.session.autosave._lock
        other = SessionLock(kept)
        other.hold()
        path.rename(path.with_name(path.name.replace(own.token, other.token)))
        person.session._close()
        person.connects(annotator="nobody")
        person.connects(annotator="ann")
        assert person.open == ""
        assert f"Still lent to ann: {SLICES[0]}" in person.status
        person.double_clicks(SLICES[0])
        assert person.open == ""
        assert "is open in another 3D Slicer on this computer" in person.status
        other.release()

    def test_an_item_that_is_lent_to_the_same_name_elsewhere_is_taken_over_if_confirmed(
        self, person
    ):
        import qt

        person.queue.next("ann")
        person.connects(annotator="nobody")
        person.connects(annotator="ann")
        assert "Still lent to ann" in person.status
        with person.host.expecting_dialog("Take it over", qt.QMessageBox.No):
            person.double_clicks(SLICES[0])
        assert person.open == ""
        with person.host.expecting_dialog("Take it over", qt.QMessageBox.Yes):
            person.double_clicks(SLICES[0])
        assert person.open == SLICES[0]

    def test_a_crash_between_saving_and_marking_as_done_loses_nothing(self, person, monkeypatch):
        person.presses("nextButton")
        person.draws("tumor")
        rests(person)

        def killed(*_):
            raise OSError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(Queue, "_settle", killed)
            person.presses("doneButton")
        assert person.states()[SLICES[0]] == "leased"
        crash(person, person.session)
        person.opens_the_panel()
        assert person.open == SLICES[0]
        assert person.mask("tumor").sum() == 16
        person.presses("doneButton")
        assert "version 2 of ann" in person.status
        assert (person.saved("case0", 1) == person.saved("case0", 2)).all()

    def test_a_done_item_that_was_being_done_anew_comes_back_too(self, person):
        person.presses("nextButton")
        person.presses("doneButton")
        person.presses("backButton")
        person.draws("tumor")
        rests(person)
        crash(person, person.session)
        person.opens_the_panel()
        assert person.open == SLICES[0]
        assert person.session.isReopened
        assert person.mask("tumor").sum() == 16
        person.presses("doneButton")
        assert "version 2 of ann" in person.status

    def test_a_crash_while_a_file_is_written_does_not_hide_the_one_before(self, person, kept):
        person.presses("nextButton")
        person.draws("tumor")
        rests(person)
        shutil.copy(files(kept)[0], kept / f".61b70606{EXTENSION}")  # As `replacing` names it.
        crash(person, person.session)
        person.opens_the_panel()
        assert person.open == SLICES[0]
        assert person.mask("tumor").sum() == 16

    def test_a_kept_file_that_is_damaged_is_said_and_the_proposal_is_there(self, person, kept):
        person.presses("nextButton")
        (path,) = files(kept)
        crash(person, person.session)
        path.write_bytes(path.read_bytes()[:40])
        person.opens_the_panel()
        assert person.open == SLICES[0]
        assert "cannot be read" in person.status
        assert person.mask("liver").any()

    def test_what_others_took_after_the_lease_expired_is_not_taken_back(self, person, kept):
        from Testing.Logic.active.queues import age

        person.presses("nextButton")
        lease = person.session.lease
        crash(person, person.session)
        age(person.queue, lease, 1000)
        person.queue.next("bob")
        person.opens_the_panel()
        assert person.open == ""
        person.presses("nextButton")
        assert person.open == SLICES[1]
        assert [r.annotator for r in person.readings(SLICES[0])] == ["bob"]
        assert len(files(kept)) == 2  # What was drawn is still there.


CRASH = """
import os, sys
from Testing.Host import application
app = application.start()
import slicer
slicer.app._core.slicerUserSettingsFilePath = sys.argv[1]
from Testing.Module.queue_person import Annotating
someone = Annotating(app, sys.argv[2], "ann")
someone.presses("nextButton")
someone.draws("liver")
someone.presses("doneButton")
someone.presses("nextButton")
someone.draws("tumor", rows=slice(17, 20))
someone.waits(lambda: not someone.session.autosave.isBusy)
os.kill(os.getpid(), 9)
"""


def test_after_a_kill_what_was_done_is_there_and_what_was_in_work_goes_on(
    slicer_app, scene, settings, kept, tmp_path
):
    make(tmp_path / "set")
    script = tmp_path / "crash.py"
    script.write_text(CRASH)
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "ImperfectSegModule")))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    arguments = [slicer.app.slicerUserSettingsFilePath, str(tmp_path / "set")]
    ended = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment,
        capture_output=True,
        timeout=300,
    )
    assert ended.returncode == -9, ended.stderr.decode()[-2000:]
    person = Annotating(slicer_app, tmp_path / "set")
    assert (person.saved("case0")[3, 2:6, 2:6] == 1).all()
    assert person.open == SLICES[1]
    expected = np.zeros(SHAPE, bool)
    expected[5, 17:20, 2:6] = True
    np.testing.assert_array_equal(person.mask("tumor"), expected)
    assert person.session.nodes.uncertainty is not None
    person.presses("doneButton")
    assert (person.saved("case1")[5, 17:20, 2:6] == 2).all()
    assert files(kept) == []


def test_time_that_was_kept_wrongly_counts_as_none(slicer_app):
    from ImperfectSegLib.AutosaveFile import Kept
    from ImperfectSegLib.QueueAutosave import secondsOf

    for marks in ("", "{", "{}", '{"seconds": "x"}', "[]", '{"seconds": -3}'):
        assert secondsOf(Kept("", "", "", (), (), (), marks)) == 0
    assert secondsOf(Kept("", "", "", (), (), (), '{"seconds": 12.5}')) == 12.5

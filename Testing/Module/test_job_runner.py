"""Work beside the window."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest


class Listener:
    """Keeps what a job told."""

    def __init__(self):
        self.done, self.errors, self.progress = [], [], []

    def start(self, jobs, work):
        jobs.start(work, self.done.append, self.errors.append, lambda *p: self.progress.append(p))


@pytest.fixture
def jobs(slicer_app, scene):
    from ImperfectSegLib.JobRunner import JobRunner  # Needs qt, which the host brings.

    runner = JobRunner()
    yield runner
    runner.cancel()


def test_work_runs_in_another_thread_and_its_result_comes_back_in_this_one(slicer_app, jobs):
    heard = Listener()
    heard.start(jobs, lambda progress: threading.current_thread())
    slicer_app.wait_until(lambda: heard.done)
    assert heard.done[0] is not threading.current_thread()
    assert not jobs.isRunning


def test_an_exception_comes_back_as_an_error(slicer_app, jobs):
    heard = Listener()
    heard.start(jobs, lambda progress: 1 / 0)
    slicer_app.wait_until(lambda: heard.errors)
    assert isinstance(heard.errors[0], ZeroDivisionError)
    assert not heard.done


def test_progress_is_told_in_order(slicer_app, jobs):
    heard = Listener()
    heard.start(jobs, lambda progress: [progress.report(n / 4, str(n)) for n in range(5)])
    slicer_app.wait_until(lambda: heard.done)
    assert heard.progress == [(n / 4, str(n)) for n in range(5)]


def test_the_result_of_a_job_that_was_replaced_never_arrives(slicer_app, jobs):
    first, second = Listener(), Listener()
    ended = threading.Event()

    def quick(progress):
        threading.Timer(0.05, ended.set).start()
        return "old"

    first.start(jobs, quick)
    assert ended.wait(5)  # Its result is waiting; nobody has fetched it.
    release = threading.Event()
    second.start(jobs, lambda progress: release.wait(5) and "new")
    slicer_app.process_events()
    time.sleep(0.05)
    slicer_app.process_events()
    release.set()
    slicer_app.wait_until(lambda: second.done)
    assert second.done == ["new"]
    assert not first.done


def test_cancelled_work_stops_at_its_next_report_and_tells_nothing(slicer_app, jobs):
    heard, stopped = Listener(), threading.Event()

    def endless(progress):
        try:
            while True:
                progress.report(0.5)
                time.sleep(0.005)
        finally:
            stopped.set()

    heard.start(jobs, endless)
    slicer_app.wait_until(lambda: heard.progress)
    jobs.cancel()
    assert stopped.wait(5)
    slicer_app.process_events()
    assert not heard.done
    assert not heard.errors


def test_work_goes_on_although_slicers_event_loop_holds_pythons_lock(slicer_app, jobs, monkeypatch):
    """CTK never gives the lock away; the job runner's timer does, by sleeping."""
    from ImperfectSegLib import JobRunner as module

    def steps_in_half_a_second() -> int:
        steps = [0]

        def count(progress):
            while True:
                progress.report(0.0)
                steps[0] += 1
                time.sleep(0.002)

        Listener().start(jobs, count)
        until = time.monotonic() + 0.5
        slicer_app.wait_until(lambda: time.monotonic() > until)
        jobs.cancel()
        return steps[0]

    slicer_app.hold_gil = True
    lending = steps_in_half_a_second()
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda seconds: None))
    assert lending > 3 * steps_in_half_a_second()

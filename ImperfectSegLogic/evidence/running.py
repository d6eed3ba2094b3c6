"""Runs jobs such as trainings, several at once, in processes; what is done is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from ImperfectSegLogic.data.datasets.files import make_folder, read_object
from ImperfectSegLogic.evidence.trainings import Trainer, Training, is_done, train

SECONDS_BETWEEN_LOOKS = 0.5
AGAIN = "Run the same command again to go on where it stopped."


class Job(Protocol):
    """Something that takes minutes, and leaves what it found in a folder."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def folder(self) -> Path:
        """Its own. Has `state.json` with `step` and `of`, and a file `stop` asks it to stop."""


@dataclass(frozen=True)
class Standing:
    """How far jobs are.

    Attributes:
        done: Jobs done, those done before included.
        of: Jobs in all.
        fraction: Share of the work that is done, from 0 to 1.
        seconds_left: Estimated; None if not known yet.
        finished: The job that was just finished, if one was.
        running: Those at work.
        what: What they are called together, for people.
    """

    done: int
    of: int
    fraction: float
    seconds_left: float | None
    finished: Job | None
    running: tuple[Job, ...]
    what: str = "trainings"


Listener = Callable[[Standing], None]
AJob = TypeVar("AJob", bound=Job)


def run_trainings(
    trainings: Sequence[Training],
    trainer: Trainer,
    pool: Executor,
    jobs: int,
    listener: Listener,
) -> None:
    """Runs trainings that are not done; one that fails does not keep the others from running.

    Args:
        trainings: What to do; the same training twice is done once.
        trainer: Trains and tests; must be a module's function.
        pool: Where to run; is shut down.
        jobs: How many at once.
        listener: Told twice a second how far the work is.

    Raises:
        ValueError: If trainings failed; the message names each of them.
        KeyboardInterrupt: After trainings at work have written checkpoints.
    """
    run_jobs(trainings, partial(train, trainer=trainer), is_done, pool, jobs, listener, "trainings")


def run_jobs(
    every: Sequence[AJob],
    do: Callable[[AJob], None],
    is_done: Callable[[AJob], bool],
    pool: Executor,
    jobs: int,
    listener: Listener,
    what: str,
) -> None:
    """Runs jobs that are not done; one that fails does not keep the others from running.

    Args:
        every: What to do, first things first; the same folder twice is done once.
        do: Does one; must be a module's function.
        is_done: Tells whether one is done.
        pool: Where to run; is shut down.
        jobs: How many at once.
        listener: Told twice a second how far the work is.
        what: What they are called together, for people.

    Raises:
        ValueError: If some failed; the message names each of them.
        KeyboardInterrupt: After those at work have stopped in such a way that they can go on.
    """
    work = _Work(every, do, is_done, listener, what)
    try:
        while work.goes_on:
            work.begin(pool, jobs)
            work.look()
    except KeyboardInterrupt:
        work.ask_to_stop()
        raise
    except BrokenProcessPool as error:
        raise ValueError(
            f"a process of {what} was ended from outside, as the system does when memory runs out."
            f" {AGAIN} With --jobs 1 it needs less memory."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        work.take_back_stops()
    work.check()


class _Work(Generic[AJob]):
    """Which jobs are done, at work and waiting."""

    def __init__(
        self,
        every: Sequence[AJob],
        do: Callable[[AJob], None],
        is_done: Callable[[AJob], bool],
        listener: Listener,
        what: str,
    ) -> None:
        each = {job.folder: job for job in every}
        self._waiting = [one for one in each.values() if not is_done(one)]
        self._running: dict[Future[None], AJob] = {}
        self._failed: list[tuple[AJob, BaseException]] = []
        self._of, self._done = len(each), len(each) - len(self._waiting)
        self._before, self._began = self._done, time.monotonic()
        self._do, self._listener, self._what = do, listener, what

    @property
    def goes_on(self) -> bool:
        return bool(self._waiting or self._running)

    def begin(self, pool: Executor, jobs: int) -> None:
        # No more than can run at once: what waits in the pool could not be kept from starting.
        while self._waiting and len(self._running) < jobs:
            job = self._waiting.pop(0)
            # One that was killed, not stopped, could not take it back.
            (job.folder / "stop").unlink(missing_ok=True)
            self._running[pool.submit(self._do, job)] = job

    def look(self) -> None:
        finished, _ = wait(self._running, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
        for future in finished:
            job, error = self._running.pop(future), future.exception()
            if isinstance(error, BrokenProcessPool):
                raise error
            if error is None:
                self._done += 1
                self._tell(job)
            else:
                self._failed.append((job, error))
        self._tell(None)

    def ask_to_stop(self) -> None:
        for job in self._running.values():
            (make_folder(job.folder) / "stop").touch()

    def take_back_stops(self) -> None:
        for job in self._running.values():
            (job.folder / "stop").unlink(missing_ok=True)

    def check(self) -> None:
        if self._failed:
            told = "; ".join(f"{job.name}: {error}" for job, error in self._failed)
            raise ValueError(
                f"{len(self._failed)} of {self._of} {self._what} failed: {told} What the others"
                f" gave is kept. {AGAIN}"
            )

    def _tell(self, finished: AJob | None) -> None:
        running = tuple(self._running.values())
        parts = self._done + len(self._failed) + sum(_share(one.folder) for one in running)
        now_done, spent = parts - self._before, time.monotonic() - self._began
        left = spent / now_done * (self._of - parts) if now_done > 0 else None
        fraction = parts / max(self._of, 1)
        done = (self._done, self._of, fraction, left)
        self._listener(Standing(*done, finished, running, self._what))


def _share(folder: Path) -> float:
    """Gives how far a run is, as its `state.json` says."""
    try:
        said = read_object(folder / "state.json")
        return min(int(said["step"]) / max(int(said["of"]), 1), 1.0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0  # Not there yet.

"""Runs trainings, several at once, each in a process of its own; what is done is not done again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from ImperfectSegLogic.data.datasets.files import make_folder, read_object
from ImperfectSegLogic.evidence.trainings import Trainer, Training, is_done, train

SECONDS_BETWEEN_LOOKS = 0.5
AGAIN = "Run the same command again to go on where it stopped."


@dataclass(frozen=True)
class Standing:
    """How far trainings are.

    Attributes:
        done: Trainings done, those done before included.
        of: Trainings in all.
        fraction: Share of the work that is done, from 0 to 1.
        seconds_left: Estimated; None if not known yet.
        finished: The training that was just finished, if one was.
        running: Those at work.
    """

    done: int
    of: int
    fraction: float
    seconds_left: float | None
    finished: Training | None
    running: tuple[Training, ...]


Listener = Callable[[Standing], None]


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
    work = _Work(trainings, trainer, listener)
    try:
        while work.goes_on:
            work.begin(pool, jobs)
            work.look()
    except KeyboardInterrupt:
        work.ask_to_stop()
        raise
    except BrokenProcessPool as error:
        raise ValueError(
            "a training process was ended from outside, as the system does when memory runs out."
            f" {AGAIN} With --jobs 1 it needs less memory."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        work.take_back_stops()
    work.check()


class _Work:
    """Which trainings are done, at work and waiting."""

    def __init__(self, trainings: Sequence[Training], trainer: Trainer, listener: Listener) -> None:
        each = {training.folder: training for training in trainings}
        self._waiting = [one for one in each.values() if not is_done(one)]
        self._running: dict[Future[None], Training] = {}
        self._failed: list[tuple[Training, BaseException]] = []
        self._of, self._done = len(each), len(each) - len(self._waiting)
        self._before, self._began = self._done, time.monotonic()
        self._trainer, self._listener = trainer, listener

    @property
    def goes_on(self) -> bool:
        return bool(self._waiting or self._running)

    def begin(self, pool: Executor, jobs: int) -> None:
        # No more than can run at once: what waits in the pool could not be kept from starting.
        while self._waiting and len(self._running) < jobs:
            training = self._waiting.pop(0)
            self._running[pool.submit(train, training, self._trainer)] = training

    def look(self) -> None:
        finished, _ = wait(self._running, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
        for future in finished:
            training, error = self._running.pop(future), future.exception()
            if isinstance(error, BrokenProcessPool):
                raise error
            if error is None:
                self._done += 1
                self._tell(training)
            else:
                self._failed.append((training, error))
        self._tell(None)

    def ask_to_stop(self) -> None:
        for training in self._running.values():
            (make_folder(training.folder) / "stop").touch()

    def take_back_stops(self) -> None:
        for training in self._running.values():
            (training.folder / "stop").unlink(missing_ok=True)

    def check(self) -> None:
        if self._failed:
            told = "; ".join(f"{training.name}: {error}" for training, error in self._failed)
            raise ValueError(
                f"{len(self._failed)} of {self._of} trainings failed: {told} What the others gave"
                f" is kept. {AGAIN}"
            )

    def _tell(self, finished: Training | None) -> None:
        running = tuple(self._running.values())
        parts = self._done + len(self._failed) + sum(_share(one.folder) for one in running)
        now_done, spent = parts - self._before, time.monotonic() - self._began
        left = spent / now_done * (self._of - parts) if now_done > 0 else None
        fraction = parts / max(self._of, 1)
        self._listener(Standing(self._done, self._of, fraction, left, finished, running))


def _share(folder: Path) -> float:
    """Gives how far a run is, as its `state.json` says."""
    try:
        said = read_object(folder / "state.json")
        return min(int(said["step"]) / max(int(said["of"]), 1), 1.0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0  # Not there yet.

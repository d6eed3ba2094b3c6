"""Working through many images: progress for people and programs, and where it stopped."""

from __future__ import annotations

import argparse
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ImperfectSegLogic.commands.terminal import bar, console, plain
from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.methods.progress import Progress

PROGRESS_FILE = "IMPERFECTSEG_PROGRESS"
"""Environment variable that names a JSON file in which others can see how far the work is."""
SECONDS_BETWEEN_FILES = 0.2


class BatchTarget(ABC):
    """Images to work through.

    Attributes:
        place: Where results go, for people.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        """Takes what was typed."""
        self._options = options
        self.place: Path = options.out

    @abstractmethod
    def ids(self) -> list[str]:
        """Gives the names of all images."""

    @abstractmethod
    def check(self) -> None:
        """Checks before any work is done that all is there and can be written.

        Raises:
            ValueError: If something that was typed is not allowed.
            OSError: If something is not there or cannot be written.
        """

    @abstractmethod
    def done(self) -> list[str]:
        """Gives the names of those that are done already."""


def run_batch(
    target: BatchTarget,
    work: Callable[[str, Progress], tuple[str, ...]],
    overwrite: bool,
    doing: str,
    done: str,
    by: str = "",
) -> None:
    """Works through all that is not done yet, with a bar, and tells what was done; raises as work.

    Args:
        target: What to work through.
        work: Does one, and gives notes.
        overwrite: Whether what is done already is done anew.
        doing: What the bar says, such as `Predicting`.
        done: What is then done to them, such as `predicted`.
        by: What is said after it at the end, such as ` by dense-crf`.
    """
    kept = [] if overwrite else target.done()
    waiting = [one for one in target.ids() if one not in set(kept)]
    if kept:
        console.print(f"{len(kept)} {done} already and kept; --overwrite makes them anew.")
    began = time.perf_counter()
    with bar(doing, time_left=True) as shown, told_to_file(shown) as listener:
        work_through(waiting, work, listener, done, target.place)
    seconds = time.perf_counter() - began
    told = f"{len(waiting)} {done}{by} in {seconds:.1f} s: {target.place}"
    console.print(plain(told), highlight=False)


def work_through(
    waiting: Sequence[str],
    work: Callable[[str, Progress], tuple[str, ...]],
    listener: Callable[[float, str], None],
    done: str,
    place: Path,
) -> None:
    """Does the work on each image, and prints what people should know, once.

    Args:
        waiting: Names of the images.
        work: Does one, and gives notes.
        listener: Told the share of all that is done, and what is at hand.
        done: What is then done to them, such as `predicted`.
        place: Where results go.

    Raises:
        ValueError: If one does not suit; the message tells which, and how many are done.
        OSError: The same, if something cannot be read or written.
    """
    told: set[str] = set()
    for n, one in enumerate(waiting):

        def report(fraction: float, text: str, n: int = n, one: str = one) -> None:
            listener((n + fraction) / len(waiting), f"{one} ({n + 1} of {len(waiting)})")

        try:
            notes = work(one, Progress(report))
        except (ValueError, OSError) as error:
            kind = ValueError if isinstance(error, ValueError) else OSError
            told_name = "" if one in str(error) else f"{one}: "
            stopped = _stopped(n, len(waiting), done, place)
            raise kind(f"{told_name}{error}{stopped}") from error
        for note in notes:
            if note not in told:
                console.print(f"note: {one}: {plain(note)}")
                told.add(note)


def _stopped(n: int, of: int, done: str, place: Path) -> str:
    if of == 1:
        return ""
    return (
        f" Stopped there: {n} of {of} are {done} and kept ({place}); the same command goes on with"
        " the rest."
    )


@contextmanager
def told_to_file(
    listener: Callable[[float, str], None],
) -> Iterator[Callable[[float, str], None]]:
    """Gives a listener that also writes the file that `PROGRESS_FILE` names, if it names one."""
    path = os.environ.get(PROGRESS_FILE)
    last = -float("inf")

    def told(fraction: float, text: str) -> None:
        nonlocal last
        listener(fraction, text)
        if path and time.monotonic() - last > SECONDS_BETWEEN_FILES:
            write_json(Path(path), {"fraction": fraction, "text": text}, overwrite=True)
            last = time.monotonic()

    yield told

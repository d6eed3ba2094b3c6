"""The folder of a run: what others may read while it works, and how they ask it to stop."""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ImperfectSegLogic.data.datasets.files import make_folder, write_json
from ImperfectSegLogic.data.safe_writing import explained
from ImperfectSegLogic.training.events import Event

SECONDS_BETWEEN_STATES = 0.5


@dataclass(frozen=True)
class RunState:
    """Where a run stands, as `state.json` says it.

    Attributes:
        state: `running`, `stopped`, `done` or `failed`.
        pid: Of the process that runs it.
        step: Steps done, over all rounds.
        of: Steps in all.
        seconds_left: Estimated; None if not known.
        message: For people.
        updated: When, in ISO format.
    """

    state: str
    pid: int
    step: int
    of: int
    seconds_left: float | None
    message: str
    updated: str


class RunFolder:
    """Writes `state.json` and `events.jsonl`, and sees whether somebody made `stop`."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder, which is made if it is not there.

        Raises:
            OSError: If it cannot be made.
        """
        self.folder = make_folder(folder)
        self._last_state = -float("inf")

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.folder / "checkpoint.pt"

    @property
    def model(self) -> Path:
        """Where the result is."""
        return self.folder / "model.safetensors"

    @property
    def should_stop(self) -> bool:
        """Whether somebody made the file `stop`."""
        return (self.folder / "stop").exists()

    def clear_stop(self) -> None:
        """Takes the file `stop` away."""
        (self.folder / "stop").unlink(missing_ok=True)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keeps other processes from training in this folder; ends with this process.

        Raises:
            ValueError: If another process trains here.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"{self.folder}: another process trains here. Wait for it, stop it by making a file"
                f" named `stop` there, or choose another name."
            ) from None
        except OSError as error:
            raise explained(error, self.folder, self.folder) from error
        try:
            yield
        finally:
            lock.release()

    def tell(self, event: Event) -> None:
        """Adds a line to `events.jsonl`.

        Raises:
            OSError: If it cannot be written.
        """
        path = self.folder / "events.jsonl"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event.to_json()) + "\n")
        except OSError as error:
            raise explained(error, path, path) from error

    def set_state(self, state: str, step: int, of: int, left: float | None, text: str = "") -> None:
        """Writes `state.json`; while a run goes on, at most twice a second.

        Raises:
            OSError: If it cannot be written.
        """
        now = time.monotonic()
        if state == "running" and now - self._last_state < SECONDS_BETWEEN_STATES:
            return
        self._last_state = now
        updated = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        said = RunState(state, os.getpid(), step, of, left, text, updated)
        write_json(self.folder / "state.json", asdict(said), overwrite=True)

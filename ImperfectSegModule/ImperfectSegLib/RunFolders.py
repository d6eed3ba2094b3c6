"""Where training runs stand, read from their folders, whoever started them.

A run writes `state.json` and `events.jsonl`. `launch.json` is ours: which process was started last,
and what `state.json` said before, so that a process that ends before it writes anything is seen.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ImperfectSegLib.Processes import COMMAND_MARK, Processes
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import visible, write_json

STARTING, RUNNING, WAITING, STOPPED, DONE, FAILED, INTERRUPTED = (
    "starting",
    "running",
    "waiting",
    "stopped",
    "done",
    "failed",
    "interrupted",
)
MODEL = "model.safetensors"
SILENT_S = 60.0
"""Only after this time without a word it is asked whether a process is still the one it was."""


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands.

    Attributes:
        name: The model's name.
        folder: The run's folder.
        state: One of the words above.
        step: Steps done.
        of: Steps in all; 0 if not known yet.
        secondsLeft: Estimated; None if not known.
        message: For people.
        hasModel: Whether there is a model to predict with.
        canResume: Whether it can go on from where it ended.
    """

    name: str
    folder: Path
    state: str
    step: int = 0
    of: int = 0
    secondsLeft: float | None = None
    message: str = ""
    hasModel: bool = False
    canResume: bool = False

    @property
    def model(self) -> Path:
        """The model's file."""
        return self.folder / MODEL

    @property
    def isActive(self) -> bool:
        """Whether a process works on it."""
        return self.state in (STARTING, RUNNING, WAITING)


def runsOf(dataset: Dataset, processes: Processes) -> list[RunStatus]:
    """Gives where all runs of a data set stand, sorted by name."""
    folders = [dataset.folder / "models" / name for name in visible(dataset.folder / "models")]
    known = (statusOf(folder, processes) for folder in folders if folder.is_dir())
    return [status for status in known if status is not None]


def statusOf(folder: Path, processes: Processes) -> RunStatus | None:
    """Gives where a run stands; None if there is no run in the folder."""
    said, launch = _read(folder / "state.json"), _read(folder / "launch.json")
    hasModel, isRun = (folder / MODEL).exists(), (folder / "run.json").exists()
    if not (said or launch or hasModel or isRun):
        return None
    known: dict[str, Any] = {"name": folder.name, "folder": folder, "hasModel": hasModel}
    if launch and launch.get("before") == _signature(said):
        return _launched(folder, launch, processes, known)
    known |= {"step": int(said.get("step") or 0), "of": int(said.get("of") or 0)}
    known |= {"secondsLeft": said.get("seconds_left"), "message": str(said.get("message") or "")}
    state = str(said.get("state") or (DONE if hasModel else RUNNING))
    if state in (RUNNING, WAITING) and not _isAtWork(folder, said, processes):
        state = INTERRUPTED
        known |= {"secondsLeft": None, "message": _whyInterrupted(folder)}
    resumable = state in (STOPPED, FAILED, INTERRUPTED) and isRun
    return RunStatus(state=state, canResume=resumable, **known)


def noteLaunch(folder: Path, pid: int, before: Mapping[str, Any]) -> None:
    """Writes down that a process was started for a run.

    Args:
        folder: The run's folder.
        pid: Of the process.
        before: What `stateOf` gave before it was started.
    """
    content = {"pid": pid, "before": _signature(before)}
    write_json(folder / "launch.json", content, overwrite=True)


def stateOf(folder: Path) -> dict[str, Any]:
    """Gives what `state.json` says; nothing if it is not there."""
    return _read(folder / "state.json")


def askToStop(folder: Path) -> None:
    """Asks a run to stop after the step at hand.

    Raises:
        OSError: If the folder cannot be written.
    """
    (folder / "stop").touch()


def lastWords(log: Path) -> str:
    """Gives what went wrong, from the end of a log: its error, else its last line.

    What was printed by commands before the last one is left out.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    commands = [n for n, line in enumerate(lines) if line.startswith(COMMAND_MARK)]
    lines = lines[commands[-1] + 1 :] if commands else lines
    starts = [n for n, line in enumerate(lines) if line.startswith("error:")]
    if starts:
        return " ".join(line.strip() for line in lines[starts[-1] :]).removeprefix("error: ")
    return f"{lines[-1].strip()} (more in {log})" if lines else f"ended without a word ({log})"


class EventReader:
    """Reads what is new in a run's `events.jsonl`, and no more than that."""

    def __init__(self, folder: Path) -> None:
        """Takes the run's folder; the file need not be there yet."""
        self._path = folder / "events.jsonl"
        self._read = 0

    def read(self) -> list[dict[str, Any]]:
        """Gives the events since the last call; half-written lines come with a later one."""
        try:
            size = self._path.stat().st_size
            if size == self._read:
                return []
            if size < self._read:  # Somebody began anew.
                self._read = 0
            with self._path.open("rb") as file:
                file.seek(self._read)
                content = file.read()
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        events = []
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):  # A line cut by a kill says nothing.
                events.append(json.loads(line))
        return [event for event in events if isinstance(event, dict)]


def _launched(
    folder: Path, launch: Mapping[str, Any], processes: Processes, known: Mapping[str, Any]
) -> RunStatus:
    """Gives the status of a run whose process has not written its state yet, or never did."""
    resumable = (folder / "run.json").exists()
    if processes.isAlive(int(launch.get("pid") or 0)):
        return RunStatus(state=STARTING, message="starting", **known)
    message = lastWords(folder / "log.txt")
    return RunStatus(state=FAILED, message=message, canResume=resumable, **known)


def _whyInterrupted(folder: Path) -> str:
    words = lastWords(folder / "log.txt")
    died = re.match(r"[\w.]*(Error|Exception|Interrupt)\b", words)
    return f"interrupted, can be resumed ({words})" if died else "interrupted, can be resumed"


def _isAtWork(folder: Path, said: Mapping[str, Any], processes: Processes) -> bool:
    if not processes.isAlive(int(said.get("pid") or 0)):
        return False
    silent = time.time() - (folder / "state.json").stat().st_mtime
    # After a restart of the computer the number may be another program's.
    return silent < SILENT_S or _isLocked(folder / ".lock")


def _isLocked(path: Path) -> bool:
    """Tells whether a run holds its folder's lock; True where that cannot be found out."""
    try:
        from filelock import FileLock, Timeout
    except ImportError:  # Comes with PyTorch.
        return True
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _signature(said: Mapping[str, Any]) -> list[Any]:
    return [said.get("state"), said.get("pid"), said.get("step"), said.get("updated")]


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}

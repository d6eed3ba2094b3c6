"""The rounds of a queue: started from the panel, watched there, and found again after a crash."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from ImperfectSegLib.Processes import Processes
from ImperfectSegLib.QueueRound import DONE, ROUND, RUNNING, STAGE, TRAINING, Round, Stage
from ImperfectSegLib.QueueRound import FAILED as FAILED
from ImperfectSegLib.RunFolders import (
    EventReader,
    askToStop,
    lastWords,
    noteLaunch,
    stateOf,
    statusOf,
)
from ImperfectSegLib.RunTexts import described
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import make_folder, visible

MODULE = "ImperfectSegLib.QueueRound"
PREFIX = "queue-"
INTERRUPTED = "interrupted"
SILENT_S = 60.0
"""A process of another computer is taken for dead after this time without a word."""


@dataclass(frozen=True)
class RoundStatus:
    """Where a round stands.

    Attributes:
        folder: The model's folder, or that of a ranking alone.
        state: `running`, `done`, `failed`, or `interrupted`, which can go on.
        stage: What is at hand.
        text: For people.
        fraction: Of the training; None if it is not known.
    """

    folder: Path
    state: str
    stage: str
    text: str
    fraction: float | None = None

    @property
    def isActive(self) -> bool:
        """Whether a process works on it."""
        return self.state == RUNNING


@dataclass(frozen=True)
class CurvePoint:
    """How good a model is that was trained in a round.

    Attributes:
        name: Of the model.
        annotations: How many there were.
        dice: Mean over labels, of the best validation.
    """

    name: str
    annotations: int
    dice: float


def nextName(dataset: Dataset) -> str:
    """Gives the name of the next model."""
    numbers = [n.removeprefix(PREFIX) for n in dataset.models if n.startswith(PREFIX)]
    number = max((int(n) for n in numbers if n.isdigit()), default=0) + 1
    return f"{PREFIX}{number:04d}"


def start(folder: Path, own: Round, processes: Processes) -> None:
    """Starts a round in a process of its own.

    Raises:
        OSError: If the folder cannot be written, or no process be started.
    """
    make_folder(folder)
    (folder / STAGE).unlink(missing_ok=True)
    own.write(folder)
    goOn(folder, processes)


def goOn(folder: Path, processes: Processes) -> None:
    """Goes on with a round that has failed or was interrupted; what was done stays done.

    Raises:
        OSError: If the folder cannot be written, or no process be started.
        ValueError: If what is to be done cannot be read.
    """
    own, before, told = Round.read(folder), Stage.read(folder), stateOf(folder)
    pid = processes.start([str(folder)], folder / "log.txt", MODULE)
    if Stage.read(folder) == before:  # Else the process was faster.
        Stage("", RUNNING, pid, before.ended if before else ()).write(folder)
    if any(name == TRAINING for name, _ in own.stages):
        noteLaunch(folder, pid, told)


def stop(status: RoundStatus, processes: Processes) -> None:
    """Stops a round: a training after the step at hand, all else at once."""
    if status.stage == TRAINING:
        askToStop(status.folder)
    else:
        stage = Stage.read(status.folder)
        processes.end(stage.pid if stage else 0)


def roundStatus(folder: Path, processes: Processes) -> RoundStatus | None:
    """Gives where a round stands; None if there is none in the folder."""
    stage, name = Stage.read(folder), folder.name
    if stage is None:
        return None
    if stage.state == DONE:
        return RoundStatus(folder, DONE, "", f"{name}: done, the queue is ranked.")
    run = statusOf(folder, processes) if stage.name == TRAINING else None
    if stage.state == FAILED or not _isAtWork(folder, stage, processes):
        state = FAILED if stage.state == FAILED else INTERRUPTED
        words = run.message if run and run.message else lastWords(folder / "log.txt")
        return RoundStatus(folder, state, stage.name, f"{name}: {stage.name} {state}: {words}")
    if run is not None:
        fraction = run.step / run.of if run.of else None
        return RoundStatus(folder, RUNNING, TRAINING, described(run, False), fraction)
    return RoundStatus(folder, RUNNING, stage.name, f"{name}: {stage.name or 'starting'}...")


def lastRound(dataset: Dataset) -> Path | None:
    """Gives the folder of the newest round that trains; None if there is none."""
    folders = _folders(dataset)
    return folders[-1] if folders else None


def annotationsAt(folder: Path | None) -> int:
    """Gives how many annotations there were when a round was begun; 0 without one."""
    with contextlib.suppress(OSError, ValueError):
        return Round.read(folder).annotations if folder else 0
    return 0


def curveOf(dataset: Dataset) -> list[CurvePoint]:
    """Gives the learning curve: validation Dice against annotations, by rising number of them."""
    points = []
    for folder in _folders(dataset):
        events = EventReader(folder).read()
        dice = [e["values"]["dice"] for e in events if e.get("kind") == "validation"
                and isinstance(e.get("values"), dict) and "dice" in e["values"]]  # fmt: skip
        if dice:
            points.append(CurvePoint(folder.name, annotationsAt(folder), float(max(dice))))
    return sorted(points, key=lambda point: (point.annotations, point.name))


def _folders(dataset: Dataset) -> list[Path]:
    models = dataset.folder / "models"
    return [models / name for name in visible(models) if (models / name / ROUND).exists()]


def _isAtWork(folder: Path, stage: Stage, processes: Processes) -> bool:
    """Tells whether a process works on a round, also one of another computer on the same share."""
    if processes.isAlive(stage.pid):
        return True
    if processes.exitCode(stage.pid) is not None:
        return False
    files = [folder / name for name in (STAGE, "state.json", "log.txt")]
    touched = max(file.stat().st_mtime for file in files if file.exists())
    return time.time() - touched < SILENT_S

"""One round of work for a queue, in a process of its own: train, predict, rank.

    python -m ImperfectSegLib.QueueRound FOLDER

runs one after the other the commands of `imperfectseg` that FOLDER/round.json lists, and writes
into FOLDER/stage.json how far it is. What was done stays done: a round that was interrupted goes on
where it stopped when it is started again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.datasets.files import read_json, read_object, write_json

FORMAT, VERSION = "ImperfectSeg queue round", 1
ROUND, STAGE = "round.json", "stage.json"
TRAINING, PREDICTING, RANKING = "training", "predicting", "ranking"
RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True)
class Round:
    """What a round consists of.

    Attributes:
        stages: Names of stages, and each one's arguments of `imperfectseg`.
        annotations: How many annotations there were when it was begun.
        seconds: How long annotators had been at work on them.
    """

    stages: tuple[tuple[str, tuple[str, ...]], ...]
    annotations: int = 0
    seconds: float = 0.0

    def write(self, folder: Path) -> None:
        """Writes it into a folder.

        Raises:
            OSError: If it cannot be written.
        """
        stages = [[name, list(arguments)] for name, arguments in self.stages]
        said = {"annotations": self.annotations, "seconds": self.seconds, "stages": stages}
        write_json(folder / ROUND, {"format": FORMAT, "version": VERSION, **said}, overwrite=True)

    @classmethod
    def read(cls, folder: Path) -> Round:
        """Reads what `write` wrote.

        Raises:
            FileNotFoundError: If there is no round in the folder.
            ValueError: If it is damaged.
        """
        said = read_json(folder / ROUND, FORMAT, VERSION)
        try:
            stages = tuple((str(name), tuple(map(str, told))) for name, told in said["stages"])
            return cls(stages, int(said["annotations"]), float(said["seconds"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder / ROUND}: got a damaged round ({error}).") from error


@dataclass(frozen=True)
class Stage:
    """How far a round is.

    Attributes:
        name: Of the stage at hand; empty before the first.
        state: `running`, `done` or `failed`.
        pid: The process.
        ended: The stages that are done.
    """

    name: str = ""
    state: str = RUNNING
    pid: int = 0
    ended: tuple[str, ...] = field(default=())

    def write(self, folder: Path) -> None:
        """Writes it into a folder."""
        content: Mapping[str, Any] = {**vars(self), "ended": list(self.ended)}
        write_json(folder / STAGE, content, overwrite=True)

    @classmethod
    def read(cls, folder: Path) -> Stage | None:
        """Reads it; None if there is none, or nothing to make sense of."""
        try:
            said = read_object(folder / STAGE)
            ended = tuple(map(str, said["ended"]))
            return cls(str(said["name"]), str(said["state"]), int(said["pid"]), ended)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def run(folder: Path, command: Callable[[Sequence[str]], int]) -> int:
    """Runs what is left of a round; gives the exit code of the stage that failed, or 0."""
    own, before = Round.read(folder), Stage.read(folder)
    ended = before.ended if before else ()
    for name, arguments in own.stages:
        if name in ended:
            continue
        Stage(name, RUNNING, os.getpid(), ended).write(folder)
        print(f"{name}: imperfectseg {' '.join(arguments)}", flush=True)
        isResumed = name == TRAINING and (folder / "run.json").exists()
        code = command([*arguments, "--resume"] if isResumed else arguments)
        # A training that was asked to stop ends well, but has not come to its end.
        if code or (name == TRAINING and not _isTrained(folder)):
            Stage(name, FAILED, os.getpid(), ended).write(folder)
            return code or 1
        ended = (*ended, name)
    Stage("", DONE, os.getpid(), ended).write(folder)
    return 0


def _isTrained(folder: Path) -> bool:
    try:
        return bool(read_object(folder / "state.json").get("state") == "done")
    except (OSError, ValueError):
        return False


def main() -> int:
    """Runs the round of the folder that was named."""
    from ImperfectSegLogic import cli  # Imports what 3D Slicer may lack.

    return run(Path(sys.argv[1]), cli.main)


if __name__ == "__main__":
    sys.exit(main())

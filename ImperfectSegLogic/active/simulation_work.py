"""The trainings and questions of simulated campaigns, each done once and kept in a folder."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ImperfectSegLogic.active.pool import DatasetImages, Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.simulation_data import LabeledSet
from ImperfectSegLogic.active.simulation_results import Dice, Round, mean_dice, over_cases
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Dataset, SparseMask
from ImperfectSegLogic.data.datasets.files import make_folder, read_json, write_json
from ImperfectSegLogic.methods.base import QueryStrategy, Ranking
from ImperfectSegLogic.methods.progress import Progress

FORMAT, VERSION = "ImperfectSeg simulation", 1
STREAM = 3
"""Tells this use of a seed apart from others."""


class Teacher(Protocol):
    """Trains what is asked, and scores it."""

    def known_by(self) -> str:
        """Gives another text for another way to train."""

    def train(
        self,
        labeled: LabeledSet,
        data: Dataset,
        robot: str,
        seed: int,
        folder: Path,
        progress: Progress,
    ) -> None:
        """Trains from scratch, or goes on where it was stopped.

        Args:
            labeled: Says which cases there are.
            data: With what is revealed of them.
            robot: Whose annotations to learn from.
            seed: Fixes all chance.
            folder: Of the result.
            progress: Told how far the work is; cancels it.
        """

    def scores(self, labeled: LabeledSet, folder: Path, progress: Progress) -> Mapping[str, Dice]:
        """Gives the Dice of each test case, of the labels that somebody looked for in it."""

    def tidy(self, folder: Path) -> None:
        """Takes away what only an unfinished training needs."""

    def segmenter(self, folder: Path) -> Segmenter:
        """Gives what was trained, for strategies to ask."""


@dataclass(frozen=True)
class Question:
    """What a strategy is asked.

    Attributes:
        name: What people call the strategy; part of the chance.
        strategy: Itself.
        count: How many units.
        number: Of the round.
        version: Another text makes it ask again, such as a hash of the strategy's code.
    """

    name: str
    strategy: QueryStrategy
    count: int
    number: int
    version: str = ""

    @property
    def known_by(self) -> list[str]:
        """What the answer depends on, besides data, units and training."""
        later = [self.version] if self.version else []
        return [self.name, str(self.count), str(self.number), *later]


class Work:
    """Trainings and questions, each known by all that it depends on."""

    def __init__(
        self, labeled: LabeledSet, teacher: Teacher, folder: Path, progress: Progress
    ) -> None:
        """Makes the folder, with a data set that points to the images, or completes it.

        Raises:
            ValueError: If the folder was made for other data, or a case has no annotation.
            OSError: If something cannot be read or written.
        """
        self._labeled, self._teacher = labeled, teacher
        self._data = labeled.linked(make_folder(folder) / "data", progress)
        self._folder = make_folder(folder / "trainings")
        self._known_by = [*labeled.known_by(), teacher.known_by(), str(VERSION)]

    def trained(self, units: Sequence[Unit], seed: int, progress: Progress) -> Round:
        """Trains on units, and scores; tells what it was told before if that was done.

        Args:
            units: Sorted.
            seed: Of all chance.
            progress: Told how far the work is; cancels it.

        Raises:
            ValueError: If no test case has any label, or it is not possible to train.
            OSError: If something cannot be read or written.
        """
        from filelock import FileLock  # Comes with torch, which not everybody has.

        folder = self._place(units, seed)
        path = folder / "scores.json"
        # Campaigns in other processes may come to the same units.
        with FileLock(make_folder(folder) / ".lock"):
            if not path.is_file():
                self._train(units, seed, folder, progress)
        said = read_json(path, FORMAT, VERSION)
        # Folders of earlier versions do not tell the cases.
        told = {case: _by_label(one) for case, one in said.get("cases", {}).items()}
        return Round(-1, said["units"], said["voxels"], _by_label(said["dice"]), cases=told)

    def _train(self, units: Sequence[Unit], seed: int, folder: Path, progress: Progress) -> None:
        robot = f"robot-{folder.name}"
        self._labeled.reveal(self._data, units, robot)
        known = (self._labeled, self._data, robot, seed, folder)
        self._teacher.train(*known, progress.part(0, 0.8))
        cases = self._teacher.scores(self._labeled, folder, progress.part(0.8, 1))
        dice = over_cases(cases, self._data.labels)
        mean_dice(dice)  # Says so if there is nothing to be scored.
        known_of = {"units": len(units), "voxels": self._voxels(units, robot)}
        write_json(folder / "scores.json", _said(**known_of, dice=dice, cases=cases, seed=seed))
        self._teacher.tidy(folder)

    def asked(
        self,
        question: Question,
        every: Sequence[Unit],
        units: Sequence[Unit],
        seed: int,
        progress: Progress,
    ) -> Ranking:
        """Asks a strategy what to reveal next; tells its earlier answer if it was asked before.

        Args:
            question: What to ask whom.
            every: All units.
            units: Those that are revealed, sorted; `trained` has trained on them.
            seed: Of all chance.
            progress: Told how far the work is; cancels it.

        Raises:
            ValueError: If the strategy cannot be asked, or a case not be measured.
            OSError: If something cannot be read or written.
        """
        name, strategy, number = question.name, question.strategy, question.number
        folder = self._place(units, seed)
        key = _hash(question.known_by)
        path, measured = folder / f"asked-{key}.json", folder / f"measured-{key}"
        if not path.is_file():
            pool = Pool(DatasetImages(self._data), set(every) - set(units), units, measured)
            segmenter = self._teacher.segmenter(folder) if strategy.needs_segmenter else None
            # By name: else strategies that draw in the same way would draw the same units.
            chance = [seed, STREAM, number + 1, zlib.crc32(name.encode())]
            rng = np.random.default_rng(chance)
            found = strategy.rank(pool, segmenter, question.count, rng, progress)
            for case, why in pool.problems.items():
                raise ValueError(f"{name}: case {case} cannot be measured: {why}")
            kept = {"items": found.items, "scores": found.scores, "reasons": found.reasons}
            write_json(path, _said(strategy=name, **kept))
            # Its own: other processes may ask about the same training.
            shutil.rmtree(measured, ignore_errors=True)
        said = read_json(path, FORMAT, VERSION)
        return Ranking(tuple(said["items"]), tuple(said["scores"]), tuple(said["reasons"]))

    def _voxels(self, units: Sequence[Unit], robot: str) -> int:
        """Counts what a robot has labeled; where units overlap, once."""
        count = 0
        for case in sorted({unit.case for unit in units}):
            mask = self._data.read(case, self._data.versions(case, robot)[-1])
            assert isinstance(mask, SparseMask), case
            count += int(np.count_nonzero(mask.labeled))
        return count

    def _place(self, units: Sequence[Unit], seed: int) -> Path:
        """Gives the folder of a training."""
        names = sorted(unit.name() for unit in units)
        return self._folder / _hash([*self._known_by, str(seed), *names])


def _by_label(dice: Mapping[str, float | None]) -> dict[int, float | None]:
    return {int(label): value for label, value in dice.items()}


def _said(**content: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, **content}


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]

"""The trainings and questions of simulated campaigns, each done once and kept in a folder."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ImperfectSegLogic.active.pool import DatasetImages, Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.simulation_data import LabeledSet
from ImperfectSegLogic.active.simulation_results import Round, mean_dice
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

    def scores(
        self, labeled: LabeledSet, folder: Path, progress: Progress
    ) -> dict[int, float | None]:
        """Gives the mean Dice over the test cases by label; None if none of them has it."""

    def tidy(self, folder: Path) -> None:
        """Takes away what only an unfinished training needs."""

    def segmenter(self, folder: Path) -> Segmenter:
        """Gives what was trained, for strategies to ask."""


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
        folder = self._place(units, seed)
        path = folder / "scores.json"
        if not path.is_file():
            robot = f"robot-{folder.name}"
            self._labeled.reveal(self._data, units, robot)
            known = (self._labeled, self._data, robot, seed, make_folder(folder))
            self._teacher.train(*known, progress.part(0, 0.8))
            dice = self._teacher.scores(self._labeled, folder, progress.part(0.8, 1))
            mean_dice(dice)  # Says so if there is nothing to be scored.
            voxels = self._voxels(units, robot)
            write_json(path, _said(units=len(units), voxels=voxels, dice=dice, seed=seed))
            self._teacher.tidy(folder)
        said = read_json(path, FORMAT, VERSION)
        scores = {int(label): value for label, value in said["dice"].items()}
        return Round(-1, said["units"], said["voxels"], scores)

    def asked(
        self,
        question: tuple[str, QueryStrategy, int, int],
        every: Sequence[Unit],
        units: Sequence[Unit],
        seed: int,
        progress: Progress,
    ) -> Ranking:
        """Asks a strategy what to reveal next; tells its earlier answer if it was asked before.

        Args:
            question: The strategy's name and itself, how many units, and the number of the round.
            every: All units.
            units: Those that are revealed, sorted; `trained` has trained on them.
            seed: Of all chance.
            progress: Told how far the work is; cancels it.

        Raises:
            ValueError: If the strategy cannot be asked, or a case not be measured.
            OSError: If something cannot be read or written.
        """
        name, strategy, count, number = question
        folder = self._place(units, seed)
        path = folder / f"asked-{_hash([name, str(count), str(number)])}.json"
        if not path.is_file():
            pool = Pool(
                DatasetImages(self._data), set(every) - set(units), units, folder / "measured"
            )
            segmenter = self._teacher.segmenter(folder) if strategy.needs_segmenter else None
            # By name: else strategies that draw in the same way would draw the same units.
            chance = [seed, STREAM, number + 1, zlib.crc32(name.encode())]
            rng = np.random.default_rng(chance)
            found = strategy.rank(pool, segmenter, count, rng, progress)
            for case, why in pool.problems.items():
                raise ValueError(f"{name}: case {case} cannot be measured: {why}")
            kept = {"items": found.items, "scores": found.scores, "reasons": found.reasons}
            write_json(path, _said(strategy=name, **kept))
            shutil.rmtree(folder / "measured", ignore_errors=True)
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


def _said(**content: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, **content}


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]

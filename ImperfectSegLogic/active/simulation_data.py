"""The labeled data set of a simulated campaign, and the robot that reveals its masks by units."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool_units import Division
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, SparseMask
from ImperfectSegLogic.data.datasets.linked import empty_like, link_case
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.training.case_fingerprint import content_key


@dataclass(frozen=True)
class LabeledSet:
    """A data set whose masks are known, but revealed only as far as a strategy asks for them.

    Attributes:
        dataset: The given data set; nothing is ever written into it.
        train: Cases to reveal.
        test: Cases to score.
        validation: Cases to choose the best weights by, all revealed from the start; may be none.
        annotator: Whose masks are the truth; the newest of each case if None.

    Raises:
        ValueError: If there is no case to reveal or to score, or one is in two of the lists.
    """

    dataset: Dataset
    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    annotator: str | None = None

    def __post_init__(self) -> None:
        for what, cases in (("train", self.train), ("score", self.test)):
            if not cases:
                raise ValueError(f"simulation: got no cases to {what} on. Choose another split.")
        every = self.cases
        twice = sorted({case for case in every if every.count(case) > 1})
        if twice:
            raise ValueError(
                f"simulation: got cases {twice[:10]} in two of the splits to train, validate and"
                " score on, allowed is one. Choose other splits."
            )

    @property
    def cases(self) -> tuple[str, ...]:
        """All cases."""
        return (*self.train, *self.validation, *self.test)

    def truth(self, case: str) -> DenseMask:
        """Reads the whole mask of a case.

        Raises:
            ValueError: If there is none, or it does not label all voxels.
            OSError: If it cannot be read.
        """
        version = self.dataset.find_version(case, self.annotator)
        found = self.dataset.read(case, version) if version else None
        if not isinstance(found, DenseMask):
            got = type(found).__name__ if found else "no annotation"
            raise ValueError(
                f"case {case}: got {got}, allowed are masks that label all voxels. Complete it,"
                " name another annotator, or leave the case out of the splits."
            )
        return found

    def looked_for(self, case: str) -> tuple[int, ...]:
        """Gives the labels that somebody looked for in a case."""
        listed = self.dataset.record(case).labels
        return tuple(sorted(self.dataset.labels)) if listed is None else listed

    def known_by(self) -> list[str]:
        """Gives texts that are others once images, masks, labels or splits have changed.

        Raises:
            ValueError: If a case has no annotation of the annotator.
            FileNotFoundError: If there is no such case.
        """
        keys = [content_key(self.dataset, case, self.annotator) for case in self.cases]
        return [*self.cases, *keys, repr((len(self.train), len(self.validation)))]

    def units(self, division: Division) -> list[Unit]:
        """Gives all units of the cases to reveal."""
        shapes = ((case, self.dataset.record(case).geometry.shape) for case in sorted(self.train))
        return [unit for case, shape in shapes for unit in division.units(case, shape)]

    def linked(self, folder: Path, progress: Progress) -> Dataset:
        """Makes a data set that points to the images of this one, or completes it.

        Raises:
            ValueError: If it was made of other images.
            OSError: If an image cannot be read, or the data set not be written.
        """
        own = self.dataset
        made = Dataset.open(folder) if folder.exists() else empty_like(own, folder)
        wanted = (*self.train, *self.validation)
        for number, case in enumerate(wanted):
            progress.report(number / len(wanted), f"linking {case}")
            if case not in made.case_ids:
                link_case(own, made, case)
            if made.record(case).sha256 != own.record(case).sha256 or made.labels != own.labels:
                raise ValueError(
                    f"{folder}: was made for other images or labels than those of {own.folder}."
                    " Choose another folder."
                )
        return made

    def reveal(self, data: Dataset, units: Sequence[Unit], robot: str) -> None:
        """Has a robot annotate units, and all validation cases, as far as it has not yet.

        Args:
            data: Made by `linked`.
            units: Sorted by case.
            robot: The annotator's name.

        Raises:
            ValueError: If a mask is missing or not dense.
            OSError: If something cannot be read or written.
        """
        for case, own in itertools.groupby(units, lambda unit: unit.case):
            if not data.versions(case, robot):
                data.annotate(case, only(self.truth(case), own), robot)
        for case in self.validation:
            if not data.versions(case, robot):
                data.annotate(case, self.truth(case), robot)


def only(mask: DenseMask, units: Iterable[Unit]) -> SparseMask:
    """Gives what a mask says in some units, and nothing elsewhere."""
    labels = np.full(mask.labels.shape, UNLABELED, np.int32)
    for unit in units:
        place = unit.slices(mask.geometry.shape)
        labels[place] = mask.labels[place]
    return SparseMask(labels, mask.geometry)

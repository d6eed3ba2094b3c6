"""What an importer found in somebody else's folder, and how it becomes a data set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data.dataset import Dataset
from ImperfectSegLogic.data.datasets.case_records import ImageFiles
from ImperfectSegLogic.data.datasets.files import new_folder
from ImperfectSegLogic.data.formats.foreign_masks import ForeignMask, read_mask
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.volume import Volume

Folds = tuple[Mapping[str, Sequence[str]], ...]
Listener = Callable[[float, str], None]


@dataclass(frozen=True)
class ForeignCase:
    """A case in somebody else's folder.

    Attributes:
        case: The id that it gets.
        images: The image's file, or one file per channel.
        masks: Its label maps; the last one becomes the newest.
        subject: Who was imaged, if the folder tells.
    """

    case: str
    images: tuple[Path, ...]
    masks: tuple[ForeignMask, ...] = ()
    subject: str = ""


@dataclass(frozen=True)
class Plan:
    """What is to become a data set: files, no voxels.

    Attributes:
        name: What the data set will be called.
        labels: The name of every label.
        cases: All cases.
        text: A few words about the data set.
        channels: What each value of a voxel is.
        folds: The splits.
        notes: What is not taken over, for people.
    """

    name: str
    labels: Mapping[int, str]
    cases: tuple[ForeignCase, ...]
    text: str = ""
    channels: tuple[str, ...] = ()
    folds: Folds = ()
    notes: tuple[str, ...] = ()

    def with_subjects(self, pattern: str) -> Plan:
        """Takes who was imaged from the ids of cases.

        Args:
            pattern: A regular expression; its first group, or all that it matches, is the subject.

        Raises:
            ValueError: If it is no regular expression, or does not match the id of a case.
        """
        try:
            expression = re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"subject: got {pattern!r}, which is no regular expression ({error})."
            ) from error
        return replace(
            self, cases=tuple(replace(c, subject=_subject(expression, c.case)) for c in self.cases)
        )

    def with_splits(self, splits: Mapping[str, Sequence[str]]) -> Plan:
        """Sets the splits, in place of those that the folder told.

        Args:
            splits: By name, ids of cases or of subjects, which stand for all of their cases.

        Raises:
            ValueError: If one is neither a case nor a subject.
        """
        fold = {
            name: [c for key in keys for c in self._cases_of(key)] for name, keys in splits.items()
        }
        return replace(self, folds=(fold,))

    def _cases_of(self, key: str) -> list[str]:
        found = [c.case for c in self.cases if key in (c.case, c.subject)]
        if not found:
            raise ValueError(
                f"splits: got {key!r}, which is no case and no subject. Cases are"
                f" {', '.join(c.case for c in self.cases[:3])} and so on."
            )
        return found


def run(
    plan: Plan,
    folder: Path,
    image_files: ImageFiles = "copy",
    progress: Listener = lambda fraction, text: None,
) -> Dataset:
    """Makes a data set, one case after the other; if one fails, there is no data set.

    Args:
        plan: What an importer found.
        folder: The data set's folder, which must not be there yet.
        image_files: Whether images are copied, or where they are is noted.
        progress: Called with the share that is done, from 0 to 1, and the case's id.

    Raises:
        ValueError: If a file is damaged, or a mask does not fit its image or the labels.
        OSError: If the folder is there already or cannot be written.
    """
    if not plan.cases:
        raise ValueError(f"{plan.name}: there are no images to import. Check the folder.")
    with new_folder(folder) as made:
        made.rmdir()  # Which `create` makes itself.
        dataset = Dataset.create(made, plan.labels, plan.name, plan.text, plan.channels)
        for number, foreign in enumerate(plan.cases):
            progress(number / len(plan.cases), foreign.case)
            _add(dataset, foreign, image_files)
        if plan.folds:
            dataset.set_splits(*plan.folds)
    progress(1.0, "")
    return Dataset.open(folder)


def _add(dataset: Dataset, foreign: ForeignCase, image_files: ImageFiles) -> None:
    image: Path | Volume = foreign.images[0]
    if len(foreign.images) > 1:
        if image_files != "copy":
            raise ValueError(
                f"case {foreign.case}: its {len(foreign.images)} channels are in files of their"
                " own, which become one. Import it with copies of the images."
            )
        image = _stacked(foreign.images)
    source = ", ".join(str(path) for path in foreign.images)
    record = dataset.add_case(foreign.case, image, image_files, foreign.subject, source)
    for mask in foreign.masks:
        annotation = read_mask(mask, record.geometry, dataset.labels)
        try:
            dataset.annotate(foreign.case, annotation, mask.annotator)
        except ValueError as error:
            raise ValueError(f"{mask.path}: {error}") from error


def _stacked(paths: Sequence[Path]) -> Volume:
    volumes = [read_volume(path) for path in paths]
    for path, volume in zip(paths, volumes, strict=True):
        if volume.channels > 1 or not volume.geometry.matches(volumes[0].geometry):
            raise ValueError(
                f"{path}: got an image of {volume.channels} channels on another grid than"
                f" {paths[0].name}, allowed is one channel on the same grid. Resample it."
            )
    return Volume(np.stack([v.array for v in volumes]), volumes[0].ijk_to_ras, paths[0].name)


def _subject(expression: re.Pattern[str], case: str) -> str:
    match = expression.search(case)
    if match is None:
        raise ValueError(
            f"subject: {expression.pattern!r} does not match case {case}. Change the expression."
        )
    return match[1] if expression.groups else match[0]

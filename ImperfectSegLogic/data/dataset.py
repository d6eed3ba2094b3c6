"""The data set: a folder of plain files with cases, annotations, splits, predictions and models.

    dataset.json                            name, labels, channels
    cases/CASE/case.json                    grid, subject, source; the image beside it or elsewhere
    annotations/CASE/ANNOTATOR/0001-KIND.*  every version that anybody made
    splits.json                             which cases are for what
    predictions/MODEL/CASE.*   models/MODEL/

Nothing is kept in memory, so that several processes can work on one folder at the same time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ImperfectSegLogic.data.case import Case
from ImperfectSegLogic.data.datasets import splits
from ImperfectSegLogic.data.datasets.annotated import Annotated
from ImperfectSegLogic.data.datasets.case_records import CaseRecord, ImageFiles, add_record
from ImperfectSegLogic.data.datasets.description import Description
from ImperfectSegLogic.data.datasets.files import check_name, new_folder
from ImperfectSegLogic.data.datasets.predicted import Predicted
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.volume import Volume


@dataclass(frozen=True)
class Dataset(Annotated, Predicted):
    """A data set folder.

    Attributes:
        folder: Where it is.
        description: Its name, labels and channels.
    """

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        labels: Mapping[int, str],
        name: str = "",
        description: str = "",
        channels: Sequence[str] = (),
    ) -> Dataset:
        """Makes the folder of a new, empty data set.

        Args:
            folder: Where; the folder must not be there yet.
            labels: The name of every label from 1; 0 is background.
            name: What people call it; the folder's name by default.
            description: What it is about.
            channels: What each value of a voxel is, such as `CT`; none if not known.

        Raises:
            ValueError: If labels or names are not allowed.
            OSError: If the folder is there already or cannot be made.
        """
        target = Path(folder)
        said = Description(name or target.resolve().name, labels, description, tuple(channels))
        with new_folder(target) as made:
            for part in ("cases", "annotations", "predictions", "models"):
                (made / part).mkdir()
            said.write(made)
        return cls(target, said)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Dataset:
        """Opens a data set; nothing but `dataset.json` is read.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If `dataset.json` is damaged or of a newer version.
        """
        return cls(Path(folder), Description.read(Path(folder)))

    def add_case(
        self,
        case: str,
        image: Volume | str | os.PathLike[str],
        image_files: ImageFiles = "copy",
        subject: str = "",
        source: str = "",
        labels: Sequence[int] | None = None,
    ) -> CaseRecord:
        """Adds an image.

        Args:
            case: The new case's id.
            image: The image, or a file or DICOM folder with it.
            image_files: `copy` copies the file into the data set; `relative` and `absolute` only
                note where it is, seen from the data set's folder or from the root.
            subject: Who was imaged; cases of one subject belong into one split.
            source: Where it comes from, for people; the file by default.
            labels: Which labels were looked for in this case, if not all.

        Raises:
            FileExistsError: If there is such a case already.
            ValueError: If the id, the labels or the image are not allowed.
            OSError: If the image cannot be read, or the case not be written.
        """
        check_name("case", case)
        self.check_labels(case, labels or ())
        if image_files not in get_args(ImageFiles):
            raise ValueError(
                f"case {case}: got image files {image_files!r}, allowed are"
                f" {', '.join(get_args(ImageFiles))}."
            )
        file = None if isinstance(image, Volume) else Path(image)
        volume = image if isinstance(image, Volume) else read_volume(image)
        self._check_channels(case, volume)
        listed = None if labels is None else tuple(sorted(set(labels)))
        known = {"subject": subject, "source": source or str(file or ""), "labels": listed}
        return add_record(self.folder, case, volume, file, image_files, **known)

    def _check_channels(self, case: str, volume: Volume) -> None:
        wanted = self.description.channels
        if wanted and volume.channels != len(wanted):
            raise ValueError(
                f"case {case}: got {volume.channels} channels, allowed are {len(wanted)}"
                f" ({', '.join(wanted)}). Choose another image, or change dataset.json."
            )

    def case(self, case: str, annotator: str | None = None, version: int | None = None) -> Case:
        """Reads a case: its image and one annotation.

        Args:
            case: Which.
            annotator: Whose annotation; the newest of all by default.
            version: Which of this annotator's versions; the newest by default.

        Returns:
            The case; its annotation is None if nobody made one.

        Raises:
            FileNotFoundError: If there is no such case or file.
            ValueError: If something is damaged, or there is no such annotator or version.
        """
        record = self.record(case)
        wanted = self.find_version(case, annotator, version)
        annotation = self.read(case, wanted, record.geometry) if wanted else None
        return Case(read_volume(record.image_path(self.folder)), case, annotation)

    def cases(self, split: str | None = None, fold: int = 0) -> Iterator[Case]:
        """Reads all cases, or those of a split, one after the other, sorted by id."""
        for case in self.case_ids if split is None else sorted(self.split(split, fold)):
            yield self.case(case)

    def set_splits(self, *folds: Mapping[str, Sequence[str]]) -> None:
        """Writes which cases are for what, in place of earlier splits.

        Args:
            *folds: Lists of case ids by name, such as `{"train": [...], "test": [...]}`.

        Raises:
            ValueError: If a case is not in the data set, or in two splits of one fold.
            OSError: If it cannot be written; the earlier splits stay.
        """
        known = set(self.case_ids)
        unknown = {c for fold in folds for ids in fold.values() for c in ids} - known
        if unknown:
            raise ValueError(f"splits: cases {sorted(unknown)} are not in {self.folder}.")
        splits.write_folds(self.folder / "splits.json", folds)

    @property
    def folds(self) -> list[dict[str, tuple[str, ...]]]:
        """All folds; each a mapping from a split's name to case ids."""
        return splits.read_folds(self.folder / "splits.json")

    def split(self, name: str, fold: int = 0) -> tuple[str, ...]:
        """Gives the ids of the cases of a split.

        Raises:
            ValueError: If there is no such fold or split.
        """
        folds = self.folds
        if not 0 <= fold < len(folds) or name not in folds[fold]:
            there = [sorted(f) for f in folds]
            raise ValueError(f"splits: got {name!r} of fold {fold}, there are {there}.")
        return folds[fold][name]

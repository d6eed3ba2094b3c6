"""A data set's folder: what it is about and which cases it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ImperfectSegLogic.data.annotations import Annotation
from ImperfectSegLogic.data.datasets.annotation_content import check_place
from ImperfectSegLogic.data.datasets.case_records import CaseRecord, read_record
from ImperfectSegLogic.data.datasets.description import Description
from ImperfectSegLogic.data.datasets.files import check_name, visible
from ImperfectSegLogic.data.image_files import read_volume
from ImperfectSegLogic.data.volume import Volume


@dataclass(frozen=True)
class Folder:
    """A data set's folder.

    Attributes:
        folder: Where it is.
        description: Its name, labels and channels.
    """

    folder: Path
    description: Description

    @property
    def labels(self) -> Mapping[int, str]:
        """The name of every label from 1; 0 is background."""
        return self.description.labels

    @property
    def case_ids(self) -> list[str]:
        """The ids of all cases, sorted."""
        return visible(self.folder / "cases")

    def record(self, case: str) -> CaseRecord:
        """Reads what is known about a case, without its image.

        Raises:
            FileNotFoundError: If there is no such case.
            ValueError: If its record is damaged.
        """
        if not (self.folder / "cases" / check_name("case", case)).is_dir():
            raise FileNotFoundError(f"case {case} is not in {self.folder}. See `case_ids`.")
        return read_record(self.folder, case)

    def image(self, case: str) -> Volume:
        """Reads the image of a case.

        Raises:
            FileNotFoundError: If there is no such case, or its image is gone.
            ValueError: If the record or the image is damaged.
        """
        return read_volume(self.record(case).image_path(self.folder))

    def check_labels(self, case: str, labels: Iterable[int]) -> None:
        """Checks that labels are in the data set's list.

        Raises:
            ValueError: If one is not.
        """
        unknown = sorted(set(labels) - set(self.labels))
        if unknown:
            raise ValueError(
                f"case {case}: got labels {unknown}, allowed are {dict(self.labels)}. Change the"
                " annotation, or add the labels to dataset.json."
            )

    def check_place(self, case: str, annotation: Annotation) -> None:
        """Checks that an annotation lies on a case's image.

        Raises:
            ValueError: If it does not.
        """
        try:
            check_place(annotation, self.record(case).geometry)
        except ValueError as error:
            raise ValueError(f"case {case}: {error}") from None

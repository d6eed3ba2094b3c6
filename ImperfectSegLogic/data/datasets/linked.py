"""Data sets that point to the images of another one, with annotations of their own."""

from __future__ import annotations

from pathlib import Path

from ImperfectSegLogic.data.dataset import Dataset


def empty_like(dataset: Dataset, folder: Path) -> Dataset:
    """Makes a data set without cases, of the same labels, name and channels.

    Raises:
        OSError: If the folder is there already or cannot be made.
    """
    said = dataset.description
    return Dataset.create(folder, said.labels, said.name, said.text, said.channels)


def link_case(dataset: Dataset, target: Dataset, case: str) -> None:
    """Adds a case to another data set, without annotations; its image stays where it is.

    Args:
        dataset: Where the case is.
        target: Where it is added.
        case: Its id.

    Raises:
        FileExistsError: If there is such a case already.
        ValueError: If the image does not suit.
        OSError: If the image cannot be read, or the case not be written.
    """
    record = dataset.record(case)
    image = record.image_path(dataset.folder)
    target.add_case(case, image, "absolute", record.subject, record.source, record.labels)

"""What a data set knows about a case without reading its image: `case.json`."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ImperfectSegLogic.data.datasets.files import new_folder, read_json, sha256, write_json
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.image_files import PICTURES, WRITABLE, write_volume
from ImperfectSegLogic.data.volume import Volume

ImageFiles = Literal["copy", "relative", "absolute"]
FORMAT, VERSION = "ImperfectSeg case", 1
ONE_FILE = (*WRITABLE, *PICTURES)
"""Images that are whole in one file, so that a copy of the file is a copy of the image."""


@dataclass(frozen=True, eq=False)
class CaseRecord:
    """What is written down about a case.

    Attributes:
        identifier: Its name in the data set.
        image: Where the image is: relative to the data set's folder, or absolute.
        sha256: Of the image file, as it was when the case was added.
        geometry: The image's grid.
        channels: Values per voxel.
        subject: Who was imaged; cases of one subject belong into one split. Empty if not known.
        source: Where the image came from, for people.
        labels: Which labels were looked for in this case; None means all of the data set's.
    """

    identifier: str
    image: str
    sha256: str
    geometry: Geometry
    channels: int = 1
    subject: str = ""
    source: str = ""
    labels: tuple[int, ...] | None = None

    def image_path(self, dataset: Path) -> Path:
        """Gives where the image is, for a data set in a folder."""
        return dataset / self.image


def read_record(dataset: Path, identifier: str) -> CaseRecord:
    """Reads the record of a case.

    Raises:
        FileNotFoundError: If there is no such case.
        ValueError: If the record is damaged.
    """
    path = dataset / "cases" / identifier / "case.json"
    said = read_json(path, FORMAT, VERSION)
    try:
        listed = said.get("labels")
        return CaseRecord(
            identifier,
            str(said["image"]),
            str(said["sha256"]),
            Geometry(tuple(said["shape"]), np.array(said["ijk_to_ras"])),
            int(said["channels"]),
            str(said.get("subject", "")),
            str(said.get("source", "")),
            None if listed is None else tuple(int(label) for label in listed),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: got a damaged record ({type(error).__name__}: {error}). Restore it from a"
            " copy, or add the case again."
        ) from error


def add_record(
    dataset: Path,
    identifier: str,
    volume: Volume,
    file: Path | None,
    image_files: ImageFiles,
    **known: Any,
) -> CaseRecord:
    """Makes a case's folder, with its image in it if it is to be copied, in one step.

    Args:
        dataset: The data set's folder.
        identifier: The case's name.
        volume: The image.
        file: Where it was read from; None if it was not.
        image_files: `copy`, or how to point to the file.
        **known: `subject`, `source` and `labels` of the record.

    Raises:
        FileExistsError: If there is such a case already.
        OSError: If it cannot be written.
    """
    target = dataset / "cases" / identifier
    with new_folder(target) as folder:
        if image_files == "copy" or file is None:
            stored = _copied(volume, file, folder)
            image = (target / stored.name).relative_to(dataset).as_posix()
        else:
            stored = file.resolve()
            image = stored.as_posix()
            if image_files == "relative":
                image = Path(os.path.relpath(stored, dataset.resolve())).as_posix()
        grid = volume.geometry
        record = CaseRecord(identifier, image, sha256(stored), grid, volume.channels, **known)
        write_json(folder / "case.json", _content(record))
    return record


def _copied(volume: Volume, file: Path | None, folder: Path) -> Path:
    extensions = [e for e in ONE_FILE if file and file.name.lower().endswith(e)]
    if file is None or file.is_dir() or not extensions:
        target = folder / "image.nrrd"  # The one format that holds sheared grids and channels.
        write_volume(volume, target)
    else:
        target = folder / f"image{max(extensions, key=len)}"
        shutil.copyfile(file, target)
    return target


def _content(record: CaseRecord) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "case": record.identifier,
        "subject": record.subject,
        "source": record.source,
        "image": record.image,
        "sha256": record.sha256,
        "shape": record.geometry.shape,
        "channels": record.channels,
        "ijk_to_ras": record.geometry.ijk_to_ras.tolist(),
        "labels": record.labels,
    }

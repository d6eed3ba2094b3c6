"""Which DICOM objects an image was read from, so that reports and masks can name them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data.dicom_series import (
    INSTANCE,
    SERIES,
    quiet,
    series_files,
    sorted_slices,
    stack_matrix,
    tags_of,
)
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.itk_images import load_header, matrix_of

STUDY, FRAME_OF_REFERENCE = "0020|000d", "0020|0052"


@dataclass(frozen=True, eq=False)
class DicomReferences:
    """What a DICOM series is called, and which of its files is which slice.

    Attributes:
        study: Study instance UID; this and the next two are empty where the files do not tell.
        series: Series instance UID.
        frame_of_reference: UID of the patient coordinates.
        instances: SOP instance UID of each slice, in the order of the volume's; a file with many
            frames has one for all of them.
        files: The file of each of them.
        geometry: The grid, the same as that of `read_volume`.
    """

    study: str
    series: str
    frame_of_reference: str
    instances: tuple[str, ...]
    files: tuple[Path, ...]
    geometry: Geometry

    @property
    def is_multiframe(self) -> bool:
        """Whether one file holds many slices."""
        return len(self.files) < self.geometry.shape[0]


def read_references(path: str | os.PathLike[str], series: str | None = None) -> DicomReferences:
    """Reads what a DICOM series is called, from the headers of its files only.

    Args:
        path: The folder with its files, or one of its files.
        series: Its series instance UID or its description, needed where a folder holds several.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If there is no such series, or it is not one regular stack of slices.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder. Check the path.")
    with quiet():
        names = series_files(path, series)
        tags = tags_of(Path(names[0]))
        if len(names) == 1:
            files, instances = [Path(names[0])], [tags.get(INSTANCE, "")]
            geometry = _geometry_of_file(files[0])
        else:
            slices = sorted_slices(names)
            files, instances = [Path(s.path) for s in slices], [s.instance for s in slices]
            rows, columns = (int(n) for n in slices[0].shape)
            geometry = Geometry((len(slices), rows, columns), stack_matrix(slices, path))
    known = [tags.get(key, "") for key in (STUDY, SERIES, FRAME_OF_REFERENCE)]
    return DicomReferences(known[0], known[1], known[2], tuple(instances), tuple(files), geometry)


def _geometry_of_file(path: Path) -> Geometry:
    header = load_header(path)
    sizes = [*header.GetSize(), 1, 1][:3]
    return Geometry((int(sizes[2]), int(sizes[1]), int(sizes[0])), np.array(matrix_of(header)))

"""Whether an image file is complete, where ITK would read a file cut short without a word."""

from __future__ import annotations

from pathlib import Path

from ImperfectSegLogic.data.compressed import count_rest, open_bytes, uncompressed
from ImperfectSegLogic.data.nifti import read_header

ELSEWHERE = {b"data file", b"datafile", b"byte skip", b"byteskip", b"line skip", b"lineskip"}


def check_complete(path: Path) -> None:
    """Checks that NIfTI and NRRD files hold as much as they say; ITK checks other kinds itself.

    Raises:
        ValueError: If the file is cut short, damaged, or not of the kind that its name says.
    """
    if path.name.lower().endswith((".nii", ".nii.gz")):
        header = read_header(path)
        with open_bytes(path) as file:
            header.check_size(count_rest(file))
    elif path.name.lower().endswith(".nrrd"):
        _check_nrrd(path)


def _check_nrrd(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) != b"NRRD":
            raise ValueError(
                f"{path}: got a file that is no NRRD file. Give it the extension of what it is."
            )
        fields = {}
        while line := file.readline().strip():
            key, _, value = line.partition(b":")
            fields[key.strip().lower()] = value.strip().lower()
        if fields.get(b"encoding") not in (b"gzip", b"gz") or fields.keys() & ELSEWHERE:
            return
        with uncompressed(file, path) as voxels:
            count_rest(voxels)

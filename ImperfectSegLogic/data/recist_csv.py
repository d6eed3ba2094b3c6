"""RECIST diameters from a table in the form of DeepLesion's `DL_info.csv`.

A row is a lesion. Needed columns: `File_name` (`000001_01_01_109.png`: patient, study, series and
slice), `Key_slice_index` and `Measurement_coordinates` ("x1, y1, x2, y2" of the long diameter, then
of the short one, in pixels). Used where they are there: `Patient_index`, `Study_index`,
`Series_ID`, `Slice_range`, `Spacing_mm_px_` and `Image_size`. All numbers count from 1, pixels too:
(1, 1) is the middle of the first pixel. Source: DeepLesion (Yan 2018), and the loaders published
with it, which subtract 1. `recist_csv_cases` brings rows to images.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.image_files import READABLE

FILE, SLICE, ENDS = NEEDED = ("File_name", "Key_slice_index", "Measurement_coordinates")
INDICES = ("Patient_index", "Study_index", "Series_ID")
RANGE, SPACING, SIZE = "Slice_range", "Spacing_mm_px_", "Image_size"


@dataclass(frozen=True, eq=False)
class RecistRow:
    """One lesion of the table.

    Attributes:
        number: Of its line in the file; the header is line 1.
        file: The image's file without folder and extension.
        series: Such as `000001_01_01`; empty if the table does not tell.
        key_slice: The slice with the diameters, from 1.
        slice_range: First and last slice of the image that goes with the table.
        ends: Long diameter, then short one; x, y in pixels, 0 is the middle of the first pixel;
            shape (4, 2).
        spacing: Millimeters per pixel along x and y, and between slices.
        size: Columns and rows of the picture.
    """

    number: int
    file: str
    series: str
    key_slice: int
    slice_range: tuple[int, int] | None
    ends: NDArray[np.float64]
    spacing: tuple[float, ...] | None
    size: tuple[float, ...] | None


def read_recist_csv(path: str | os.PathLike[str]) -> tuple[list[RecistRow], list[str]]:
    """Reads the rows of a table.

    Returns:
        The rows, and what is wrong with rows that cannot be read, each with its line's number.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such table at all.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.")
    rows: list[RecistRow] = []
    wrong: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, skipinitialspace=True)
            missing = [c for c in NEEDED if c not in (table.fieldnames or ())]
            if missing:
                raise ValueError(
                    f"{path}: got a table without the columns {', '.join(missing)}. Choose a file"
                    " in the form of DeepLesion's DL_info.csv, separated by commas."
                )
            for said in table:
                try:
                    rows.append(_row(said, table.line_num))
                except ValueError as error:
                    wrong.append(f"row {table.line_num}: {error}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path}: got a file that is no table ({error}). Save it again."
        ) from error
    return rows, wrong


def stem_of(file: str) -> str:
    """Gives a file's name without folder and extension."""
    name = file.replace("\\", "/").rsplit("/", 1)[-1].strip()
    fitting = [e for e in (*READABLE, ".mrk.json", ".json") if name.lower().endswith(e)]
    return name[: len(name) - len(max(fitting, key=len, default=""))]


def _row(said: Mapping[str, str | None], number: int) -> RecistRow:
    ends = np.array(_numbers(said, ENDS, 8)).reshape(4, 2) - 1
    stem = stem_of(said[FILE] or "")
    if not stem:
        raise ValueError(f"{FILE}: got nothing, allowed is the name of an image file.")
    (key,) = _whole(said, SLICE, 1)
    between = _whole(said, RANGE, 2) if said.get(RANGE) else None
    if between and not between[0] <= key <= between[1]:
        raise ValueError(f"{SLICE}: got {key}, allowed is {between[0]} to {between[1]} ({RANGE}).")
    return RecistRow(
        number,
        stem,
        _series(said, stem),
        key,
        (between[0], between[1]) if between else None,
        ends,
        _numbers(said, SPACING, 2, 3) if said.get(SPACING) else None,
        _numbers(said, SIZE, 2, 3) if said.get(SIZE) else None,
    )


def _series(said: Mapping[str, str | None], stem: str) -> str:
    """Gives DeepLesion's name of the series, from its columns or else from the file's name."""
    if all(said.get(column) for column in INDICES):
        patient, study, series = (_whole(said, column, 1)[0] for column in INDICES)
        return f"{patient:06d}_{study:02d}_{series:02d}"
    found = re.fullmatch(r"(\d{6}_\d{2}_\d{2})_\d+", stem)
    return found[1] if found else ""


def _numbers(said: Mapping[str, str | None], column: str, *counts: int) -> tuple[float, ...]:
    text = (said[column] or "").strip().strip("[]")
    try:
        numbers = tuple(float(n) for n in re.split(r"[,;\s]+", text))
    except ValueError:
        numbers = ()
    if len(numbers) not in counts or not np.isfinite(numbers).all():
        wanted = " or ".join(str(n) for n in counts)
        raise ValueError(f"{column}: got {text!r}, allowed are {wanted} numbers.")
    return numbers


def _whole(said: Mapping[str, str | None], column: str, count: int) -> tuple[int, ...]:
    numbers = _numbers(said, column, count)
    if any(n != int(n) for n in numbers):
        raise ValueError(f"{column}: got {said[column]!r}, allowed are whole numbers.")
    return tuple(int(n) for n in numbers)

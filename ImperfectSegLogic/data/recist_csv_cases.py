"""From rows of a table in DeepLesion's form to `RecistMarks` of images, in RAS.

Which image: of series `000001_01_01`, a case called `000001_01_01_103-115` (as DeepLesion's own
script names the stacks that it makes; the numbers are its first and last slice), or else
`000001_01_01`, or else a case called as the row's image file. Its first slice is the one that its
name tells; if it tells none, that of `Slice_range` where the image has as many slices, or else 1.

Which way: pictures show axial slices as radiologists look at them, x to the patient's left and y to
the back, and slices are counted from head to feet. By default the image's own orientation decides
which voxel that is, so that stacks with exchanged or flipped axes, as DeepLesion's script makes
them, come out right. Where an image's orientation is made up, `voxels` takes x, y and slice as the
voxel's i, j and k.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.annotations import RecistMarks
from ImperfectSegLogic.data.geometry import Geometry
from ImperfectSegLogic.data.prompts import Recist
from ImperfectSegLogic.data.recist_csv import RecistRow

Pixels = Literal["anatomical", "voxels"]
RANGED = re.compile(r"(.+)_(\d+)-(\d+)")
PICTURE = -np.eye(3)
"""Where x, y and the slices of a picture go: left, back, to the feet; rows are RAS."""


@dataclass(frozen=True)
class PlacedRows:
    """What became of the rows.

    Attributes:
        marks: The marks of each case, in the order of the rows.
        wrong: What is wrong with rows, each with its line's number.
        elsewhere: How many rows are about images that are not there.
    """

    marks: Mapping[str, RecistMarks]
    wrong: tuple[str, ...]
    elsewhere: int


def place_rows(
    rows: Iterable[RecistRow],
    names: Mapping[str, str],
    geometry_of: Callable[[str], Geometry],
    label: int = 1,
    pixels: Pixels = "anatomical",
    check: Callable[[Recist, Geometry], None] = lambda mark, geometry: None,
) -> PlacedRows:
    """Gives the marks of every image that rows are about.

    Args:
        rows: What `read_recist_csv` gave.
        names: The case of every name that an image goes by: its id, its file's name.
        geometry_of: Gives the grid of a case's image.
        label: Of the marks.
        pixels: How pictures lie in images, see above.
        check: Called with each mark and its image's grid; raises ValueError if it is not allowed.
    """
    marks: dict[str, list[Recist]] = defaultdict(list)
    grids: dict[str, Geometry] = {}
    wrong, elsewhere = [], 0
    stacks = _stacks(names)
    for row in rows:
        found = _images(row, names, stacks)
        if not found:
            elsewhere += 1
            continue
        try:
            if len(found) > 1:
                raise ValueError(f"fits several cases ({', '.join(sorted(found))}). Rename them.")
            ((case, between),) = found.items()
            grid = grids.get(case) or grids.setdefault(case, geometry_of(case))
            mark = _mark(row, between, grid, label, pixels)
            check(mark, grid)
            marks[case].append(mark)
        except ValueError as error:
            wrong.append(f"row {row.number}: {error}")
    done = {case: RecistMarks(tuple(of_case)) for case, of_case in marks.items()}
    return PlacedRows(done, tuple(wrong), elsewhere)


Range = tuple[int, int]


def _stacks(names: Mapping[str, str]) -> dict[str, list[tuple[Range, str]]]:
    """Gives the cases of each series whose names tell their slices."""
    stacks: dict[str, list[tuple[Range, str]]] = defaultdict(list)
    for name, case in names.items():
        if match := RANGED.fullmatch(name):
            stacks[match[1]].append(((int(match[2]), int(match[3])), case))
    return stacks


def _images(
    row: RecistRow, names: Mapping[str, str], stacks: Mapping[str, list[tuple[Range, str]]]
) -> dict[str, Range | None]:
    """Gives the cases that a row is about, each with the slices that its name tells."""
    of_series = stacks.get(row.series, ()) if row.series else ()
    found: dict[str, Range | None] = {
        case: between for between, case in of_series if between[0] <= row.key_slice <= between[1]
    }
    for name in (row.series, row.file):
        if not found and name in names:
            found = {names[name]: None}
    return found


def _mark(
    row: RecistRow, between: Range | None, grid: Geometry, label: int, pixels: Pixels
) -> Recist:
    axes, forward = _axes(grid, pixels)
    _check_image(row, grid, axes)
    slices = grid.shape[axes[2]]
    picture = np.column_stack((row.ends, np.full(4, row.key_slice - _first(row, between, slices))))
    index = np.zeros((4, 3))
    for column, (axis, same) in enumerate(zip(axes, forward, strict=True)):
        along = picture[:, column]
        index[:, axis] = along if same else grid.shape[axis] - 1 - along
    positions = grid.to_ras(index)
    if not grid.contains(np.floor(index + 0.5)).all():
        raise ValueError(
            f"got ends at {(row.ends + 1).tolist()} (x, y from 1) of slice {row.key_slice} outside"
            f" the image of {grid.shape} voxels. Check that it is the right image."
        )
    return Recist(positions[:2], positions[2:], label=label)


def _first(row: RecistRow, between: Range | None, slices: int) -> int:
    """Gives the number that the table gives to the image's first slice."""
    if between is None and slices == 1:
        return row.key_slice
    for told in (between, row.slice_range):
        if told and told[1] - told[0] + 1 == slices:
            return told[0]
    if between is None and row.key_slice <= slices:
        return 1
    raise ValueError(
        f"got slice {row.key_slice} of an image of {slices} slices, and cannot tell which one that"
        f" is: its name says {between}, the table's Slice_range {row.slice_range}. Check that it"
        " is the right image, or name it after its slices, such as 000001_01_01_103-115."
    )


def _axes(grid: Geometry, pixels: Pixels) -> tuple[tuple[int, ...], NDArray[np.bool_]]:
    """Gives the array axes along x, y and slices, and whether they count the same way."""
    if pixels == "voxels":
        return (2, 1, 0), np.ones(3, dtype=bool)
    directions = grid.ijk_to_ras[:3, 2::-1] / np.array(grid.spacing)
    likeness = PICTURE @ directions
    best = max(permutations(range(3)), key=lambda p: np.abs(likeness[range(3), p]).sum())
    return best, likeness[range(3), best] > 0


def _check_image(row: RecistRow, grid: Geometry, axes: tuple[int, ...]) -> None:
    """Checks by what the table tells of it that this is the image that the row is about."""
    x, y, slices = axes
    got = (grid.shape[x], grid.shape[y])
    # Which of the two the table names first is told nowhere.
    if row.size and sorted(row.size[:2]) != sorted(got):
        raise ValueError(
            f"the table says {row.size[0]:g} x {row.size[1]:g} pixels, the image has {got[0]} x"
            f" {got[1]}. Check that it is the right image."
        )
    spacing = (grid.spacing[x], grid.spacing[y])
    picture = grid.shape[slices] == 1 and spacing == (1, 1)  # Whose file tells no spacing.
    if row.spacing and not picture and not np.allclose(spacing, row.spacing[:2], rtol=0.01):
        raise ValueError(
            f"the table says {row.spacing[0]:g} x {row.spacing[1]:g} mm per pixel, the image has"
            f" {spacing[0]:.4g} x {spacing[1]:.4g}. Check that it is the right image."
        )

"""RECIST diameters from 3D Slicer's markups: two lines that cross are one lesion."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from ImperfectSegLogic.data.annotations import RecistMarks
from ImperfectSegLogic.data.prompt_files import read_prompts
from ImperfectSegLogic.data.prompts import Prompt, Recist, Scribble

TOUCHING = 0.5
"""Lines that come as close as this many mm cross; two on one slice that cross come to 0."""


def read_recist_markups(
    path: str | os.PathLike[str], label: int = 1, names: Mapping[int, str] | None = None
) -> tuple[RecistMarks, tuple[str, ...]]:
    """Reads the diameters in a file that `write_prompts` or 3D Slicer wrote.

    Lines that `write_prompts` wrote say which diameter they are. Of other lines, those two that
    cross are a lesion, and the longer one is the long diameter.

    Args:
        path: A `.mrk.json` file of 3D Slicer, or a `.json` file that `write_prompts` wrote.
        label: Of lesions whose control points name no label.
        names: The name of each label.

    Returns:
        The marks, RAS in mm, and notes on what else is in the file and was left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, has no diameters, or a line crosses none or several.
    """
    prompts = read_prompts(path, label, names)
    lines = [p for p in prompts if isinstance(p, Scribble) and len(p.points) == 2]
    marks = [p for p in prompts if isinstance(p, Recist)]
    others = len(prompts) - len(lines) - len(marks)
    try:
        marks += _pairs(lines)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not marks:
        raise ValueError(
            f"{path}: got {len(prompts)} markups without diameters. Draw the long and the short"
            " diameter of each lesion as two lines that cross."
        )
    notes = (f"{path}: {others} markups that are no lines were left out.",) if others else ()
    return RecistMarks(tuple(marks)), notes


def _pairs(lines: Sequence[Scribble]) -> list[Recist]:
    crossed = [
        [b for b, other in enumerate(lines) if b != a and _gap(line, other) <= TOUCHING]
        for a, line in enumerate(lines)
    ]
    marks = []
    for a, others in enumerate(crossed):
        if len(others) != 1 or crossed[others[0]] != [a]:
            raise ValueError(
                f"line {a + 1} from {_told(lines[a])} crosses {len(others)} others, allowed is one:"
                " a lesion has two diameters that cross. Move its ends, or remove it."
            )
        if a < others[0]:
            marks.append(_mark(lines[a], lines[others[0]]))
    return marks


def _mark(one: Scribble, other: Scribble) -> Recist:
    short, long = sorted((one, other), key=_length)
    said = [(p.label, p.positive) for p in (long, short)]
    if said[0] != said[1] or not long.positive:
        raise ValueError(
            f"the lines from {_told(long)} and {_told(short)} are about (label, is it)"
            f" {said[0]} and {said[1]}, allowed is one label. Rename their control points."
        )
    return Recist(long.points, short.points, label=long.label)


def _gap(one: Scribble, other: Scribble) -> float:
    """Gives the smallest distance in mm between two line segments."""
    a, b = one.points, other.points
    steps: NDArray[np.float64] = np.column_stack((a[1] - a[0], b[0] - b[1]))
    found = lsq_linear(steps, b[0] - a[0], bounds=(0, 1))
    return float(np.linalg.norm(steps @ found.x - (b[0] - a[0])))


def _length(line: Prompt) -> float:
    assert isinstance(line, Scribble)
    return float(np.linalg.norm(line.points[1] - line.points[0]))


def _told(line: Scribble) -> str:
    return " to ".join(str([round(float(v), 1) + 0.0 for v in point]) for point in line.points)

"""3D Slicer's markups as prompts; `markups_writing` tells how they travel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.prompts import Box, Click, Lasso, Prompt, Recist, Scribble

TYPES = ("Fiducial", "Curve", "Line", "ClosedCurve", "ROI")
FLIPS = {"LPS": np.array([-1.0, -1.0, 1.0]), "RAS": np.ones(3)}
FLIPS |= {"1": FLIPS["LPS"], "0": FLIPS["RAS"]}
ORDINAL = re.compile(r"prompt (\d+)")
RADIUS = re.compile(r"radius ([-+.\deE]+) mm")
DIAMETER = re.compile(r"RECIST (long|short) axis")


@dataclass(frozen=True)
class Point:
    """What a control point says: its text, its description, and where it is (RAS in mm)."""

    text: str
    description: str
    position: NDArray[np.float64]

    @property
    def ordinal(self) -> int | None:
        """The prompt's place in the order of all, where the description tells it."""
        found = ORDINAL.search(self.description)
        return int(found[1]) if found else None


@dataclass(frozen=True)
class Meanings:
    """What the texts of control points mean.

    Attributes:
        label: The label of points whose text says nothing.
        names: Label of each name.
    """

    label: int
    names: Mapping[str, int]

    def of(self, points: Sequence[Point]) -> dict[str, Any]:
        """Gives the label and the sign of a prompt.

        Raises:
            ValueError: If its points name several labels.
        """
        found = {m for m in (self._of_text(p.text) for p in points) if m is not None}
        if len(found) > 1:
            raise ValueError(
                f"got control points {[p.text for p in points]} of several labels in one markup."
                " Give them one label, or draw a markup for each."
            )
        label, positive = found.pop() if found else (self.label, True)
        return {"label": label, "positive": positive}

    def _of_text(self, text: str) -> tuple[int, bool] | None:
        text = text.strip().lower()
        if re.fullmatch(r"[+-]?\d+", text):
            return abs(int(text)), not text.startswith("-")
        names = {name.strip().lower(): label for name, label in self.names.items()}
        # 3D Slicer numbers the points of a list called "liver": liver-1, liver-2.
        for name in (text, re.sub(r"-\d+$", "", text)):
            if name in names:
                return names[name], True
            if name.startswith("not ") and name[4:].strip() in names:
                return names[name[4:].strip()], False
        return None


def prompts_from_markups(content: Mapping[str, Any], meanings: Meanings) -> list[Prompt]:
    """Gives the prompts in a markups file, in the order in which they were given, if known.

    Raises:
        ValueError: If something in the file is missing or not allowed.
    """
    markups = content.get("markups")
    if not isinstance(markups, list):
        raise ValueError("got no list of markups. Choose a markups file of 3D Slicer.")
    found: list[tuple[Point, Prompt]] = []
    for number, markup in enumerate(markups, start=1):
        try:
            found += _of_markup(markup, meanings)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            text = f"has no {error}." if isinstance(error, KeyError) else str(error)
            raise ValueError(f"markup {number}: {text}") from error
    found = _with_diameters(found)
    ordinals = [point.ordinal for point, _ in found]
    if None not in ordinals:
        found.sort(key=lambda pair: pair[0].ordinal or 0)
    return [prompt for _, prompt in found]


def _of_markup(markup: Mapping[str, Any], meanings: Meanings) -> Iterator[tuple[Point, Prompt]]:
    kind = markup["type"]
    if kind not in TYPES:
        raise ValueError(f"got type {kind!r}, allowed are {', '.join(TYPES)}.")
    flip = _flip(markup)
    controls = markup.get("controlPoints") or []
    points = [_point(c, flip) for c in controls if c.get("positionStatus", "defined") == "defined"]
    if kind == "ROI" and not controls and markup.get("center") is not None:
        points = [Point("", "", np.asarray(markup["center"], dtype=np.float64) * flip)]
    if kind == "Fiducial":
        yield from ((p, Click(p.position, **meanings.of([p]))) for p in points)
    elif points:
        said = meanings.of(points)
        positions = np.array([p.position for p in points])
        if kind == "ROI":
            yield points[0], _box(markup, flip, said)
        elif kind == "ClosedCurve":
            yield points[0], Lasso(positions, **said)
        else:
            radius = RADIUS.search(points[0].description)
            yield points[0], Scribble(positions, float(radius[1]) if radius else 0.0, **said)


def _flip(markup: Mapping[str, Any]) -> NDArray[np.float64]:
    system = str(markup.get("coordinateSystem", "LPS")).upper()
    if system not in FLIPS:
        raise ValueError(f"got coordinate system {system}, allowed are {', '.join(FLIPS)}.")
    units = markup.get("coordinateUnits", "mm")
    if (units if isinstance(units, str) else units[0]) != "mm":
        raise ValueError(f"got coordinate units {units}, allowed is mm. Convert the file.")
    return FLIPS[system]


def _point(control: Mapping[str, Any], flip: NDArray[np.float64]) -> Point:
    position = np.asarray(control["position"], dtype=np.float64)
    if position.shape != (3,) or not np.isfinite(position).all():
        raise ValueError(
            f"got a control point at {control['position']}, allowed are three finite numbers in mm."
        )
    return Point(
        str(control.get("label", "")), str(control.get("description", "")), position * flip
    )


def _box(markup: Mapping[str, Any], flip: NDArray[np.float64], said: dict[str, Any]) -> Box:
    kind = markup.get("roiType", "Box")
    if kind not in ("Box", "BoundingBox"):
        raise ValueError(f"got an ROI of type {kind!r}, allowed is Box. Draw a box.")
    center = np.asarray(markup["center"], dtype=np.float64) * flip
    axes = np.asarray(markup.get("orientation", np.eye(3)), dtype=np.float64).reshape(3, 3)
    return Box(center, markup["size"], flip[:, np.newaxis] * axes, **said)


def _with_diameters(found: Sequence[tuple[Point, Prompt]]) -> list[tuple[Point, Prompt]]:
    """Makes a `Recist` of the long and the short axis that belong to the same prompt."""
    lines: dict[tuple[int | None, str], Scribble] = {}
    for point, prompt in found:
        axis = DIAMETER.search(point.description)
        if axis and isinstance(prompt, Scribble) and len(prompt.points) == 2:
            lines[point.ordinal, axis[1]] = prompt
    merged: list[tuple[Point, Prompt]] = []
    for point, prompt in found:
        axis = DIAMETER.search(point.description)
        long, short = (lines.get((point.ordinal, name)) for name in ("long", "short"))
        if long is None or short is None or prompt not in (long, short):
            merged.append((point, prompt))
        elif axis and axis[1] == "long":
            both = Recist(long.points, short.points, label=long.label, positive=long.positive)
            merged.append((point, both))
    return merged

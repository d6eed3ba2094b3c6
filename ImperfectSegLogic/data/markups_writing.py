"""Prompts as 3D Slicer's markups: points, curves, lines and boxes.

A label and its sign travel in the text of a control point: `+1`, `-2`, `0`. What does not fit
elsewhere travels in its description: the place in the order of all prompts, a scribble's radius,
and which lines are the two diameters of one lesion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.prompts import Box, Click, Lasso, Prompt, Recist, Scribble

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources"
    "/Schema/markups-schema-v1.0.3.json#"
)
LPS = np.array([-1.0, -1.0, 1.0])


def markups_from_prompts(prompts: Sequence[Prompt]) -> dict[str, Any]:
    """Gives the content of a `.mrk.json` file: one point list of all clicks, one markup for others.

    Raises:
        TypeError: If a prompt is of an unknown kind.
    """
    clicks, others = [], []
    for number, prompt in enumerate(prompts, start=1):
        if isinstance(prompt, Click):
            clicks += _controls(prompt, number, prompt.position[np.newaxis])
        else:
            others += _markups(prompt, number)
    lists = [_markup("Fiducial", "Clicks", clicks)] if clicks or not others else []
    return {"@schema": SCHEMA, "markups": lists + others}


def _markups(prompt: Prompt, number: int) -> list[dict[str, Any]]:
    if isinstance(prompt, Scribble):
        notes = f", radius {prompt.radius!r} mm"
        controls = _controls(prompt, number, prompt.points, notes)
        return [_markup("Curve", f"Scribble {number}", controls)]
    if isinstance(prompt, Lasso):
        controls = _controls(prompt, number, prompt.points)
        return [_markup("ClosedCurve", f"Lasso {number}", controls)]
    if isinstance(prompt, Recist):
        return [
            _markup("Line", f"{name} {number}", _controls(prompt, number, ends, f", {name}"))
            for name, ends in (
                ("RECIST long axis", prompt.long_axis),
                ("RECIST short axis", prompt.short_axis),
            )
        ]
    if isinstance(prompt, Box):
        return [_roi(prompt, number)]
    raise TypeError(f"got a prompt of kind {type(prompt).__name__}, which no markup can hold.")


def _roi(box: Box, number: int) -> dict[str, Any]:
    axes = box.axes.copy()
    if np.linalg.det(axes) < 0:  # The same box; 3D Slicer's boxes are right-handed.
        axes[:, 2] *= -1
    markup = _markup("ROI", f"Box {number}", _controls(box, number, box.center[np.newaxis]))
    return markup | {
        "roiType": "Box",
        "center": (box.center * LPS).tolist(),
        "orientation": (LPS[:, np.newaxis] * axes).ravel().tolist(),
        "size": box.size.tolist(),
        "insideOut": False,
    }


def _markup(kind: str, name: str, controls: list[dict[str, Any]]) -> dict[str, Any]:
    for number, control in enumerate(controls, start=1):
        control["id"] = str(number)
    return {
        "type": kind,
        "name": name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": len(controls),
        "controlPoints": controls,
    }


def _controls(
    prompt: Prompt, number: int, points: NDArray[np.float64], notes: str = ""
) -> list[dict[str, Any]]:
    sign = "" if prompt.label == 0 else "+" if prompt.positive else "-"
    return [
        {
            "id": "",
            "label": f"{sign}{prompt.label}",
            "description": f"prompt {number}{notes}",
            "associatedNodeID": "",
            "position": (point * LPS).tolist(),
            "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
            "selected": True,
            "locked": False,
            "visibility": True,
            "positionStatus": "defined",
        }
        for point in points
    ]

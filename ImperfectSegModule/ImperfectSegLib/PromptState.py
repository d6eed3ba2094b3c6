"""What the prompts of a markups node are at one moment, to compare and to bring back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data.slices import AXIS_NAMES

SEGMENT = "ImperfectSeg.Segment"
POSITIVE = "ImperfectSeg.Positive"
RADIUS = "ImperfectSeg.Radius"
MARK = "ImperfectSeg.Mark"
AXIS = "slice axis "

POINTS, STROKE, BOX = (
    "vtkMRMLMarkupsFiducialNode",
    "vtkMRMLMarkupsCurveNode",
    "vtkMRMLMarkupsROINode",
)


Point = tuple[tuple[float, ...], int, int | None]
"""World RAS in mm, place in the order, and the axis of the view that it was placed in."""


@dataclass(frozen=True)
class NodeState:
    """All that makes up the prompts of one markups node."""

    nodeId: str
    className: str
    segmentId: str
    positive: bool
    radius: float
    points: tuple[Point, ...]
    boxMatrix: tuple[float, ...] = ()
    boxSize: tuple[float, ...] = ()
    mark: str = ""


State = tuple[NodeState, ...]


def description(number: int, node: Any, axis: int | None = None) -> str:
    """Gives what the description of a control point says.

    Args:
        number: Its place in the order.
        node: Its node, which may have a radius.
        axis: The axis of the image (0, 1, 2 for k, j, i) that goes through the slices of the view
            that it was placed in; None if it was not placed in a view.
    """
    radius = node.GetAttribute(RADIUS)
    said = f"prompt {number}" + (f", radius {float(radius):g} mm" if radius else "")
    return said if axis is None else f"{said}, {AXIS}{AXIS_NAMES[axis]}"


def numberIn(description: str) -> int:
    """Gives the place in the order that a description names, 0 if it names none."""
    words = description.replace(",", " ").split()
    isOurs = len(words) > 1 and words[0] == "prompt" and words[1].isdigit()
    return int(words[1]) if isOurs else 0


def axisIn(description: str) -> int | None:
    """Gives the axis that a description names, None if it names none."""
    name = description.rpartition(AXIS)[2] if AXIS in description else ""
    return AXIS_NAMES.index(name) if name in AXIS_NAMES else None


def axesOf(node: Any) -> list[int | None]:
    """Gives the axes that the descriptions of a node's placed control points name."""
    return [axisIn(node.GetNthControlPointDescription(n)) for n in _placed(node)]


def numbersOf(node: Any) -> list[int]:
    """Gives the places in the order of a node's placed control points."""
    return [numberIn(node.GetNthControlPointDescription(n)) for n in _placed(node)]


def isPositive(node: Any) -> bool:
    """Tells whether a node says "this segment" and not "not this segment"."""
    return node.GetAttribute(POSITIVE) != "0"


def stateOf(node: Any) -> NodeState:
    """Takes down the prompts of a node; positions are world RAS in mm."""
    positions = [tuple(float(x) for x in p) for p in Bridge.definedPositions(node)]
    matrix: NDArray[np.float64] | list[float] = []
    size: NDArray[np.float64] | list[float] = []
    if node.GetClassName() == BOX:
        matrix = slicer.util.arrayFromVTKMatrix(node.GetObjectToNodeMatrix()).ravel()
        size = np.array(node.GetSize())
    return NodeState(
        node.GetID(),
        node.GetClassName(),
        node.GetAttribute(SEGMENT),
        isPositive(node),
        float(node.GetAttribute(RADIUS) or 0),
        tuple(zip(positions, numbersOf(node), axesOf(node), strict=True)),
        tuple(float(x) for x in matrix),
        tuple(float(x) for x in size),
        node.GetAttribute(MARK) or "",
    )


def fill(node: Any, state: NodeState) -> None:
    """Makes the prompts of a node what they were when `state` was taken."""
    if stateOf(node) == state:
        return
    if state.radius:
        node.SetAttribute(RADIUS, repr(state.radius))
    if state.mark:
        node.SetAttribute(MARK, state.mark)
    if state.className == BOX:
        matrix = np.array(state.boxMatrix).reshape(4, 4)
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
        node.SetCenter(*matrix[:3, 3])  # Makes its control point, if it had none.
        node.SetSize(*state.boxSize)
        for n, (_, number, axis) in enumerate(state.points[: node.GetNumberOfControlPoints()]):
            node.SetNthControlPointDescription(n, description(number, node, axis))
        return
    wasModified = node.StartModify()  # Else all views draw the whole line anew at every point.
    node.RemoveAllControlPoints()
    for position, number, axis in state.points:
        n = node.AddControlPointWorld(vtk.vtkVector3d(*position))
        node.SetNthControlPointDescription(n, description(number, node, axis))
    node.EndModify(wasModified)


def _placed(node: Any) -> list[int]:
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    every = range(node.GetNumberOfControlPoints())
    return [n for n in every if node.GetNthControlPointPositionStatus(n) == defined]

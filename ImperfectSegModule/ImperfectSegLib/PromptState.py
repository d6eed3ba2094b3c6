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

SEGMENT = "ImperfectSeg.Segment"
POSITIVE = "ImperfectSeg.Positive"
RADIUS = "ImperfectSeg.Radius"

POINTS, STROKE, BOX = (
    "vtkMRMLMarkupsFiducialNode",
    "vtkMRMLMarkupsCurveNode",
    "vtkMRMLMarkupsROINode",
)


@dataclass(frozen=True)
class NodeState:
    """All that makes up the prompts of one markups node."""

    nodeId: str
    className: str
    segmentId: str
    positive: bool
    radius: float
    points: tuple[tuple[tuple[float, ...], int], ...]
    boxMatrix: tuple[float, ...] = ()
    boxSize: tuple[float, ...] = ()


State = tuple[NodeState, ...]


def description(number: int, node: Any) -> str:
    """Gives what the description of a control point says: its place in the order, the radius."""
    radius = node.GetAttribute(RADIUS)
    return f"prompt {number}" + (f", radius {float(radius):g} mm" if radius else "")


def numberIn(description: str) -> int:
    """Gives the place in the order that a description names, 0 if it names none."""
    words = description.replace(",", " ").split()
    isOurs = len(words) > 1 and words[0] == "prompt" and words[1].isdigit()
    return int(words[1]) if isOurs else 0


def numbersOf(node: Any) -> list[int]:
    """Gives the places in the order of a node's placed control points."""
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    return [
        numberIn(node.GetNthControlPointDescription(n))
        for n in range(node.GetNumberOfControlPoints())
        if node.GetNthControlPointPositionStatus(n) == defined
    ]


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
        tuple(zip(positions, numbersOf(node), strict=True)),
        tuple(float(x) for x in matrix),
        tuple(float(x) for x in size),
    )


def fill(node: Any, state: NodeState) -> None:
    """Makes the prompts of a node what they were when `state` was taken."""
    if stateOf(node) == state:
        return
    if state.radius:
        node.SetAttribute(RADIUS, repr(state.radius))
    if state.className == BOX:
        matrix = np.array(state.boxMatrix).reshape(4, 4)
        node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
        node.SetSize(*state.boxSize)
        return
    node.RemoveAllControlPoints()
    for position, number in state.points:
        n = node.AddControlPointWorld(vtk.vtkVector3d(*position))
        node.SetNthControlPointDescription(n, description(number, node))

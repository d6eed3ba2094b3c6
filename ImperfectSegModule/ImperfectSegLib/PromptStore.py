"""The prompts of a segmentation, kept as markups nodes so that they are saved with the scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
import vtk
from numpy.typing import ArrayLike

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptState import (
    BOX,
    POINTS,
    POSITIVE,
    RADIUS,
    SEGMENT,
    STROKE,
    NodeState,
    State,
    axesOf,
    description,
    fill,
    isPositive,
    numberIn,
    numbersOf,
    stateOf,
)
from ImperfectSegLib.PromptStyle import styleLike
from ImperfectSegLogic.data import Prompt


@dataclass(frozen=True, eq=False)
class Entry:
    """A prompt, and what is known about it.

    Attributes:
        number: Its place in the order, never given twice.
        axis: The axis (0, 1, 2 for k, j, i) of the view that it was placed in; None if unknown.
        segmentId: The segment that it is about.
        prompt: With the segment's position in the segmentation, from 1, as label.
    """

    number: int
    axis: int | None
    segmentId: str
    prompt: Prompt


SEGMENTATION_ROLE = "ImperfectSeg.Segmentation"
LAST_NUMBER = "ImperfectSeg.LastPrompt"


class PromptStore:
    """Reads, adds and removes the prompts of one segmentation.

    Every segment has one point list for its positive and one for its negative clicks, and a curve
    for every stroke. The description of each control point holds its number in the order in which
    prompts were given, its label text the signed label, as the command line reads it.

    Attributes:
        role: The reference by which a node says whose prompts it has.
        lasting: Kinds of nodes that stay, empty, where their prompts are gone.
    """

    role = SEGMENTATION_ROLE
    lasting: tuple[str, ...] = (POINTS, BOX)

    def __init__(self, segmentationNode: Any) -> None:
        self._segmentationNode = segmentationNode

    @property
    def segmentationNode(self) -> Any:
        """The segmentation."""
        return self._segmentationNode

    def nodes(self) -> list[Any]:
        """Gives all markups nodes with prompts of this segmentation."""
        wanted = self._segmentationNode.GetID()
        markups = slicer.util.getNodesByClass("vtkMRMLMarkupsNode")
        return [n for n in markups if n.GetNodeReferenceID(self.role) == wanted]

    def pointList(self, segmentId: str, positive: bool) -> Any:
        """Gives the point list of a segment and a sign, made when it is not there yet."""
        return self._find(POINTS, segmentId, positive) or self._add(POINTS, segmentId, positive)

    def box(self, segmentId: str) -> Any:
        """Gives the box of a segment, made (still without a place) when it is not there yet."""
        return self._find(BOX, segmentId, True) or self._add(BOX, segmentId, True)

    def addClick(self, segmentId: str, ras: ArrayLike, positive: bool = True) -> Any:
        """Adds a click at a world RAS position in mm and gives its point list."""
        node = self.pointList(segmentId, positive)
        node.AddControlPointWorld(vtk.vtkVector3d(*np.asarray(ras, dtype=float)))
        return node

    def addStroke(
        self, segmentId: str, points: ArrayLike, positive: bool = True, radius: float = 0.0
    ) -> Any:
        """Adds a scribble through world RAS positions, shape (N, 3), and gives its curve."""
        node = self._add(STROKE, segmentId, positive)
        node.SetAttribute(RADIUS, repr(float(radius)))
        slicer.util.updateMarkupsControlPointsFromArray(node, np.asarray(points), world=True)
        return node

    def adopt(self, markupsNode: Any, segmentId: str, positive: bool = True) -> None:
        """Makes a markups node that the user drew elsewhere into prompts of a segment."""
        markupsNode.SetNodeReferenceID(self.role, self._segmentationNode.GetID())
        markupsNode.SetAttribute(SEGMENT, segmentId)
        markupsNode.SetAttribute(POSITIVE, str(int(positive)))
        styleLike(markupsNode, self._segmentationNode.GetSegmentation().GetSegment(segmentId))

    def numbers(self) -> frozenset[int]:
        """Gives the numbers of all prompts; a number is never given twice."""
        self._number()
        return frozenset(n for node in self.nodes() for n in numbersOf(node))

    def prompts(self) -> tuple[list[Prompt], dict[int, str]]:
        """Gives the prompts in their order, and the segment of each label that has prompts.

        Labels are the positions of segments in the segmentation, from 1. Prompts of segments that
        were removed are left out.
        """
        found = self.entries()
        labels = self._labels()
        return [e.prompt for e in found], {labels[e.segmentId]: e.segmentId for e in found}

    def entries(self) -> list[Entry]:
        """Gives the prompts in their order, with all that is known about them."""
        self._number()
        found: list[Entry] = []
        labels = self._labels()
        for node in self.nodes():
            segmentId = node.GetAttribute(SEGMENT)
            if segmentId not in labels:
                continue
            radius = float(node.GetAttribute(RADIUS) or 0)
            prompts = Bridge.promptsFromNode(node, labels[segmentId], isPositive(node), radius)
            numbers, axes = numbersOf(node), axesOf(node)
            if len(numbers) != len(prompts):  # All points of a stroke are one prompt.
                numbers, axes = numbers[:1] * len(prompts), axes[:1] * len(prompts)
            found += map(Entry, numbers, axes, [segmentId] * len(prompts), prompts)
        return sorted(found, key=lambda entry: entry.number)

    def removeSegment(self, segmentId: str) -> None:
        """Removes all prompts of a segment."""
        for node in self.nodes():
            if node.GetAttribute(SEGMENT) == segmentId:
                slicer.mrmlScene.RemoveNode(node)

    def state(self, axis: int | None = None) -> State:
        """Gives all prompts as a value to compare, and to `restore` from.

        Args:
            axis: Of the view in which those were placed that nobody has looked at yet.
        """
        self._number(axis)
        states = [self._stateOf(node) for node in self.nodes()]
        return tuple(s for s in states if s.points)

    def restore(self, state: State) -> None:
        """Makes the prompts what they were when `state` was taken.

        Point lists and boxes without prompts stay, empty, because a tool may be placing in them.
        """
        wanted = {s.nodeId: s for s in state}
        for node in self.nodes():
            known = wanted.pop(node.GetID(), None)
            if known is not None:
                if self._stateOf(node) != known:
                    fill(node, known)
            elif node.GetClassName() not in self.lasting:
                slicer.mrmlScene.RemoveNode(node)
            else:
                node.RemoveAllControlPoints()
        stillThere = self._labels()
        for lost in (s for s in wanted.values() if s.segmentId in stillThere):
            self._bringBack(lost)

    def _labels(self) -> dict[str, int]:
        ids: Sequence[str] = self._segmentationNode.GetSegmentation().GetSegmentIDs()
        return {segmentId: n for n, segmentId in enumerate(ids, start=1)}

    def _find(self, className: str, segmentId: str, positive: bool) -> Any:
        for node in self.nodes():
            key = (node.GetClassName(), node.GetAttribute(SEGMENT), isPositive(node))
            if key == (className, segmentId, positive):
                return node
        return None

    def _bringBack(self, lost: NodeState) -> Any:
        """Adds a node that was there, under the ID that other states know it by, and gives it."""
        node = self._add(lost.className, lost.segmentId, lost.positive, lost.nodeId)
        fill(node, lost)
        return node

    def _add(self, className: str, segmentId: str, positive: bool, nodeId: str = "") -> Any:
        """Adds a node, under an ID if one is given and free."""
        segment = self._segmentationNode.GetSegmentation().GetSegment(segmentId)
        if segment is None:
            raise ValueError(
                f"segment {segmentId!r} is not in {self._segmentationNode.GetName()}; there are"
                f" {list(self._labels())}. Add the segment first."
            )
        scene = slicer.mrmlScene
        name = scene.GenerateUniqueName(f"{'' if positive else 'not '}{segment.GetName()}")
        if nodeId and scene.GetNodeByID(nodeId) is None:
            node = scene.AddNewNodeByClassWithID(className, name, nodeId)
        else:
            node = scene.AddNewNodeByClass(className, name)
        node.CreateDefaultDisplayNodes()
        if className == STROKE:
            node.SetCurveTypeToLinear()
        self.adopt(node, segmentId, positive)
        return node

    def _number(self, axis: int | None = None) -> None:
        """Gives the control points that are new their place in the order, and all their label."""
        nodes, labels = self.nodes(), self._labels()
        given = int(self._segmentationNode.GetAttribute(LAST_NUMBER) or 0)
        last = max([given, *(n for node in nodes for n in self._numbersOf(node))])
        for node in nodes:
            label = labels.get(node.GetAttribute(SEGMENT), 0)
            last = self._numberNode(node, f"{'+' if isPositive(node) else '-'}{label}", last, axis)
        if last > given:
            self._segmentationNode.SetAttribute(LAST_NUMBER, str(last))

    def _numberNode(self, node: Any, text: str, last: int, axis: int | None) -> int:
        """Numbers the points of a node that are new after `last`; gives the last number now."""
        fresh = False
        for n in range(node.GetNumberOfControlPoints()):
            if node.GetNthControlPointLabel(n) != text:
                node.SetNthControlPointLabel(n, text)
            placed = node.GetNthControlPointPositionStatus(n) == node.PositionDefined
            if placed and not numberIn(node.GetNthControlPointDescription(n)):
                last += 1 if not fresh or node.GetClassName() == POINTS else 0
                fresh = True
                node.SetNthControlPointDescription(n, description(last, node, axis))
        return last

    def _stateOf(self, node: Any) -> NodeState:
        return stateOf(node)

    def _numbersOf(self, node: Any) -> list[int]:
        return numbersOf(node)

"""The marks of a segmentation that markups nodes hold: strokes, diameters and boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import ArrayLike, NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptState import (
    BOX,
    MARK,
    RADIUS,
    SEGMENT,
    STROKE,
    NodeState,
    State,
    numbersOf,
    stateOf,
)
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SceneDataset import BACKGROUND
from ImperfectSegLib.SparseCache import SparseCache
from ImperfectSegLogic.data import Box, Scribble

LINE = "vtkMRMLMarkupsLineNode"
LONG, SHORT = "long", "short"
THINNEST = 0.5
"""mm; a scribble of no width is drawn so wide."""


@dataclass(frozen=True, eq=False)
class Lesion:
    """The diameters of a lesion.

    Attributes:
        number: Never given twice in a segmentation.
        segmentId: The segment that it is of.
        long: The node of the long axis; None if it is not drawn yet.
        short: The node of the short axis; None if it is not drawn yet.
    """

    number: int
    segmentId: str
    long: Any = None
    short: Any = None

    @property
    def isComplete(self) -> bool:
        """Whether both axes are drawn."""
        return self.long is not None and self.short is not None


class SparseStore(PromptStore):
    """Marks are no prompts: the interactive panel does not answer them."""

    role = "ImperfectSeg.Marked"
    lasting = ()

    def __init__(self, segmentationNode: Any, cache: SparseCache | None = None) -> None:
        """Takes the segmentation, and what was read from its marks before."""
        super().__init__(segmentationNode)
        self._cache = cache or SparseCache()

    def addAxis(self, segmentId: str, ends: ArrayLike, which: str, lesion: int) -> Any:
        """Adds a diameter and gives its node.

        Args:
            segmentId: The segment of the lesion.
            ends: World RAS in mm, shape (2, 3).
            which: LONG or SHORT.
            lesion: Number of the lesion.
        """
        node = self._add(LINE, segmentId, True)
        node.SetAttribute(MARK, f"{which} {lesion}")
        self._name(node)
        _style(node)
        slicer.util.updateMarkupsControlPointsFromArray(node, np.asarray(ends), world=True)
        return node

    def addStroke(
        self, segmentId: str, points: ArrayLike, positive: bool = True, radius: float = 0.0
    ) -> Any:
        """Adds a scribble, drawn as wide as it is; see `PromptStore.addStroke`."""
        node = super().addStroke(segmentId, points, positive, radius)
        _style(node)
        return node

    def addBox(
        self, segmentId: str, center: ArrayLike, size: ArrayLike, axes: NDArray[np.float64]
    ) -> Any:
        """Adds a box, in world RAS and mm; the columns of `axes` are its directions."""
        node = self._add(BOX, segmentId, True)
        setBox(node, center, size, axes)
        _style(node)
        return node

    def nextLesion(self) -> int:
        """Gives a number that no lesion has."""
        return max((lesion.number for lesion in self.lesions()), default=0) + 1

    def lesions(self) -> list[Lesion]:
        """Gives the lesions by their numbers; lines of segments that were removed are left out."""
        found: dict[int, Lesion] = {}
        for node in self._of(LINE):
            which, _, number = (node.GetAttribute(MARK) or "").partition(" ")
            if which not in (LONG, SHORT) or len(Bridge.definedPositions(node)) != 2:
                continue
            known = found.get(int(number)) or Lesion(int(number), node.GetAttribute(SEGMENT))
            axes = {LONG: known.long, SHORT: known.short, which: node}
            found[int(number)] = Lesion(known.number, known.segmentId, axes[LONG], axes[SHORT])
        return [found[number] for number in sorted(found)]

    def strokes(self) -> list[tuple[str, Scribble]]:
        """Gives segments and their strokes, all of label 1, in the order of drawing."""
        self._number()
        found = []
        for node in sorted(self._of(STROKE), key=lambda n: max(self._numbersOf(n), default=0)):
            drawn = self._cache.get(node, "strokes", _strokesOf)
            found += [(node.GetAttribute(SEGMENT), stroke) for stroke in drawn]
        return found

    def boxes(self) -> list[tuple[str, Box]]:
        """Gives segments and their boxes, all of label 1."""
        found = [(node.GetAttribute(SEGMENT), Bridge.boxFromRoi(node)) for node in self._of(BOX)]
        return [(segmentId, box) for segmentId, box in found if box is not None]

    def state(self, axis: int | None = None) -> State:
        """Gives all marks as a value to compare, and to `restore` from; see `PromptStore`."""
        self._cache.keep(self.nodes())
        return super().state(axis)

    def _bringBack(self, lost: NodeState) -> Any:
        """See `PromptStore`; it looks as it did."""
        node = super()._bringBack(lost)
        self._name(node)
        _style(node)
        return node

    def _name(self, node: Any) -> None:
        """Names a diameter by its segment, its lesion, and which of the two it is."""
        which, _, lesion = (node.GetAttribute(MARK) or "").partition(" ")
        if lesion:
            inside = self._segmentationNode.GetSegmentation()
            name = inside.GetSegment(node.GetAttribute(SEGMENT)).GetName()
            node.SetName(slicer.mrmlScene.GenerateUniqueName(f"{name} {lesion} {which}"))

    def _of(self, className: str) -> list[Any]:
        ids = self._labels()
        nodes = (n for n in self.nodes() if n.GetClassName() == className)
        return [n for n in nodes if n.GetAttribute(SEGMENT) in ids]

    def _labels(self) -> dict[str, int]:
        return labelsOf(self._segmentationNode)

    def _stateOf(self, node: Any) -> NodeState:
        return self._cache.get(node, "state", stateOf)

    def _numbersOf(self, node: Any) -> list[int]:
        return self._cache.get(node, "numbers", numbersOf)

    def _numberNode(self, node: Any, text: str, last: int, axis: int | None) -> int:
        """See `PromptStore`; a node that has its numbers and texts is not looked at again."""
        number = super()._numberNode
        return max(last, self._cache.get(node, text, lambda n: number(n, text, last, axis)))


def labelsOf(segmentationNode: Any) -> dict[str, int]:
    """Gives the label of each segment: 0 of the one named `background`, others from 1."""
    inside = segmentationNode.GetSegmentation()
    ids = list(inside.GetSegmentIDs())
    ground = [s for s in ids if inside.GetSegment(s).GetName() == BACKGROUND]
    others = [s for s in ids if s not in ground]
    return dict.fromkeys(ground, 0) | {s: n for n, s in enumerate(others, start=1)}


def _strokesOf(node: Any) -> list[Scribble]:
    radius = float(node.GetAttribute(RADIUS) or 0)
    drawn = Bridge.promptsFromNode(node, 1, True, radius)
    return [stroke for stroke in drawn if isinstance(stroke, Scribble)]


def setBox(node: Any, center: ArrayLike, size: ArrayLike, axes: NDArray[np.float64]) -> None:
    """Makes a box what it is to be, in world RAS and mm."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, np.asarray(center, dtype=float)
    node.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node.SetCenter(*matrix[:3, 3])  # Makes its control point, if it had none.
    node.SetSize(*np.asarray(size, dtype=float))


def moveAxis(node: Any, ends: ArrayLike) -> None:
    """Moves the ends of a diameter, world RAS in mm, shape (2, 3)."""
    wasModified = node.StartModify()
    for n, end in enumerate(np.asarray(ends, dtype=float)):
        node.SetNthControlPointPositionWorld(n, *end)
    node.EndModify(wasModified)


def _style(node: Any) -> None:
    display = node.GetDisplayNode()
    display.SetPointLabelsVisibility(False)
    if node.GetClassName() == STROKE:
        display.SetCurveLineSizeMode(display.UseLineDiameter)
        display.SetLineDiameter(max(2 * float(node.GetAttribute(RADIUS) or 0), THINNEST))
    elif node.GetClassName() == LINE:
        # Slicer writes the length at the middle of a line, where that of the other one would be.
        display.SetPropertiesLabelVisibility(node.GetAttribute(MARK).startswith(LONG))
        display.SetGlyphScale(1.5)
        display.SetLineThickness(0.4)

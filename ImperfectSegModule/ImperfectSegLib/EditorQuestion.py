"""What an effect of Segment Editor asks an engine, and how the answer gets into the segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ImperfectSegLib.EditorGrid import EditorGrid, gridOf, referenceGeometry
from ImperfectSegLib.EditorMoments import EditorMoments, numbersIn, promptsOf
from ImperfectSegLib.EditorWriter import Written, writeAnswer
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentTags import isLocked, thresholdOf
from ImperfectSegLogic.data import Prediction, Prompt


@dataclass(frozen=True, eq=False)
class Question:
    """Everything that one computation needs, taken out of the scene in the GUI thread.

    Attributes:
        grid: The image on Segment Editor's grid.
        prompts: All prompts that count, in their order.
        label: Which of their labels is that of the segment.
        segmentId: The segment to write.
        segmentationId: ID of its segmentation's node.
        numbers: Of the segment's own prompts.
    """

    grid: EditorGrid
    prompts: list[Prompt]
    label: int
    segmentId: str
    segmentationId: str
    numbers: frozenset[int]


def selectedSegment(scriptedEffect: Any) -> str:
    """Gives the ID of the segment that is selected in Segment Editor; empty if none is."""
    parameters = scriptedEffect.parameterSetNode()
    segmentation = parameters.GetSegmentationNode() if parameters else None
    if segmentation is None:
        return ""
    segmentId: str = parameters.GetSelectedSegmentID() or ""
    there = segmentId and segmentation.GetSegmentation().GetSegment(segmentId)
    return segmentId if there else ""


def refusal(scriptedEffect: Any, points: ArrayLike) -> str:
    """Tells why prompts cannot be given; empty if they can.

    Args:
        scriptedEffect: The effect, whose selected segment they would be about.
        points: Their positions in world RAS, shape (N, 3).
    """
    segmentId = selectedSegment(scriptedEffect)
    if not segmentId:
        return "Select a segment first."
    node = scriptedEffect.parameterSetNode().GetSegmentationNode()
    if isLocked(node, segmentId):
        name = node.GetSegmentation().GetSegment(segmentId).GetName()
        return f"Segment {name!r} is locked. Unlock it in the ImperfectSeg Interactive module."
    try:
        geometry = referenceGeometry(scriptedEffect)
    except ValueError as error:
        return str(error)
    if geometry is None:
        return "Segment Editor has no source volume with voxels. Choose one."
    places = np.asarray(points, dtype=float).reshape(-1, 3)
    if not geometry.contains(geometry.to_index(places)).all():
        return "That is outside of the image; nothing was added. Stay inside of it."
    return ""


def questionOf(scriptedEffect: Any, grid: EditorGrid | None) -> Question:
    """Makes the question about the selected segment.

    Prompts of other segments speak for those, except where segments may overlap.

    Args:
        scriptedEffect: The effect.
        grid: What was read before, if anything.

    Raises:
        ValueError: See `gridOf`.
    """
    parameters = scriptedEffect.parameterSetNode()
    segmentId, node = selectedSegment(scriptedEffect), parameters.GetSegmentationNode()
    grid = gridOf(scriptedEffect, grid)
    prompts, segmentIds = PromptStore(node).prompts()
    label = next((n for n, s in segmentIds.items() if s == segmentId), 0)
    if parameters.GetOverwriteMode() == parameters.OverwriteNone:
        prompts = [prompt for prompt in prompts if prompt.label == label]
    numbers = numbersIn(promptsOf(node, segmentId))
    return Question(grid, prompts, label, segmentId, node.GetID(), numbers)


def write(
    scriptedEffect: Any, question: Question, prediction: Prediction, moments: EditorMoments
) -> bool:
    """Writes the answer into the segment that it is about; gives whether a voxel changed.

    Raises:
        ValueError: If the segmentation, the segment or the image is not what it was, or the
            segment is locked. Nothing is written then.
    """
    node, segmentId = scriptedEffect.parameterSetNode().GetSegmentationNode(), question.segmentId
    if node is None or node.GetID() != question.segmentationId:
        raise ValueError("The segmentation was removed or changed; nothing was written.")
    if node.GetSegmentation().GetSegment(segmentId) is None:
        raise ValueError("The segment was removed meanwhile; nothing was written.")
    if isLocked(node, segmentId):
        raise ValueError("The segment was locked meanwhile; nothing was written.")
    if gridOf(scriptedEffect, question.grid).volume is not question.grid.volume:
        raise ValueError(
            "The volume or the geometry was changed meanwhile; nothing was written. Press Segment"
            " again."
        )
    thresholds = {question.label: thresholdOf(node, segmentId)}
    mask = prediction.region_labels(thresholds) == question.label
    answer = Written(question.numbers, prediction.region, question.grid.geometry)
    earlier = moments.written(segmentId)
    changed = writeAnswer(scriptedEffect, segmentId, question.grid, mask, answer, earlier)
    moments.remember(segmentId, answer)
    return changed

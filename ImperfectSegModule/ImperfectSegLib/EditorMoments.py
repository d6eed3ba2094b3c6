"""How prompts and Segment Editor's undo go together.

Segment Editor's undo gives all segments back as they were, their tags among the rest, and tells
nobody. So a tag of each segment names the prompts that the segment has: when undo or redo brings
another tag back, the prompts are made what they were when the segment had that tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import vtk

from ImperfectSegLib.EditorWriter import Written
from ImperfectSegLib.PromptHands import answeredElsewhere
from ImperfectSegLib.PromptState import State
from ImperfectSegLib.PromptStore import PromptStore

PROMPTS_TAG = "ImperfectSeg.Prompts"
NO_PROMPTS = "none"
"""A segment without the tag is another thing: nobody knows which prompts it had."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What a segment's prompts were, and which answer it showed.

    Attributes:
        prompts: Those of this segment.
        written: The answer that the segment showed; None if it showed none.
    """

    prompts: State
    written: Written | None

    @property
    def isAnswered(self) -> bool:
        """Whether the answer was to just these prompts; there is none to no prompts."""
        numbers = numbersIn(self.prompts)
        return not numbers or (self.written is not None and self.written.numbers == numbers)


def numbersIn(state: State) -> frozenset[int]:
    """Gives the numbers of prompts."""
    return frozenset(point[1] for node in state for point in node.points)


def promptsOf(segmentationNode: Any, segmentId: str) -> State:
    """Gives the prompts of one segment."""
    state = PromptStore(segmentationNode).state()
    return tuple(node for node in state if node.segmentId == segmentId)


class EditorMoments:
    """The moments of the segments of one segmentation, which undo and redo go to."""

    def __init__(self, segmentationNode: Any) -> None:
        self._segmentationNode = segmentationNode
        self._moments: dict[tuple[str, str], Moment] = {}
        self._tags: dict[str, str] = {}

    def written(self, segmentId: str) -> Written | None:
        """Gives the answer that a segment shows; None if it shows none."""
        moment = self._moments.get((segmentId, self._tags.get(segmentId, "")))
        return moment.written if moment else None

    def isAnswered(self, segmentId: str) -> bool:
        """Whether a segment shows the answer to just the prompts that it has."""
        prompts = promptsOf(self._segmentationNode, segmentId)
        return Moment(prompts, self.written(segmentId)).isAnswered

    def remember(self, segmentId: str, written: Written | None) -> None:
        """Notes the prompts of a segment as they are now, and the answer that it shows."""
        prompts = promptsOf(self._segmentationNode, segmentId)
        tag = " ".join(map(str, sorted(numbersIn(prompts)))) or NO_PROMPTS
        self._moments[segmentId, tag] = Moment(prompts, written)
        self._tags[segmentId] = tag
        segment = self._segmentationNode.GetSegmentation().GetSegment(segmentId)
        if _tagOf(segment) != tag:
            segment.SetTag(PROMPTS_TAG, tag)

    def follow(self) -> list[str]:
        """Makes prompts what they were if undo or redo has been at work.

        No tag is set here: to Segment Editor that would be an edit, after which there is no redo.

        Returns:
            The segments whose prompts were made others.
        """
        segmentation = self._segmentationNode.GetSegmentation()
        followed = []
        for segmentId, known in list(self._tags.items()):
            segment = segmentation.GetSegment(segmentId)
            if segment is None:
                continue  # Taken back, with its prompts, should it come back.
            tag = _tagOf(segment)
            moment = self._moments.get((segmentId, tag))
            if tag == known or moment is None:
                continue
            self._tags[segmentId] = tag
            self._restore(segmentId, moment.prompts)
            followed.append(segmentId)
        return followed

    def _restore(self, segmentId: str, prompts: State) -> None:
        store = PromptStore(self._segmentationNode)
        others = tuple(node for node in store.state() if node.segmentId != segmentId)
        with answeredElsewhere():
            store.restore(others + prompts)


def _tagOf(segment: Any) -> str:
    value = vtk.reference("")
    return str(value) if segment.GetTag(PROMPTS_TAG, value) else ""

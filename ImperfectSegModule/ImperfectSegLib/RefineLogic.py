"""What the refine module does, without a window: usable from Slicer's Python console."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import slicer

from ImperfectSegLib import Bridge
from ImperfectSegLib.RefineChoice import RefineChoice, RefineRequest, RefineResponse
from ImperfectSegLib.RefinerCatalog import makeRefiner
from ImperfectSegLib.RefineTaking import RefineTaking, segmentsState
from ImperfectSegLib.RefineWork import RefineWork
from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SegmentationChanges import inside
from ImperfectSegLib.SegmentationWriter import SegmentationWriter
from ImperfectSegLib.WritingLogic import WritingLogic
from ImperfectSegLogic.data import Segment
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.progress import Progress


class RefineLogic(WritingLogic):
    """Refines the segments of a segmentation, or stored probabilities into one.

    `request`, `write`, `undo` and `redo` touch the scene and belong in the GUI thread; `respond`
    touches nothing but its arguments and may run in any thread.

    Attributes:
        work: What is done beside the window.
    """

    def __init__(self, make: Callable[[str, Mapping[str, Any]], Refiner] = makeRefiner) -> None:
        """Args: `make` makes a refiner by its name and settings."""
        super().__init__()
        self.work = RefineWork(make)

    def refine(self, volumeNode: Any, segmentationNode: Any, choice: RefineChoice) -> int:
        """Refines at once, in the calling thread, and writes the result into the segmentation.

        Args:
            volumeNode: The image.
            segmentationNode: The input, if it is not stored probabilities; gets the result.
            choice: How to refine, and what.

        Returns:
            The number of voxels whose label has changed.

        Raises:
            ValueError: If there is nothing to refine, or something in it does not suit.
        """
        response = self.respond(self.request(volumeNode, segmentationNode, choice), Progress())
        self.write(response)
        return sum(part.changed for part in response.refined)

    def request(
        self,
        volumeNode: Any,
        segmentationNode: Any,
        choice: RefineChoice,
        places: Collection[Place] | None = None,
    ) -> RefineRequest:
        """Takes all that is needed out of the scene.

        Args:
            volumeNode: The image.
            segmentationNode: The segmentation.
            choice: How to refine, and what.
            places: Which slices, each by itself, for a look; None for the whole.

        Raises:
            ValueError: If the volume or the segmentation is missing or empty, nothing is selected,
                segments overlap, or the limit is outside the image.
        """
        volume = self._readVolume(volumeNode)
        if segmentationNode is None:
            raise ValueError("no segmentation: choose or add one.")
        taking = RefineTaking(volumeNode, volume, segmentationNode, choice)
        return taking.whole() if places is None else taking.slices(places)

    def respond(self, request: RefineRequest, progress: Progress) -> RefineResponse:
        """Computes; see `RefineWork.run` for what it raises."""
        return self.work.run(request, progress)

    def write(self, response: RefineResponse) -> bool:
        """Writes what was refined into the segmentation, as one step to undo.

        Returns:
            Whether any voxel changed.

        Raises:
            ValueError: If the volume or the segmentation has gone or was changed since, or all
                segments are locked. Nothing is written then.
        """
        request = response.request
        volumeNode = slicer.mrmlScene.GetNodeByID(request.volumeId)
        segmentationNode = slicer.mrmlScene.GetNodeByID(request.segmentationId)
        if volumeNode is None or segmentationNode is None:
            raise ValueError("the volume or the segmentation was removed; nothing was written.")
        if Bridge.volumeState(volumeNode) != request.volumeState:
            raise ValueError("the volume was changed meanwhile; nothing was written. Apply again.")
        if segmentsState(segmentationNode) != request.segmentationState:
            raise ValueError("segments were edited meanwhile; nothing was written. Apply again.")
        (done,) = response.refined
        prediction, allowed = done.prediction, done.part.allowed
        if allowed is not None:
            allowed = allowed[inside(prediction.region, done.part.region)]
        segmentIds = dict(request.segmentIds)
        if request.choice.probabilities and request.choice.selected is None:
            segmentIds = _withSegments(segmentationNode, prediction.labels[-1], response.segments)
        spoken = {n: s for n, s in segmentIds.items() if n in prediction.labels}
        self._writer = self._writer or SegmentationWriter()
        return self._writer.write(prediction, spoken, segmentationNode, volumeNode, allowed=allowed)


def _withSegments(segmentationNode: Any, count: int, known: Sequence[Segment]) -> dict[int, str]:
    """Gives the segment of each label from 1, made where there is none yet."""
    segmentation = segmentationNode.GetSegmentation()
    looks = {segment.label: (segment.name, segment.color) for segment in known}
    for n in range(segmentation.GetNumberOfSegments() + 1, count + 1):
        name, color = looks.get(n, (f"Segment_{n}", distinct_color(n)))
        segmentation.AddEmptySegment("", name, color)
    return dict(enumerate(segmentation.GetSegmentIDs(), start=1))

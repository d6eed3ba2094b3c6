"""What the interactive module does, without a window: usable from Slicer's Python console."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from typing import Any

import slicer
from numpy.typing import ArrayLike

from ImperfectSegLib import Bridge
from ImperfectSegLib.EngineSlot import EngineSlot
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.RequestParts import allowedIn, partsOf, withPrevious
from ImperfectSegLib.Requests import Answer, Part, Place, Request, Response
from ImperfectSegLib.SegmentationWriter import SegmentationWriter
from ImperfectSegLib.SegmentTags import thresholdOf
from ImperfectSegLib.WritingLogic import WritingLogic
from ImperfectSegLogic.data import Box, Case, Prediction
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress

__all__ = ["InteractiveLogic", "Request", "Response"]


class InteractiveLogic(WritingLogic):
    """Turns the prompts of a segmentation into its segments.

    `request`, `write`, `undo` and `redo` touch the scene and belong in the GUI thread; `respond`
    touches nothing but its arguments and may run in any one thread.

    Attributes:
        engines: Which engine answers.
    """

    def __init__(self, engine: InteractiveSegmenter | None = None) -> None:
        """Args: `engine` answers the prompts; the default one of the catalog if not given."""
        super().__init__()
        self.engines = EngineSlot(engine)
        self._case: tuple[Any, ...] | None = None
        self._busy = threading.Lock()

    def setEngine(self, engine: InteractiveSegmenter) -> None:
        """Lets another segmenter answer from now on."""
        self.engines.use(engine)

    def chooseEngine(self, name: str, model: str = "") -> None:
        """Lets the engine of a name answer from now on, with a model's file if it needs one."""
        self.engines.choose(name, model)

    def addSegment(self, segmentationNode: Any, name: str = "") -> str:
        """Adds an empty segment and gives its ID."""
        segmentation = segmentationNode.GetSegmentation()
        segmentId = segmentation.GenerateUniqueSegmentID("Segment")
        color = distinct_color(segmentation.GetNumberOfSegments() + 1)
        return str(segmentation.AddEmptySegment(segmentId, name or segmentId, color))

    def addClick(
        self, segmentationNode: Any, segment: str, ras: ArrayLike, positive: bool = True
    ) -> None:
        """Adds a click at a world RAS position in mm.

        Args:
            segmentationNode: The segmentation.
            segment: Name of a segment, made when it is not there yet.
            ras: Where.
            positive: False for "not this segment".
        """
        segmentation = segmentationNode.GetSegmentation()
        segmentId = segmentation.GetSegmentIdBySegmentName(segment)
        segmentId = segmentId or self.addSegment(segmentationNode, segment)
        PromptStore(segmentationNode).addClick(segmentId, ras, positive)

    def segment(self, volumeNode: Any, segmentationNode: Any) -> Prediction:
        """Segments at once, in the calling thread, and writes the result into the segmentation.

        Raises:
            ValueError: If there is nothing to segment or to segment with.
        """
        request = self.request(volumeNode, segmentationNode)
        if not request.parts:
            raise ValueError("no prompts: add one or more with addClick.")
        response = self.respond(request, Progress())
        self.write(response)
        return response.prediction

    def request(
        self,
        volumeNode: Any,
        segmentationNode: Any,
        limit: Box | None = None,
        places: Collection[Place] | None = None,
        moved: frozenset[int] = frozenset(),
        answers: Sequence[Answer] = (),
    ) -> Request:
        """Takes the image and the prompts out of the scene.

        Args:
            volumeNode: The image.
            segmentationNode: The segmentation.
            limit: Where engines look and write; everywhere if there is none.
            places: Which slices are to be answered, in 2-D; None in 3-D.
            moved: Numbers of prompts that were moved out of these slices.
            answers: To prompts before the last ones; some engines start from them.

        Raises:
            ValueError: If the volume or the segmentation is missing, the volume has no voxel grid
                in the world, a markups node cannot be a prompt, or the limit is outside the image.
        """
        if segmentationNode is None:
            raise ValueError("no segmentation: choose or add one.")
        volume = self._readVolume(volumeNode)
        store = PromptStore(segmentationNode)
        entries, (_, segmentIds) = store.entries(), store.prompts()
        parts, notes = partsOf(volume.geometry, entries, segmentIds, limit, places, moved)
        return Request(
            volume,
            Bridge.volumeState(volumeNode),
            tuple(withPrevious(part, answers) for part in parts),
            volumeNode.GetID(),
            segmentationNode.GetID(),
            notes,
        )

    def respond(self, request: Request, progress: Progress) -> Response:
        """Computes; see `EngineSlot.made` and `InteractiveSegmenter.respond` for what it raises."""
        while not self._busy.acquire(timeout=0.05):
            progress.report(0.0, "Stopping the computation before")
        try:
            progress.report(0.0, "Loading the engine")
            engine = self.engines.made()
            started = time.perf_counter()
            answers = []
            for n, part in enumerate(request.parts):
                share = progress.part(n / len(request.parts), (n + 1) / len(request.parts))
                answers.append(self._answer(engine, request, part, share))
        finally:
            self._busy.release()
        return Response(request, tuple(answers), time.perf_counter() - started)

    def _answer(
        self, engine: InteractiveSegmenter, request: Request, part: Part, progress: Progress
    ) -> Answer:
        geometry = request.volume.geometry
        if not part.prompts:
            return Answer(part, None, geometry)
        case = (engine, request.volumeState, part.cut)
        if self._case != case:
            self._case = None
            volume = part.cut.volume(request.volume)
            engine.set_case(Case(volume, volume.name))
            self._case = case
        return Answer(part, engine.respond(part.prompts, part.previous, progress), geometry)

    def write(self, response: Response) -> int:
        """Writes the answers into the segmentation; gives how many writes changed a voxel.

        Raises:
            ValueError: If the volume, the segmentation or a segment has gone, or was moved or
                edited since, or a segment is locked. Nothing is written then.
        """
        request = response.request
        volumeNode = slicer.mrmlScene.GetNodeByID(request.volumeId)
        segmentationNode = slicer.mrmlScene.GetNodeByID(request.segmentationId)
        if volumeNode is None or segmentationNode is None:
            raise ValueError("the volume or the segmentation was removed; nothing was written.")
        if Bridge.volumeState(volumeNode) != request.volumeState:
            raise ValueError("the volume was changed meanwhile; nothing was written. Update again.")
        self._writer = self._writer or SegmentationWriter()
        changed = 0
        for answer in response.answers:
            part = answer.part
            prediction = answer.prediction
            changed += self._writer.write(
                prediction,
                part.segmentIds,
                segmentationNode,
                volumeNode,
                part.numbers,
                answer.geometry,
                part.scope,
                allowedIn(part, prediction),
                {n: thresholdOf(segmentationNode, s) for n, s in part.segmentIds.items()},
            )
        return changed

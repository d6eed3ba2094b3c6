"""What the interactive module does, without a window: usable from Slicer's Python console."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import slicer
from numpy.typing import ArrayLike

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentationWriter import SegmentationWriter
from ImperfectSegLogic.data import Case, Prediction, Prompt, Volume
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS
from ImperfectSegLogic.methods.progress import Progress


@dataclass(frozen=True)
class Request:
    """Everything that one computation needs, taken out of the scene in the GUI thread."""

    volume: Volume
    volumeState: tuple[Any, ...]
    prompts: list[Prompt]
    segmentIds: dict[int, str]
    numbers: frozenset[int]
    volumeId: str
    segmentationId: str


@dataclass(frozen=True)
class Response:
    """The answer to a request, still to be written."""

    request: Request
    prediction: Prediction
    seconds: float


class InteractiveLogic:
    """Turns the prompts of a segmentation into its segments.

    `request`, `write` and `undo` touch the scene and belong in the GUI thread; `respond` touches
    nothing but its arguments and may run in any one thread.
    """

    def __init__(self, engine: InteractiveSegmenter | None = None) -> None:
        """Args: `engine` answers the prompts; the first of the catalog by default."""
        self._segmenter = engine or INTERACTIVE_SEGMENTERS[0]()
        self._caseState: tuple[Any, ...] | None = None
        self._busy = threading.Lock()
        self._volume: tuple[tuple[Any, ...], Volume] | None = None
        self._writer: SegmentationWriter | None = None

    def setEngine(self, engine: InteractiveSegmenter) -> None:
        """Lets another segmenter answer from now on."""
        with self._busy:
            self._segmenter, self._caseState = engine, None

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
        response = self.respond(self.request(volumeNode, segmentationNode), Progress())
        self.write(response)
        return response.prediction

    def request(self, volumeNode: Any, segmentationNode: Any) -> Request:
        """Takes the image and the prompts out of the scene.

        Raises:
            ValueError: If the volume or the segmentation is missing, the volume has no voxel grid
                in the world, or a markups node cannot be a prompt.
        """
        if segmentationNode is None:
            raise ValueError("no segmentation: choose or add one.")
        volume = self._readVolume(volumeNode)
        store = PromptStore(segmentationNode)
        prompts, segmentIds = store.prompts()
        return Request(
            volume,
            Bridge.volumeState(volumeNode),
            prompts,
            segmentIds,
            store.numbers(),
            volumeNode.GetID(),
            segmentationNode.GetID(),
        )

    def respond(self, request: Request, progress: Progress) -> Response:
        """Computes; see `InteractiveSegmenter.respond` for what it raises."""
        started = time.perf_counter()
        while not self._busy.acquire(timeout=0.05):
            progress.report(0.0, "Stopping the computation before")
        try:
            if self._caseState != request.volumeState:
                self._caseState = None
                self._segmenter.set_case(Case(request.volume, request.volume.name))
                self._caseState = request.volumeState
            prediction = self._segmenter.respond(request.prompts, None, progress)
        finally:
            self._busy.release()
        return Response(request, prediction, time.perf_counter() - started)

    def write(self, response: Response) -> bool:
        """Writes the answer into the segmentation; gives whether a voxel changed.

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
        return self._writer.write(
            response.prediction,
            request.segmentIds,
            segmentationNode,
            volumeNode,
            request.numbers,
        )

    def undo(self) -> None:
        """Takes back the last `write` that changed something."""
        if self._writer is not None and self._writer.canUndo:
            self._writer.undo()

    def forget(self) -> None:
        """Lets go of everything that belongs to a scene that was closed."""
        self._writer = None
        self._volume = None

    def _readVolume(self, volumeNode: Any) -> Volume:
        if volumeNode is None:
            raise ValueError("no volume: choose one.")
        state = Bridge.volumeState(volumeNode)
        if self._volume is None or self._volume[0] != state:
            self._volume = (state, Bridge.volumeFromNode(volumeNode))
        return self._volume[1]

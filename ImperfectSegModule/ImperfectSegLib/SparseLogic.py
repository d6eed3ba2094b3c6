"""What the sparse module does, without a window: usable from Slicer's Python console."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.SceneDataset import BACKGROUND
from ImperfectSegLib.SegmentationWriter import SegmentationWriter
from ImperfectSegLib.SegmentTags import isLocked, setLocked
from ImperfectSegLib.SparseCache import SparseCache
from ImperfectSegLib.SparseCompletion import (
    SOURCES,
    Completer,
    SparseRequest,
    SparseResponse,
    completeMarks,
)
from ImperfectSegLib.SparseStore import SparseStore, labelsOf
from ImperfectSegLib.SparseTaken import Taken
from ImperfectSegLib.SparseTaking import LastGrid, LastSlices, Layer, taken
from ImperfectSegLib.WritingLogic import WritingLogic
from ImperfectSegLogic.completion.hexagonal_grid import hexagonal_grid
from ImperfectSegLogic.data import Case, Lasso, Prediction, Region
from ImperfectSegLogic.data.prediction import Provenance
from ImperfectSegLogic.data.segmentation import distinct_color
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.rasterize import lasso_voxels

COMPLETED_ROLE = "ImperfectSeg.Completed"
GRAY = (0.55, 0.55, 0.55)


class SparseLogic(WritingLogic):
    """Reads sparse annotations out of the scene, completes them, and writes the result.

    `request`, `write`, `fill`, `undo` and `redo` touch the scene and belong in the GUI thread;
    `respond` touches nothing but its arguments and may run in any one thread.

    Attributes:
        completer: Completes marks.
        lay: Lays grids of points.
    """

    def __init__(self, completer: Completer = completeMarks, lay: Layer = hexagonal_grid) -> None:
        """Args: `completer` completes marks, `lay` lays grids."""
        super().__init__()
        self.completer, self.lay = completer, LastGrid(lay)
        self._cache, self._slices = SparseCache(), LastSlices()

    def store(self, segmentationNode: Any) -> SparseStore:
        """Gives the marks of a segmentation."""
        return SparseStore(segmentationNode, self._cache)

    def forget(self) -> None:
        """Lets go of everything that belongs to a scene that was closed."""
        super().forget()
        self._cache.clear()
        self._slices = LastSlices()

    def newSegmentation(self, volumeNode: Any) -> Any:
        """Adds a segmentation for marks on a volume, with a segment for what is background."""
        node = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSegmentationNode", f"{volumeNode.GetName()} marks"
        )
        node.CreateDefaultDisplayNodes()
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        self.ensureBackground(node)
        return node

    def ensureBackground(self, segmentationNode: Any) -> None:
        """Adds the segment for what is known to be background, unless there is one."""
        if 0 not in labelsOf(segmentationNode).values():
            segmentationNode.GetSegmentation().AddEmptySegment(BACKGROUND, BACKGROUND, GRAY)

    def addSegment(self, segmentationNode: Any, name: str = "") -> str:
        """Adds an empty segment and gives its ID."""
        segmentation = segmentationNode.GetSegmentation()
        segmentId = segmentation.GenerateUniqueSegmentID("Segment")
        label = max(labelsOf(segmentationNode).values(), default=0) + 1
        name = name or f"Segment_{label}"
        return str(segmentation.AddEmptySegment(segmentId, name, distinct_color(label)))

    def taken(
        self, volumeNode: Any, segmentationNode: Any, numbers: Mapping[str, int] | None = None
    ) -> Taken:
        """Takes all marks out of the scene; see `SparseTaking.taken`."""
        store = self.store(segmentationNode)
        return taken(volumeNode, store, self.lay, self._slices, numbers)

    def complete(self, volumeNode: Any, segmentationNode: Any, kind: str) -> Any:
        """Completes at once, in the calling thread, and gives the segmentation with the result.

        Raises:
            ValueError: As `request`, `respond` and `write`.
        """
        self.write(self.respond(self.request(volumeNode, segmentationNode, kind), Progress()))
        return self.completedNode(segmentationNode)

    def request(self, volumeNode: Any, segmentationNode: Any, kind: str) -> SparseRequest:
        """Takes the image and the marks out of the scene.

        Raises:
            ValueError: If the volume or the segmentation is missing, or nothing was marked.
        """
        if segmentationNode is None:
            raise ValueError("no segmentation: choose or add one.")
        if kind not in SOURCES:
            raise ValueError(f"complete: got {kind!r}, allowed are {', '.join(SOURCES)}.")
        volume = self._readVolume(volumeNode)
        marks = self.taken(volumeNode, segmentationNode)
        if kind == "slices":
            marks = marks.slicesOnly
        annotation = marks.annotation(SOURCES[kind])
        return SparseRequest(
            Case(volume, volume.name, annotation),
            kind,
            volumeNode.GetID(),
            Bridge.volumeState(volumeNode),
            segmentationNode.GetID(),
            {label: s for s, label in labelsOf(segmentationNode).items() if label},
        )

    def respond(self, request: SparseRequest, progress: Progress) -> SparseResponse:
        """Completes; see `Completer` for what it raises."""
        started = time.perf_counter()
        completed = self.completer(request.case, request.kind, progress=progress)
        return SparseResponse(request, completed, time.perf_counter() - started)

    def write(self, response: SparseResponse) -> bool:
        """Writes a completed mask into the segmentation of its own, as one step to undo.

        Returns:
            Whether any voxel changed.

        Raises:
            ValueError: If the volume or the marks have gone or the volume was changed since, or
                all segments are locked. Nothing is written then.
        """
        request = response.request
        volumeNode = slicer.mrmlScene.GetNodeByID(request.volumeId)
        marks = slicer.mrmlScene.GetNodeByID(request.segmentationId)
        if volumeNode is None or marks is None:
            raise ValueError("the volume or the segmentation was removed; nothing was written.")
        if Bridge.volumeState(volumeNode) != request.volumeState:
            raise ValueError("the volume was changed meanwhile; nothing was written. Try again.")
        inside = marks.GetSegmentation()
        ids = {n: s for n, s in request.segmentIds.items() if inside.GetSegment(s) is not None}
        target = self._target(marks, volumeNode, ids)
        prediction = response.completed.prediction
        spoken = {n: s for n, s in ids.items() if n in prediction.labels}
        self._writer = self._writer or SegmentationWriter()
        return self._writer.write(prediction, spoken, target, volumeNode)

    def completedNode(self, segmentationNode: Any) -> Any:
        """Gives the segmentation with what was completed from marks; None if there is none."""
        return segmentationNode.GetNodeReference(COMPLETED_ROLE) if segmentationNode else None

    def fill(
        self, volumeNode: Any, segmentationNode: Any, segmentId: str, outline: NDArray[np.float64]
    ) -> bool:
        """Fills an outline on one slice with a segment, as one step to undo.

        Args:
            volumeNode: The image.
            segmentationNode: The segmentation.
            segmentId: Which segment; the one for background takes the others away.
            outline: Corner points, world RAS in mm, shape (N >= 3, 3).

        Returns:
            Whether any voxel changed.

        Raises:
            ValueError: If the outline is not on one slice, holds no voxel, or the segment is
                locked.
        """
        grid = Bridge.geometryFromNode(volumeNode)
        inside, _, _ = lasso_voxels(Lasso(outline), grid)
        if not len(inside):
            raise ValueError("outline: no voxel is inside. Drag around what you mean.")
        region = Region.around(inside)
        allowed = np.zeros(region.shape, dtype=bool)
        allowed[tuple((inside - np.array(region.start)).T)] = True
        label = labelsOf(segmentationNode)[segmentId]
        sure = np.stack([allowed if label == 0 else ~allowed, allowed & (label > 0)])
        found = Prediction(
            sure.astype(np.float32), (0, max(label, 1)), region, grid, Provenance("outline")
        )
        ids = {n: s for s, n in labelsOf(segmentationNode).items() if n} if label == 0 else {}
        self._writer = self._writer or SegmentationWriter()
        return self._writer.write(
            found, ids or {label: segmentId}, segmentationNode, volumeNode, allowed=allowed
        )

    def _target(self, marks: Any, volumeNode: Any, segmentIds: Mapping[int, str]) -> Any:
        """Gives the segmentation for the result, with the names, colors and locks of the marks."""
        node = self.completedNode(marks)
        if node is None:
            node = slicer.mrmlScene.AddNewNodeByClass(
                "vtkMRMLSegmentationNode", f"{volumeNode.GetName()} completed"
            )
            node.CreateDefaultDisplayNodes()
            node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
            node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
            marks.SetNodeReferenceID(COMPLETED_ROLE, node.GetID())
        source, target = marks.GetSegmentation(), node.GetSegmentation()
        for segmentId in segmentIds.values():
            known = source.GetSegment(segmentId)
            if target.GetSegment(segmentId) is None:
                target.AddEmptySegment(segmentId, known.GetName(), known.GetColor())
            if isLocked(node, segmentId) != isLocked(marks, segmentId):
                setLocked(node, segmentId, isLocked(marks, segmentId))
        return node

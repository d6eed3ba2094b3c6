"""Takes sparse annotations out of the scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.RefineTaking import segmentsState
from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SparseNotes import UNKNOWN, GridNotes, SparseNotes, readNotes
from ImperfectSegLib.SparseStore import Lesion, SparseStore, labelsOf
from ImperfectSegLib.SparseTaken import Taken, gridKey
from ImperfectSegLogic.data import UNLABELED, Geometry, Recist
from ImperfectSegLogic.data.slices import AXIS_NAMES, Cut

Layer = Callable[[Geometry, int, int], NDArray[np.float64]]
"""Lays a grid: geometry, stride in voxels and axis give positions, RAS in mm, shape (N, 3)."""


class LastSlices:
    """Reads annotated slices, and remembers them until segments are edited."""

    def __init__(self) -> None:
        self._state: object = None
        self._kept: dict[Place, NDArray[np.int32]] = {}

    def __call__(
        self, segmentationNode: Any, place: Place, geometry: Geometry, labels: Mapping[str, int]
    ) -> NDArray[np.int32]:
        """Reads a slice; see `sliceLabels`."""
        segments = segmentsState(segmentationNode)
        grid = gridKey(geometry)
        world = Bridge.transformToWorld(segmentationNode).tobytes()
        state = (segmentationNode.GetID(), segments, grid, world, tuple(labels.items()))
        if state != self._state:
            self._state, self._kept = state, {}
        if place not in self._kept:
            self._kept[place] = sliceLabels(segmentationNode, place, geometry, labels)
        return self._kept[place]


class LastGrid:
    """Lays grids, and remembers the last one: it is asked for again after every key."""

    def __init__(self, lay: Layer) -> None:
        """Args: `lay` lays grids."""
        self._lay = lay
        self._last: tuple[object, NDArray[np.float64]] | None = None

    def __call__(self, geometry: Geometry, stride: int, axis: int) -> NDArray[np.float64]:
        """Lays a grid; see `Layer`."""
        key = (gridKey(geometry), stride, axis)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._lay(geometry, stride, axis))
        return self._last[1]


MOST_POINTS = 20_000
"""More than that nobody clicks through."""


def taken(
    volumeNode: Any,
    store: SparseStore,
    lay: Layer,
    read: LastSlices,
    numbers: Mapping[str, int] | None = None,
) -> Taken:
    """Takes all marks of a segmentation.

    Args:
        volumeNode: The image.
        store: The marks.
        lay: Lays the grid of points.
        read: Reads annotated slices.
        numbers: The label of each segment; by default 0 of `background`, others from 1.

    Raises:
        ValueError: If the volume is missing, segments overlap in an annotated slice, or the notes
            belong to another image.
    """
    geometry = Bridge.geometryFromNode(volumeNode)
    segmentationNode = store.segmentationNode
    notes = readNotes(segmentationNode)
    labels = labelsOf(segmentationNode) if numbers is None else numbers
    inside = segmentationNode.GetSegmentation()
    lesions = store.lesions()
    present, absent = _tags(notes, labels)
    positions, pointLabels = _points(notes.grid, geometry, lay, labels)
    return Taken(
        geometry,
        {labels[s]: inside.GetSegment(s).GetName() for s in labels},
        tuple(replace(stroke, label=labels[s]) for s, stroke in store.strokes()),
        _slices(segmentationNode, notes, geometry, labels, read),
        positions,
        pointLabels,
        tuple(recistOf(lesion, labels[lesion.segmentId]) for lesion in lesions if _isDrawn(lesion)),
        sum(not lesion.isComplete for lesion in lesions),
        tuple(replace(box, label=labels[s]) for s, box in store.boxes()),
        present,
        absent,
        len(notes.sliceTags),
    )


def recistOf(lesion: Lesion, label: int) -> Recist:
    """Gives the diameters of a lesion that has both."""
    long, short = (np.array(Bridge.definedPositions(n)) for n in (lesion.long, lesion.short))
    return Recist(long, short, label=label)


def laidGrid(geometry: Geometry, grid: GridNotes, lay: Layer) -> NDArray[np.float64]:
    """Gives the positions of a grid, RAS in mm, shape (N, 3), in the order of the notes.

    Raises:
        ValueError: If the grid was laid over an image of another shape.
    """
    positions = layGrid(geometry, grid.stride, grid.axis, grid.every, lay)
    if geometry.shape != grid.shape or len(positions) != len(grid.labels):
        raise ValueError(
            f"grid: it was laid over an image of {grid.shape} voxels, this one has"
            f" {geometry.shape}. Choose that image, or lay the grid anew."
        )
    return positions


def layGrid(
    geometry: Geometry, stride: int, axis: int, every: int, lay: Layer
) -> NDArray[np.float64]:
    """Lays a grid on every which slice along an axis; RAS in mm, shape (N, 3).

    Raises:
        ValueError: If it would have no point, or too many.
    """
    positions = lay(geometry, stride, axis)
    along = geometry.to_index(positions)[:, axis]
    positions = positions[(along - every // 2) % every == 0]
    if not 0 < len(positions) <= MOST_POINTS:
        raise ValueError(
            f"grid: got {len(positions)} points, allowed are 1 to {MOST_POINTS}. Change the stride,"
            f" or on every which slice along {AXIS_NAMES[axis]} there are points."
        )
    return positions


def sliceLabels(
    segmentationNode: Any, place: Place, geometry: Geometry, labels: Mapping[str, int]
) -> NDArray[np.int32]:
    """Reads the labels of a slice, background where no segment is; shape of the slice.

    Raises:
        ValueError: If segments overlap.
    """
    axis, index = place
    region = Cut.slice_at(geometry, axis, index).region
    found: NDArray[np.int32] = np.full(region.shape, UNLABELED, dtype=np.int32)
    for segmentId, label in labels.items():
        mask = Bridge.segmentMask(segmentationNode, segmentId, geometry, region)
        if label and (found[mask] > 0).any():
            name = segmentationNode.GetSegmentation().GetSegment(segmentId).GetName()
            raise ValueError(
                f"slice {index} along {AXIS_NAMES[axis]}: segment {name!r} overlaps another one,"
                " and a voxel has one label. Remove the overlap in Segment Editor."
            )
        found[mask] = np.maximum(found[mask], label)
    return np.maximum(found, 0).squeeze(axis)


def _slices(
    segmentationNode: Any,
    notes: SparseNotes,
    geometry: Geometry,
    labels: Mapping[str, int],
    read: LastSlices,
) -> tuple[tuple[Place, NDArray[np.int32]], ...]:
    found = [(p, read(segmentationNode, p, geometry, labels)) for p in notes.slices]
    named = {s for s, label in labels.items() if label}
    for place, tags in notes.sliceTags:
        said = dict(tags)
        if place not in notes.slices and named and all(said.get(s) is False for s in named):
            shape = [n for axis, n in enumerate(geometry.shape) if axis != place[0]]
            found.append((place, np.zeros(shape, dtype=np.int32)))
    return tuple(found)


def _points(
    grid: GridNotes | None, geometry: Geometry, lay: Layer, labels: Mapping[str, int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if grid is None:
        return np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    given = {str(n): labels.get(s, UNLABELED) for n, s in enumerate(grid.segments)}
    given[UNKNOWN] = UNLABELED
    said = np.array([given[c] for c in grid.labels], dtype=np.int64)
    return laidGrid(geometry, grid, lay), said


def _tags(notes: SparseNotes, labels: Mapping[str, int]) -> tuple[frozenset[int], frozenset[int]]:
    """Gives the labels in the image and those not in it; what is on a slice is in the image."""
    onSlices = {s for _, tags in notes.sliceTags for s, isThere in tags if isThere}
    said = {**dict.fromkeys(onSlices, True), **notes.tagsOf(None)}
    contrary = [s for s in onSlices if not said[s]]
    if contrary:
        raise ValueError(
            f"tags: segments {contrary} are said to be on a slice, and not to be in the image."
            " Change one of the two."
        )
    present = frozenset(labels[s] for s, isThere in said.items() if isThere and labels.get(s))
    absent = frozenset(labels[s] for s, isThere in said.items() if not isThere and labels.get(s))
    return present, absent


def _isDrawn(lesion: Lesion) -> bool:
    return lesion.isComplete

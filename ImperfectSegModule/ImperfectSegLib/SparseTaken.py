"""Sparse annotations, taken out of the scene; touches no node, so that any thread may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.Requests import Place
from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Box,
    Boxes,
    Geometry,
    ImageLabels,
    PointGrid,
    Recist,
    RecistMarks,
    Scribble,
    SparseMask,
)
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels

MASK, POINTS, RECIST, BOXES, TAGS = "sparse mask", "points", "RECIST marks", "boxes", "tags"
KINDS = (TAGS, BOXES, RECIST, POINTS, MASK)
"""From the kind that says least about where something is to the one that says most."""

Flat = NDArray[np.int64]
MOST_STROKES = 500
"""So many strokes are remembered as voxels: what is annotated is counted anew after each stroke."""
_NO_LABELS: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Taken:
    """Marks with labels.

    Attributes:
        geometry: The image's grid, in world RAS.
        names: Of the labels that can be marked.
        strokes: Scribbles, in the order in which they were drawn.
        slices: Slices that were annotated completely, and their labels, 2-D.
        positions: All points of the grid, RAS in mm, shape (N, 3).
        pointLabels: Their labels, `UNLABELED` where there is none yet, shape (N,).
        lesions: Lesions with both diameters.
        unfinished: How many lesions have one diameter.
        boxes: Boxes.
        present: Labels that are said to be in the image.
        absent: Labels that are said not to be.
        taggedSlices: How many slices were tagged.
    """

    geometry: Geometry
    names: Mapping[int, str]
    strokes: tuple[Scribble, ...] = ()
    slices: tuple[tuple[Place, NDArray[np.int32]], ...] = ()
    positions: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    pointLabels: NDArray[np.int64] = field(default_factory=lambda: _NO_LABELS)
    lesions: tuple[Recist, ...] = ()
    unfinished: int = 0
    boxes: tuple[Box, ...] = ()
    present: frozenset[int] = frozenset()
    absent: frozenset[int] = frozenset()
    taggedSlices: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """What there is of `KINDS`, in their order."""
        there = {
            TAGS: self.present or self.absent,
            BOXES: self.boxes,
            RECIST: self.lesions,
            POINTS: (self.pointLabels != UNLABELED).any(),
            MASK: self.strokes or self.slices,
        }
        return tuple(kind for kind in KINDS if there[kind])

    @property
    def slicesOnly(self) -> Taken:
        """The same without strokes and points."""
        return replace(self, strokes=(), positions=np.zeros((0, 3)), pointLabels=_NO_LABELS)

    def annotation(self, kind: str) -> Annotation:
        """Gives the marks of a kind.

        Raises:
            ValueError: If there are none, or something is said to be there and not.
        """
        if kind not in self.kinds:
            raise ValueError(
                f"{kind}: nothing of it was marked; there is"
                f" {', '.join(self.kinds) or 'nothing yet'}. Mark something first."
            )
        if kind == MASK:
            return self.mask()
        if kind == POINTS:
            known = self.pointLabels != UNLABELED
            return PointGrid(self.positions[known], self.pointLabels[known])
        if kind == RECIST:
            return RecistMarks(self.lesions)
        return Boxes(self.boxes) if kind == BOXES else ImageLabels(self.present, self.absent)

    def mask(self) -> SparseMask:
        """Gives strokes, points and annotated slices as voxels; where two differ, in this order."""
        labels: NDArray[np.int16] = np.full(self.geometry.shape, UNLABELED, dtype=np.int16)
        where, values = self.voxels()
        labels.ravel()[where] = values
        return SparseMask(labels, self.geometry)

    def voxels(self) -> tuple[Flat, NDArray[np.int16]]:
        """Gives the voxels that have a label, as flat indices without repeats, and the labels."""
        where: list[Flat] = [np.zeros(0, dtype=np.int64)]
        values: list[NDArray[np.int16]] = [np.zeros(0, dtype=np.int16)]
        for (axis, index), labels in self.slices:
            where.append(_flatSlice(self.geometry.shape, axis, index))
            values.append(labels.ravel().astype(np.int16))
        known = self.pointLabels != UNLABELED
        points = self.geometry.to_index(self.positions[known])
        where.append(_flat(points, self.geometry))
        values.append(self.pointLabels[known].astype(np.int16))
        for stroke in self.strokes:
            found = _strokeVoxels(stroke.points.tobytes(), stroke.radius, *gridKey(self.geometry))
            where.append(found)
            values.append(np.full(len(found), stroke.label, dtype=np.int16))
        everywhere, every = np.concatenate(where)[::-1], np.concatenate(values)[::-1]
        unique, first = np.unique(everywhere, return_index=True)  # The last said is first here.
        return unique, every[first]


def gridKey(geometry: Geometry) -> tuple[tuple[int, int, int], bytes]:
    """Gives what tells a grid from others, to remember by."""
    return geometry.shape, geometry.ijk_to_ras.tobytes()


@lru_cache(MOST_STROKES)
def _strokeVoxels(
    points: bytes, radius: float, shape: tuple[int, int, int], ijkToRas: bytes
) -> Flat:
    geometry = Geometry(shape, np.frombuffer(ijkToRas).reshape(4, 4))
    stroke = Scribble(np.frombuffer(points).reshape(-1, 3), radius=radius, label=1)
    found = _flat(scribble_voxels(stroke, geometry), geometry)
    found.flags.writeable = False  # It is given again.
    return found


def _flat(index: NDArray[np.int64], geometry: Geometry) -> Flat:
    return np.asarray(np.ravel_multi_index(tuple(index.T), geometry.shape), dtype=np.int64)


def _flatSlice(shape: tuple[int, ...], axis: int, index: int) -> Flat:
    places = np.indices([1 if a == axis else n for a, n in enumerate(shape)])
    places[axis] += index
    return np.asarray(np.ravel_multi_index(tuple(places.reshape(3, -1)), tuple(shape)))

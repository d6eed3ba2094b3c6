"""What the sparse panel notes on a segmentation besides markups: slices, a grid of points, tags.

It is one text attribute of the segmentation's node, saved with the scene. Segments are named by
their IDs, so that it stays true when segments are added or moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ImperfectSegLib.Requests import Place

ATTRIBUTE = "ImperfectSeg.SparseNotes"
UNKNOWN = "."
"""Stands for a point of the grid that has no label yet."""
DIGITS = "0123456789"
"""Others stand for the place of a segment in `GridNotes.segments`: one key, one segment."""

Tags = tuple[tuple[str, bool], ...]
"""IDs of segments, and whether they are there; those that nobody spoke of are left out."""


@dataclass(frozen=True)
class GridNotes:
    """A grid of points that was laid over an image, and what was said about its points.

    Attributes:
        stride: Distance of points, in voxels.
        axis: The array axis (0, 1, 2 for k, j, i) whose slices have points.
        every: Every which slice has points.
        shape: Of the image, (k, j, i).
        labels: One character per point, see `UNKNOWN` and `DIGITS`.
        segments: IDs of segments that points were given.
    """

    stride: int
    axis: int
    every: int
    shape: tuple[int, ...]
    labels: str
    segments: tuple[str, ...] = ()

    def segmentAt(self, point: int) -> str:
        """Gives the segment of a point; empty if it has none yet."""
        said = self.labels[point]
        return "" if said == UNKNOWN else self.segments[int(said)]

    def labeled(self, point: int, segmentId: str) -> GridNotes:
        """Gives the notes with a point that has a segment, or none any more if it is empty.

        Raises:
            ValueError: If that would be the eleventh segment of the grid.
        """
        known = self.segments
        if segmentId and segmentId not in known:
            if len(known) == len(DIGITS):
                raise ValueError(
                    f"grid: got an eleventh segment, allowed are {len(DIGITS)} in one grid. Lay"
                    " another grid for the others."
                )
            known = (*known, segmentId)
        said = str(known.index(segmentId)) if segmentId else UNKNOWN
        labels = self.labels[:point] + said + self.labels[point + 1 :]
        return replace(self, labels=labels, segments=known)

    @property
    def done(self) -> int:
        """How many points have a label."""
        return len(self.labels) - self.labels.count(UNKNOWN)


@dataclass(frozen=True)
class SparseNotes:
    """All of it.

    Attributes:
        slices: Slices (axis, index) that were annotated completely.
        grid: The grid of points; None if none was laid.
        tags: What is known to be in the image, and what not.
        sliceTags: The same for slices.
    """

    slices: tuple[Place, ...] = ()
    grid: GridNotes | None = None
    tags: Tags = ()
    sliceTags: tuple[tuple[Place, Tags], ...] = field(default=())

    def tagsOf(self, place: Place | None) -> dict[str, bool]:
        """Gives what is known about a slice, or about the image if it is None."""
        return dict(self.tags if place is None else dict(self.sliceTags).get(place, ()))

    def tagged(self, place: Place | None, segmentId: str, isThere: bool | None) -> SparseNotes:
        """Gives the notes where a segment is said to be there or not; None to say nothing."""
        known = self.tagsOf(place)
        known.pop(segmentId, None)
        if isThere is not None:
            known[segmentId] = isThere
        tags = tuple(sorted(known.items()))
        if place is None:
            return replace(self, tags=tags)
        slices = {**dict(self.sliceTags), place: tags}
        return replace(self, sliceTags=tuple(sorted((p, t) for p, t in slices.items() if t)))


def readNotes(segmentationNode: Any) -> SparseNotes:
    """Gives the notes of a segmentation; empty ones if nothing was noted.

    Raises:
        ValueError: If they are damaged.
    """
    return notesOf(segmentationNode.GetAttribute(ATTRIBUTE) or "")


def writeNotes(segmentationNode: Any, notes: SparseNotes) -> None:
    """Notes it on a segmentation."""
    segmentationNode.SetAttribute(ATTRIBUTE, textOf(notes))


def textOf(notes: SparseNotes) -> str:
    """Gives notes as JSON; empty if there are none."""
    return "" if notes == SparseNotes() else json.dumps(asdict(notes))


def notesOf(text: str) -> SparseNotes:
    """Gives the notes that `textOf` wrote.

    Raises:
        ValueError: If they are damaged.
    """
    if not text:
        return SparseNotes()
    try:
        return _notes(json.loads(text))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(
            f"sparse annotations: the notes in the scene cannot be read ({error}). Restore an older"
            " version, or choose another segmentation."
        ) from error


def _notes(said: Mapping[str, Any]) -> SparseNotes:
    grid = None
    if said["grid"] is not None:
        lists = {name: tuple(said["grid"][name]) for name in ("shape", "segments")}
        grid = GridNotes(**{**said["grid"], **lists})
        strange = set(grid.labels) - {UNKNOWN, *DIGITS[: len(grid.segments)]}
        if strange:
            raise ValueError(f"points of the grid with labels {sorted(strange)}")
    return SparseNotes(
        tuple((axis, index) for axis, index in said["slices"]),
        grid,
        _tags(said["tags"]),
        tuple(((p[0], p[1]), _tags(tags)) for p, tags in said["sliceTags"]),
    )


def _tags(said: Any) -> Tags:
    return tuple((str(segmentId), bool(isThere)) for segmentId, isThere in said)

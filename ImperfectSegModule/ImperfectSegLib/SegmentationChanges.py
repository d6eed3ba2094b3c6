"""What a write has changed in a segmentation, kept small, so that it can be taken back."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLogic.data import Geometry, Region

Mask = NDArray[np.bool_]
Masks = dict[str, Mask]


@dataclass(frozen=True, eq=False)
class Change:
    """All segments of a region before and after a write, compressed.

    Attributes:
        segmentationId: ID of the segmentation's node.
        geometry: The image's grid.
        region: What was looked at.
        before: The segments before.
        after: The segments after.
        segmentIds: The segments that were written.
        prompts: Numbers of the prompts that it came from.
    """

    segmentationId: str
    geometry: Geometry
    region: Region
    before: dict[str, bytes]
    after: dict[str, bytes]
    segmentIds: frozenset[str]
    prompts: frozenset[int]

    def masks(self, which: str) -> Masks:
        """Gives all segments, `before` or `after`."""
        return {s: unpacked(mask, self.region) for s, mask in getattr(self, which).items()}

    def put(self, segmentId: str) -> Mask:
        """Gives where a segment was after the write; nowhere if it was not written."""
        if segmentId not in self.segmentIds:
            return np.zeros(self.region.shape, dtype=bool)
        return unpacked(self.after[segmentId], self.region)


def related(
    changes: Sequence[Change],
    segmentationId: str,
    geometry: Geometry,
    prompts: Collection[int],
    scope: Region,
) -> list[tuple[Change, Region]]:
    """Gives earlier writes that came from some of the same prompts, and their parts of a scope.

    One that lies wholly within a later one of them was replaced by that and is left out.
    """
    found: list[tuple[Change, Region]] = []
    for change in reversed(changes):
        if change.segmentationId != segmentationId or not change.prompts & set(prompts):
            continue
        part = common(change.region, scope)
        if part is None or not change.geometry.matches(geometry):
            continue
        if not any(common(part, later) == part for _, later in found):
            found.append((change, part))
    return found


def masksOf(segmentationNode: Any, geometry: Geometry, region: Region) -> Masks:
    """Reads all segments in a region."""
    ids = segmentationNode.GetSegmentation().GetSegmentIDs()
    return {s: Bridge.segmentMask(segmentationNode, s, geometry, region) for s in ids}


def common(one: Region, other: Region) -> Region | None:
    """Gives what two regions have in common; None if nothing."""
    start = [max(a, b) for a, b in zip(one.start, other.start, strict=True)]
    stop = [min(a, b) for a, b in zip(one.stop, other.stop, strict=True)]
    if any(a >= b for a, b in zip(start, stop, strict=True)):
        return None
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def inside(part: Region, whole: Region) -> tuple[slice, ...]:
    """Gives the index of a region in an array of a larger one."""
    return tuple(
        slice(a - o, b - o) for a, b, o in zip(part.start, part.stop, whole.start, strict=True)
    )


def packed(mask: Mask) -> bytes:
    """Makes a mask small."""
    return zlib.compress(np.packbits(mask).tobytes(), 1)


def unpacked(content: bytes, region: Region) -> Mask:
    """Gives the mask that `packed` made small."""
    bits = np.frombuffer(zlib.decompress(content), dtype=np.uint8)
    count = int(np.prod(region.shape))
    return np.unpackbits(bits, count=count).astype(bool).reshape(region.shape)


@contextmanager
def oneUpdate(node: Any) -> Iterator[None]:
    """Lets views update once instead of after every segment."""
    wasModified = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(wasModified)

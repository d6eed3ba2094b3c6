"""What is to be refined, taken out of the scene: segments as labels, and prompts that count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import Entry
from ImperfectSegLogic.data import Geometry, Prompt, Region

OTHER = 2**16 - 1
"""Label of all segments that are not to be changed: where they are, no other can be."""
MOST_SEGMENTS = OTHER - 1


@dataclass(frozen=True, eq=False)
class SegmentLabels:
    """Segments of a region as labels.

    Attributes:
        labels: 0 where there is no segment, shape (k, j, i) of the region.
        values: All labels that take part, from 0 in rising order.
        kept: Where segments are that are not to be changed.
    """

    labels: NDArray[np.uint16]
    values: tuple[int, ...]
    kept: NDArray[np.bool_]


def labelsOf(segmentationNode: Any, selected: Sequence[str] | None) -> dict[str, int]:
    """Gives the label of each segment: its place from 1, or `OTHER` if it is not selected."""
    ids = segmentationNode.GetSegmentation().GetSegmentIDs() if segmentationNode else ()
    assert len(ids) <= MOST_SEGMENTS, len(ids)
    return {
        segmentId: n if selected is None or segmentId in selected else OTHER
        for n, segmentId in enumerate(ids, start=1)
    }


def readSegments(
    segmentationNode: Any,
    labels: Mapping[str, int],
    geometry: Geometry,
    region: Region,
    prompted: Iterable[int] = (),
) -> SegmentLabels:
    """Reads the segments of a region.

    Args:
        segmentationNode: The segmentation.
        labels: The label of each segment.
        geometry: The image's grid, in world RAS.
        region: What to read.
        prompted: Labels that take part even where they have no voxel.

    Raises:
        ValueError: If two segments overlap that are both to be changed.
    """
    found = np.zeros(region.shape, dtype=np.uint16)
    kept = np.zeros(region.shape, dtype=bool)
    owners: dict[int, str] = {}
    for segmentId, label in labels.items():
        mask = Bridge.segmentMask(segmentationNode, segmentId, geometry, region)
        if label == OTHER:
            kept |= mask
            continue
        over = found[mask]
        if over.any():
            names = [_name(segmentationNode, s) for s in (owners[int(over.max())], segmentId)]
            raise ValueError(
                f"segments {names[0]!r} and {names[1]!r} overlap, and each voxel can get one label"
                " only. Select one of the two, and refine selected segments only."
            )
        found[mask] = label
        owners[label] = segmentId
    found[kept & (found == 0)] = OTHER
    values = {0, *np.unique(found).tolist(), *prompted}
    return SegmentLabels(found, tuple(sorted(values)), kept)


def relabeled(entries: Sequence[Entry], labels: Mapping[str, int]) -> tuple[Prompt, ...]:
    """Gives prompts with the labels that segments have here.

    What is not said about a segment that stays as it is, says nothing here.
    """
    wanted = [(entry.prompt, labels[entry.segmentId]) for entry in entries]
    return tuple(
        replace(prompt, label=label)
        for prompt, label in wanted
        if label != OTHER or prompt.positive
    )


def _name(segmentationNode: Any, segmentId: str) -> str:
    return str(segmentationNode.GetSegmentation().GetSegment(segmentId).GetName())

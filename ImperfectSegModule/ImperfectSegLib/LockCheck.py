"""Tells the user when a prompt points at a segment that is locked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ImperfectSegLib import Bridge
from ImperfectSegLib.PromptStore import Entry
from ImperfectSegLib.SegmentTags import isLocked
from ImperfectSegLogic.data import Geometry, Region
from ImperfectSegLogic.methods.scarce.interactive.rasterize import given_positions


def lockedUnder(segmentationNode: Any, entries: Iterable[Entry], geometry: Geometry) -> list[str]:
    """Gives a message for each prompt that can do nothing where it is.

    Args:
        segmentationNode: The segmentation.
        entries: The prompts to look at.
        geometry: The image's grid.
    """
    segmentation = segmentationNode.GetSegmentation()
    locked = [s for s in segmentation.GetSegmentIDs() if isLocked(segmentationNode, s)]
    said = []
    for entry in entries:
        name = segmentation.GetSegment(entry.segmentId).GetName()
        if entry.segmentId in locked:
            said.append(
                f"Prompt {entry.number} is for segment {name!r}, which is locked and stays as it"
                " is. Unlock it first."
            )
            continue
        for other in locked if entry.prompt.positive else ():
            if _isOn(segmentationNode, other, entry, geometry):
                under = segmentation.GetSegment(other).GetName()
                said.append(
                    f"Prompt {entry.number} is on segment {under!r}, which is locked: that place"
                    f" cannot become {name!r}. Unlock {under!r}, or delete the prompt."
                )
    return said


def _isOn(segmentationNode: Any, segmentId: str, entry: Entry, geometry: Geometry) -> bool:
    index = geometry.to_index(given_positions(entry.prompt)).reshape(-1, 3)
    index = index[geometry.contains(index)]
    if not len(index):
        return False
    region = Region.around(index)
    mask = Bridge.segmentMask(segmentationNode, segmentId, geometry, region)
    return bool(mask[tuple((index - np.array(region.start)).T)].any())

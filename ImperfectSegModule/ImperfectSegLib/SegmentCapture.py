"""Copies where segments are out of the scene, and makes the copies small beside the window."""

from __future__ import annotations

from typing import Any

from ImperfectSegLib import Bridge
from ImperfectSegLib.AutosaveFile import KeptLayer, keptLayer

Masks = tuple[tuple[KeptLayer, ...], dict[str, tuple[int, int]]]
"""Layers, and the layer and value of each segment."""

Captured = tuple[list[Any], dict[str, tuple[int, int]]]
"""Copied voxels and grids of layers, and the layer and value of each segment."""


def captured(segmentationNode: Any) -> Captured:
    """Copies the voxels of all layers, and gives the layer and value of each segment."""
    inside = segmentationNode.GetSegmentation()
    places: dict[str, tuple[int, int]] = {}
    layers: list[Any] = []
    known: dict[Any, int] = {}
    for segmentId in inside.GetSegmentIDs():
        labelmap = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
        if labelmap is None or labelmap.IsEmpty():
            continue
        if labelmap not in known:
            known[labelmap] = len(layers)
            layers.append(Bridge.copiedLabelmap(labelmap, segmentationNode))
        places[segmentId] = (known[labelmap], inside.GetSegment(segmentId).GetLabelValue())
    return layers, places


def packed(layers: Captured) -> Masks:
    """Makes captured layers small; those without any voxel are left out."""
    kept: list[KeptLayer] = []
    numbers: dict[int, int] = {}
    for n, (labels, matrix) in enumerate(layers[0]):
        layer = keptLayer(labels, matrix)
        if layer is not None:
            numbers[n] = len(kept)
            kept.append(layer)
    places = {s: (numbers[n], v) for s, (n, v) in layers[1].items() if n in numbers}
    return tuple(kept), places

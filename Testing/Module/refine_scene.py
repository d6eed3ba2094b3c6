"""A scene to refine: bright balls in the dark, and segments that do not fit."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLogic.methods.settings import make_settings
from Testing.Module.bright_refiner import BrightRefiner

SHAPE = (12, 20, 24)
SPACING = (3.0, 1.0, 1.0)
FIRST, SECOND = (6, 8, 7), (6, 13, 19)
"""Middles of the balls, (k, j, i)."""
MATRIX = np.array([[-1.0, 0, 0, 12], [0, -1.0, 0, 10], [0, 0, 3.0, -18], [0, 0, 0, 1]])


def makeBright(name, values):
    """Stands in for `makeRefiner`."""
    if name != "bright":
        raise ValueError(f"refiner: got {name!r}, allowed are bright.")
    return BrightRefiner(make_settings(BrightRefiner.settings_type, values, name))


def ball(center, radius):
    k, j, i = (axis - c for axis, c in zip(np.indices(SHAPE), center, strict=True))
    return (3 * k) ** 2 + j**2 + i**2 < radius**2


def brightBalls():
    """Gray values: 100 in two balls, 0 to 9 around them."""
    voxels = np.random.default_rng(0).integers(0, 10, SHAPE).astype(np.int16)
    voxels[ball(FIRST, 6) | ball(SECOND, 6)] = 100
    return voxels


def addVolume(voxels=None, matrix=MATRIX):
    return slicer.util.addVolumeFromArray(
        brightBalls() if voxels is None else voxels, ijkToRAS=matrix, name="balls"
    )


def addSegments(volume, *masks):
    """Adds a segmentation with these segments, called a, b and so on."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segments")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    geometry = Bridge.geometryFromNode(volume)
    for name, mask in zip("abcdef", masks, strict=False):
        node.GetSegmentation().AddEmptySegment(name, name)
        Bridge.setSegmentMask(node, name, mask, geometry)
    return node


def smallBalls():
    """Segments that are too small, each within its ball."""
    return ball(FIRST, 4), ball(SECOND, 4)


def maskOf(node, segmentId, volume):
    return Bridge.segmentMask(node, segmentId, Bridge.geometryFromNode(volume))


def place(index, volume):
    """World RAS in mm of a voxel."""
    return Bridge.geometryFromNode(volume).to_ras(index)

"""Which slices of an image the slice views show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import slicer.util

from ImperfectSegLib.Requests import Place
from ImperfectSegLogic.data import Geometry
from ImperfectSegLogic.data.slices import nearest_axis

MOST_TILT = 0.5
"""How many slices a view may run through, from one corner of the image to the other."""


@dataclass(frozen=True)
class ViewedSlice:
    """What a slice view shows of an image.

    Attributes:
        name: Of the view.
        place: The slice; None if the view is oblique to the image, or beside it.
        isOblique: Whether it runs through several slices.
    """

    name: str
    place: Place | None
    isOblique: bool = False


def slicesInView(geometry: Geometry) -> tuple[ViewedSlice, ...]:
    """Gives what each slice view shows; images of one slice show it in one direction only."""
    manager = slicer.app.layoutManager()
    return tuple(
        _viewed(name, manager.sliceWidget(name).mrmlSliceNode(), geometry)
        for name in manager.sliceViewNames()
    )


def alignViews(volumeNode: Any) -> None:
    """Turns the slice views so that each shows slices of an image as they are."""
    manager = slicer.app.layoutManager()
    for name in manager.sliceViewNames():
        manager.sliceWidget(name).mrmlSliceNode().RotateToVolumePlane(volumeNode)


def _viewed(name: str, sliceNode: Any, geometry: Geometry) -> ViewedSlice:
    matrix = slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())
    normal, origin = matrix[:3, 2], matrix[:3, 3]
    axis = nearest_axis(geometry, normal)
    ends = [(0, 0) if a == axis else (0, n - 1) for a, n in enumerate(geometry.shape)]
    corners = np.array(np.meshgrid(*ends)).reshape(3, -1).T
    step = geometry.ijk_to_ras[:3, 2 - axis]
    along = (origin - geometry.to_ras(corners)) @ normal / (step @ normal)
    index = int(np.floor(np.mean(along) + 0.5))
    isFlat = any(n == 1 for a, n in enumerate(geometry.shape) if a != axis)
    if np.ptp(along) > MOST_TILT:
        return ViewedSlice(name, None, not isFlat)
    isInside = 0 <= index < geometry.shape[axis]
    return ViewedSlice(name, (axis, index) if isInside and not isFlat else None)

"""Goes to places in the slice views, and tells which slice the user looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import slicer.util
from numpy.typing import ArrayLike, NDArray

from ImperfectSegLib.Requests import Place
from ImperfectSegLib.SlicesInView import slicesInView
from ImperfectSegLogic.data import Geometry

MARGIN = 0.05
"""A place that is nearer to the border of a view, as a part of its width, is brought inside."""


def jumpTo(ras: ArrayLike) -> None:
    """Shows a position, world RAS in mm, in all slice views; keeps their zoom."""
    place = np.asarray(ras, dtype=float)
    manager = slicer.app.layoutManager()
    for name in manager.sliceViewNames():
        node = manager.sliceWidget(name).mrmlSliceNode()
        node.JumpSliceByOffsetting(*place)
        if not _isSeen(node, place):
            node.JumpSliceByCentering(*place)


def jumpToSlice(geometry: Geometry, place: Place) -> None:
    """Shows a slice where a view shows slices along its axis, through what is seen now."""
    axis, index = place
    middle = geometry.to_continuous_index(_seenPosition())
    low, high = np.zeros(3), np.array(geometry.shape) - 1.0
    middle = np.clip(middle, low, high)
    middle[axis] = index
    jumpTo(geometry.to_ras(middle))


def viewedPlace(geometry: Geometry, sliceNode: Any) -> Place | None:
    """Gives the slice that a view shows; None if it is oblique to the image or beside it.

    Args:
        geometry: The image's grid.
        sliceNode: Of the view; None for the first one.
    """
    for seen in slicesInView(geometry):
        node = slicer.app.layoutManager().sliceWidget(seen.name).mrmlSliceNode()
        if sliceNode is None or node is sliceNode:
            return seen.place
    return None


def normalOf(sliceNode: Any) -> NDArray[np.float64]:
    """Gives the direction at a right angle to a view, RAS."""
    return np.array(slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())[:3, 2])


def axesOfView(sliceNode: Any) -> NDArray[np.float64]:
    """Gives the directions of a view (right, up, across) as columns of a rotation, RAS."""
    axes = np.array(slicer.util.arrayFromVTKMatrix(sliceNode.GetSliceToRAS())[:3, :3])
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])  # Slice views may be left-handed.
    return axes


def _seenPosition() -> NDArray[np.float64]:
    """Gives a position on the first three slice views that are not parallel, RAS in mm."""
    manager = slicer.app.layoutManager()
    normals, offsets = [], []
    for name in manager.sliceViewNames():
        matrix = slicer.util.arrayFromVTKMatrix(
            manager.sliceWidget(name).mrmlSliceNode().GetSliceToRAS()
        )
        normals.append(matrix[:3, 2].copy())
        offsets.append(float(matrix[:3, 2] @ matrix[:3, 3]))
    return np.asarray(np.linalg.lstsq(np.array(normals), np.array(offsets), rcond=None)[0])


def _isSeen(sliceNode: Any, place: NDArray[np.float64]) -> bool:
    xyToRas = slicer.util.arrayFromVTKMatrix(sliceNode.GetXYToRAS())
    xy = (np.linalg.inv(xyToRas) @ [*place, 1.0])[:2]
    size = np.array(sliceNode.GetDimensions()[:2], dtype=float)
    return bool((xy > MARGIN * size).all() and (xy < (1 - MARGIN) * size).all())

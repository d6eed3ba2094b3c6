"""Which object a click in the middle of a structure means, and where its middle is; on slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats

Mask = NDArray[np.bool_]
Place = tuple[int, int]
"""Row and column."""
NEIGHBORS = np.ones((3, 3), dtype=bool)
"""Pixels that touch at a corner belong together."""


def object_in_middle(labeled: Mask, is_dense: bool) -> tuple[Mask, NDArray[np.float64]]:
    """Gives the object whose middle is deepest, and how deep each of its pixels is.

    Args:
        labeled: Where a label is, at least once, shape (row, column).
        is_dense: Whether every pixel was labeled. If so, parts that do not touch are objects of
            their own, of which a click means one; of scribbles nobody can tell.

    Returns:
        The object, and the distance of its pixels to what is not labeled or outside, 0 elsewhere.
    """
    assert labeled.any()
    depth = ndimage.distance_transform_edt(np.pad(labeled, 1))[1:-1, 1:-1]
    if not is_dense:
        return labeled, depth
    parts, _ = ndimage.label(labeled, NEIGHBORS)
    meant = parts == parts.flat[np.argmax(depth)]
    return meant, np.where(meant, depth, 0.0)


def middle_of(depth: NDArray[np.float64]) -> Place:
    """Gives the deepest pixel, the first in raster order of several."""
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return int(row), int(column)


def pixels_around_middle(depth: NDArray[np.float64], jitter: float) -> NDArray[np.int64]:
    """Gives the pixels that a user may take for the middle, shape (N, 2), N > 0.

    Args:
        depth: Of the pixels of an object, 0 elsewhere.
        jitter: How far from the deepest pixel, as part of its depth.
    """
    row, column = middle_of(depth)
    inside = np.argwhere(depth > 0)
    away = np.hypot(*(inside - (row, column)).T)
    return inside[away <= jitter * depth[row, column]]


def parts_with(mask: Mask, places: NDArray[np.int64]) -> Mask:
    """Gives the connected parts of a mask that hold at least one place, shape (N, 2)."""
    parts, _ = ndimage.label(mask, NEIGHBORS)
    held = parts[tuple(places.T)]
    return np.asarray(np.isin(parts, held[held > 0]))


def leave_what_is_pointed_at(probabilities: Floats, seeds: NDArray[np.int64]) -> None:
    """Gives the parts of segments that hold none of their prompts to the background, in place.

    Where no part of a slice holds one, the network did not find what was clicked, and what it did
    find stays.

    Args:
        probabilities: Shape (label, slice, row, column); changed.
        seeds: The channel of each seed's label, -1 elsewhere, shape (slice, row, column).
    """
    said = np.argmax(probabilities, axis=0)
    for channel in range(1, len(probabilities)):
        for k in np.flatnonzero((said == channel).any(axis=(1, 2))):
            whole = said[k] == channel
            held = parts_with(whole, np.argwhere(seeds[k] == channel))
            away = whole & ~held
            if held.any():
                probabilities[0, k][away] += probabilities[channel, k][away]
                probabilities[channel, k][away] = 0

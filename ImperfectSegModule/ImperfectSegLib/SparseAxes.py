"""Diameters at a right angle, and what is said about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_TILT = 0.05
"""Degrees; a short axis that is nearer to the right angle is left where it is."""


def drawnShort(long: ArrayLike, drag: ArrayLike, normal: ArrayLike) -> NDArray[np.float64]:
    """Gives the short axis that a drag means: from where it began, at a right angle to the long.

    Args:
        long: The ends of the long axis, RAS in mm, shape (2, 3).
        drag: Where the drag began and where it is, shape (2, 3).
        normal: Of the slice view, RAS.

    Returns:
        Its ends, shape (2, 3).

    Raises:
        ValueError: If the long axis has no length in the view.
    """
    start, end = np.asarray(drag, dtype=float)
    across = _across(long, normal)
    return np.array([start, start + across * float((end - start) @ across)])


def squaredShort(long: ArrayLike, short: ArrayLike) -> NDArray[np.float64]:
    """Turns a short axis about its middle until it is at a right angle to the long one.

    It keeps its length and stays in the plane of the two.

    Args:
        long: The ends of the long axis, RAS in mm, shape (2, 3).
        short: The ends of the short axis, shape (2, 3).

    Returns:
        Its ends, shape (2, 3).

    Raises:
        ValueError: If the axes are parallel or one has no length: no plane holds them.
    """
    ends = np.asarray(short, dtype=float)
    along, old = _direction(long), _direction(ends)
    across = old - along * float(old @ along)
    size = float(np.linalg.norm(across))
    if size < 1e-3:
        raise ValueError(
            "RECIST: the short axis runs along the long one, allowed is a right angle. Draw the"
            " short axis again, across the long one."
        )
    half = across / size * float(np.linalg.norm(ends[1] - ends[0])) / 2
    return np.array([ends.mean(axis=0) - half, ends.mean(axis=0) + half])


def tiltOf(long: ArrayLike, short: ArrayLike) -> float:
    """Gives how many degrees two axes are off the right angle."""
    cosine = abs(float(_direction(long) @ _direction(short)))
    return float(np.degrees(np.arcsin(min(cosine, 1.0))))


def lengthOf(axis: ArrayLike) -> float:
    """Gives the length of an axis in mm."""
    ends = np.asarray(axis, dtype=float)
    return float(np.linalg.norm(ends[1] - ends[0]))


def _across(long: ArrayLike, normal: ArrayLike) -> NDArray[np.float64]:
    across = np.cross(np.asarray(normal, dtype=float), _direction(long))
    size = float(np.linalg.norm(across))
    if size < 1e-3:
        raise ValueError(
            "RECIST: the long axis runs through the slices of this view, allowed is one slice. Draw"
            " the short axis in the view where the long axis was drawn."
        )
    return np.asarray(across / size)


def _direction(axis: ArrayLike) -> NDArray[np.float64]:
    ends = np.asarray(axis, dtype=float)
    length = float(np.linalg.norm(ends[1] - ends[0]))
    if length < 1e-6:
        raise ValueError("RECIST: got an axis of no length. Draw it again.")
    return np.asarray((ends[1] - ends[0]) / length)

"""Whether two diameters are RECIST marks, and what RECIST 1.1 says about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Recist
from ImperfectSegLogic.data.slices import AXIS_NAMES, nearest_axis
from ImperfectSegLogic.methods.scarce.interactive.prompt_check import place

MOST_TILT = 0.75
"""How far, in slices, an end may be off the slice: its view may be a little oblique."""
MOST_SKEW = 15.0
"""Degrees off a right angle that nobody can see."""
MEASURABLE_MM = 10.0
"""Longest diameter from which a lesion is measurable on CT (Eisenhauer 2009)."""
THICK_MM = 5.0
"""On thicker slices a measurable lesion is twice as long as a slice is thick."""
NODE_MM, NORMAL_NODE_MM = 15.0, 10.0
"""Short axis from which a lymph node can be a target, and below which it is normal."""
_LONGER = 1.001
"""By that factor the short axis may be longer: ends are rounded."""


def recist_slice(mark: Recist, geometry: Geometry) -> tuple[int, int]:
    """Gives the axis (0, 1, 2 for slice, row, column) and number of the slice of checked marks."""
    axis = _axis(mark, geometry)
    along = geometry.to_continuous_index(_ends(mark))[:, axis]
    return axis, int(np.floor(float(np.median(along)) + 0.5))


def check_recist(mark: Recist, geometry: Geometry) -> None:
    """Checks that two diameters are marks of one lesion on one slice of an image.

    Args:
        mark: The two diameters; background and "not this label" are no lesion.
        geometry: The image's grid; the slice may lie across any of its axes.

    Raises:
        ValueError: If the mark names no segment, a diameter has no length, lies outside the image,
            is on another slice than the other, does not cross it, or the short one is the longer.
    """
    if not mark.label or not mark.positive:
        raise ValueError(
            f"RECIST mark: got label {mark.label}{'' if mark.positive else ', negative'}, allowed"
            " are positive marks with a label from 1. Diameters say where a lesion is."
        )
    lengths = _lengths(mark)
    for name, length in zip(("long", "short"), lengths, strict=True):
        if length < 1e-6:
            raise ValueError(
                f"RECIST {name} axis: got a length of 0 mm at {place(_ends(mark)[0])}, allowed are"
                " two different ends. Draw it from border to border of the lesion."
            )
    outside = ~geometry.contains(geometry.to_index(_ends(mark)))
    if outside.any():
        raise ValueError(
            f"RECIST mark: got an end at {place(_ends(mark)[outside][0])}, which is outside the"
            " image. Place it inside, or choose the image it belongs to."
        )
    _check_slice(mark, geometry)
    _check_crossing(mark, geometry)
    if lengths[1] > _LONGER * lengths[0]:
        raise ValueError(
            f"RECIST mark: got a short axis of {lengths[1]:.1f} mm, which is longer than the long"
            f" one of {lengths[0]:.1f} mm. Swap the two, or draw them again."
        )


def recist_hints(mark: Recist, geometry: Geometry) -> tuple[str, ...]:
    """Tells, for people, what is unusual about checked marks and what RECIST 1.1 says of them.

    Source: Eisenhauer 2009, sections 3 and 4: measurable lesions, nodes, slice thickness.
    """
    long_mm, short_mm = _lengths(mark)
    one, other = (ends[1] - ends[0] for ends in (mark.long_axis, mark.short_axis))
    cosine = abs(float(one @ other)) / (long_mm * short_mm)
    skew = 90 - float(np.degrees(np.arccos(min(cosine, 1.0))))
    hints = []
    if skew > MOST_SKEW:
        hints.append(
            f"the axes are {skew:.0f} degrees off a right angle; RECIST measures the short axis at"
            " a right angle to the long one"
        )
    axis, _ = recist_slice(mark, geometry)
    thickness = geometry.spacing[axis] if geometry.shape[axis] > 1 else 0.0
    least = 2 * thickness if thickness > THICK_MM else MEASURABLE_MM
    if long_mm < least:
        hints.append(
            f"long axis {long_mm:.1f} mm: below {least:.0f} mm a lesion is not measurable by RECIST"
            f" 1.1 on slices of {thickness:.1f} mm"
        )
    if short_mm < NORMAL_NODE_MM:
        hints.append(f"short axis {short_mm:.1f} mm: if it is a lymph node, it is a normal one")
    elif short_mm < NODE_MM:
        hints.append(
            f"short axis {short_mm:.1f} mm: if it is a lymph node, it is pathological but no target"
            f" lesion, which it is from {NODE_MM:.0f} mm"
        )
    return tuple(hints)


def _check_slice(mark: Recist, geometry: Geometry) -> None:
    axis = _axis(mark, geometry)
    along = geometry.to_continuous_index(_ends(mark))[:, axis]
    if np.abs(along - np.median(along)).max() > MOST_TILT:
        low, high = (int(np.floor(n + 0.5)) for n in (along.min(), along.max()))
        raise ValueError(
            f"RECIST mark: got ends on the slices {low} to {high} along {AXIS_NAMES[axis]}, allowed"
            " is one slice for both axes. Rotate the view to the volume plane and draw both there."
        )


def _check_crossing(mark: Recist, geometry: Geometry) -> None:
    """Solves start + s along = other start + t other along; both must be within the axes."""
    one, other = (ends[1] - ends[0] for ends in (mark.long_axis, mark.short_axis))
    both = np.stack([one, -other], axis=1)
    within, _, rank, _ = np.linalg.lstsq(both, mark.short_axis[0] - mark.long_axis[0], rcond=1e-6)
    # An end that touches the other axis may miss it by what rounding to voxels can do.
    slack = float(np.delete(np.array(geometry.spacing), _axis(mark, geometry)).max())
    over = np.maximum(np.maximum(-within, within - 1), 0) * np.array(_lengths(mark))
    if rank < 2 or (over > slack / 2).any():
        raise ValueError(
            "RECIST mark: got two axes that do not cross, allowed are two that do, inside the"
            " lesion. Draw the short axis across the long one."
        )


def _axis(mark: Recist, geometry: Geometry) -> int:
    if 1 in geometry.shape:
        return geometry.shape.index(1)
    one, other = (ends[1] - ends[0] for ends in (mark.long_axis, mark.short_axis))
    normal = np.cross(one, other)
    if np.linalg.norm(normal) > 1e-3 * np.linalg.norm(one) * np.linalg.norm(other):
        return nearest_axis(geometry, normal)
    # Two axes in one direction: the slice is the one they leave the least.
    along = np.ptp(geometry.to_continuous_index(_ends(mark)), axis=0)
    return int(np.argmin(along))


def _ends(mark: Recist) -> NDArray[np.float64]:
    return np.concatenate([mark.long_axis, mark.short_axis])


def _lengths(mark: Recist) -> tuple[float, float]:
    one, other = (
        float(np.linalg.norm(ends[1] - ends[0])) for ends in (mark.long_axis, mark.short_axis)
    )
    return one, other

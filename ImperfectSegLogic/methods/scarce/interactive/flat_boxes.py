"""Boxes drawn in one slice: flat across it, and as thick as the slice for what follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ImperfectSegLogic.data import Box, Geometry

_NOTHING = 0.01
"""A box thinner than this part of a voxel has no thickness."""
_MORE = 1.001
"""Beyond a voxel's thickness, so that a box just between two slices is not in neither."""


def with_thickness(box: Box, geometry: Geometry, number: int) -> Box:
    """Gives a box drawn in one slice the thickness of that slice; others as they are.

    Args:
        box: The box.
        geometry: The image's grid.
        number: Of the prompt, for messages.

    Raises:
        ValueError: If it has no thickness in a direction within the slice it lies in.
    """
    # How far apart voxels are along each axis of the box.
    along = np.abs(box.axes.T @ geometry.ijk_to_ras[:3, :3])
    voxel = along.max(axis=1)
    flat = np.flatnonzero(box.size < _NOTHING * voxel)
    thin = np.flatnonzero(box.size < voxel)
    across = _across(box, geometry)
    wrong = [axis for axis in flat if across is not None and axis != across]
    if wrong or len(flat) > 1:
        raise ValueError(
            f"prompt {number} (Box): got size {[round(float(v), 2) for v in box.size]} mm, which"
            f" has no extent within its slice; allowed is no thickness across one slice only."
            " Drag the box open around the structure."
        )
    if len(thin) != 1 or (across is not None and thin[0] != across):
        return box
    size = box.size.copy()
    size[thin[0]] = voxel[thin[0]] * _MORE
    return replace(box, size=size)


def _across(box: Box, geometry: Geometry) -> int | None:
    """Gives the axis of a box that runs across the slice of a 2-D image; None in 3-D."""
    single = [axis for axis, n in enumerate(geometry.shape) if n == 1]
    if len(single) != 1:
        return None
    columns = np.delete(geometry.ijk_to_ras[:3, :3], 2 - single[0], axis=1)
    normal = np.cross(columns[:, 0], columns[:, 1])
    return int(np.argmax(np.abs(box.axes.T @ normal)))

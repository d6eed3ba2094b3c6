"""Which slices of a mask are annotated, and along which axis."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.data import SparseMask
from ImperfectSegLogic.data.slices import AXIS_NAMES


def annotated_slices(mask: SparseMask) -> tuple[int, tuple[int, ...]]:
    """Finds the slices of which every voxel is labeled.

    Returns:
        The axis that they lie across, the one with the most such slices, and their numbers.

    Raises:
        ValueError: If there is no such slice, or none of them shows a structure.
    """
    labeled = mask.labeled
    if labeled.all():  # Along the axis with the largest spacing, as people would have drawn.
        axis = int(np.argmax(mask.geometry.spacing))
        return _checked(mask, axis, tuple(range(labeled.shape[axis])))
    found: dict[int, tuple[int, ...]] = {}
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        found[axis] = tuple(np.flatnonzero(labeled.all(axis=others)).tolist())
    best = max(found, key=lambda a: len(found[a]))
    if not found[best]:
        share = float(labeled.mean())
        raise ValueError(
            f"slices: got a mask with {share:.1%} of the voxels labeled, but no slice along"
            f" {', '.join(AXIS_NAMES)} of which every voxel is. Unlabeled is never background:"
            " label the background of the slices too, or complete it as scribbles."
        )
    return _checked(mask, best, found[best])


def _checked(mask: SparseMask, axis: int, slices: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    if not (mask.labels > 0).any():
        raise ValueError(
            f"slices: got {len(slices)} annotated slices along {AXIS_NAMES[axis]} with nothing but"
            " background. Annotate a slice that shows a structure."
        )
    return axis, slices

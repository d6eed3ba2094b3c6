"""What boxes say about a working grid: where each label may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Geometry
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_coordinates
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds


def inside_boxes(
    boxes: Sequence[Box], geometry: Geometry, start: Index, shape: Index, step: Index
) -> NDArray[np.bool_]:
    """Tells which voxels of a working grid are in one of some boxes, shape (k, j, i).

    Args:
        boxes: The boxes.
        geometry: The image's own grid.
        start: The image's voxel that the working grid begins with.
        shape: Number of voxels of the working grid along k, j, i.
        step: How many voxels of the image are one of the working grid, along k, j, i.
    """
    inside = np.zeros(shape, dtype=bool)
    for box in boxes:
        parts = box_coordinates(box, geometry, start, shape, step)
        inside |= np.all([np.abs(part) <= 1 + 1e-6 for part in parts], axis=0)
    return inside


def allowed_by_boxes(
    seeds: Seeds, geometry: Geometry, start: Index, shape: Index, step: Index
) -> NDArray[np.bool_]:
    """Tells which voxels of a working grid each label may have, shape (label, k, j, i).

    Background and labels without a box may have all; see `inside_boxes` for the arguments.
    """
    labels = (0, *seeds.segments)
    allowed = np.ones((len(labels), *shape), dtype=bool)
    for channel, label in enumerate(labels):
        if label in seeds.boxes:
            allowed[channel] = inside_boxes(seeds.boxes[label], geometry, start, shape, step)
    return allowed

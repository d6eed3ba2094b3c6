"""RECIST marks as somebody would have drawn them on a lesion whose mask is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Recist
from ImperfectSegLogic.measurement.diameters import diameters, largest_slice

_PLACES = 64
"""Places along the long axis at which a short axis is tried."""
_STEP = 0.25
"""Step across it, in voxels of the finest axis."""


def recist_mark(
    mask: NDArray[Any], geometry: Geometry, axis: int | None = None, label: int = 1
) -> Recist:
    """Simulates the marks: longest diameter on the slice where the lesion is largest, and across.

    The long axis ends at voxel centers of the lesion. The short one is the longest at a right angle
    to it whose ends both lie in the lesion, one on each side of the long axis, so that they cross;
    on a lesion that is not convex it is shorter than `diameters` measures on the hull.

    Args:
        mask: Shape (slice, row, column); nonzero is inside.
        geometry: The grid.
        axis: Across the slices; by default as `slice_axis` tells.
        label: Of the mark.

    Raises:
        ValueError: If the mask is empty, not on the grid, or has no extent on its largest slice.
    """
    found = diameters(mask, geometry, axis, ends="centers")
    if min(found.long_mm, found.short_mm) == 0:
        raise ValueError(
            f"RECIST mark: got a lesion of {found.long_mm:.1f} x {found.short_mm:.1f} mm on its"
            " largest slice, allowed are two diameters above 0 mm. It is too small to be marked."
        )
    start, stop = found.long_axis
    across = found.short_axis[1] - found.short_axis[0]
    across = across / np.linalg.norm(across)
    reach = np.arange(0, found.long_mm, _STEP * min(geometry.spacing))
    # Parts of the lesion that are apart on this slice are none of the marks' business.
    own = np.zeros(mask.shape, dtype=bool)
    np.moveaxis(own, found.axis, 0)[found.index] = largest_slice(mask, found.axis)[1]
    places = start + np.linspace(0, 1, _PLACES)[:, np.newaxis] * (stop - start)
    ends = [_reached(own, geometry, places, reach, side * across) for side in (1, -1)]
    best = int(np.argmax(ends[0] + ends[1]))
    if ends[0][best] + ends[1][best] == 0:
        return found.mark(label)
    # Steps reach to borders of voxels, the long axis to their centers only.
    share = min(1.0, found.long_mm / float(ends[0][best] + ends[1][best]))
    signs = zip((share, -share), ends, strict=True)
    both = [places[best] + side * far[best] * across for side, far in signs]
    return Recist(found.long_axis, np.stack(both), label=label)


def _reached(
    mask: NDArray[np.bool_],
    geometry: Geometry,
    places: NDArray[np.float64],
    reach: NDArray[np.float64],
    direction: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gives how far from each place, in mm, the farthest part of the lesion is on one side."""
    ras = places[:, np.newaxis] + reach[:, np.newaxis] * direction
    index = geometry.to_index(ras)
    inside = geometry.contains(index)
    index = np.clip(index, 0, np.array(geometry.shape) - 1)
    inside &= mask[tuple(np.moveaxis(index, -1, 0))]
    return np.asarray(np.where(inside, reach, 0).max(axis=1))

"""How much larger or smaller a mask is than the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.geometry import Geometry


def volume_difference(
    mask: NDArray[Any], truth: NDArray[Any], geometry: Geometry
) -> tuple[float, float]:
    """Gives the mask's volume minus the truth's, in mL and in percent of the truth's.

    The percentage of an empty truth is infinite, and not defined (NaN) if both are empty.

    Args:
        mask: What was found, shape (slice, row, column); nonzero is inside.
        truth: What is there, same shape.
        geometry: The grid of both; it may be sheared.

    Raises:
        ValueError: If the shapes differ.
    """
    if not mask.shape == truth.shape == geometry.shape:
        raise ValueError(
            f"volume difference: got masks of shapes {mask.shape} and {truth.shape} for a grid of"
            f" {geometry.shape}, allowed are equal ones. Resample one to the other first."
        )
    found, there = int(np.count_nonzero(mask)), int(np.count_nonzero(truth))
    voxel = abs(float(np.linalg.det(geometry.ijk_to_ras[:3, :3]))) / 1000
    nothing = np.inf if found else np.nan
    percent = 100 * (found - there) / there if there else nothing
    return (found - there) * voxel, percent

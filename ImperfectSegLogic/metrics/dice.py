"""Dice: how much two masks overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def dice(mask: NDArray[Any], truth: NDArray[Any]) -> float:
    """Gives twice the common voxels over the sum of both masks', from 0 to 1; 1 if both are empty.

    Raises:
        ValueError: If the shapes differ.
    """
    if mask.shape != truth.shape:
        raise ValueError(
            f"dice: got masks of shapes {mask.shape} and {truth.shape}, allowed are equal ones."
            " Resample one to the other first."
        )
    one, other = mask.astype(bool), truth.astype(bool)
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 1.0

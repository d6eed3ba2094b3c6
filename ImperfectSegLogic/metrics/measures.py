"""All metrics of one label in one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.annotations import DenseMask, SparseMask
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.metrics.surface_distances import check_tolerance, surface_distances
from ImperfectSegLogic.metrics.volume_difference import volume_difference


@dataclass(frozen=True)
class Metric:
    """What a metric is.

    Attributes:
        title: For people, with its unit.
        best: The value of a perfect segmentation; the nearer to it, the better.
        digits: How many to show after the point.
    """

    title: str
    best: float
    digits: int

    def loss(self, value: float | NDArray[np.float64]) -> Any:
        """Gives how far from perfect a value is, 0 and up; infinite and NaN stay so."""
        return np.abs(np.asarray(value) - self.best)


METRICS: Mapping[str, Metric] = {
    "dice": Metric("Dice", 1, 3),
    "hd95": Metric("HD95 (mm)", 0, 2),
    "assd": Metric("ASSD (mm)", 0, 2),
    "surface_dice": Metric("surface Dice", 1, 3),
    "volume_difference_ml": Metric("volume difference (mL)", 0, 2),
    "volume_difference_percent": Metric("volume difference (%)", 0, 1),
}


def measure(
    prediction: DenseMask, truth: DenseMask | SparseMask, label: int, tolerance: float = 2.0
) -> dict[str, float]:
    """Compares one label of a prediction with the truth, by all of `METRICS`.

    Of a sparse truth only labeled voxels count, and only for the Dice, which is NaN if no voxel
    is labeled: surfaces and volumes are not known, so these metrics are NaN. If neither prediction
    nor truth has the label, the volume difference is 0 mL and all else NaN, not defined: a mean
    over many cases without a lesion would hide the one that was missed. If one of them lacks it,
    HD95 and ASSD are infinite.

    Args:
        prediction: What was predicted.
        truth: What is there, on the same grid.
        label: Which label.
        tolerance: Of the surface Dice, in mm.

    Raises:
        ValueError: If grids differ or the tolerance is not allowed.
    """
    check_tolerance(tolerance)
    if not prediction.geometry.matches(truth.geometry):
        raise ValueError(
            f"metrics: got a prediction of {prediction.geometry.shape} voxels on another grid than"
            f" the truth's {truth.geometry.shape} voxels. Resample one to the other first."
        )
    found, there = prediction.labels == label, truth.labels == label
    if isinstance(truth, SparseMask):
        known = truth.labeled
        return {**dict.fromkeys(METRICS, np.nan), "dice": _dice(found[known], there[known])}
    distances = surface_distances(found, there, truth.geometry)
    milliliters, percent = volume_difference(found, there, truth.geometry)
    return {
        "dice": _dice(found, there),
        "hd95": distances.hd95,
        "assd": distances.assd,
        "surface_dice": distances.surface_dice(tolerance),
        "volume_difference_ml": milliliters,
        "volume_difference_percent": percent,
    }


def _dice(found: NDArray[np.bool_], there: NDArray[np.bool_]) -> float:
    return dice(found, there) if found.any() or there.any() else np.nan

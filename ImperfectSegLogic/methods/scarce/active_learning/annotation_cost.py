"""What it takes to annotate a unit: a regression on the outlines' length and number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from skimage import measure

from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Geometry


@dataclass(frozen=True)
class CostModel:
    """Minutes for a unit.

    Attributes:
        each: For any unit.
        per_mm: For each mm of outline.
        per_part: For each connected part.
    """

    each: float
    per_mm: float
    per_part: float

    def minutes(self, perimeters: ArrayLike, parts: ArrayLike) -> NDArray[np.float64]:
        """Gives the minutes of units with these outlines (mm) and parts."""
        outlines, count = np.asarray(perimeters, float), np.asarray(parts, float)
        return self.each + self.per_mm * outlines + self.per_part * count


def fit_cost(perimeters: ArrayLike, parts: ArrayLike, minutes: ArrayLike) -> CostModel:
    """Fits the cost model to annotations whose times are known, by non-negative least squares.

    Args:
        perimeters: Of annotated units, in mm.
        parts: Their numbers of parts.
        minutes: What each of them took.

    Raises:
        ValueError: If there are fewer than three, or a number is negative or not finite.
    """
    table = np.column_stack([np.asarray(one, float) for one in (perimeters, parts, minutes)])
    if len(table) < 3 or not np.isfinite(table).all() or table.min() < 0:
        raise ValueError(
            f"annotation times: got {len(table)} units, lowest number {table.min(initial=0):g},"
            " allowed are three units or more with numbers from 0. Annotate more, or leave out"
            " times that are wrong."
        )
    design = np.column_stack([np.ones(len(table)), table[:, :2]])
    weights, _ = optimize.nnls(design, table[:, 2])
    return CostModel(*(float(one) for one in weights))


def outlines(
    labels: NDArray[np.integer], geometry: Geometry, units: Sequence[Unit]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Gives the total outline in mm and the number of connected parts of each unit.

    As people outline slice by slice, both are summed over the slices of a volume, those across its
    axis of the largest spacing, and over labels. Outlines run along voxels' sides.

    Args:
        labels: Shape (slice, row, column).
        geometry: Of the image.
        units: Parts of it.
    """
    thick = int(np.argmax(geometry.spacing))
    lengths, parts = np.zeros(len(units)), np.zeros(len(units), np.int64)
    for n, unit in enumerate(units):
        axis = unit.axis if unit.axis >= 0 else thick
        part = np.moveaxis(labels[unit.slices(geometry.shape)], axis, 0)
        if (part > 0).any():
            height, width = (s for k, s in enumerate(geometry.spacing) if k != axis)
            shown = np.pad(np.where(part > 0, part, 0), ((0, 0), (1, 1), (1, 1)))
            # A change from row to row is as long as a voxel is wide.
            lengths[n] = _sides(shown, 1) * width + _sides(shown, 2) * height
            parts[n] = _parts(shown)
    return lengths, parts


def _sides(labels: NDArray[np.integer], axis: int) -> int:
    """Gives how often a label ends along an axis; where two labels meet, both do."""
    moved = np.moveaxis(labels, axis, 0)
    one, other = moved[:-1], moved[1:]
    found = np.count_nonzero((one != other) & (one > 0))
    return int(found + np.count_nonzero((one != other) & (other > 0)))


def _parts(labels: NDArray[np.integer]) -> int:
    """Gives how many connected parts there are, slices (first axis) apart."""
    # Even labels in one slice and odd ones in the next never touch their like.
    odd = np.arange(len(labels))[:, None, None] % 2
    apart = np.where(labels > 0, 2 * labels.astype(np.int64) + odd, 0)
    return int(measure.label(apart, background=0, connectivity=1, return_num=True)[1])

"""Graph cuts: the labels that agree best with costs per voxel and change where the image changes.

The minimum cut of Boykov and Jolly (2001) is found through its convex relaxation, whose threshold
is a minimum cut too (Chan, Esedoglu and Nikolova 2006, section 2), by the primal-dual steps of
Pock and Chambolle (2011). Max-flow finds the same labels, but those who have it for Python either
are under the GPL (PyMaxflow) or stop all other threads while they work (SciPy), the window's too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.smoothing import Spacing

_NEVER = np.float32(1e4)
"""Cost of a label that a voxel cannot have."""
_CHECKED = 20
"""Steps between two looks at how good the cut is."""


def cut_labels(
    probabilities: Floats,
    seeds: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    gray: Floats,
    spacing: Spacing,
    smoothness: float,
    contrast: float,
    report: Report,
    tolerance: float = 1e-3,
    most: int = 600,
) -> NDArray[np.int64]:
    """Finds the labels with the least energy (Boykov and Jolly 2001, equations 1 to 4).

    The energy is the sum of -log(probability of its label) over voxels, and of smoothness times
    exp(-(difference of gray values)^2 / (2 contrast^2)) / distance over neighbors of unlike labels.
    With more than two labels (Potts) the labels are near the least energy, not always at it.

    Args:
        probabilities: Shape (label, k, j, i), two labels or more.
        seeds: The channel that a voxel has for certain, -1 where none, shape (k, j, i).
        allowed: Which voxels each label may have, shape (label, k, j, i).
        gray: Gray values, about 0 to 1, shape (k, j, i).
        spacing: Distance of neighboring voxels along k, j, i.
        smoothness: The price of a border.
        contrast: Difference of gray values at which a border gets cheap.
        report: Told how far it is.
        tolerance: How far the energy may be from the least one, as part of it.
        most: Most steps to take.

    Returns:
        The channel of each voxel's label, shape (k, j, i).
    """
    costs = -np.log(np.clip(probabilities, 1e-6, 1)).astype(np.float32)
    costs[~allowed] = _NEVER
    at: Any = np.nonzero(seeds >= 0)
    costs[(slice(None), *at)] = _NEVER
    costs[(seeds[at], *at)] = 0
    borders = borders_of(gray, spacing, smoothness, contrast)
    chosen = _Relaxation(costs, borders).solved(report, tolerance, most)
    assert (chosen[at] == seeds[at]).all()
    return chosen


def energy(
    labels: NDArray[np.int64], costs: Floats, borders: list[tuple[int, Floats]]
) -> np.float64:
    """Gives the energy of labels: their costs, and the price of borders along each axis."""
    total = np.take_along_axis(costs, labels[np.newaxis], axis=0).sum(dtype=np.float64)
    for axis, price in borders:
        total += price[np.diff(labels, axis=axis) != 0].sum(dtype=np.float64)
    return total


def borders_of(
    gray: Floats, spacing: Spacing, smoothness: float, contrast: float
) -> list[tuple[int, Floats]]:
    """Gives, for each axis with more than one voxel, what a border between neighbors costs."""
    found = []
    for axis in (axis for axis in range(3) if gray.shape[axis] > 1):
        price = np.diff(gray, axis=axis) ** 2
        price *= np.float32(-0.5 / contrast**2)
        np.exp(price, out=price)
        price *= np.float32(smoothness / spacing[axis])
        found.append((axis, price))
    return found


class _Relaxation:
    """How much of each label a voxel has, and what that says about the least energy.

    Two labels need one number per voxel, more labels one number per label.
    """

    def __init__(self, costs: Floats, borders: list[tuple[int, Floats]]) -> None:
        self._costs, self._borders = costs, borders
        self._binary = len(costs) == 2
        self._linear = costs[1:] - costs[:1] if self._binary else costs
        part = np.float32(1.0 if self._binary else 0.5)
        self._most_pull = [price * part for _, price in borders]
        self._share = self._projected(-self._linear * np.float32(1e3))
        self._pulls: list[Floats] = [
            np.zeros((len(self._linear), *price.shape), dtype=np.float32) for _, price in borders
        ]

    def solved(self, report: Report, tolerance: float, most: int) -> NDArray[np.int64]:
        """Takes steps until the energy cannot get much less; gives the labels."""
        length = np.float32(1 / max(2 * len(self._borders), 1))
        for number in range(most if self._borders else 0):
            report(number / most)
            before = self._share
            self._share = self._projected(before - length * self._slope())
            ahead = 2 * self._share - before
            for (axis, _), pull, limit in zip(
                self._borders, self._pulls, self._most_pull, strict=True
            ):
                pull += np.float32(0.5) * np.diff(ahead, axis=1 + axis)
                np.clip(pull, -limit, limit, out=pull)
            if number % _CHECKED == _CHECKED - 1:
                reached = energy(self._labels(), self._costs, self._borders)
                if reached - self._least() <= tolerance * max(reached, 1.0):
                    break
        return self._labels()

    def _slope(self) -> Floats:
        """Gives the costs and what neighbors pull."""
        slope = self._linear.copy()
        for (axis, _), pull in zip(self._borders, self._pulls, strict=True):
            slope[_cut(axis, 0, -1)] -= pull
            slope[_cut(axis, 1, None)] += pull
        return slope

    def _least(self) -> np.float64:
        """Gives a number that no labels' energy is below."""
        slope = self._slope()
        if self._binary:
            return (self._costs[0] + np.minimum(slope[0], 0)).sum(dtype=np.float64)
        return slope.min(axis=0).sum(dtype=np.float64)

    def _labels(self) -> NDArray[np.int64]:
        if self._binary:
            return (self._share[0] > 0.5).astype(np.int64)
        return np.argmax(self._share, axis=0).astype(np.int64)

    def _projected(self, share: Floats) -> Floats:
        """Gives the nearest shares that are 0 or more and sum to 1."""
        if self._binary:
            return np.clip(share, 0, 1)
        falling = -np.sort(-share, axis=0)
        counts = np.arange(1, len(share) + 1, dtype=np.float32).reshape(-1, 1, 1, 1)
        excess = (np.cumsum(falling, axis=0) - 1) / counts
        last = (falling > excess).sum(axis=0, keepdims=True) - 1
        return np.maximum(share - np.take_along_axis(excess, last, axis=0), 0)


def _cut(axis: int, start: int, stop: int | None) -> tuple[slice, ...]:
    cut = [slice(None)] * 4
    cut[1 + axis] = slice(start, stop)
    return tuple(cut)

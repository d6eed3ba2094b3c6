"""Which slices are worth annotating next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.completion.completed import WantedSlice
from ImperfectSegLogic.data import Prediction

NEAR = 0.02
"""Voxels with at least this probability of a label count as near a structure."""
LEAST_UNCERTAINTY = 0.01
"""Slices that are surer than this are worth nobody's time."""


def wanted_slices(
    prediction: Prediction, axis: int, annotated: Sequence[int], count: int = 3
) -> tuple[WantedSlice, ...]:
    """Chooses slices that together would settle most of the uncertainty.

    A slice settles itself and, the less the farther, those that it is the nearest annotated one of.
    Chosen one after the other, each by what the ones before leave open, so that they are spread.

    Args:
        prediction: The mask as it is.
        axis: Array axis that slices lie across: 0 slice, 1 row, 2 column.
        annotated: Slices that are annotated already, numbers along the axis of the image.
        count: How many to choose at most.

    Returns:
        The slices, most wanted first; fewer, or none, where there is nothing uncertain.

    Raises:
        ValueError: If there is no such axis.
    """
    if axis not in (0, 1, 2):
        raise ValueError(f"wanted slices: got axis {axis}, allowed are 0, 1, 2.")
    first = prediction.region.start[axis]
    total, mean = _uncertainty(prediction, axis)
    known = [k - first for k in annotated]
    total[[k for k in known if 0 <= k < len(total)]] = 0
    spacing = prediction.geometry.spacing[axis]
    chosen: list[WantedSlice] = []
    open_ = total.copy()
    for number in range(min(count, len(total))):
        gains = [_settled(k, known, len(total)) @ open_ for k in range(len(total))]
        best = int(np.argmax(np.where(np.isin(np.arange(len(total)), known), -1, gains)))
        if best in known or mean[best] < LEAST_UNCERTAINTY or open_[best] <= 0:
            break
        reason = _reason(number, best, known, spacing)
        chosen.append(WantedSlice(axis, best + first, round(float(mean[best]), 4), reason))
        open_ = open_ * (1 - _settled(best, known, len(total)))
        known.append(best)
    return tuple(chosen)


def _uncertainty(
    prediction: Prediction, axis: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gives the sum of the entropy of each slice, and its mean near the structures."""
    entropy = prediction.entropy().astype(np.float64)
    near = prediction.probabilities[1:].max(axis=0, initial=0) >= NEAR
    others = tuple(a for a in range(3) if a != axis)
    total = (entropy * near).sum(axis=others)
    return total, total / np.maximum(near.sum(axis=others), 1)


def _settled(k: int, known: Sequence[int], count: int) -> NDArray[np.float64]:
    """Gives how much of each slice's uncertainty an annotation of slice k would settle, 0 to 1.

    Uncertainty is taken to grow with the distance from the nearest annotated slice.
    """
    slices = np.arange(count)
    before = np.full(count, float(count))
    for n in known:
        before = np.minimum(before, np.abs(slices - n))
    after = np.minimum(before, np.abs(slices - k))
    return np.asarray(1 - after / np.maximum(before, 1))


def _reason(number: int, k: int, known: Sequence[int], spacing: float) -> str:
    how = "most uncertain" if number == 0 else "most uncertain beside those"
    if not known:
        return how
    away = min(abs(k - n) for n in known) * spacing
    return f"{how}, {away:.3g} mm from the next annotated slice"

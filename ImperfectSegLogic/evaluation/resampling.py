"""Bootstrap intervals over subjects, and corrections for many tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
Interval = tuple[float, float]
NOT_POSSIBLE: Interval = (np.nan, np.nan)


def mean_interval(
    values: Sequence[float], subjects: Sequence[str], seed: int = 0, draws: int = DRAWS
) -> Interval:
    """Gives the 95 % bootstrap interval (percentiles) of a mean, resampling subjects.

    Cases of one subject are alike, so that a subject is drawn with all of its cases.

    Args:
        values: One finite number per case.
        subjects: Who each is of.
        seed: Of the random draws.
        draws: How many.

    Returns:
        Low and high end; NaN for fewer than two subjects, which tell nothing of how they vary.
    """
    names, which = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    if len(names) < 2:
        return NOT_POSSIBLE
    sums = np.bincount(which, weights=np.asarray(values, dtype=np.float64))
    counts = np.bincount(which)
    drawn = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for their number (Holm 1979); NaN stays NaN and does not count."""
    p: NDArray[np.float64] = np.asarray(p_values, dtype=np.float64)
    order = [n for n in np.argsort(p) if not np.isnan(p[n])]
    corrected = np.full(len(p), np.nan)
    highest = 0.0
    for rank, n in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * float(p[n])))
        corrected[n] = highest
    return [float(value) for value in corrected]

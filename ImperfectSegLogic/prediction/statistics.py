"""Mean and spread of many passes, one pass at a time: memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
SMALLEST = np.finfo(np.float32).tiny
"""Its logarithm is finite, and 0 times that is 0."""


class PassStatistics:
    """Sums up passes as they come (Welford 1962, which keeps small spreads exact).

    Entropies are divided by the logarithm of the number of labels, so that all maps go from 0
    (sure) to 1. Besides the mean there is at most one number per voxel for each map.
    """

    def __init__(self, mean: Map, maps: Mapping[str, Map]) -> None:
        """Takes arrays to write into, all 0.

        Args:
            mean: For the mean probabilities, shape (label, slice, row, column).
            maps: For uncertainties by name, shape (slice, row, column); see `finish`.
        """
        self._mean, self._maps = mean, maps
        self._passes = 0

    def add(self, probabilities: Map) -> None:
        """Adds one pass, shape (label, slice, row, column)."""
        self._passes += 1
        spread = self._maps.get("variance")
        for mean, one in zip(self._mean, probabilities, strict=True):
            away = one - mean
            mean += away / self._passes
            if spread is not None:
                spread += away * (one - mean)
        mean_entropy = self._maps.get("mutual_information")
        if mean_entropy is not None:
            mean_entropy += (entropy(probabilities) - mean_entropy) / self._passes

    def finish(self) -> None:
        """Turns what was summed up into the maps.

        `entropy` is that of the mean; `variance` the sum over labels of the variance over passes;
        `mutual_information` the entropy of the mean less the mean of the passes' entropies, which
        is what passes disagree about (houlsby2011bald).
        """
        if "variance" in self._maps:
            self._maps["variance"] /= self._passes
        if not self._maps.keys() & {"entropy", "mutual_information"}:
            return
        whole = entropy(self._mean)
        if "entropy" in self._maps:
            self._maps["entropy"][...] = whole
        if "mutual_information" in self._maps:
            of_passes = self._maps["mutual_information"]
            # Never below 0 but for rounding.
            np.maximum(whole - of_passes, 0, out=of_passes)


def entropy(probabilities: Map) -> Map:
    """Gives the entropy of each voxel, from 0 to 1, of probabilities (label, ...)."""
    total = np.zeros(probabilities.shape[1:], dtype=np.float32)
    for one in probabilities:  # One by one: memory for one label.
        # In place and in single precision: scipy's entr takes several times as long.
        part = np.clip(one, SMALLEST, 1)
        np.log(part, out=part)
        part *= one
        total -= part
    total /= np.float32(np.log(max(len(probabilities), 2)))
    return total

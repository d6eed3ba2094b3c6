"""What a method answers: probabilities, where they are, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.geometry import Geometry, Region
from ImperfectSegLogic.data.volume import frozen_view


@dataclass(frozen=True)
class Provenance:
    """Which method, with which settings and weights, made a prediction."""

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights_hash: str = ""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Probabilities of every label in a region of the image.

    Outside the region nothing is said: whoever writes a prediction leaves those voxels alone.

    Attributes:
        probabilities: From 0 to 1, summing to 1 over the first axis; shape (label, slice, row,
            column) of the region; a read-only view.
        labels: The label of each channel, in rising order, starting with 0, the background.
        region: The voxels that the probabilities are about.
        geometry: The grid of the whole image.
        provenance: Where the prediction comes from.
        notes: What had to be done otherwise than asked, for people, such as where memory ran out.
    """

    probabilities: NDArray[np.float32]
    labels: tuple[int, ...]
    region: Region
    geometry: Geometry
    provenance: Provenance
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.probabilities.shape == (len(self.labels), *self.region.shape)
        assert list(self.labels) == sorted(set(self.labels))
        assert self.labels[0] == 0
        object.__setattr__(self, "probabilities", frozen_view(self.probabilities))

    def region_labels(
        self, thresholds: Mapping[int, float] | None = None
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Gives the most probable label of each voxel of the region, shape (k, j, i).

        Args:
            thresholds: How probable, between 0 and 1, a label must be; 0.5 where none is given.
                Odds are compared: with a threshold t, p counts (1 - t) / t times as much, so that
                a lone segment is where p > t, and what is certain stays.
        """
        dtype = np.uint8 if self.labels[-1] < 256 else np.uint16
        values = np.array(self.labels, dtype=dtype)
        given = {n: t for n, t in (thresholds or {}).items() if t != 0.5 and n in self.labels[1:]}
        if not given:
            return values[np.argmax(self.probabilities, axis=0)]
        assert all(0 < t < 1 for t in given.values()), given
        weights = np.array(
            [(1 - given[n]) / given[n] if n in given else 1 for n in self.labels], dtype=np.float32
        )
        counted = self.probabilities * weights[:, np.newaxis, np.newaxis, np.newaxis]
        return values[np.argmax(counted, axis=0)]

    def full_labels(self) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Gives a label for each voxel of the image, shape (k, j, i), 0 outside the region."""
        inside = self.region_labels()
        whole = np.zeros(self.geometry.shape, dtype=inside.dtype)
        whole[self.region.slices] = inside
        return whole

    def full_probabilities(self) -> NDArray[np.float32]:
        """Gives probabilities for the whole image, (label, k, j, i), background outside."""
        whole = np.zeros((len(self.labels), *self.geometry.shape), dtype=np.float32)
        whole[0] = 1.0
        whole[(slice(None), *self.region.slices)] = self.probabilities
        return whole

    def entropy(self) -> NDArray[np.float32]:
        """Gives the uncertainty of each voxel of the region, 0 (sure) to 1 (every label alike)."""
        p = np.clip(self.probabilities, 1e-12, 1.0)
        spread = -(p * np.log(p)).sum(axis=0) / np.log(max(len(self.labels), 2))
        return np.asarray(spread, dtype=np.float32)

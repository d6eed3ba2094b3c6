"""A segmentation as probabilities, for refiners: masks do not tell how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Prediction, Provenance, Region

CERTAINTY = 0.7
"""As in pydensecrf's `unary_from_labels`, whose examples take 0.7."""


def prediction_of_labels(
    labels: NDArray[Any],
    geometry: Geometry,
    among: Sequence[int] = (),
    certainty: float = CERTAINTY,
    region: Region | None = None,
) -> Prediction:
    """Gives each voxel's label some probability, and every other label the same share of the rest.

    Args:
        labels: Whole numbers, 0 background, shape (slice, row, column) of the image.
        geometry: The image's grid.
        among: Labels that could be there too, besides those that are.
        certainty: Probability of a voxel's own label; more than 1 / (number of labels), below 1.
        region: Which voxels; all by default.

    Raises:
        ValueError: If there is no label but background, or the certainty is not allowed.
    """
    region = region or geometry.whole
    known = sorted({0, *(int(n) for n in among), *(int(n) for n in np.unique(labels))})
    if len(known) < 2:
        raise ValueError(
            "segmentation: got background only, allowed is at least one segment. There is nothing"
            " to refine."
        )
    if not 1 / len(known) < certainty < 1:
        raise ValueError(
            f"certainty: got {certainty:g}, allowed is more than {1 / len(known):.3g}, which would"
            f" be chance among {len(known)} labels, and less than 1."
        )
    inside = labels[region.slices]
    rest = (1 - certainty) / (len(known) - 1)
    own = np.stack([inside == label for label in known])
    probabilities = np.where(own, np.float32(certainty), np.float32(rest))
    source = Provenance("segmentation", {"certainty": certainty})
    return Prediction(probabilities, tuple(known), region, geometry, source)

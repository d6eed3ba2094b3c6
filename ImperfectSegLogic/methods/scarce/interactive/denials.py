"""What "not this segment" means: another segment where that is clear, or else background.

Were it always background, correcting one segment would damage its neighbor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats

_CLEARLY = 2.0
"""How many times as probable as background a segment must be to be meant by "not that one"."""


def channels_meant(
    chances: Floats, labels: tuple[int, ...], denied: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Gives the channel of the label that is meant at each denied voxel, 0 for background.

    Args:
        chances: Probability of each label there without the denials, shape (label, N).
        labels: The label of each channel, 0 first.
        denied: The label that each voxel is said not to have, shape (N,).
    """
    left = np.where(np.array(labels)[:, np.newaxis] == denied, 0, chances)
    return np.where(left.max(axis=0) > _CLEARLY * left[0], np.argmax(left, axis=0), 0)

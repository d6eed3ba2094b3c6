"""How well a mask of one label overlaps with the truth, in numbers that are written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ImperfectSegLogic.metrics.dice import dice

Scores = dict[str, float | None]


def overlap(found: Any, truth: Any) -> float | None:
    """Gives Dice; None where neither has a voxel, as then there is nothing to find or miss."""
    return dice(found, truth) if np.any(found) or np.any(truth) else None


def rounded_scores(scores: Mapping[str, float | None]) -> tuple[Scores, Scores]:
    """Gives Dice and IoU, both of Dice, to five digits."""
    both = {
        n: (None, None) if d is None else (round(d, 5), round(d / (2 - d), 5))
        for n, d in scores.items()
    }
    return {n: d for n, (d, _) in both.items()}, {n: iou for n, (_, iou) in both.items()}

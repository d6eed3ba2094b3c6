"""The part of a prediction that is near its segments: the rest is background, and takes time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ImperfectSegLogic.crf.prompted_voxels import fixed_channels
from ImperfectSegLogic.data import Prediction, Prompt, Region


def region_near_segments(
    prediction: Prediction, margin: float, prompts: Sequence[Prompt] = ()
) -> Region | None:
    """Gives the smallest box around all segments and prompted voxels, and some room around it.

    Args:
        prediction: Where a segment is more probable than background, there is one.
        margin: The room on each side, in mm.
        prompts: What the user pointed at.

    Returns:
        A part of the prediction's region; None if there are no segments and prompts.

    Raises:
        ValueError: If the margin is below 0 or no number, or a prompt is not allowed.
    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin: got {margin:g}, allowed is 0 or more, in mm.")
    inside = prediction.probabilities.argmax(axis=0) > 0
    if prompts:
        fixed, _ = fixed_channels(prompts, prediction)
        inside |= fixed >= 0
    voxels = np.argwhere(inside)
    if not len(voxels):
        return None
    k, j, i = (math.ceil(margin / step) for step in prediction.geometry.spacing)
    box = Region.around(voxels).grown((k, j, i), prediction.region.shape)
    corner = prediction.region.start
    start = [a + c for a, c in zip(box.start, corner, strict=True)]
    stop = [b + c for b, c in zip(box.stop, corner, strict=True)]
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def cut(prediction: Prediction, region: Region) -> Prediction:
    """Gives a part of a prediction."""
    values = prediction.probabilities[(slice(None), *_within(prediction, region))]
    return replace(prediction, probabilities=values, region=region)


def pasted(part: Prediction, whole: Prediction) -> Prediction:
    """Gives a whole prediction with a part of it replaced; all else is told by the part."""
    values = whole.probabilities.astype(np.float32, copy=True)
    values[(slice(None), *_within(whole, part.region))] = part.probabilities
    return replace(part, probabilities=values, region=whole.region)


def _within(prediction: Prediction, region: Region) -> tuple[slice, ...]:
    pairs = zip(region.start, region.stop, prediction.region.start, strict=True)
    return tuple(slice(a - c, b - c) for a, b, c in pairs)

"""Prompts as hard constraints of a refiner: which voxels keep which label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Geometry, Lasso, Prediction, Prompt, Scribble
from ImperfectSegLogic.data.prompts import Click
from ImperfectSegLogic.methods.scarce.interactive.denials import channels_meant
from ImperfectSegLogic.methods.scarce.interactive.prompt_check import check_prompts
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    Voxels,
    box_voxels,
    click_voxels,
    lasso_voxels,
    scribble_voxels,
)
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts

KINDS = ("Click", "Scribble", "Lasso", "Box")


def fixed_channels(
    prompts: Sequence[Prompt], prediction: Prediction
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Gives the channel that each voxel of the region keeps, and notes for people.

    A negative prompt takes its label away: the voxel gets the next label if the prediction is clear
    about it, or else background, as with all interactive segmenters.

    Returns:
        Channels, -1 where no prompt is, shape (k, j, i) of the region; and notes.

    Raises:
        ValueError: If a prompt is of no kind that says something about single voxels, lies outside
            the image, contradicts another, or names a label that the prediction does not have.
    """
    region = prediction.region
    fixed = np.full(region.shape, -1, dtype=np.int64)
    if not prompts:
        return fixed, ()
    voxels, labels, denied = _voxels(prompts, prediction.geometry)
    known = np.array(prediction.labels)
    strange = sorted(set(labels.tolist() + denied.tolist()) - set(prediction.labels))
    if strange:
        raise ValueError(
            f"prompts: got label {strange[0]}, which the probabilities do not have; allowed are"
            f" {list(prediction.labels)}. Segment it first, or delete these prompts."
        )
    inside = np.all((voxels >= region.start) & (voxels < region.stop), axis=1)
    voxels, labels, denied = voxels[inside] - region.start, labels[inside], denied[inside]
    channels = np.searchsorted(known, labels)
    doubt = denied > 0
    chances = prediction.probabilities[(slice(None), *voxels[doubt].T)]
    channels[doubt] = channels_meant(chances, prediction.labels, denied[doubt])
    fixed[tuple(voxels.T)] = channels
    left = int(np.count_nonzero(~inside))
    note = f"{left} prompted voxels lie outside the region and were left as they are."
    return fixed, (note,) if left else ()


def _voxels(
    prompts: Sequence[Prompt], geometry: Geometry
) -> tuple[Voxels, NDArray[np.int64], NDArray[np.int64]]:
    if any(prompt.label and prompt.positive for prompt in prompts):
        seeds = read_prompts(prompts, geometry, KINDS)
        return seeds.voxels, seeds.labels, seeds.denied
    # `read_prompts` wants to learn where a segment is; here it is enough to know where none is.
    check_prompts(prompts, geometry, KINDS)
    voxels, denied = [], []
    for prompt in prompts:
        found = _background(prompt, geometry)
        voxels.append(found)
        denied.append(np.full(len(found), prompt.label))
    every, first = np.unique(np.concatenate(voxels), axis=0, return_index=True)
    return every, np.zeros(len(every), dtype=np.int64), np.concatenate(denied)[first]


def _background(prompt: Prompt, geometry: Geometry) -> Voxels:
    if isinstance(prompt, Click):
        return click_voxels(prompt, geometry)
    if isinstance(prompt, Scribble):
        return scribble_voxels(prompt, geometry)
    if isinstance(prompt, Lasso):
        return lasso_voxels(prompt, geometry)[0]
    assert isinstance(prompt, Box), prompt
    return box_voxels(prompt, geometry)

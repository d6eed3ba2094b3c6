"""Which of the prompts is the click in the middle of each segment, slice by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Click, Geometry, Prompt, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import click_voxels, scribble_voxels


@dataclass(frozen=True, eq=False)
class Center:
    """Where the rays of one segment start in one slice.

    Attributes:
        label: Of the segment, from 1.
        voxel: Index (k, j, i) in the image.
        prompt: The place of the prompt among all.
    """

    label: int
    voxel: NDArray[np.int64]
    prompt: int


def centers_of(prompts: Sequence[Prompt], geometry: Geometry, axis: int) -> tuple[Center, ...]:
    """Gives one center for each segment and slice that it is pointed at in.

    It is the first positive click there; where there is none, the middle of the first positive
    scribble.

    Args:
        prompts: Clicks and scribbles, in their order.
        geometry: The image's grid.
        axis: Which of the axes k, j, i runs across the slices.
    """
    found: dict[tuple[int, int], Center] = {}
    for kind in (Click, Scribble):
        for number, prompt in enumerate(prompts):
            if not isinstance(prompt, kind) or not prompt.label or not prompt.positive:
                continue
            for voxel in _middles(prompt, geometry, axis):
                known = (prompt.label, int(voxel[axis]))
                found.setdefault(known, Center(prompt.label, voxel, number))
    return tuple(found[known] for known in sorted(found))


def later_prompts(prompts: Sequence[Prompt], centers: Sequence[Center]) -> int:
    """Gives the number of prompts that rays do not start from."""
    return len(prompts) - len({center.prompt for center in centers})


def _middles(prompt: Prompt, geometry: Geometry, axis: int) -> list[NDArray[np.int64]]:
    """Gives in each slice the voxel of a prompt that is nearest to the middle of those there."""
    if isinstance(prompt, Click):
        return list(click_voxels(prompt, geometry))
    assert isinstance(prompt, Scribble)
    voxels = scribble_voxels(prompt, geometry)
    middles = []
    for k in np.unique(voxels[:, axis]):
        there = voxels[voxels[:, axis] == k]
        away = geometry.to_ras(there) - geometry.to_ras(there).mean(axis=0)
        middles.append(there[np.argmin((away**2).sum(axis=1))])
    return middles

"""What prompts say, voxel by voxel, and whether they contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Geometry, Lasso, Prompt, Scribble
from ImperfectSegLogic.data.prompts import Click
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    Voxels,
    box_voxels,
    click_voxels,
    given_positions,
    lasso_voxels,
    scribble_voxels,
)

_NONE: Voxels = np.zeros((0, 3), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Seeds:
    """The prompted voxels.

    Attributes:
        voxels: Indices (k, j, i), shape (N, 3), each once, in raster order.
        labels: The label each of them has for certain, 0 background, shape (N,).
        segments: All labels from 1 that have something positive, in rising order.
        boxes: The boxes that hold the object of a label, by label.
    """

    voxels: Voxels
    labels: NDArray[np.int64]
    segments: tuple[int, ...]
    boxes: dict[int, tuple[Box, ...]]


def read_prompts(prompts: Sequence[Prompt], geometry: Geometry, accepts: tuple[str, ...]) -> Seeds:
    """Turns prompts into labeled voxels.

    A negative prompt is background, unless another label has a positive prompt on that voxel.
    Clicks and scribbles are taken at their word; a lasso, drawn with a broad hand, gives way where
    a click or scribble says otherwise.

    Raises:
        ValueError: If there is no prompt, one of a kind that is not accepted, one outside the
            image, one voxel with two labels, or nothing that says where any segment is.
    """
    _check(prompts, geometry, accepts)
    sharp = _Votes(geometry)
    soft = _Votes(geometry)
    boxes: dict[int, tuple[Box, ...]] = {}
    for prompt in prompts:
        if isinstance(prompt, Box) and prompt.positive and prompt.label:
            boxes[prompt.label] = (*boxes.get(prompt.label, ()), prompt)
        else:
            _vote(prompt, sharp, soft, geometry)
    flat, labels = sharp.settled()
    more, more_labels = soft.settled()
    new = ~np.isin(more, flat)
    flat, labels = np.concatenate([flat, more[new]]), np.concatenate([labels, more_labels[new]])
    segments = tuple(sorted(set(labels[labels > 0].tolist()) | set(boxes)))
    if not segments:
        raise ValueError(
            f"prompts: got {len(prompts)}, all negative or background, which shows where no segment"
            " is but not where one is. Add a positive prompt with a label from 1."
        )
    order = np.argsort(flat)
    voxels = np.stack(np.unravel_index(flat[order], geometry.shape), axis=1).astype(np.int64)
    return Seeds(voxels, labels[order], segments, boxes)


def _check(prompts: Sequence[Prompt], geometry: Geometry, accepts: tuple[str, ...]) -> None:
    if not prompts:
        raise ValueError("prompts: got none, allowed are one or more. Click on the structure.")
    for number, prompt in enumerate(prompts, start=1):
        kind = type(prompt).__name__
        if kind not in accepts:
            raise ValueError(
                f"prompt {number}: got a {kind}, allowed are {', '.join(accepts)}. Use one of these"
                " or another method."
            )
        given = given_positions(prompt)
        outside = ~geometry.contains(geometry.to_index(given))
        if outside.any():
            raise ValueError(
                f"prompt {number} ({kind}): got {_text(given[outside][0])}, which is outside the"
                f" image; {_extent(geometry)}. Place it inside, or choose the image it belongs to."
            )
        if isinstance(prompt, Box) and not len(box_voxels(prompt, geometry)):
            raise ValueError(
                f"prompt {number} (Box): got a box around {_text(prompt.center)} of size"
                f" {[round(float(v), 2) for v in prompt.size]} mm that holds no voxel center;"
                f" {_extent(geometry)}. Move it into the image or make it larger."
            )


class _Votes:
    """Who says what about which voxel; voxels are flat indices."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._is: list[NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]
        self._is_not: list[NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]

    def add(self, voxels: Voxels, label: int, positive: bool) -> None:
        """Notes that voxels have, or do not have, a label."""
        flat = np.ravel_multi_index(tuple(voxels.T), self._geometry.shape)
        votes = np.stack([flat, np.full(len(flat), label)], axis=1)
        (self._is if positive else self._is_not).append(votes)

    def settled(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Gives the voxels that somebody spoke about, each once, rising, and their labels."""
        votes = np.unique(np.concatenate(self._is), axis=0)
        twice = np.flatnonzero(votes[1:, 0] == votes[:-1, 0])
        if len(twice):
            (voxel, one), (_, other) = votes[twice[0]], votes[twice[0] + 1]
            raise self._conflict(voxel, f"label {one}", f"label {other}")
        denied = np.unique(np.concatenate(self._is_not), axis=0)
        both = denied[np.isin(denied[:, 0], votes[:, 0])]
        said = votes[np.searchsorted(votes[:, 0], both[:, 0]), 1]
        if (said == both[:, 1]).any():
            voxel, label = both[np.argmax(said == both[:, 1])]
            raise self._conflict(voxel, f"label {label}", f"not label {label}")
        background = np.setdiff1d(denied[:, 0], votes[:, 0])
        flat = np.concatenate([votes[:, 0], background])
        labels = np.concatenate([votes[:, 1], np.zeros_like(background)])
        order = np.argsort(flat)
        return flat[order], labels[order]

    def _conflict(self, voxel: int, one: str, other: str) -> ValueError:
        index = np.array(np.unravel_index(voxel, self._geometry.shape))
        return ValueError(
            f"prompts: got both {one} and {other} for the voxel at"
            f" {_text(self._geometry.to_ras(index))}, allowed is one label per voxel. Delete one of"
            " the two prompts."
        )


def _vote(prompt: Prompt, sharp: _Votes, soft: _Votes, geometry: Geometry) -> None:
    if isinstance(prompt, Lasso):
        inside, core, ring = lasso_voxels(prompt, geometry)
        if prompt.label and prompt.positive:
            soft.add(core, prompt.label, True)
            soft.add(ring, prompt.label, False)
        else:
            soft.add(inside, prompt.label, prompt.positive)
        return
    voxels = _NONE
    if isinstance(prompt, Click):
        voxels = click_voxels(prompt, geometry)
    elif isinstance(prompt, Scribble):
        voxels = scribble_voxels(prompt, geometry)
    elif isinstance(prompt, Box):
        voxels = box_voxels(prompt, geometry)
    sharp.add(voxels, prompt.label, prompt.positive)


def _text(ras: NDArray[np.float64]) -> str:
    r, a, s = (float(v) for v in ras)
    return f"RAS ({r:.1f}, {a:.1f}, {s:.1f}) mm"


def _extent(geometry: Geometry) -> str:
    edges = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in geometry.shape])).reshape(3, -1).T
    corners = geometry.to_ras(edges)
    return f"it reaches from {_text(corners.min(axis=0))} to {_text(corners.max(axis=0))}"

"""What prompts say, voxel by voxel, and whether they contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Geometry, Lasso, Prompt, Scribble
from ImperfectSegLogic.data.prompts import Click
from ImperfectSegLogic.methods.scarce.interactive.flat_boxes import with_thickness
from ImperfectSegLogic.methods.scarce.interactive.prompt_check import check_prompts, place
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    Voxels,
    box_voxels,
    click_voxels,
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
        denied: Where all that is known is which one label a voxel does not have, that label;
            0 elsewhere; shape (N,).
        ranks: How many corrections had been made when each of them was prompted, itself included;
            0 for first prompts, see `read_prompts`; shape (N,).
        segments: All labels from 1 that have something positive, in rising order.
        boxes: The boxes that hold the object of a label, by label.
    """

    voxels: Voxels
    labels: NDArray[np.int64]
    denied: NDArray[np.int64]
    ranks: NDArray[np.int64]
    segments: tuple[int, ...]
    boxes: dict[int, tuple[Box, ...]]

    def first(self) -> Seeds:
        """Gives the seeds without those of corrections."""
        return self.only(self.ranks == 0)

    def only(self, at: NDArray[np.bool_]) -> Seeds:
        """Gives some of the seeds."""
        voxels, labels, denied, ranks = self.voxels, self.labels, self.denied, self.ranks
        parts = (voxels[at], labels[at], denied[at], ranks[at])
        return Seeds(*parts, self.segments, self.boxes)


def read_prompts(prompts: Sequence[Prompt], geometry: Geometry, accepts: tuple[str, ...]) -> Seeds:
    """Turns prompts into labeled voxels.

    A negative prompt is background, unless another label has a positive prompt on that voxel; which
    voxels those are stands in `denied`, since another segment may be meant. Clicks and scribbles
    are taken at their word; a lasso, drawn with a broad hand, gives way where a click or scribble
    says otherwise.

    The first click or scribble of each segment is no correction, nor are boxes and lassos; all
    others are, background included. Scribbles of one label in a row count as one, as strokes are
    often drawn in parts. A box without thickness, drawn in one slice, gets that of the slice.

    Raises:
        ValueError: If there is no prompt, one of a kind that is not accepted, one outside the
            image, a box without extent in its slice, one voxel with two labels, or nothing that
            says where any segment is.
    """
    prompts = [
        with_thickness(prompt, geometry, number) if isinstance(prompt, Box) else prompt
        for number, prompt in enumerate(prompts, start=1)
    ]
    check_prompts(prompts, geometry, accepts)
    sharp = _Votes(geometry)
    soft = _Votes(geometry)
    boxes: dict[int, tuple[Box, ...]] = {}
    for prompt, rank in zip(prompts, _ranks(prompts), strict=True):
        if isinstance(prompt, Box) and prompt.positive and prompt.label:
            boxes[prompt.label] = (*boxes.get(prompt.label, ()), prompt)
        else:
            _vote(prompt, rank, sharp, soft, geometry)
    sure, more = sharp.settled(), soft.settled()
    new = ~np.isin(more[0], sure[0])
    flat, labels, denied, ranks = (
        np.concatenate([a, b[new]]) for a, b in zip(sure, more, strict=True)
    )
    segments = tuple(sorted(set(labels[labels > 0].tolist()) | set(boxes)))
    if not segments:
        raise ValueError(
            f"prompts: got {len(prompts)}, all negative or background, which shows where no segment"
            " is but not where one is. Add a positive prompt with a label from 1."
        )
    order = np.argsort(flat)
    voxels = np.stack(np.unravel_index(flat[order], geometry.shape), axis=1).astype(np.int64)
    return Seeds(voxels, labels[order], denied[order], ranks[order], segments, boxes)


def _ranks(prompts: Sequence[Prompt]) -> list[int]:
    """Gives each prompt the number of corrections up to it, 0 to those that are none."""
    ranks: list[int] = []
    known: set[int] = set()
    corrections, before = 0, None
    for prompt in prompts:
        what = prompt.label if prompt.positive else 0
        stroke = isinstance(prompt, Scribble)
        if not stroke and not isinstance(prompt, Click):
            ranks.append(0)
        elif stroke and before == what:
            ranks.append(ranks[-1])
        elif what and what not in known:
            ranks.append(0)
            known.add(what)
        else:
            corrections += 1
            ranks.append(corrections)
        before = what if stroke else None
    return ranks


class _Votes:
    """Who says what about which voxel; voxels are flat indices."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._is: list[NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]
        self._is_not: list[NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]
        self._ranks: list[NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]

    def add(self, voxels: Voxels, label: int, positive: bool, rank: int) -> None:
        """Notes that voxels have, or do not have, a label."""
        flat = np.ravel_multi_index(tuple(voxels.T), self._geometry.shape)
        votes = np.stack([flat, np.full(len(flat), label)], axis=1)
        (self._is if positive else self._is_not).append(votes)
        self._ranks.append(np.stack([flat, np.full(len(flat), rank)], axis=1))

    def settled(self) -> tuple[NDArray[np.int64], ...]:
        """Gives the voxels that were spoken of, each once, rising; labels, denials and ranks."""
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
        others = denied[~np.isin(denied[:, 0], votes[:, 0])]
        background, first, times = np.unique(others[:, 0], return_index=True, return_counts=True)
        one_label = others[first, 1]
        flat = np.concatenate([votes[:, 0], background])
        labels = np.concatenate([votes[:, 1], np.zeros_like(background)])
        denials = np.concatenate([np.zeros_like(votes[:, 1]), np.where(times == 1, one_label, 0)])
        order = np.argsort(flat)
        flat = flat[order]
        ranks = np.unique(np.concatenate(self._ranks), axis=0)
        ranked = ranks[np.searchsorted(ranks[:, 0], flat), 1]
        return flat, labels[order], denials[order], ranked

    def _conflict(self, voxel: int, one: str, other: str) -> ValueError:
        index = np.array(np.unravel_index(voxel, self._geometry.shape))
        return ValueError(
            f"prompts: got both {one} and {other} for the voxel at"
            f" {place(self._geometry.to_ras(index))}, allowed is one label per voxel. Delete one of"
            " the two prompts."
        )


def _vote(prompt: Prompt, rank: int, sharp: _Votes, soft: _Votes, geometry: Geometry) -> None:
    if isinstance(prompt, Lasso):
        inside, core, ring = lasso_voxels(prompt, geometry)
        if prompt.label and prompt.positive:
            soft.add(core, prompt.label, True, rank)
            soft.add(ring, prompt.label, False, rank)
        else:
            soft.add(inside, prompt.label, prompt.positive, rank)
        return
    voxels = _NONE
    if isinstance(prompt, Click):
        voxels = click_voxels(prompt, geometry)
    elif isinstance(prompt, Scribble):
        voxels = scribble_voxels(prompt, geometry)
    elif isinstance(prompt, Box):
        voxels = box_voxels(prompt, geometry)
    sharp.add(voxels, prompt.label, prompt.positive, rank)

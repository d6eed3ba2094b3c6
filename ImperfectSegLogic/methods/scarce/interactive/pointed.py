"""What prompts say about each segment, in the window that a trained network looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds

Places = NDArray[np.int64]
"""Indices of voxels, shape (N, 3)."""
ToWindow = Callable[[Places], Places]
"""Gives voxels (slice, row, column) of the network's window for those of another grid."""


@dataclass(frozen=True, eq=False)
class Pointed:
    """What prompts say about one segment; voxels (slice, row, column) of the network's window.

    Attributes:
        label: Of the segment.
        inside: Voxels that are the segment.
        outside: Voxels that are not: background, another segment, or denied.
        guesses: The middles of its boxes, where nothing else says where it is.
    """

    label: int
    inside: Places
    outside: Places
    guesses: Places

    @property
    def hints(self) -> Places:
        """Voxels that are the segment, and those where it is guessed to be."""
        return np.concatenate([self.inside, self.guesses])

    def is_about(self, k: int) -> bool:
        """Tells whether the segment is said or guessed to be in a slice."""
        return bool((self.hints[:, 0] == k).any())

    def in_slice(self, k: int) -> Pointed:
        """Gives what is said about one slice, as if it were the only one."""
        parts = (self.inside, self.outside, self.guesses)
        inside, outside, guesses = (p[p[:, 0] == k] * np.array([0, 1, 1]) for p in parts)
        return Pointed(self.label, inside, outside, guesses)


def pointed_at(seeds: Seeds, to_window: ToWindow) -> list[Pointed]:
    """Tells about all segments, without guesses; `to_window` takes voxels (k, j, i) of the image.

    A prompt that denies one label says nothing about the others.
    """
    found = []
    for label in seeds.segments:
        own = seeds.labels == label
        about = (seeds.denied == 0) | (seeds.denied == label)
        inside, outside = (to_window(seeds.voxels[at]) for at in (own, ~own & about))
        found.append(Pointed(label, inside, outside, inside[:0]))
    return found


def with_guesses(
    pointed: Pointed, allowed: NDArray[np.bool_], slices: int | None, to_window: ToWindow
) -> Pointed:
    """Guesses that a segment is in the middle of its boxes, where nothing else says where it is.

    Args:
        pointed: The segment.
        allowed: Where its boxes allow it, shape (k, j, i) of the working grid.
        slices: The working grid's axis across slices, for a network that sees slices, so that
            there is a guess for each slice; None for one that sees volumes.
        to_window: Takes voxels of the working grid.
    """
    if slices is None:
        if len(pointed.inside):
            return pointed
        return replace(pointed, guesses=to_window(_middles(allowed)))
    found = [np.zeros((0, 3), dtype=np.int64)]
    for k, plane in enumerate(np.moveaxis(allowed, slices, 0)):
        found.append(np.insert(_middles(plane), slices, k, axis=1))
    guesses = to_window(np.concatenate(found))
    known = np.isin(guesses[:, 0], pointed.inside[:, 0])
    return replace(pointed, guesses=guesses[~known])


def _middles(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Gives the deepest voxel of each connected part, shape (N, axis)."""
    # Around a grid of one slice there is no border across it.
    pad = [(int(n > 1),) * 2 for n in mask.shape]
    parts: Any = ndimage.label(np.pad(mask, pad))[0]
    depth = ndimage.distance_transform_edt(parts > 0)
    count = int(parts.max())
    places = ndimage.maximum_position(depth, parts, range(1, count + 1)) if count else []
    found = np.array(places, dtype=np.int64).reshape(-1, mask.ndim)
    return found - np.array([before for before, _ in pad])

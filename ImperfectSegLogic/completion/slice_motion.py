"""How structures move from slice to slice: optical flow, added up to the annotated slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom
from skimage.registration import optical_flow_ilk

from ImperfectSegLogic.completion.signed_distance import moved
from ImperfectSegLogic.methods.progress import Progress

Floats = NDArray[np.float32]
RADIUS = 7
"""Half width in pixels of the window that moves as one (of 5, 7, 12, by left atrium train)."""
WARPS = 3
MOST_PIXELS = 160 * 160
"""Larger slices are looked at more coarsely: motion is smooth."""
NOBODY = -1


@dataclass(frozen=True, eq=False)
class SliceMotion:
    """Where the pixels of each slice are found in the annotated slices before and after it.

    Attributes:
        before: In pixels, shape (slice, 2, row, column).
        after: The same.
        sources: The annotated slice before and after each slice, itself where it is annotated, -1
            where there is none, shape (2, slice).
    """

    before: Floats
    after: Floats
    sources: NDArray[np.int64]


def slice_motion(
    gray: Floats, annotated: Sequence[int], progress: Progress | None = None
) -> SliceMotion:
    """Follows structures through a stack, from slice to slice (iterative Lucas-Kanade flow).

    Args:
        gray: Gray values, about 0 to 1, smooth, shape (slice, row, column).
        annotated: Which slices to follow them to.
        progress: Told how far the work is; cancels it.
    """
    progress = progress or Progress()
    count, known = len(gray), set(annotated)
    offsets = np.zeros((2, count, 2, *gray.shape[1:]), dtype=np.float32)
    sources = np.full((2, count), NOBODY, dtype=np.int64)
    for side, order in enumerate((range(count), range(count - 1, -1, -1))):
        for done, k in enumerate(order):
            progress.report((side + done / count) / 2, "following structures from slice to slice")
            near = k - 1 if side == 0 else k + 1
            if k in known:
                sources[side, k] = k
            elif 0 <= near < count and sources[side, near] != NOBODY:
                step = _flow(gray[k], gray[near])
                beyond = [moved(part, step) for part in offsets[side, near]]
                offsets[side, k] = step + np.stack(beyond)
                sources[side, k] = sources[side, near]
    return SliceMotion(offsets[0], offsets[1], sources)


def _flow(one: Floats, other: Floats) -> Floats:
    """Gives where pixels of one slice are in another, in pixels, shape (2, row, column)."""
    if min(one.shape) <= 2 * RADIUS:  # No room for a window: nothing moves.
        return np.zeros((2, *one.shape), dtype=np.float32)
    step = int(np.ceil(np.sqrt(one.size / MOST_PIXELS)))
    if step == 1 or min(one.shape) // step <= 2 * RADIUS:
        found = optical_flow_ilk(one, other, radius=RADIUS, num_warp=WARPS)
        return np.asarray(found, dtype=np.float32)
    coarse = optical_flow_ilk(
        one[::step, ::step], other[::step, ::step], radius=RADIUS, num_warp=WARPS
    )
    sizes = [n / m for n, m in zip(one.shape, coarse.shape[1:], strict=True)]
    fine = [zoom(part, sizes, order=1, mode="nearest", grid_mode=True) for part in coarse]
    return np.asarray(np.stack(fine) * step, dtype=np.float32)

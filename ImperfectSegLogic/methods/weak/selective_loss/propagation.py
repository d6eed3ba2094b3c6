"""Labels of annotated frames carried over to the others of their sequence, by registration."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ImperfectSegLogic.completion.registration import Deformation, register, warp_labels
from ImperfectSegLogic.data import UNLABELED, Volume

Labels = NDArray[np.integer]


def propagated(
    frames: Sequence[Volume], known: Sequence[Labels | None], radius: int, power: float, name: str
) -> list[Labels | None]:
    """Gives each frame without labels those of the nearest annotated frames.

    Motion is found from frame to frame and added up, as it is small from each to the next. Where
    two annotated frames are equally near, both count. A frame at distance d keeps the share
    (1 - d / radius) ** power of its labels, drawn at random; the other voxels are unlabeled. So it
    counts less in any loss over labeled voxels.

    Args:
        frames: In the order of time, on one grid.
        known: Labels of each frame, shape (slice, row, column), `UNLABELED` where nobody said any;
            None for a frame that nobody annotated.
        radius: Frames at this distance, and farther ones, get nothing.
        power: How steeply the share falls.
        name: Of the sequence; fixes the drawing.

    Returns:
        Labels of each frame, or None where nothing is near.

    Raises:
        ValueError: If frames that are registered differ in their grids.
    """
    found = list(known)
    there = {n: labels for n, labels in enumerate(known) if labels is not None}
    values = sorted({UNLABELED, *(int(v) for one in there.values() for v in np.unique(one))})
    nearest = [min((abs(n - to) for n in there), default=radius) for to in range(len(frames))]
    total: dict[int, NDArray[np.float32]] = {}
    for n in there:
        for step in (-1, 1):
            whole: Deformation | None = None
            for distance in range(1, radius):
                to = n + distance * step
                if not 0 <= to < len(frames) or nearest[to] < distance:
                    break
                one = register(frames[to], frames[to - step])
                whole = one if whole is None else _composed(one, whole)
                total[to] = total.get(to, 0) + warp_labels(there[n], whole, tuple(values))
    for to, votes in total.items():
        labels = np.array(values)[votes.argmax(axis=0)]
        rng = np.random.default_rng([zlib.crc32(name.encode()), to])
        kept = rng.random(labels.shape) < (1 - nearest[to] / radius) ** power
        found[to] = np.where(kept, labels, UNLABELED)
    return found


def _composed(first: Deformation, second: Deformation) -> Deformation:
    """Gives where each voxel gets to by one deformation and then by another one."""
    places = np.indices(first.geometry.shape, dtype=np.float32) + first.offsets
    more = [map_coordinates(one, places, order=1, mode="nearest") for one in second.offsets]
    return Deformation(first.offsets + np.stack(more), first.geometry)

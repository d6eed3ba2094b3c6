"""A lesion from its two diameters: by GrabCut on the marked slice, then slice by slice from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import logit

from ImperfectSegLogic.completion.grab_cut import GrabCutSettings, grab_cut
from ImperfectSegLogic.completion.recist_checks import check_recist, recist_slice
from ImperfectSegLogic.data import Geometry, Recist, Scribble, Volume
from ImperfectSegLogic.data.slices import Cut
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
STEEPNESS = 6.0
"""Logit in the middle of the ellipse through the four ends; minus that at twice its size."""
FAINTEST = 0.01
"""Probabilities of a network count as not surer than this from 0 or 1."""
SURE = 0.05
"""Where a network is this sure, GrabCut is not to change its mind."""


@dataclass(frozen=True, eq=False)
class LesionWindow:
    """Where the diameters say that a lesion is, on slices across one axis of the image.

    Attributes:
        axis: Across the slices.
        index: Of the marked slice.
        far: Shape (1, row, column) of a slice: 0 where diameters cross, 1 on the ellipse through
            their four ends, 2 on the one twice as large.
        marked: Voxels of the diameters, the same shape.
    """

    axis: int
    index: int
    far: Floats
    marked: Bools

    @property
    def inside(self) -> Bools:
        """Where the lesion may be: the ellipse twice as large as the diameters."""
        return self.far <= 2


def lesion_window(mark: Recist, geometry: Geometry) -> LesionWindow:
    """Tells where two diameters say that a lesion is.

    Raises:
        ValueError: If they are no marks of one lesion on one slice.
    """
    check_recist(mark, geometry)
    axis, index = recist_slice(mark, geometry)
    grid = Cut.slice_at(geometry, axis, index).geometry(geometry)
    start, along = mark.long_axis[0], mark.long_axis[1] - mark.long_axis[0]
    across = mark.short_axis[1] - mark.short_axis[0]
    shares = np.linalg.lstsq(np.stack([along, -across], 1), mark.short_axis[0] - start, rcond=None)
    middle = start + shares[0][0] * along
    unit = along / np.linalg.norm(along)
    other = across - (across @ unit) * unit
    other /= np.linalg.norm(other)
    from_middle = grid.to_ras(np.moveaxis(np.indices(grid.shape), 0, -1)) - middle
    parts = []
    for direction, ends in ((unit, mark.long_axis), (other, mark.short_axis)):
        place, reach = from_middle @ direction, (ends - middle) @ direction
        least = min(grid.spacing[1:]) / 2  # Diameters may cross at an end.
        high, low = max(float(reach.max()), least), max(float(-reach.min()), least)
        parts.append(place / np.where(place > 0, high, low))
    far = np.hypot(*parts).astype(np.float32)
    marked = np.zeros(geometry.shape, dtype=bool)
    for ends in (mark.long_axis, mark.short_axis):
        marked[tuple(scribble_voxels(Scribble(ends), geometry).T)] = True
    return LesionWindow(axis, index, far, slice_at(marked, axis, index))


def lesion_slices(
    volume: Volume, window: LesionWindow, probability: Floats | None = None, reach: int = 0
) -> dict[int, Bools]:
    """Segments a lesion on its marked slice, and on others from there on.

    On the marked slice GrabCut starts from the ellipse through the ends, and from the network if
    there is one, and diameters are in the lesion for certain. On the others it starts from the
    network alone, and keeps what touches the lesion of the slice before; growth ends where nothing
    does, on a slice without lesion.

    Args:
        volume: The image, one value per voxel.
        window: Where the lesion may be.
        probability: Of the lesion's label, shape of the image; needed to leave the marked slice.
        reach: How many slices to each side of the marked one.

    Returns:
        By slice, where the lesion is, shape (1, row, column); all False on the last one of a side
        if it ended there.
    """
    guess = STEEPNESS * (1 - window.far)
    if probability is not None:
        guess = guess + _logit(slice_at(probability, window.axis, window.index))
    seeds = np.where(window.marked, 1, -1)
    found = {window.index: _cut(volume, window, window.index, guess, seeds)}
    if probability is None:
        return found
    for step in (-1, 1):
        before = found[window.index]
        for at in range(window.index + step, window.index + step * (reach + 1), step):
            if not 0 <= at < volume.geometry.shape[window.axis] or not before.any():
                break
            chance = slice_at(probability, window.axis, at)
            seeds = np.where(chance > 1 - SURE, 1, np.where(chance < SURE, 0, -1))
            seeds[~window.inside] = 0
            if bool((before & (chance > 0.5)).any()):
                mask = _cut(volume, window, at, _logit(chance), seeds)
                before = _touching(mask, before)
            else:
                before = np.zeros_like(before)
            found[at] = before
    return found


def slice_at(array: NDArray[Any], axis: int, index: int) -> NDArray[Any]:
    """Gives a slice of an array (slice, row, column) across an axis, shape (1, row, column)."""
    return np.moveaxis(np.take(array, [index], axis=axis), axis, 0)


def _cut(
    volume: Volume, window: LesionWindow, at: int, guess: Floats, seeds: NDArray[np.int64]
) -> Bools:
    """Separates the lesion of one slice from what is around it."""
    shown = slice_at(volume.array, window.axis, window.index)[window.inside]
    low, high = np.percentile(shown, (1, 99))
    gray = (slice_at(volume.array, window.axis, at) - low) / max(float(high - low), 1e-6)
    grid = Cut.slice_at(volume.geometry, window.axis, at).geometry(volume.geometry)
    inside = window.inside
    answer = grab_cut(
        gray.astype(np.float32),
        guess.astype(np.float32),
        seeds,
        inside,
        inside,
        grid.spacing,
        GrabCutSettings(),
        lambda share: None,
    )
    return answer > 0.5


def _logit(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, FAINTEST, 1 - FAINTEST)), dtype=np.float32)


def _touching(mask: Bools, other: Bools) -> Bools:
    """Leaves the pieces of a mask that have a voxel in common with another one."""
    pieces, _ = ndimage.label(mask)
    return np.isin(pieces, np.setdiff1d(pieces[other], [0]))

"""One lesion: the marked slice first, then the block around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.completion.grab_cut import grab_cut
from ImperfectSegLogic.completion.recist_evidence import Evidence
from ImperfectSegLogic.completion.recist_shape import (
    Shape,
    depth_guess,
    in_plane_guess,
    places_of,
    radius_of_mask,
)
from ImperfectSegLogic.data import Recist, Region, Volume
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.resolution import (
    at_full_resolution,
    averaged,
    pooled,
)
from ImperfectSegLogic.methods.scarce.interactive.smoothing import (
    Spacing,
    noise_of,
    without_noise,
)
from ImperfectSegLogic.methods.scarce.interactive.window import relative_spacing, steps_for

if TYPE_CHECKING:
    from ImperfectSegLogic.completion.recist_growth import RecistSettings

_CRISP = 4.0
"""Steps of gray values this many times the noise stay as they are."""
_HEIGHT = 1.5
"""Gray values are learned up to this part of the lesion's most probable height."""
_NEVER = 0.4
"""Most that is left of voxels that do not hang together with the marks."""
_CLEAR = 0.75
"""Part of a block of voxels on the marked slice that says what the block is."""


def grow_lesion(
    volume: Volume,
    mark: Recist,
    line: NDArray[np.int64],
    evidence: Evidence,
    settings: RecistSettings,
    progress: Progress,
) -> tuple[Region, Floats]:
    """Finds a lesion by its diameters.

    Args:
        volume: The image.
        mark: The diameters, checked.
        line: The voxels that they run through, shape (N, 3).
        evidence: What else is known.
        settings: How.
        progress: Told how far the work is; cancels it.

    Returns:
        A region, and probabilities of its voxels, shape (k, j, i): 1 where the diameters are.
    """
    grid = volume.geometry
    shape = Shape.of(mark, grid)
    region = shape.region(grid).united(Region.around(line))
    cut = shape.slice_cut(region)
    seeds = np.full(region.shape, -1, dtype=np.int64)
    seeds[tuple((line - np.array(region.start)).T)] = 1
    said = evidence.flat(shape, mark.label, region, progress.part(0.0, 0.2))
    flat = _flat(volume, shape, region, seeds[cut], said, settings, progress.part(0.2, 0.3))
    if region.shape[shape.axis] == 1:
        return region, flat
    whole = np.zeros(np.delete(np.array(grid.shape), shape.axis), dtype=bool)
    inside: Any = tuple(np.delete(np.array(region.slices, dtype=object), shape.axis))
    whole[inside] = np.squeeze(flat, shape.axis) > 0.5
    said = evidence.deep(shape, mark.label, whole, region, progress.part(0.3, 0.7))
    deep = _deep(volume, shape, region, flat, seeds, said, settings, progress.part(0.7, 1.0))
    deep[cut] = flat
    return region, _hanging(deep, seeds)


def _flat(
    volume: Volume,
    shape: Shape,
    region: Region,
    seeds: NDArray[np.int64],
    said: Floats,
    settings: RecistSettings,
    progress: Progress,
) -> Floats:
    """Gives the probabilities on the marked slice."""
    cut = shape.slice_cut(region)
    start, stop = list(region.start), list(region.stop)
    start[shape.axis], stop[shape.axis] = shape.index, shape.index + 1
    here = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    assert seeds.shape == here.shape, (cut, here)
    places = places_of(volume.geometry, here)
    radius = shape.radius(places)
    guess = in_plane_guess(radius, settings.border) + settings.flat_evidence * said
    return grab_cut(
        _gray(volume, here, (1, 1, 1), lambda f: progress.report(0.3 * f, "gray values")),
        guess,
        seeds,
        (radius < settings.widest) & shape.reachable(places),
        radius < settings.taught,
        relative_spacing(volume.geometry),
        settings.flat_cut,
        lambda f: progress.report(0.3 + 0.7 * f, "marked slice"),
    )


def _deep(
    volume: Volume,
    shape: Shape,
    region: Region,
    flat: Floats,
    seeds: NDArray[np.int64],
    said: Floats,
    settings: RecistSettings,
    progress: Progress,
) -> Floats:
    """Gives the probabilities in the block, by the mask of the marked slice."""
    grid = volume.geometry
    unit = relative_spacing(grid)
    step = steps_for(region.shape, unit, settings.most_voxels)
    spacing = (unit[0] * step[0], unit[1] * step[1], unit[2] * step[2])
    across = _across(step, shape.axis)
    places = places_of(grid, region, step)
    ellipse = shape.radius(places)
    own = pooled(radius_of_mask(flat > 0.5, grid.spacing), across)
    radius = np.asarray((own + ellipse) / 2, dtype=np.float32)
    depth = shape.depth(places)
    half = shape.mean_mm / 2
    least = 0.3 * min(s for s, n in zip(grid.spacing, grid.shape, strict=True) if n > 1)
    doubt = (settings.border, settings.height)
    guess = settings.deep_shape * depth_guess(radius, np.maximum(depth, least), half, doubt)
    fixed = _coarse_seeds(flat > 0.5, seeds, shape.slice_cut(region)[shape.axis], shape.axis, step)
    answer = grab_cut(
        _gray(volume, region, step, lambda f: progress.report(0.3 * f, "gray values")),
        guess + settings.deep_evidence * pooled(said, step),
        fixed,
        (ellipse < settings.widest) & shape.reachable(places),
        (radius < settings.taught) & (depth < _HEIGHT * half),
        spacing,
        settings.deep_cut,
        lambda f: progress.report(0.3 + 0.7 * f, "growing"),
    )
    both = np.stack([1 - answer, answer])
    return at_full_resolution(both, region.shape, step, lambda _: None)[1]


def _coarse_seeds(
    mask: NDArray[np.bool_], seeds: NDArray[np.int64], at: slice, axis: int, step: Index
) -> NDArray[np.int64]:
    """Gives the seeds of blocks of voxels: the marked slice's mask, and where diameters run."""
    known = pooled((seeds == 1).astype(np.float32), step) > 0
    fixed = np.full(known.shape, -1, dtype=np.int64)
    share = pooled(mask.astype(np.float32), _across(step, axis))
    cut = [slice(None), slice(None), slice(None)]
    cut[axis] = slice(at.start // step[axis], at.start // step[axis] + 1)
    fixed[tuple(cut)] = np.where(share >= _CLEAR, 1, np.where(share <= 1 - _CLEAR, 0, -1))
    fixed[known] = 1
    return fixed


def _across(step: Index, axis: int) -> Index:
    """Gives the steps for a single slice."""
    k, j, i = (1 if a == axis else s for a, s in enumerate(step))
    return k, j, i


def _gray(volume: Volume, region: Region, step: Index, report: Report) -> Floats:
    """Gives gray values without noise, black 0 and white 1 where most of the region is between."""
    values = averaged(volume.array[region.slices], step, lambda _: None)
    low, high = (float(n) for n in np.percentile(values, (1, 99)))
    if high <= low:
        low, high = float(values.min()), float(max(values.max(), values.min() + 1))
    values = (values - np.float32(low)) / np.float32(high - low)
    unit = relative_spacing(volume.geometry)
    spacing: Spacing = (unit[0] * step[0], unit[1] * step[1], unit[2] * step[2])
    width = min(s for s, n in zip(spacing, values.shape, strict=True) if n > 1)
    smooth = without_noise(values, spacing, width, _CRISP * noise_of(values), report)
    return np.clip(smooth, -0.5, 1.5)


def _hanging(answer: Floats, seeds: NDArray[np.int64]) -> Floats:
    """Takes away what does not hang together with the marks."""
    parts, _ = ndimage.label(answer > 0.5)
    own = np.unique(parts[seeds == 1])
    return np.where((answer > 0.5) & ~np.isin(parts, own), np.float32(_NEVER), answer)

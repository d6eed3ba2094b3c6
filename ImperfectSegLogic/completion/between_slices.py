"""A mask on a few slices becomes one of the volume: shapes follow the image from slice to slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ImperfectSegLogic.completion.annotated_slices import annotated_slices
from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.completion.label_between import Stack, label_odds
from ImperfectSegLogic.completion.signed_distance import label_probabilities
from ImperfectSegLogic.completion.slice_motion import slice_motion
from ImperfectSegLogic.completion.wanted_slices import wanted_slices
from ImperfectSegLogic.data import Case, Geometry, Prediction, Provenance, Region, SparseMask
from ImperfectSegLogic.data.slices import Cut
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.diffusion import diffuse
from ImperfectSegLogic.methods.scarce.interactive.window import relative_spacing
from ImperfectSegLogic.prediction.statistics import entropy

METHOD = "between-slices"
MARGIN = 15.0
"""mm that the region reaches beyond what is annotated, within slices."""
TRUST, CONTRAST = 0.03, 20.0
"""Of uncertain shapes against smoothness, and how much an edge separates (chosen on left atrium
train)."""
SURE = 0.1
"""Trust in a shape goes up to 1 / SURE times as much, the surer it is."""
CERTAIN = np.float32(1e3)
THICK = 3.0
"""From this ratio of spacings on, neighboring slices are too unlike to be smoothed together."""
MOST_VOXELS = 6_000_000
"""Larger regions are not smoothed, which a note says."""
Floats = NDArray[np.float32]


def complete_slices(case: Case, mask: SparseMask, progress: Progress | None = None) -> Completed:
    """Completes a mask of which a few slices are annotated, whole slices along any one axis.

    The shapes of the annotated slices before and after are carried along by the image's motion
    from slice to slice and blended as signed distances (herman1992shapebased blends without the
    image); gray values learned on the annotated slices, near their structures, decide where the
    two disagree. Thin slices are smoothed across, not over edges (grady2005random with priors).
    Where a structure is on one annotated slice only, it ends halfway to the next; beyond the last
    annotated slice it shrinks and ends, uncertain, at most as far away as annotated slices are.

    Args:
        case: The image; its annotation does not count.
        mask: Every voxel labeled on some slices. Labels elsewhere are kept too.
        progress: Told how far the work is; cancels it.

    Returns:
        Probabilities in a region around the structures, annotated voxels certain, and the slices
        that are worth annotating next.

    Raises:
        ValueError: If no slice is annotated wholly or none shows a structure, the mask's grid is
            not the image's, or the image has channels, NaN or one value only.
        CancelledError: If it was cancelled.
    """
    progress = progress or Progress()
    case.volume.check_scalar()
    _check_grid(case, mask)
    axis, slices = annotated_slices(mask)
    region = _region(mask, axis, slices)
    cut = Cut(region, axis)
    part, labels = cut.volume(case.volume), _turned(mask.labels, cut)
    known = tuple(k - region.start[axis] for k in slices if region.start[axis] <= k)
    known = tuple(k for k in known if k < len(labels))
    gray = _scaled(np.asarray(part.array, dtype=np.float32))
    smooth = gaussian_filter(gray, (0, 1, 1))
    motion = slice_motion(smooth, known, progress.part(0.0, 0.6))
    stack = Stack(smooth, labels, known, part.geometry.spacing, motion)
    values = tuple(sorted({0, *np.unique(labels[labels > 0]).tolist()}))
    odds = []
    for n, value in enumerate(values):
        progress.report(0.6 + 0.1 * n / len(values), "drawing shapes")
        odds.append(label_odds(stack, value))
    found = label_probabilities(np.stack(odds))
    found, notes = _smoothed(found, gray, labels, values, part.geometry, progress.part(0.7, 1.0))
    provenance = Provenance(METHOD, {"axis": axis, "slices": list(slices)})
    answer = Prediction(found, values, part.geometry.whole, part.geometry, provenance, notes)
    whole = cut.back(answer, case.volume.geometry)
    progress.report(1.0, "done")
    return Completed(whole, wanted_slices(whole, axis, slices))


def _check_grid(case: Case, mask: SparseMask) -> None:
    if not mask.geometry.matches(case.volume.geometry):
        raise ValueError(
            f"case {case.identifier}: got a mask of {mask.geometry.shape} voxels on another grid"
            f" than the image's, of {case.volume.geometry.shape}. Resample it to the image first."
        )


def _region(mask: SparseMask, axis: int, slices: tuple[int, ...]) -> Region:
    """Gives the region of the structures with a margin, as far as slices are to be completed."""
    geometry = mask.geometry
    found = Region.around(np.argwhere(mask.labels > 0))
    margin = [int(np.ceil(MARGIN / s)) for s in geometry.spacing]
    gaps = np.diff(slices)
    # One slice alone says nothing about gaps; shapes end by themselves at half their width.
    margin[axis] = int(np.median(gaps)) if len(gaps) else max(found.shape) // 2
    k, j, i = margin
    return found.grown((k, j, i), geometry.shape)


def _turned(labels: NDArray[np.integer], cut: Cut) -> NDArray[np.int64]:
    """Gives labels of a cut, slices first."""
    inside = labels[cut.region.slices].transpose(cut.order)
    return np.ascontiguousarray(inside, dtype=np.int64)


def _scaled(array: Floats) -> Floats:
    low, high = np.percentile(array, (1, 99))
    if high <= low:
        low, high = float(array.min()), float(max(array.max(), array.min() + 1))
    return np.asarray(np.clip((array - low) / (high - low), -0.5, 1.5), dtype=np.float32)


def _smoothed(
    found: Floats,
    gray: Floats,
    labels: NDArray[np.int64],
    values: tuple[int, ...],
    geometry: Geometry,
    progress: Progress,
) -> tuple[Floats, tuple[str, ...]]:
    """Smooths where slices are thin, and makes annotated voxels certain; gives notes too."""
    given = labels >= 0
    _pin(found, labels, values)
    notes: tuple[str, ...] = ()
    if max(geometry.spacing) < THICK * min(geometry.spacing) and min(gray.shape) > 1:
        if gray.size > MOST_VOXELS:
            notes = (f"{METHOD}: {gray.size} voxels are too many to smooth; left as drawn.",)
        else:
            trust = np.where(given, CERTAIN, TRUST / (entropy(found) + SURE)).astype(np.float32)
            spacing = relative_spacing(geometry)

            def report(fraction: float) -> None:
                progress.report(fraction, "smoothing")

            found = diffuse(found, trust, gray, spacing, CONTRAST, report)
            found /= np.maximum(found.sum(axis=0), np.float32(1e-6))
            _pin(found, labels, values)
    return found, notes


def _pin(found: Floats, labels: NDArray[np.int64], values: tuple[int, ...]) -> None:
    given = labels >= 0
    found[:, given] = 0
    at = np.nonzero(given)
    found[(np.searchsorted(values, labels[given]), *at)] = 1

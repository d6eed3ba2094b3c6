"""Clean-up of labels: pieces, closing and holes, each for any number of segments. No torch.

Voxels of a segment are of one piece where they touch at a face, an edge or a corner; background is
connected through faces only, so that a diagonal line is no leak. Nothing is known beyond the ends
of an array: what touches an end is open there, save for the only slice of a 2-D image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int64]

_FACES = ndimage.generate_binary_structure(3, 1)
_IN_SLICES = _FACES & np.array([False, True, False])[:, np.newaxis, np.newaxis]
_ANY_TOUCH = np.ones((3, 3, 3), dtype=bool)
_ROUNDING = 1e-6


def without_pieces(
    labels: Labels, segments: Sequence[int], most: int, least: float, pinned: Labels
) -> Labels:
    """Removes pieces; their voxels get the label that most of the voxels around a piece have.

    So a speck of one segment inside another one becomes part of that, not a hole in it.

    Args:
        labels: Shape (k, j, i), 0 is background.
        segments: The labels whose pieces may be removed.
        most: How many pieces of each segment stay, the largest ones; 0 for all.
        least: Voxels that a piece must have to stay.
        pinned: What a voxel is for certain, -1 elsewhere; pieces with a voxel that is certain to be
            of their segment stay. Where it is not -1, it must be what `labels` says.
    """
    labels = labels.copy()
    for label in segments:
        parts, count = ndimage.label(labels == label, _ANY_TOUCH)
        if not count:
            continue
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        stays = sizes >= least
        if most:
            stays[np.argsort(-sizes, kind="stable")[most:]] = False
        stays[parts[pinned == label] - 1] = True
        if not stays.all():
            parts[np.concatenate([[True], stays])[parts]] = 0
            becomes = _votes(parts, count, labels, (0, 1, 2)).argmax(axis=1)
            labels[parts > 0] = becomes[parts[parts > 0]]
    return labels


def closed(
    labels: Labels,
    segments: Sequence[int],
    radius: float,
    spacing: tuple[float, float, float],
    likely: NDArray[np.float32],
    pinned: Labels,
) -> Labels:
    """Closes gaps with a ball: background gets a segment's label where no ball fits between.

    Other segments keep their voxels. Where two segments close the same gap, each voxel goes to the
    more probable one.

    Args:
        labels: Shape (k, j, i), 0 is background.
        segments: The labels to close.
        radius: Of the ball, in mm.
        spacing: In mm along k, j, i.
        likely: Probability of each of the segments, shape (segment, k, j, i).
        pinned: What a voxel is for certain, -1 elsewhere.
    """
    gain = np.full(labels.shape, -1.0, dtype=np.float32)
    becomes = labels.copy()
    for label, box in _boxes(labels, segments):
        probability = likely[list(segments).index(label)][box]
        better = _ball_closing(labels[box] == label, radius, spacing) & (labels[box] == 0)
        better &= (pinned[box] < 0) & (probability > gain[box])
        gain[box][better] = probability[better]
        becomes[box][better] = label
    for label in segments:
        # What another segment separates from the rest would be a piece of its own.
        parts, count = ndimage.label(becomes == label, _ANY_TOUCH)
        had = np.zeros(count + 1, dtype=bool)
        had[parts[labels == label]] = True
        becomes[(parts > 0) & ~had[parts]] = 0
    return becomes


def without_holes(
    labels: Labels, segments: Sequence[int], in_slices: bool, pinned: Labels
) -> Labels:
    """Fills background that a segment encloses, even where other segments lie inside it too.

    Args:
        labels: Shape (k, j, i), 0 is background.
        segments: The labels whose holes are filled.
        in_slices: Whether each slice (k) is looked at by itself.
        pinned: What a voxel is for certain, -1 elsewhere; a hole with a voxel that is certain to be
            background stays.
    """
    axes = (1, 2) if in_slices else tuple(axis for axis in range(3) if labels.shape[axis] > 1)
    structure = _IN_SLICES if in_slices else _FACES
    parts, count = ndimage.label(labels == 0, structure)
    votes = _votes(parts, count, labels, axes)
    encloses = np.zeros_like(votes, dtype=bool)
    for label, box in _boxes(labels, segments):
        inside = _enclosed(labels[box] == label, axes, structure)
        encloses[parts[box][inside], label] = True
    encloses[0] = encloses[parts[pinned == 0]] = False
    votes[~encloses] = 0
    becomes = np.where(votes.any(axis=1), votes.argmax(axis=1), 0)
    return np.where(parts > 0, becomes[parts], labels)


def relabeled(probabilities: NDArray[np.float32], channels: Labels) -> NDArray[np.float32]:
    """Gives probabilities whose most probable label is the one wanted.

    Where it is another one, the two swap their probabilities, so that what was unsure stays so;
    where that is not enough as several labels are equally probable, the wanted one becomes certain.

    Args:
        probabilities: Shape (label, k, j, i).
        channels: Index of each voxel's label among them, shape (k, j, i).
    """
    changed = np.array(probabilities, dtype=np.float32)
    at: Any = np.nonzero(channels != probabilities.argmax(axis=0))
    some = changed[(slice(None), *at)]
    wanted, voxels = channels[at], np.arange(len(at[0]))
    was = some.argmax(axis=0)
    some[was, voxels], some[wanted, voxels] = some[wanted, voxels], some[was, voxels]
    tied = np.flatnonzero(some.argmax(axis=0) != wanted)
    some[:, tied] = 0.0
    some[wanted[tied], tied] = 1.0
    changed[(slice(None), *at)] = some
    return changed


def _boxes(labels: Labels, segments: Sequence[int]) -> list[tuple[int, Any]]:
    """Gives the segments that are there, each with the smallest box that holds it."""
    found: dict[int, Any] = dict(enumerate(ndimage.find_objects(labels), start=1))
    return [(label, found[label]) for label in segments if found.get(label) is not None]


def _votes(parts: Labels, count: int, labels: Labels, axes: tuple[int, ...]) -> Labels:
    """Counts the labels of the voxels that share a face with a part, shape (part, label)."""
    votes = np.zeros((count + 1, int(labels.max()) + 1), dtype=np.int64)
    for axis in axes:
        for there in (1, -1):
            one, other = [slice(None)] * 3, [slice(None)] * 3
            one[axis], other[axis] = slice(1, None), slice(None, -1)
            to, of = (one, other) if there > 0 else (other, one)
            here, beside = parts[tuple(to)], parts[tuple(of)]
            at = (here > 0) & (beside != here)
            np.add.at(votes, (here[at], labels[tuple(of)][at]), 1)
    return votes


def _ball_closing(
    mask: NDArray[np.bool_], radius: float, spacing: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """Closes a mask by exact distances; nothing is outside of it, so that its ends are no walls."""
    around = [int(radius / s) + 1 if n > 1 else 0 for s, n in zip(spacing, mask.shape, strict=True)]
    padded = np.pad(mask, [(n, n) for n in around])
    reach = (radius * (1 + _ROUNDING)) ** 2
    dilated = _squared_distance(padded, spacing) <= reach
    if dilated.all():  # The distance to nothing is not defined.
        return np.ones_like(mask)
    kept = _squared_distance(~dilated, spacing) > reach
    within = tuple(slice(n, n + size) for n, size in zip(around, mask.shape, strict=True))
    closing: NDArray[np.bool_] = kept[within]
    return closing


def _squared_distance(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Gives the squared distance to a mask in mm^2, 0 or less in it; five times SciPy's speed."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    squares = sitk.SignedMaurerDistanceMap(image, squaredDistance=True, useImageSpacing=True)
    found: NDArray[np.float32] = sitk.GetArrayFromImage(squares)
    return found


def _enclosed(
    mask: NDArray[np.bool_], axes: tuple[int, ...], structure: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tells which voxels are not of a mask but cannot be reached from the ends of its box."""
    parts, count = ndimage.label(~mask, structure)
    open_ = np.zeros(count + 1, dtype=bool)
    open_[0] = True
    for axis in axes:
        open_[np.take(parts, (0, -1), axis=axis)] = True
    return ~open_[parts]

"""Labeled voxels as prompts for interactive segmenters: a mask has voxels, not strokes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import (
    UNLABELED,
    Click,
    Geometry,
    PointGrid,
    Prompt,
    Scribble,
    SparseMask,
)


def prompts_of(mask: SparseMask, accepts: tuple[str, ...]) -> list[Prompt]:
    """Gives prompts that cover the labeled voxels of a mask, structures first, then background.

    Every run of voxels of one label along a row is a stroke; strokes of one label follow each
    other, so that none of them counts as a correction. For segmenters that take no strokes every
    voxel is a click.

    Args:
        mask: What is labeled.
        accepts: The kinds of prompts that the segmenter takes, as on its card.

    Raises:
        ValueError: If it takes neither scribbles nor clicks, or nothing shows a structure.
    """
    labels = [int(v) for v in np.unique(mask.labels) if v not in (0, UNLABELED)]
    if not labels:
        said = int(np.count_nonzero(mask.labeled))
        raise ValueError(
            f"scribbles: got {said} labeled voxels, none of them of a structure. Mark at least one"
            " voxel of what is to be segmented."
        )
    if "Scribble" not in accepts and "Click" not in accepts:
        raise ValueError(
            f"scribbles: got an engine that takes {', '.join(accepts)}, allowed are those that take"
            " scribbles or clicks. Choose another engine."
        )
    found: list[Prompt] = []
    for label in (*labels, 0):
        runs = _runs(mask.labels == label)
        ends = mask.geometry.to_ras(runs)
        if "Scribble" in accepts:
            found += [Scribble(points=_ends(*pair), label=label) for pair in ends]
        else:
            at = mask.geometry.to_ras(np.argwhere(mask.labels == label))
            found += [Click(position=one, label=label) for one in at]
    return found


def mask_of_points(points: PointGrid, geometry: Geometry) -> SparseMask:
    """Gives a mask of which the voxels under points are labeled.

    Raises:
        ValueError: If a point is outside the image, or two points give one voxel different labels.
    """
    labels = np.full(geometry.shape, UNLABELED, dtype=np.int64)
    voxels = geometry.to_index(points.positions)
    outside = ~geometry.contains(voxels)
    if outside.any():
        first = points.positions[int(np.argmax(outside))].tolist()
        raise ValueError(
            f"point grid: got {int(outside.sum())} points outside the image, such as {first} (RAS,"
            " mm). Check that it is the right image, and that positions are RAS, not LPS."
        )
    for voxel, label in zip(voxels.tolist(), points.labels.tolist(), strict=True):
        at = (voxel[0], voxel[1], voxel[2])
        if labels[at] not in (UNLABELED, label):
            raise ValueError(
                f"point grid: got both label {labels[at]} and label {label} for the voxel"
                f" {voxel} (slice, row, column), allowed is one. Delete one of the two points."
            )
        labels[at] = label
    return SparseMask(labels, geometry)


def merged(masks: Mapping[str, SparseMask], prefer: str | None = None) -> SparseMask:
    """Joins what several annotators labeled on one image.

    Args:
        masks: By annotator, on one grid.
        prefer: Whose label counts where two differ.

    Raises:
        ValueError: If there is none, grids differ, two annotators give one voxel different labels
            and nobody is preferred, or the preferred one is not among them.
    """
    if prefer is not None and prefer not in masks:
        raise ValueError(f"prefer: got {prefer!r}, there are {', '.join(masks) or 'none'}.")
    names = sorted(masks, key=lambda name: name != prefer)
    if not names:
        raise ValueError("annotators: got none. Name at least one with a mask.")
    geometry = masks[names[0]].geometry
    labels = np.array(masks[names[0]].labels, dtype=np.int64)
    who = np.where(labels == UNLABELED, UNLABELED, 0)
    for n, name in enumerate(names[1:], start=1):
        one = masks[name]
        if not one.geometry.matches(geometry):
            raise ValueError(f"annotators {names[0]} and {name}: their masks are on two grids.")
        apart = one.labeled & (labels != UNLABELED) & (labels != one.labels)
        if prefer is not None:
            apart &= who != 0
        if apart.any():
            raise _conflict(names, name, one, labels, who, apart)
        new = one.labeled & (labels == UNLABELED)
        labels[new], who[new] = one.labels[new], n
    return SparseMask(labels, geometry)


def _conflict(
    names: list[str],
    name: str,
    one: SparseMask,
    labels: NDArray[np.int64],
    who: NDArray[np.int64],
    apart: NDArray[np.bool_],
) -> ValueError:
    at = tuple(int(n) for n in np.argwhere(apart)[0])
    other = names[int(who[at])]
    return ValueError(
        f"annotators {other} and {name}: got different labels for {int(apart.sum())} voxels, such"
        f" as {labels[at]} by {other} and {one.labels[at]} by {name} at {list(at)} (slice, row,"
        f" column). Choose one of them, or say whose label counts with prefer ({other}, {name})."
    )


def _ends(start: NDArray[np.float64], stop: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gives the points of a stroke; one voxel is a stroke of one point."""
    return np.stack([start]) if np.array_equal(start, stop) else np.stack([start, stop])


def _runs(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Gives first and last voxel (k, j, i) of every run along rows, shape (N, 2, 3)."""
    edges = np.diff(np.pad(marked, ((0, 0), (0, 0), (1, 1))).astype(np.int8), axis=2)
    starts, stops = np.argwhere(edges == 1), np.argwhere(edges == -1)
    stops[:, 2] -= 1
    return np.stack([starts, stops], axis=1)

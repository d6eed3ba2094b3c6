"""What is left of dense masks if somebody annotates few slices, voxels, points or frames only."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.completion.hexagonal_grid import hexagonal_grid, padded
from ImperfectSegLogic.data import (
    UNLABELED,
    Annotation,
    Dataset,
    DenseMask,
    Geometry,
    PointGrid,
    RecistMarks,
    SparseMask,
)
from ImperfectSegLogic.evidence.spec import Arm
from ImperfectSegLogic.evidence.subsets import subject_of
from ImperfectSegLogic.measurement.recist_marks import recist_mark
from ImperfectSegLogic.training.orientation import canonical_turn

STREAM = 2
"""Tells this use of a seed apart from others."""
OWNERS = {"masks": "import", "scribbles": "import-scribbles"}
"""Whose the annotations are that a data set comes with."""


def annotator_of(arm: Arm, seed: int) -> str:
    """Gives whose annotations an arm is trained on, such as `slices-0.09-seed1`."""
    if arm.annotation in OWNERS and not arm.unlabeled and not arm.validation:
        return OWNERS[arm.annotation]
    parts = [arm.annotation]
    if arm.annotation in ("slices", "pixels"):
        parts.append(f"{arm.share:g}")
    if arm.annotation == "grid":
        parts.append(f"{arm.stride}-{arm.padding}")
    if arm.patients:
        parts.append(f"{arm.patients}-patients")
    parts += ["unlabeled"] * arm.unlabeled
    return "-".join([*parts, f"seed{seed}"])


def annotate(
    dataset: Dataset,
    arm: Arm,
    seed: int,
    cases: Sequence[str],
    bare: Sequence[str],
    validation: Sequence[str],
) -> None:
    """Writes the annotations that an arm is trained on, where they are not there yet.

    Args:
        dataset: With masks of the annotator `import`.
        arm: Says what is annotated.
        seed: Says which slices or voxels.
        cases: To be annotated.
        bare: To be there without one annotated voxel.
        validation: To be annotated as they were, whatever the arm says.

    Raises:
        OSError: If something cannot be read or written.
    """
    owner = annotator_of(arm, seed)
    if owner in OWNERS.values():
        return
    missing = [c for c in (*cases, *bare, *validation) if not dataset.versions(c, owner)]
    if not missing:
        return
    kept = kept_slices(dataset, cases, arm.share, seed) if arm.annotation == "slices" else {}
    for case in missing:
        if case in bare:
            made: Annotation = only_slices(dense_of(dataset, case), ())
        elif case in validation:
            made = dense_of(dataset, case)
        elif arm.annotation == "slices":
            made = only_slices(dense_of(dataset, case), kept.get(case, ()))
        else:
            made = _left_of(dataset, arm, seed, case)
        dataset.annotate(case, made, owner)


def _left_of(dataset: Dataset, arm: Arm, seed: int, case: str) -> Annotation:
    """Gives what an arm leaves of a case's annotation, whatever it leaves of the others."""
    if arm.annotation in OWNERS:
        return _mask_of(dataset, case, OWNERS[arm.annotation])
    dense = dense_of(dataset, case)
    if arm.annotation == "pixels":
        return only_voxels(dense, arm.share, seed, case)
    if arm.annotation == "grid":
        return only_grid(dense, arm.stride, arm.padding)
    if arm.annotation == "recist":
        return only_diameters(dense)
    assert arm.annotation == "frames", arm.annotation
    return dense


def first_frames(dataset: Dataset, cases: Sequence[str]) -> tuple[str, ...]:
    """Gives the first case of each subject by the order of their ids."""
    first: dict[str, str] = {}
    for case in sorted(cases):
        first.setdefault(subject_of(dataset, case), case)
    return tuple(case for case in cases if case in first.values())


def kept_slices(
    dataset: Dataset, cases: Sequence[str], share: float, seed: int
) -> Mapping[str, tuple[int, ...]]:
    """Draws which slices of all cases together are annotated; few are always part of more.

    Args:
        dataset: The data set.
        cases: Whose slices.
        share: Of the slices, more than 0 to 1; at least one slice.
        seed: Of the drawing.

    Returns:
        Slice numbers by case; cases without a slice are left out.
    """
    grids = {case: dataset.record(case).geometry for case in cases}
    every = [(c, k) for c, grid in grids.items() for k in range(grid.shape[_slice_axis(grid)])]
    order = np.random.default_rng([seed, STREAM]).permutation(len(every))
    found: dict[str, list[int]] = {}
    for n in sorted(order[: max(round(share * len(every)), 1)]):
        case, k = every[n]
        found.setdefault(case, []).append(k)
    return {case: tuple(slices) for case, slices in found.items()}


def only_slices(dense: DenseMask, slices: Sequence[int]) -> SparseMask:
    """Gives a mask of which some slices are annotated, across the axis of the largest spacing."""
    kept = np.zeros(dense.labels.shape, dtype=bool)
    np.moveaxis(kept, _slice_axis(dense.geometry), 0)[list(slices)] = True
    return _sparse(dense, kept)


def only_voxels(dense: DenseMask, share: float, seed: int, case: str) -> SparseMask:
    """Gives a mask of which single voxels are annotated: a share of each label's, at least one.

    Labels are as unequal as they are in the image, background included. Few voxels are always
    part of more.
    """
    flat = dense.labels.ravel()
    kept = np.zeros(flat.shape, dtype=bool)
    rng = np.random.default_rng([seed, STREAM, zlib.crc32(case.encode())])
    for label in np.unique(flat):
        places = rng.permutation(np.flatnonzero(flat == label))
        kept[places[: max(round(share * len(places)), 1)]] = True
    return _sparse(dense, kept.reshape(dense.labels.shape))


def only_grid(dense: DenseMask, stride: int, padding: int) -> PointGrid | SparseMask:
    """Gives the labels of a mask at the points of a hexagonal grid.

    Args:
        dense: The mask.
        stride: Distance of neighboring points in voxels of the slice.
        padding: Radius in voxels of the discs that points are made to; 0 leaves them points.
    """
    axis, grid = _slice_axis(dense.geometry), dense.geometry
    positions = hexagonal_grid(grid, stride, axis)
    labels = dense.labels[tuple(grid.to_index(positions).T)].astype(np.int64)
    points = PointGrid(positions, labels)
    return padded(points, grid, padding, axis) if padding else points


def only_diameters(dense: DenseMask) -> RecistMarks:
    """Gives two diameters of each label that is there, on the slice where it is largest.

    Raises:
        ValueError: If a label is too small to have them.
    """
    there = (int(label) for label in np.unique(dense.labels) if label)
    marks = (recist_mark(dense.labels == n, dense.geometry, None, n) for n in there)
    return RecistMarks(tuple(marks))


def dense_of(dataset: Dataset, case: str) -> DenseMask:
    """Reads the mask that a data set came with.

    Raises:
        ValueError: If there is none.
    """
    found = _mask_of(dataset, case, OWNERS["masks"])
    if not isinstance(found, DenseMask):
        raise ValueError(f"case {case}: got sparse masks, allowed are dense ones.")
    return found


def _mask_of(dataset: Dataset, case: str, annotator: str) -> DenseMask | SparseMask:
    version = dataset.find_version(case, annotator)
    found = dataset.read(case, version) if version else None
    if not isinstance(found, DenseMask | SparseMask):
        raise ValueError(f"case {case}: the annotation of {annotator} is no mask.")
    return found


def _sparse(dense: DenseMask, kept: NDArray[np.bool_]) -> SparseMask:
    labels = np.where(kept, dense.labels.astype(np.int32), UNLABELED)
    return SparseMask(labels, dense.geometry)


def _slice_axis(grid: Geometry) -> int:
    return canonical_turn(grid, dims=2).order[0]

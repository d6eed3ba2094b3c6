"""What is left of dense masks if somebody annotates few slices or few voxels only."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import UNLABELED, Dataset, DenseMask, Geometry, SparseMask
from ImperfectSegLogic.evidence.spec import Arm
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
    if arm.annotation not in OWNERS:
        parts.append(f"{arm.share:g}")
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
            made: DenseMask | SparseMask = only_slices(dense_of(dataset, case), ())
        elif case in validation:
            made = dense_of(dataset, case)
        elif arm.annotation == "slices":
            made = only_slices(dense_of(dataset, case), kept.get(case, ()))
        elif arm.annotation == "pixels":
            made = only_voxels(dense_of(dataset, case), arm.share, seed, case)
        else:
            made = _mask_of(dataset, case, OWNERS[arm.annotation])
        dataset.annotate(case, made, owner)


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

"""Stacks with known answers: a tube that bends from slice to slice, and masks of few slices."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.data import UNLABELED, Case, Geometry, SparseMask, Volume
from Testing.Logic.methods.phantoms import grid, picture

SHAPE = (13, 40, 44)


def tube(shape=SHAPE, radius=6.0, bend=1.0) -> np.ndarray:
    """Gives a tube along the first axis whose middle moves by `bend` voxels a slice."""
    k, j, i = np.indices(shape)
    row = shape[1] / 2 + 8 * np.sin(bend * (k - shape[0] / 2) / 4)
    return (j - row) ** 2 + (i - shape[2] / 2) ** 2 <= radius**2


def stack(truth: np.ndarray, geometry: Geometry | None = None, noise: float = 4.0) -> Case:
    """Gives an image of label 1 bright and label 2 brighter."""
    geometry = geometry or grid(truth.shape)
    volume: Volume = picture(geometry, [(truth == 1, 160.0), (truth == 2, 220.0)], noise)
    return Case(volume, "tube")


def only(truth: np.ndarray, geometry: Geometry, slices, axis: int = 0) -> SparseMask:
    """Gives a mask of which some slices are annotated."""
    labels = np.full(truth.shape, UNLABELED)
    at = [slice(None)] * 3
    at[axis] = list(slices)
    labels[tuple(at)] = truth[tuple(at)]
    return SparseMask(labels, geometry)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / max(float(one.sum() + other.sum()), 1.0)

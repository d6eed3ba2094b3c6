"""A data set that a network learns in seconds: bright balls in the dark."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import Dataset, DenseMask, Geometry, Volume

SHAPE = (20, 32, 32)
MATRIX = np.array([[-1.0, 0, 0, 16], [0, -1.0, 0, 16], [0, 0, 1.5, -15], [0, 0, 0, 1]])


def ball(seed: int) -> tuple[Volume, DenseMask]:
    """Gives an image of one ball in noise, and its mask."""
    rng = np.random.default_rng(seed)
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    center = np.array([10, 16, 16]) + rng.integers(-3, 4, 3)
    inside = ((k - center[0]) * 1.5) ** 2 + (j - center[1]) ** 2 + (i - center[2]) ** 2 < 7**2
    voxels = (100 * inside + rng.normal(0, 20, SHAPE)).astype(np.float32)
    return Volume(voxels, MATRIX), DenseMask(inside.astype(np.uint8), Geometry(SHAPE, MATRIX))


def make(folder: Path, cases: int = 3) -> Dataset:
    """Makes a data set of balls; the last case validates."""
    dataset = Dataset.create(folder, {1: "ball"}, name="Balls")
    for n in range(cases):
        volume, mask = ball(n)
        dataset.add_case(f"ball{n}", volume)
        dataset.annotate(f"ball{n}", mask, "me")
    ids = dataset.case_ids
    dataset.set_splits({"train": ids[:-1], "val": ids[-1:]})
    return dataset

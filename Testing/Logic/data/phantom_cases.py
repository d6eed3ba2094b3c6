"""Tiny data sets with everything in them, for the tests of data sets."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.data import (
    Box,
    Boxes,
    Dataset,
    DenseMask,
    Geometry,
    ImageLabels,
    NoisyMask,
    PointGrid,
    Recist,
    RecistMarks,
    SparseMask,
    Volume,
)

SHAPE = (4, 6, 8)
MATRIX = np.array([[-0.7, 0, 0, 30.5], [0, 1.3, 0, -25], [0, 0, 2.9, -20], [0, 0, 0, 1]])
GRID = Geometry(SHAPE, MATRIX)
LABELS = {1: "liver", 2: "spleen"}


def image(seed: int = 0, channels: int = 1) -> Volume:
    shape = SHAPE if channels == 1 else (channels, *SHAPE)
    voxels = np.random.default_rng(seed).integers(-1000, 1000, shape).astype(np.int16)
    return Volume(voxels, MATRIX)


def labels(seed: int = 0, lowest: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(lowest, 3, SHAPE).astype(np.int16)


def dense(seed: int = 0) -> DenseMask:
    return DenseMask(labels(seed), GRID)


def sparse(seed: int = 0) -> SparseMask:
    return SparseMask(labels(seed, lowest=-1), GRID)


EVERY_KIND = [
    dense(),
    NoisyMask(labels(1), GRID),
    sparse(),
    ImageLabels(frozenset({1}), frozenset({2})),
    Boxes((Box((28, -22, -15.6), (3, 4, 5), label=2),)),
    RecistMarks(
        (Recist(((30, -24, -17), (26, -20, -17.25)), ((30, -20, -17), (26, -24, -17)), label=1),)
    ),
    PointGrid(np.array([[30.1, -24.2, -15.3], [26, -20, -14]]), np.array([0, 2])),
]


def same(a, b) -> bool:
    """Whether two annotations say the same."""
    if type(a) is not type(b):
        return False
    if isinstance(a, DenseMask | SparseMask):
        return np.array_equal(a.labels, b.labels) and a.geometry.matches(b.geometry)
    if isinstance(a, PointGrid):
        return np.array_equal(a.positions, b.positions) and np.array_equal(a.labels, b.labels)
    return repr(a) == repr(b)


def make(folder, cases: int = 3, **options) -> Dataset:
    """A data set of different images, each with a dense mask; of two subjects; train and test."""
    dataset = Dataset.create(folder, LABELS, **options)
    channels = len(options.get("channels", "1"))
    for n in range(cases):
        dataset.add_case(f"case{n}", image(n, channels), subject=f"subject{min(n, 1)}")
        dataset.annotate(f"case{n}", dense(n), "ann")
    ids = dataset.case_ids
    dataset.set_splits({"train": ids[1:], "test": ids[:1]})
    return dataset

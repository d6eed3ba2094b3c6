"""Data sets of phantoms of any number of cases, for measurements that need no real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import Dataset, DenseMask, Volume
from ImperfectSegLogic.training.fingerprint import fingerprint
from ImperfectSegLogic.training.plan import propose
from ImperfectSegLogic.training.run import RunDescription

SHAPE = (12, 128, 128)


def phantom_dataset(folder: Path, cases: int, shape: tuple[int, int, int] = SHAPE) -> Dataset:
    """Makes a data set of noisy balls of two brightnesses; one image serves all cases."""
    rng = np.random.default_rng(0)
    k, j, i = np.indices(shape)
    middle = np.array(shape) / 2
    away = np.sqrt(((k - middle[0]) * 3) ** 2 + (j - middle[1]) ** 2 + (i - middle[2]) ** 2)
    labels = np.select([away < 14, away < 24], [2, 1], 0).astype(np.uint8)
    gray = np.array([0.0, 80.0, 160.0])[labels] + rng.normal(0, 20, shape)
    volume = Volume(gray.astype(np.int16), np.diag([1.5, 1.5, 4.0, 1.0]))
    dataset = Dataset.create(folder, {1: "shell", 2: "core"})
    for n in range(cases):
        dataset.add_case(f"case{n:04}", volume)
        dataset.annotate(f"case{n:04}", DenseMask(labels, volume.geometry), "phantom")
    return dataset


def phantom_run(dataset: Dataset, dims: int = 2, **overrides) -> RunDescription:
    """Describes a run over all cases, with the proposed network."""
    cases = tuple(dataset.case_ids)
    wanted = {"patch": (128, 128) if dims == 2 else (12, 64, 64), "steps": 100_000, **overrides}
    plan = propose(fingerprint(dataset, cases[:1]), dims, **wanted)
    return RunDescription(str(dataset.folder), plan, cases)

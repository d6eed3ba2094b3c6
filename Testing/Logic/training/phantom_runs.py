"""Tiny data sets and runs for the tests of training."""

from __future__ import annotations

import dataclasses

import numpy as np

from ImperfectSegLogic.data import Dataset, DenseMask, Geometry, SparseMask, Volume
from ImperfectSegLogic.training.fingerprint import fingerprint
from ImperfectSegLogic.training.plan import propose
from ImperfectSegLogic.training.run import RunDescription, cases_of

LABELS = {1: "disk", 4: "square"}
SPACING = np.diag([1.5, 1.5, 10.0, 1.0])
SHAPE = (4, 40, 36)
SMALL = {"features": (8, 16), "strides": (2,), "dropout": 0.1}


def pair(seed: int, shape=SHAPE):
    """An image and its labels: a bright disk and a dark square at random places."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, dtype=np.int16)
    for k in range(shape[0]):
        y, x = rng.integers(8, 14, 2)
        j, i = np.mgrid[: shape[1], : shape[2]]
        labels[k][(j - y) ** 2 + (i - x) ** 2 < 30] = 1
        y, x = rng.integers(18, 24, 2)
        labels[k, y : y + 8, x : x + 8] = 4
    gray = np.select([labels == 1, labels == 4], [160, 40], 100)
    image = gray + rng.normal(0, 10, shape)
    return Volume(image.astype(np.float32), SPACING), labels


def scribbles_of(labels, seed: int, share: float = 0.05):
    known = np.random.default_rng(seed).random(labels.shape) < share
    return np.where(known, labels, -1).astype(np.int16)


def make_dataset(folder, cases: int = 5, kind: str = "dense", labels=LABELS) -> Dataset:
    """A data set with a case for validation and one for testing; the others for training."""
    dataset = Dataset.create(folder, labels)
    for n in range(cases):
        volume, truth = pair(n)
        dataset.add_case(f"case{n}", volume)
        grid = volume.geometry
        if kind == "dense":
            dataset.annotate(f"case{n}", DenseMask(truth, grid), "ann")
        elif kind == "sparse":
            dataset.annotate(f"case{n}", SparseMask(scribbles_of(truth, n), grid), "ann")
    ids = dataset.case_ids
    dataset.set_splits({"train": ids[:-2], "val": ids[-2:-1], "test": ids[-1:]})
    return dataset


def make_run(dataset: Dataset, **changes) -> RunDescription:
    """A run of few steps; plan fields and run fields can be changed."""
    plan_fields = {f.name for f in dataclasses.fields(propose_class())}
    train, validation = cases_of(dataset)
    train, validation = (
        changes.pop("train_cases", train),
        changes.pop("validation_cases", validation),
    )
    for_plan = {k: changes.pop(k) for k in list(changes) if k in plan_fields}
    wanted = {
        "patch": (24, 24),
        "batch": 4,
        "steps": 12,
        "steps_per_validation": 4,
        "network_settings": SMALL,
        **for_plan,
    }
    dims = wanted.pop("dims", 2)
    plan = propose(fingerprint(dataset, train, changes.get("annotator")), dims, **wanted)
    return RunDescription(str(dataset.folder), plan, train, validation, **changes)


def propose_class():
    from ImperfectSegLogic.training.plan import TrainingPlan

    return TrainingPlan


def weights_of(path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def grid(shape=SHAPE) -> Geometry:
    return Geometry(shape, SPACING)

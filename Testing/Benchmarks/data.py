"""Reads the real images that benchmarks run on; see ../shared/data/README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ImperfectSegLogic.data import Volume

ACDC_LABELS = {1: "right ventricle", 2: "myocardium", 3: "left ventricle"}
SMALLEST = 40
"""Structures with fewer pixels on a slice are left out."""


class MissingDataError(Exception):
    """The data folder lacks something; the message says what and where."""


@dataclass(frozen=True, eq=False)
class Task:
    """One thing to segment: an image and the mask that it should become."""

    name: str
    group: str
    volume: Volume
    truth: np.ndarray


@dataclass(frozen=True, eq=False)
class ScribbleTask(Task):
    """A task with scribbles that people drew: (person, positive or negative, row, column)."""

    scribbles: np.ndarray


def folder(data: Path | None, name: str) -> Path:
    """Gives a folder of the data, or says that it is not there."""
    if data is None:
        raise MissingDataError(f"Give the folder that holds {name}/ with --data DIR.")
    path = data / name
    if not path.is_dir():
        raise MissingDataError(
            f"{path} is not there. Give the folder that holds {name}/ with --data DIR."
        )
    return path


def acdc_slices(data: Path, split: str, per_label: int, seed: int) -> list[Task]:
    """Gives `per_label` randomly chosen slices of every ACDC structure, 0 for all of them."""
    root = folder(data, "acdc")
    patients = json.loads((root / "splits.json").read_text())[split]
    tasks: dict[int, list[Task]] = {label: [] for label in ACDC_LABELS}
    for patient in patients:
        for path in sorted(root.glob(f"patient{patient}_*_image.nii.gz")):
            image = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
            labels = sitk.GetArrayFromImage(
                sitk.ReadImage(str(path).replace("_image.nii.gz", "_label.nii.gz"))
            )
            for k in range(len(image)):
                volume = Volume(image[k : k + 1], np.diag([1.5, 1.5, 10.0, 1.0]))
                for label, name in ACDC_LABELS.items():
                    truth = labels[k : k + 1] == label
                    if truth.sum() >= SMALLEST:
                        stem = path.name.removesuffix("_image.nii.gz")
                        tasks[label].append(Task(f"{stem} slice {k}", name, volume, truth))
    rng = np.random.default_rng(seed)
    chosen = []
    for found in tasks.values():
        order = rng.permutation(len(found))[: per_label or None]
        chosen += [found[n] for n in order]
    return chosen


def medscribble(data: Path) -> list[ScribbleTask]:
    """Gives the MedScribble images with their scribbles, by source."""
    paths = sorted(folder(data, "medscribble").glob("*.npz"))
    if not paths:
        raise MissingDataError(f"{data / 'medscribble'} holds no .npz files.")
    tasks = []
    for path in paths:
        with np.load(path) as file:
            image, mask, scribbles = file["image"], file["mask"], file["scribbles"]
        volume = Volume(np.squeeze(image)[np.newaxis], np.eye(4))
        group = path.stem.split("__")[0]
        tasks.append(ScribbleTask(path.stem, group, volume, mask[np.newaxis] > 0, scribbles))
    return tasks


def volumes(data: Path, split: str = "test") -> Iterator[Task]:
    """Gives the left atria of a split and the three BraTS whole tumors (FLAIR), 3-D."""
    root = folder(data, "left_atrium")
    for name in json.loads((root / "splits.json").read_text())[split]:
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(root / f"{name}_image.nii.gz")))
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(root / f"{name}_label.nii.gz")))
        volume = Volume(image, np.diag([0.625, 0.625, 0.625, 1.0]))
        yield Task(name, "left atrium", volume, labels > 0)
    for path in sorted(folder(data, "brats2013").glob("pat*")):
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(path / "Flair_subtrMeanDivStd.nii.gz")))
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path / "OTMultiClass.nii.gz")))
        yield Task(path.name, "whole tumor", Volume(image, np.eye(4)), labels > 0)

"""Reads the heart slices and the scribbled images that benchmarks run on."""

from __future__ import annotations

import json
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
    """One thing to segment: an image and the mask that it should become.

    Attributes:
        name: Unique in its set.
        group: What kind of structure or image it is.
        volume: The image, or the part of it to work on.
        truth: The mask, shape (slice, row, column).
        source: The patient or image it comes from; tasks of one source are not independent.
        scribbles: What people drew, shape (person, positive or negative, row, column), or None.
    """

    name: str
    group: str
    volume: Volume
    truth: np.ndarray
    source: str = ""
    scribbles: np.ndarray | None = None


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
    patients = json.loads((root / "splits.json").read_text(encoding="utf-8"))[split]
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
                        told = f"{stem} slice {k}"
                        tasks[label].append(Task(told, name, volume, truth, f"{patient}"))
    rng = np.random.default_rng(seed)
    chosen = []
    for found in tasks.values():
        order = rng.permutation(len(found))[: per_label or None]
        chosen += [found[n] for n in order]
    return chosen


def medscribble(data: Path) -> list[Task]:
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
        truth = mask[np.newaxis] > 0
        tasks.append(Task(path.stem, group, volume, truth, path.stem, scribbles))
    return tasks

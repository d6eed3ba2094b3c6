"""Reads the volumes with whole masks that the completion benchmark leaves slices of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ImperfectSegLogic.data import Volume
from Testing.Benchmarks.data import folder
from Testing.Benchmarks.data_3d import brain_tumors, left_atria

ACDC_SPACING = np.diag([1.5, 1.5, 10.0, 1.0])


@dataclass(frozen=True, eq=False)
class Whole:
    """A volume with a mask of all of it.

    Attributes:
        name: Unique in its group.
        group: What it shows.
        volume: The image.
        truth: The mask, shape (slice, row, column).
    """

    name: str
    group: str
    volume: Volume
    truth: np.ndarray


def structures(data: Path | None, split: str, quick: bool) -> Iterator[Whole]:
    """Gives left atria of a split, the three brain tumors, and hearts of a split."""
    if data is None:
        folder(data, "left_atrium")
        return
    atria = list(left_atria(data, split))
    for task in atria[:1] if quick else atria:
        yield Whole(task.name, "left atrium", task.volume, task.truth.astype(np.int64))
    tumors = list(brain_tumors(data))
    for task in tumors[:1] if quick else tumors:
        yield Whole(task.name, "brain tumor", task.volume, task.truth.astype(np.int64))
    for pair in hearts(data, split, quick):
        yield from pair


def hearts(data: Path | None, split: str, quick: bool) -> Iterator[tuple[Whole, Whole]]:
    """Gives end diastole and end systole of the ACDC patients of a split."""
    root = folder(data, "acdc")
    patients = json.loads((root / "splits.json").read_text(encoding="utf-8"))[split]
    for patient in patients[:2] if quick else patients:
        found = []
        for path in sorted(root.glob(f"patient{patient}_*_image.nii.gz")):
            image = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
            file = str(path).replace("_image.nii.gz", "_label.nii.gz")
            labels = sitk.GetArrayFromImage(sitk.ReadImage(file)).astype(np.int64)
            name = path.name.removesuffix("_image.nii.gz")
            found.append(Whole(name, "heart", Volume(image, ACDC_SPACING, name), labels))
        if len(found) == 2:
            yield found[0], found[1]

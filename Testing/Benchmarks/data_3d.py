"""Reads the volumes that benchmarks run on: atria, brain tumors, a prostate and a spleen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ImperfectSegLogic.data import Region, Volume, read_volume
from Testing.Benchmarks.data import SMALLEST, Task, folder

SIDE = 96
SINGLE = {
    "prostate": ("prostate", "Prostatex_0000.nii.gz", "Prostatex_0000_lab.nii.gz"),
    "spleen": ("spleen_ct", "sub-spleen2_ct.nii.gz", "sub-spleen2_ct_seg-manual.nii.gz"),
}
"""Folder below single/, image and label map; the structure is all that is not 0."""


def left_atria(data: Path, split: str = "test") -> Iterator[Task]:
    """Gives the left atria of a split, late-enhancement MR."""
    root = folder(data, "left_atrium")
    splits = json.loads((root / "splits.json").read_text(encoding="utf-8"))
    for name in splits[split]:
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(root / f"{name}_image.nii.gz")))
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(root / f"{name}_label.nii.gz")))
        volume = Volume(image, np.diag([0.625, 0.625, 0.625, 1.0]))
        yield Task(name, "left atrium", volume, labels > 0, name)


def brain_tumors(data: Path) -> Iterator[Task]:
    """Gives the three whole tumors of BraTS 2013, FLAIR."""
    for path in sorted(folder(data, "brats2013").glob("pat*")):
        image = sitk.GetArrayFromImage(sitk.ReadImage(str(path / "Flair_subtrMeanDivStd.nii.gz")))
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path / "OTMultiClass.nii.gz")))
        volume = Volume(image, np.eye(4))
        yield Task(path.name, "whole tumor", volume, labels > 0, path.name)


def single(data: Path, name: str) -> list[Task]:
    """Gives one structure in 3-D, and on each of its slices that shows enough of it."""
    place, image, label = SINGLE[name]
    root = folder(folder(data, "single"), place)
    volume = read_volume(root / image)
    truth = np.asarray(read_volume(root / label).array) > 0
    tasks = [cut(Task(f"{name} 3-D", f"{name}, 3-D", volume, truth, name))]
    for k in np.flatnonzero(truth.sum(axis=(1, 2)) >= SMALLEST).tolist():
        matrix = volume.ijk_to_ras.copy()
        matrix[:3, 3] = volume.geometry.to_ras((k, 0, 0))
        slice_ = Volume(np.array(volume.array[k : k + 1]), matrix)
        told = f"{name} slice {k}"
        tasks.append(Task(told, f"{name}, slices", slice_, truth[k : k + 1], told))
    return tasks


def cut(task: Task, side: int = SIDE) -> Task:
    """Cuts a task to about `side` voxels along every axis, never through its structure."""
    shape = task.truth.shape
    region = Region.around(np.argwhere(task.truth))
    more = [max(0, side - n) for n in region.shape]
    low = [max(0, a - m // 2) for a, m in zip(region.start, more, strict=True)]
    high = [min(n, max(a + side, b)) for n, a, b in zip(shape, low, region.stop, strict=True)]
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    matrix = task.volume.ijk_to_ras.copy()
    matrix[:3, 3] = task.volume.geometry.to_ras(low)
    volume = Volume(np.ascontiguousarray(task.volume.array[part]), matrix)
    return Task(task.name, task.group, volume, task.truth[part], task.source)

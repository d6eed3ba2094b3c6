"""RECIST to 3-D: Dice on the marked slice and in 3-D, before growth and after, and seconds.

Marks are simulated from the masks: the longest diameter on the slice where the lesion is largest,
and its longest perpendicular. Lesions: BraTS whole tumor (FLAIR) and enhancing core with the
necrosis in it (T1c), the largest part of each; lung tumor patches in 2-D. Settings were chosen on
synthetic lesions, a prostate, a spleen and every second patch: the other patches are reported.
With `--split val` or `train` it is the patches for choosing, and left atria.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ImperfectSegLogic.completion.recist_evidence import EngineEvidence, Evidence
from ImperfectSegLogic.completion.recist_growth import RecistSettings, complete_recist
from ImperfectSegLogic.completion.recist_lesion import grow_lesion
from ImperfectSegLogic.completion.recist_shape import Shape, places_of
from ImperfectSegLogic.data import Case, Provenance, Recist, Scribble, Volume
from ImperfectSegLogic.measurement.diameters import diameters
from ImperfectSegLogic.measurement.recist_marks import recist_mark
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels
from ImperfectSegLogic.metrics.dice import dice
from Testing.Benchmarks.data import Task, folder
from Testing.Benchmarks.data_2d import lung_tumors
from Testing.Benchmarks.data_3d import left_atria
from Testing.Benchmarks.report import print_table, run, save

Mask = NDArray[np.bool_]
BRATS = {
    "BraTS whole tumor": ("Flair_subtrMeanDivStd.nii.gz", (1, 2, 3, 4)),
    "BraTS enhancing core": ("T1c_subtrMeanDivStd.nii.gz", (1, 4)),
}
PUBLISHED = (0.92, 0.76)
SECONDS = 3.0


class NoEvidence(Evidence):
    """Diameters and gray values alone."""

    source = Provenance("none")

    def flat(self, shape: Shape, label: int, region: Any, progress: Progress) -> Any:
        """Gives 0 on the slice."""
        size = list(region.shape)
        size[shape.axis] = 1
        return np.zeros(size, dtype=np.float32)

    def deep(self, shape: Shape, label: int, mask: Mask, region: Any, progress: Progress) -> Any:
        """Gives 0 everywhere."""
        return np.zeros(region.shape, dtype=np.float32)


def ellipse(volume: Volume, mark: Recist) -> Mask:
    """Gives the ellipse of the diameters; in 3-D, an ellipsoid as high as it is wide."""
    grid = volume.geometry
    shape = Shape.of(mark, grid)
    places = places_of(grid, grid.whole)
    found = np.hypot(shape.radius(places), 2 * shape.depth(places) / shape.size[1]) <= 1
    return np.asarray(found)


def flat_only(volume: Volume, mark: Recist) -> Mask:
    """Gives the marked slice of the answer and nothing else."""
    whole = combined(volume, mark)
    shape = Shape.of(mark, volume.geometry)
    kept = np.zeros_like(whole)
    cut = shape.slice_cut(volume.geometry.whole)
    kept[cut] = whole[cut]
    return kept


def grab_cut_only(volume: Volume, mark: Recist) -> Mask:
    """Gives GrabCut's answer, without an engine."""
    line = [
        scribble_voxels(Scribble(e), volume.geometry) for e in (mark.long_axis, mark.short_axis)
    ]
    every = np.concatenate(line)
    region, found = grow_lesion(volume, mark, every, NoEvidence(), RecistSettings(), Progress())
    whole = np.zeros(volume.geometry.shape, dtype=bool)
    whole[region.slices] = found > 0.5
    return whole


def engine_only(volume: Volume, mark: Recist) -> Mask:
    """Gives the default engine's answer to the same prompts, without GrabCut."""
    grid = volume.geometry
    evidence, shape = EngineEvidence(Case(volume)), Shape.of(mark, grid)
    flat = evidence.flat(shape, 1, grid.whole, Progress()) > 0
    if volume.is_2d:
        return np.asarray(flat)
    mask = np.squeeze(flat, shape.axis)
    whole = evidence.deep(shape, 1, mask, grid.whole, Progress()) > 0
    whole[shape.slice_cut(grid.whole)] = flat
    return np.asarray(whole)


def combined(volume: Volume, mark: Recist) -> Mask:
    """Gives the answer that users get."""
    return np.asarray(complete_recist(Case(volume), [mark]).full_labels() == 1)


ARMS: dict[str, Callable[[Volume, Recist], Mask]] = {
    "ellipse": ellipse,
    "marked slice only": flat_only,
    "GrabCut": grab_cut_only,
    "engine": engine_only,
    "both (what users get)": combined,
}


def brain_lesions(data: Path) -> Iterator[Task]:
    """Gives the largest part of whole tumors and enhancing cores."""
    for path in sorted(folder(data, "brats2013").glob("pat*")):
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(path / "OTMultiClass.nii.gz")))
        for group, (file, own) in BRATS.items():
            image = sitk.GetArrayFromImage(sitk.ReadImage(str(path / file)))
            parts, _ = ndimage.label(np.isin(labels, own))
            largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
            yield Task(path.name, group, Volume(image, np.eye(4)), parts == largest, path.name)


def tasks(arguments: argparse.Namespace) -> list[Task]:
    """Gives what is reported with `--split test`, and else what the settings were chosen on."""
    lungs = lung_tumors(arguments.data, 0, 0)
    if arguments.split == "test":
        found = [*brain_lesions(arguments.data), *lungs[1::2]]
    else:
        found = [*left_atria(arguments.data, arguments.split), *lungs[::2]]
    return found[:: max(len(found) // 3, 1)] if arguments.quick else found


def _measured(task: Task, arm: Callable[[Volume, Recist], Mask]) -> dict[str, Any]:
    grid = task.volume.geometry
    mark = recist_mark(task.truth, grid)
    cut = Shape.of(mark, grid).slice_cut(grid.whole)
    start, busy = time.perf_counter(), time.process_time()
    found = arm(task.volume, mark)
    seconds, processor = time.perf_counter() - start, time.process_time() - busy
    return {
        "case": task.name,
        "group": task.group,
        "long_mm": diameters(task.truth, grid).long_mm,
        "slice": dice(found[cut], task.truth[cut]),
        "volume": dice(found, task.truth),
        "seconds": seconds,
        "processor": processor,
    }


def _row(group: str, arm: str, own: list[dict[str, Any]]) -> list[Any]:
    mean = {key: float(np.mean([o[key] for o in own])) for key in ("slice", "volume")}
    worst = {key: max(o[key] for o in own) for key in ("seconds", "processor")}
    processor = float(np.mean([o["processor"] for o in own]))
    least = min(o["volume"] for o in own)
    return [group, arm, len(own), *mean.values(), least, processor, *worst.values()]


def measure(arguments: argparse.Namespace) -> None:
    """Measures and prints."""
    chosen = tasks(arguments)
    combined(chosen[-1].volume, recist_mark(chosen[-1].truth, chosen[-1].volume.geometry))
    results = {name: [_measured(task, arm) for task in chosen] for name, arm in ARMS.items()}
    rows = []
    for group in dict.fromkeys(task.group for task in chosen):
        for name, found in results.items():
            rows.append(_row(group, name, [one for one in found if one["group"] == group]))
    title = (
        f"RECIST to 3-D, {arguments.split}. Published (Cai 2018, CT): {PUBLISHED[0]} on the slice,"
        f" {PUBLISHED[1]} in 3-D; target below {SECONDS:g} s a lesion"
    )
    heads = ["lesions", "by", "n", "Dice, slice", "Dice, 3-D", "least, 3-D"]
    heads += ["processor s, mean", "s, most", "processor s, most"]
    print_table(title, heads, rows)
    save("recist", {"split": arguments.split, "published": PUBLISHED, "results": results})


if __name__ == "__main__":
    run("recist", __doc__, measure)

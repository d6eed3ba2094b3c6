"""The sets of the interactive benchmark: what they hold, and how many tasks are drawn of each.

Numbers are fixed, and what is drawn depends on the seed only, so that all engines, today's and
tomorrow's, get the same tasks. Rules, alike for all sets:

- The truth is used as it is: small parts of it are neither removed nor forgiven. The simulated
  user always corrects the largest connected error, so that the smallest parts come last.
- A structure is left out where it has too few pixels (`SMALLEST`, of 2 mm `SMALLEST_TUMOR`).
- Large 2-D images are cut to 256 pixels a side, volumes to about 96 voxels a side or what the
  structure needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import Volume
from Testing.Benchmarks.data import Task, acdc_slices, medscribble
from Testing.Benchmarks.data_2d import lung_tumors, membranes, vessels
from Testing.Benchmarks.data_3d import brain_tumors, cut, left_atria, single

Reader = Callable[[Path, str, int, int], list[Task]]


@dataclass(frozen=True)
class Set:
    """Some tasks that are measured and told of together.

    Attributes:
        what: For people.
        read: Gives the tasks from the data folder, the split, the number and the seed.
        number: How many tasks are drawn (of each structure, or 0 for all).
        quick: How many to see that it runs.
        scribbled: Whether people drew the prompts; then there is one response per person.
    """

    what: str
    read: Reader
    number: int
    quick: int
    scribbled: bool = False


def _first(read: Callable[[Path], list[Task]]) -> Reader:
    """For sets without splits and with few tasks: the first ones, or some evenly apart."""
    return lambda data, _, number, __: _apart(read(data), number)


def _apart(tasks: list[Task], number: int) -> list[Task]:
    if not number or number >= len(tasks):
        return tasks
    return [tasks[n] for n in np.linspace(0, len(tasks) - 1, number).round().astype(int).tolist()]


def _atria(data: Path, split: str, number: int, _: int) -> list[Task]:
    return [cut(task) for task in islice(left_atria(data, split), number or None)]


def _tumors(data: Path, _: str, number: int, __: int) -> list[Task]:
    return [cut(task) for task in islice(brain_tumors(data), number or None)]


SETS: dict[str, Set] = {
    "acdc": Set("heart MR slices (ACDC), by patient, per structure", acdc_slices, 40, 4),
    "left-atrium": Set("left atrium in late-enhancement MR, 3-D", _atria, 0, 1),
    "brats": Set("whole brain tumor in FLAIR (BraTS 2013), 3-D", _tumors, 0, 1),
    "medscribble": Set(
        "12 kinds of images with scribbles by 3 people each", _first(medscribble), 0, 7, True
    ),
    "em": Set(
        "cell membranes, electron microscopy", lambda d, _, n, seed: membranes(d, n, seed), 20, 2
    ),
    "chase": Set(
        "vessels of the retina, green channel", lambda d, _, n, seed: vessels(d, n, seed), 20, 2
    ),
    "prostate": Set("prostate MR, 3-D and slices", _first(lambda d: single(d, "prostate")), 0, 3),
    "spleen": Set("spleen CT, 3-D and slices", _first(lambda d: single(d, "spleen")), 0, 3),
    "lung": Set(
        "lung tumors, CT patches of 2 mm", lambda d, _, n, seed: lung_tumors(d, n, seed), 40, 4
    ),
}  # fmt: skip
SPEED = "speed"
"""Times alone, on made images; needs no data."""


def save_tasks(tasks: list[Task], folder: Path) -> list[str]:
    """Writes tasks as files, for processes that must not be as large as the data; gives names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, task in enumerate(tasks):
        more = {} if task.scribbles is None else {"scribbles": task.scribbles}
        np.savez(
            folder / f"{number:05}.npz",
            told=np.array([task.name, task.group, task.source]),
            array=task.volume.array,
            matrix=task.volume.ijk_to_ras,
            truth=task.truth,
            **more,
        )
    return [task.name for task in tasks]


def load_task(path: Path) -> Task:
    """Reads one task that `save_tasks` wrote."""
    with np.load(path) as file:
        name, group, source = file["told"].tolist()
        volume = Volume(file["array"], file["matrix"])
        scribbles = file.get("scribbles")
        return Task(name, group, volume, file["truth"], source, scribbles)

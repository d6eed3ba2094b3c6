"""Left atrium and whole brain tumor in 3-D: Dice, time and memory per simulated click.

Every volume is cut to 96 voxels a side around the structure, grown where it is larger.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ImperfectSegLogic.data import Region, Volume
from Testing.Benchmarks.clicks_2d import play, worst_drop
from Testing.Benchmarks.data import Task, volumes
from Testing.Benchmarks.players import Engine
from Testing.Benchmarks.report import print_table, run, save

SIDE = 96
SHOWN = (1, 3, 5, 10)


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
    return Task(task.name, task.group, volume, task.truth[part])


def peak_megabytes(arguments: argparse.Namespace) -> float:
    """Gives what ten responses on the first volume add to a fresh process, at its highest."""
    command = [sys.executable, "-m", __spec__.name, "--data", str(arguments.data), "--memory"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def print_memory(data: Path) -> None:
    """Prints how many MB of NumPy arrays and Python objects there are at most."""
    import tracemalloc

    task = cut(next(volumes(data)))
    tracemalloc.start()
    play(Engine(), task)
    print(json.dumps(tracemalloc.get_traced_memory()[1] / 1e6))


def measure(arguments: argparse.Namespace) -> None:
    """Plays on every volume and reports."""
    tasks = [cut(task) for task in volumes(arguments.data, arguments.split)]
    if arguments.quick:
        tasks = [tasks[0], tasks[-1]]
    rows: list[list[Any]] = []
    for task in track(tasks, "clicking"):
        overlaps, seconds = play(Engine(), task)
        later = seconds[1:]
        shown = [overlaps[n - 1] for n in SHOWN]
        size = "x".join(str(n) for n in task.truth.shape)
        times = [seconds[0], float(np.mean(later)), max(later)]
        rows.append([task.group, task.name, size, *shown, worst_drop(overlaps), *times])
    for group in sorted({row[0] for row in rows}):
        numbers = np.array([row[3:] for row in rows if row[0] == group])
        rows.append([group, "mean of these", "", *numbers.mean(axis=0).tolist()])
    columns = ["structure", "volume", "voxels", *[f"Dice {n}" for n in SHOWN]]
    columns += ["worst drop", "first (s)", "later, mean (s)", "later, worst (s)"]
    print_table(
        f"3-D, simulated clicks, {SIDE} voxels a side or what the object needs", columns, rows
    )
    peak = peak_megabytes(arguments)
    print_table("Memory", ["what", "", "MB"], [["peak of ten responses", "", peak]])
    result = {"split": arguments.split, "columns": columns, "rows": rows, "peak_megabytes": peak}
    save("clicks_3d", result)


if __name__ == "__main__":
    if "--memory" in sys.argv:
        print_memory(Path(sys.argv[sys.argv.index("--data") + 1]))
    else:
        run("clicks_3d", __doc__, measure)

"""What a response costs by the size of the region: time and memory on a 3-D image."""

from __future__ import annotations

import argparse
import time
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
from rich.progress import track

from ImperfectSegLogic.data import Case, Click, Volume
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker, Settings
from Testing.Benchmarks.data_3d import brain_tumors
from Testing.Benchmarks.report import print_table, run, save, save_figure

SIDES = (32, 48, 64, 80, 96, 112, 128, 160)


def timed(volume: Volume, settings: Settings) -> tuple[float, float, float]:
    """Gives seconds of the first and the second response, and MB at their highest."""
    geometry = volume.geometry
    middle = np.array(geometry.shape) // 2
    walker = GeodesicWalker(settings)
    walker.set_case(Case(volume))
    prompts = [
        Click(position=geometry.to_ras(middle)),
        Click(position=geometry.to_ras(middle // 4), positive=False),
    ]
    seconds = []
    for count in (1, 2):
        start = time.perf_counter()
        walker.respond(prompts[:count])
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    walker.respond(prompts)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return seconds[0], seconds[1], peak


def measure(arguments: argparse.Namespace) -> None:
    """Measures at every size, at full resolution and with the default limit."""
    whole = next(brain_tumors(arguments.data)).volume
    rows = []
    sides = SIDES[:4] if arguments.quick else SIDES
    for side in track(sides, "measuring"):
        margin = [(n - min(side, n)) // 2 for n in whole.array.shape]
        part = tuple(slice(m, m + side) for m in margin)
        array = np.ascontiguousarray(whole.array[part])
        if min(array.shape) < side:
            pad = [(0, side - n) for n in array.shape]
            array = np.pad(array, pad, mode="reflect")
        volume = Volume(array, np.eye(4))
        wide = {"margin": 1e3, "margin_voxels": side, "growths": 0}
        full = timed(volume, Settings(**wide, most_voxels=10**9))
        limited = timed(volume, Settings(**wide))
        rows.append([f"{side}^3", "", side**3, *full, *limited])
    columns = ["region", "", "voxels", "first (s)", "later (s)", "MB"]
    columns += ["first, limited (s)", "later, limited (s)", "MB, limited"]
    print_table("Cost by size of the region, full resolution and default limit", columns, rows)
    save("region_cost", {"columns": columns, "rows": rows})
    figure, axis = plt.subplots(figsize=(5.5, 3.8))
    voxels = [row[2] for row in rows]
    axis.loglog(voxels, [row[4] for row in rows], marker="o", label="full resolution")
    axis.loglog(voxels, [row[7] for row in rows], marker="s", label="default limit")
    axis.axhline(1.0, color="gray", linestyle=":", label="1 s")
    axis.set(xlabel="voxels in the region", ylabel="seconds per later response")
    axis.legend()
    save_figure("region_cost", figure)


if __name__ == "__main__":
    run("region_cost", __doc__, measure)

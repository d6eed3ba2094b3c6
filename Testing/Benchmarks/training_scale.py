"""Time per epoch and memory of `fit` against the number of cases, on phantoms.

Each size runs in a process of its own; memory is that process's largest resident set, without what
it had before the run began.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.training.fit import fit
from Testing.Benchmarks.phantom_data import phantom_dataset, phantom_run
from Testing.Benchmarks.report import print_table, run, save

SMALL = {"features": (8, 16), "strides": (2,)}


def one(folder: Path) -> None:
    """Trains one epoch, in which each case gives one sample; prints seconds and bytes."""
    import torch

    torch.set_num_threads(1)
    dataset = Dataset.open(folder / "data")
    cases = len(dataset.case_ids)
    described = phantom_run(
        dataset, 2, patch=(64, 64), batch=5, steps=cases // 5, patience=0, network_settings=SMALL
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    fit(described, folder / "first", device="cpu", cache=folder / "cache")
    preparing = time.perf_counter() - began
    began = time.perf_counter()
    fit(described, folder / "second", device="cpu", cache=folder / "cache")
    epoch = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"first": preparing, "epoch": epoch, "before": before, "peak": peak}))


def measure(arguments: argparse.Namespace) -> None:
    """Measures 10 to 1,000 cases."""
    rows, result = [], {}
    for cases in (10, 30) if arguments.quick else (10, 100, 1000):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            phantom_dataset(folder / "data", cases, (4, 96, 96))
            command = [sys.executable, "-m", "Testing.Benchmarks.training_scale", "--one", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        said = json.loads(done.stdout.splitlines()[-1])
        grown = (said["peak"] - said["before"]) / 1024
        rows.append([str(cases), said["epoch"], 1e3 * said["epoch"] / cases, grown])
        result[cases] = {**said, "grown_MiB": grown}
    slope = np.polyfit(np.log([float(r[0]) for r in rows]), np.log([r[1] for r in rows]), 1)[0]
    print_table("One epoch", ["cases", "seconds", "ms a case", "memory grown, MiB"], rows)
    save("training_scale", {"cases": result, "power_of_time": float(slope)})


if __name__ == "__main__":
    if "--one" in sys.argv:
        one(Path(sys.argv[sys.argv.index("--one") + 1]))
    else:
        run("training_scale", __doc__, measure)

"""A run killed at twenty random moments ends with the same weights as one that was not."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ImperfectSegLogic.training.model_file import load_model
from Testing.Benchmarks.phantom_data import phantom_dataset, phantom_run
from Testing.Benchmarks.report import print_table, run, save

TRAIN = """
import sys, torch
from pathlib import Path
from ImperfectSegLogic.training import fit as module
from ImperfectSegLogic.training.run import RunDescription
torch.set_num_threads(1)
module.SECONDS_BETWEEN_CHECKPOINTS = 1.0
folder = Path(sys.argv[1])
module.fit(RunDescription.read(folder), folder, device="cpu", resume=True)
"""


def started(folder: Path) -> subprocess.Popen[bytes]:
    """Starts, or resumes, the run of a folder in a process of its own."""
    command = [sys.executable, "-c", TRAIN, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(arguments: argparse.Namespace) -> None:
    """Kills a run again and again, at moments drawn from its whole time, start-up included."""
    wanted = 3 if arguments.quick else 20
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = phantom_dataset(folder / "data", 12)
        steps = 300 if arguments.quick else 800
        described = phantom_run(dataset, steps=steps, patience=0, patch=(64, 64))
        for place in ("whole", "killed"):
            (folder / place).mkdir()
            described.write(folder / place)
        began = time.perf_counter()
        assert started(folder / "whole").wait() == 0
        whole, kills = time.perf_counter() - began, []
        while True:
            process = started(folder / "killed")
            if len(kills) == wanted:
                assert process.wait() == 0
                break
            moment = chance.uniform(0.5, 1.5) * whole / wanted + 5.0
            time.sleep(moment)
            if process.poll() is not None:
                break
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills.append(round(moment, 2))
        prints = {
            place: load_model(folder / place / "model.safetensors").weights_hash
            for place in ("whole", "killed")
        }
    same = prints["whole"] == prints["killed"]
    print_table(
        "Resume", ["kills", "seconds unharmed", "same weights"], [[len(kills), whole, str(same)]]
    )
    save("training_resume", {"kills": kills, "same": same, **prints})
    if not same or len(kills) < wanted:
        sys.exit(f"{len(kills)} kills of {wanted}, same weights: {same}")


if __name__ == "__main__":
    run("training_resume", __doc__, measure)

"""How long engines take on images of a fixed size, and to start: on made images, without data.

A process of its own per engine. Start-up is from before the process is started to when the engine
is made, Python and its packages included; the first answer comes later by loading what is loaded
only then. Responses are those of a person who clicks on: 1 to 10 clicks (quick: 3).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data import Volume
from Testing.Benchmarks.data import Task
from Testing.Benchmarks.interactive_engines import ADAPTING, Entry, make
from Testing.Benchmarks.interactive_playing import Played, play
from Testing.Benchmarks.interactive_users import user_of

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"2-D 256 x 256": (1, 256, 256), "3-D 96 x 96 x 96": (96, 96, 96)}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def phantom(shape: tuple[int, int, int], seed: int = 0) -> Task:
    """Gives an egg with a bay in noise, large enough that answers cover much of the image."""
    rng = np.random.default_rng(seed)
    sides = [max(n, 2) for n in shape]
    k, j, i = (2 * (x + 0.5) / n - 1 for x, n in zip(np.indices(shape), sides, strict=True))
    egg = (k * (shape[0] > 1)) ** 2 + j**2 + (1.4 * i) ** 2 < 0.55
    bay = (k * (shape[0] > 1)) ** 2 + (j - 0.4) ** 2 + (i - 0.3) ** 2 < 0.12
    truth = egg & ~bay
    array = 100 + 30 * truth + 20 * i + rng.normal(0, 12, shape)
    return Task("phantom", "phantom", Volume(array.astype(np.float32), np.eye(4)), truth)


def measure_speed(
    entries: Sequence[Entry], threads: int, rounds: int, clicks: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Measures all engines, one after the other: so many images, so many clicks on each.

    Returns:
        A row per engine, and what to tell of those that broke down.
    """
    rows, broken = [], []
    for entry in entries:
        if entry.name == ADAPTING:  # Answers as the engine it is made around.
            continue
        command = [
            sys.executable, "-m", "Testing.Benchmarks.interactive_speed",
            str(entry), str(rounds), str(threads), str(clicks),
        ]  # fmt: skip
        environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
        began = time.time()
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            told = " ".join(done.stderr.strip().splitlines()[-1:])
            broken.append(f"{entry.told}, speed: exit code {done.returncode}: {told}")
            continue
        said = json.loads(done.stdout.splitlines()[-1])
        start, first = said.pop("made_at") - began, said.pop("answered_at") - began
        rows.append({"engine": entry.told, "start": start, "answered": first, **said})
    return rows, broken


def print_speed(rows: Sequence[dict[str, Any]]) -> None:
    """Prints the table."""
    from Testing.Benchmarks.report import print_table  # Its plots would slow the start-up.

    columns = ["engine", "start-up (s)", "first answer (s)"]
    for shape in SHAPES:
        columns += [f"{shape}: p50 (s)", "p95 (s)", "p95, CPU (s)"]
    table = []
    for row in rows:
        times = [row[shape][key] for shape in SHAPES for key in ("p50", "p95", "cpu_p95")]
        table.append([row["engine"], row["start"], row["answered"], *times])
    print_table("Speed on made images", columns, table)


def measured(
    player: Any, shape: tuple[int, int, int], rounds: int, clicks: int
) -> dict[str, float]:
    """Gives seconds of responses on images of a shape, and to take an image."""
    games: list[Played] = []
    for seed in range(rounds):
        played = play(player, phantom(shape, seed), user_of("clicks", "", seed), clicks)
        if played.error:
            raise ValueError(played.error)
        games.append(played)
    seconds = [s for game in games for s in game.seconds]
    p50, p95 = np.percentile(seconds, (50, 95)).tolist()
    cpu = float(np.percentile([s for game in games for s in game.cpu], 95))
    ready = float(np.percentile([game.ready for game in games], 95))
    return {"p50": p50, "p95": p95, "cpu_p95": cpu, "ready": ready, "responses": len(seconds)}


def main(arguments: argparse.Namespace) -> None:
    """Measures one engine in this process; prints what it found as JSON."""
    player = make(Entry.read(arguments.engine))
    made = time.time()
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(arguments.threads)
    play(player, phantom((1, 64, 64)), user_of("clicks", "", 0), 1)
    result: dict[str, Any] = {"made_at": made, "answered_at": time.time()}
    for name, shape in SHAPES.items():
        rounds = arguments.rounds if shape[0] == 1 else -(-arguments.rounds // 5)
        result[name] = measured(player, shape, rounds, arguments.clicks)
    print(json.dumps(result))


if __name__ == "__main__":
    own = argparse.ArgumentParser()
    own.add_argument("engine")
    own.add_argument("rounds", type=int)
    own.add_argument("threads", type=int)
    own.add_argument("clicks", type=int)
    main(own.parse_args())

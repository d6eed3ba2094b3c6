"""Choosing 100 of 1,000 to 100,000 scored units: seconds and memory of each query strategy.

What was measured of the units is drawn at random and read from a folder, as it is once a pool was
scored: 64 features, 256 pixels of a picture, or 4 gradients of 32 numbers a unit. Each strategy
and size runs in a process of its own; memory is its largest resident set, less what it had before
the files were read. Reading is timed apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.methods.catalog import query_strategies, query_strategy
from Testing.Benchmarks.memory import peak_megabytes
from Testing.Benchmarks.report import print_table, run, save

SLICES = 100
COUNT = 100


class Nothing:
    """Stands for images that nobody looks at any more, and for their model."""

    labels = {1: "object"}  # noqa: RUF012
    identity = "measured"

    def image(self, case: str) -> None:
        """Is never asked: everything was measured."""
        raise AssertionError(case)

    def stamp(self, case: str) -> str:
        """Gives what the files say."""
        return ""

    def check(self, maps: tuple[str, ...], samples: int) -> None:
        """Can do anything."""


def columns(name: str, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Gives random measurements, as a strategy makes them."""
    score = rng.beta(1, 8, count)
    features = rng.normal(size=(count, 64)).astype(np.float32)
    return {
        "foreground-random": {"foreground": score},
        "entropy": {"entropy": score},
        "bald": {"bald": score},
        "k-center": {"features": features},
        "yang2017": {"variance": score, "features": features},
        "kuo2018": {
            "divergence": score,
            "perimeter": rng.gamma(2, 100, count),
            "parts": rng.integers(0, 5, count),
        },
        "gorriz2017": {"entropy": score, "foreground": score},
        "ozdemir2018": {"variance": score, "features": features},
        "sourati2018": {"gradients": rng.normal(size=(count, 4, 32)).astype(np.float32)},
        "sourati2019": {"gradients": rng.normal(size=(count, 4, 32)).astype(np.float32)},
        "mahapatra2018": {"aleatoric": score, "epistemic": score},
        "zheng2019": {"pictures": rng.uniform(size=(count, 256)).astype(np.float16)},
    }[name]


def model_of(name: str) -> Segmenter | None:
    """Gives the model that a strategy is asked with."""
    return None if name == "zheng2019" else Nothing()  # type: ignore[return-value]


def one(name: str, count: int, folder: Path) -> None:
    """Chooses once; prints seconds and megabytes."""
    nothing = model_of(name)
    units = [Unit(f"case{n // SLICES:04d}", 0, n % SLICES) for n in range(count)]
    pool = Pool(Nothing(), units, folder=folder)  # type: ignore[arg-type]
    strategy = query_strategy(name)
    rng = np.random.default_rng(0)
    reading = 0.0
    before = peak_megabytes()
    if name != "random":
        began = time.perf_counter()
        table, known = strategy.measured(pool, nothing)  # type: ignore[attr-defined]
        reading = time.perf_counter() - began
        began, busy = time.perf_counter(), time.process_time()
        found = strategy.select(table, known, COUNT, rng)  # type: ignore[attr-defined]
    else:
        began, busy = time.perf_counter(), time.process_time()
        found = strategy.rank(pool, nothing, COUNT, rng)
    seconds, processor = time.perf_counter() - began, time.process_time() - busy
    said = {"reading": reading, "seconds": seconds, "processor": processor}
    said |= {"chosen": len(found.items), "megabytes": peak_megabytes() - before}
    print(json.dumps(said))


def fill(name: str, count: int, folder: Path) -> None:
    """Writes measurements as a scored pool has them."""
    if name == "random":
        return
    rng = np.random.default_rng(1)
    made = columns(name, count, rng)
    units = [Unit(f"case{n // SLICES:04d}", 0, n % SLICES) for n in range(count)]
    strategy = query_strategy(name)
    own = folder / strategy._key(model_of(name))  # type: ignore[attr-defined]
    own.mkdir()
    names = np.array([unit.name() for unit in units])
    np.savez(own / "0.npz", unit=names, stamp=np.array([""] * count), **made)  # type: ignore[arg-type]


def measure(arguments: argparse.Namespace) -> None:
    """Measures all strategies."""
    rows, result = [], {}
    names = [kind.card.name for kind in query_strategies()]
    for name in names:
        for count in (1_000,) if arguments.quick else (1_000, 10_000, 100_000):
            with tempfile.TemporaryDirectory() as folder:
                fill(name, count, Path(folder))
                command = [sys.executable, "-m", "Testing.Benchmarks.query_selection", "--one"]
                done = subprocess.run(
                    [*command, name, str(count), folder],
                    capture_output=True,
                    text=True,
                    check=True,
                )
            said = json.loads(done.stdout.splitlines()[-1])
            result[f"{name}, {count}"] = said
            keys = ("reading", "seconds", "processor", "megabytes", "chosen")
            rows.append([name, str(count), *(said[key] for key in keys)])
    head = ["strategy", "units", "reading, s", "choosing, s", "CPU s", "memory, MB", "chosen"]
    print_table(f"Choosing {COUNT} units", head, rows)
    save("query_selection", {"count": COUNT, "runs": result})


if __name__ == "__main__":
    if "--one" in sys.argv:
        place = sys.argv.index("--one")
        one(sys.argv[place + 1], int(sys.argv[place + 2]), Path(sys.argv[place + 3]))
    else:
        run("query_selection", __doc__, measure)

"""Opening items in the queue panel: seconds from a button to the item, and for how long it freezes.

Made volumes with noise, a proposal and a map of uncertainty, in a data set on this disk; the panel
runs in the Qt host. Each item is a volume of its own, which is the worst case: of slices, several
are of one image. A person opens one, annotates while the next is read ahead, presses Done, and
then Next. "Ahead" is until the next one is read, beside the window; "freeze" the longest time in
which the window did nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.data import Dataset, DenseMask, Geometry, Volume, write_volume
from ImperfectSegLogic.methods.base import Ranking
from Testing.Benchmarks.report import print_table, run, save

SHAPES = {"64 x 256 x 256": (64, 256, 256), "100 x 512 x 512": (100, 512, 512),
          "300 x 512 x 512": (300, 512, 512)}  # fmt: skip
MATRIX = np.diag([-0.8, -0.8, 1.5, 1.0])
PATIENCE = 120.0
GOAL = 2.0
MODEL = "made"


def make(folder: Path, shape: tuple[int, int, int], cases: int) -> Dataset:
    """A data set of balls in noise, which compress about as CT does."""
    dataset = Dataset.create(folder, {1: "ball"})
    rng = np.random.default_rng(0)
    sides = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    ball = sum(side**2 for side in sides) < 0.3
    noise = rng.normal(0, 12, shape)
    for n in range(cases):
        voxels = np.rint(200 * ball - 100 + np.roll(noise, 17 * n, axis=0)).astype(np.int16)
        dataset.add_case(f"case{n}", Volume(voxels, MATRIX))
        mask = DenseMask(ball.astype(np.uint8), Geometry(shape, MATRIX))
        dataset.add_prediction(MODEL, f"case{n}", mask)
        unsure = np.where(np.abs(sum(side**2 for side in sides) - 0.3) < 0.05, 0.8, 0.1)
        path = dataset.folder / "predictions" / MODEL / f"case{n}-entropy.nrrd"
        write_volume(Volume(unsure.astype(np.float32), MATRIX), path)
    names = tuple(f"case{n}" for n in range(cases))
    scores = tuple(float(cases - n) for n in range(cases))
    Queue.build(dataset, Ranking(names, scores, ("made",) * cases), 1, {"model": [MODEL]})
    return dataset


class Stopwatch:
    """Runs the window until something has happened; notes how long it took and stood still."""

    def __init__(self, app: Any) -> None:
        """Takes the application."""
        self._app = app

    def until(self, press: Callable[[], None], happened: Callable[[], bool]) -> tuple[float, float]:
        """Gives seconds, and the longest freeze among them."""
        began = last = time.perf_counter()
        press()
        worst = time.perf_counter() - last
        while not happened():
            last = time.perf_counter()
            self._app.process_events()
            worst = max(worst, time.perf_counter() - last)
            if last - began > PATIENCE:
                raise TimeoutError(f"not within {PATIENCE} s")
            time.sleep(0.002)
        return time.perf_counter() - began, worst


def campaign(app: Any, folder: Path, cases: int) -> dict[str, list[float]]:
    """Does all items of a queue; gives the times."""
    from Testing.Module.conftest import MODULES  # Needs the host.

    widget = app.load_module(MODULES / "ImperfectSegQueue" / "ImperfectSegQueue.py")
    app.select_module("ImperfectSegQueue")
    session, care, watch = widget.panel.session, widget.panel.care, Stopwatch(app)
    widget._parameterNode.annotator = "bench"
    widget._parameterNode.dataSetFolder = str(folder)
    watch.until(lambda: session.nodes.forget(), lambda: session.hasQueue)
    watch.until(lambda: None, lambda: not care.isReading)
    session.desk.images.forget()  # As if nothing had been read ahead yet.
    session.desk._read = None
    found: dict[str, list[float]] = {k: [] for k in ("cold", "ahead", "done", "next", "freeze")}
    for number in range(cases):
        kind = "next" if number else "cold"
        wanted = f"case{number}"
        seconds, freeze = watch.until(
            widget.ui.nextButton.click,
            lambda name=wanted: bool(session.unit) and session.unit.name() == name,
        )
        found[kind].append(seconds)
        if number:
            assert session.wasAhead, "the item had not been read ahead"
            found["freeze"].append(freeze)
        seconds, _ = watch.until(care.readAhead, lambda: not care.isReading)
        if number < cases - 1:
            found["ahead"].append(seconds)
        seconds, freeze = watch.until(widget.ui.doneButton.click, lambda: session.unit is None)
        found["done"].append(seconds)
        found["freeze"].append(freeze)
        watch.until(lambda: None, lambda: not session._looking.isRunning)
    app.unload_module("ImperfectSegQueue")
    app.clear_scene()
    return found


def measure(arguments: argparse.Namespace) -> None:
    """Measures all sizes."""
    from Testing.Host import application

    app = application.start()
    cases, rows, result = (3 if arguments.quick else 6), [], {}
    for name, shape in list(SHAPES.items())[: 1 if arguments.quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "set", shape, cases)
            found = campaign(app, Path(folder) / "set", cases)
        result[name] = found
        worst = max(found["next"])
        goal = "yes" if worst < GOAL else "no"
        medians = [float(np.median(found[k])) for k in ("cold", "ahead", "done", "next")]
        rows.append([name, goal, *medians, worst, max(found["freeze"])])
    head = ["voxels", f"under {GOAL:g} s", "first", "ahead", "done", "next", "worst", "freeze"]
    print_table("Seconds to open an item of the queue", head, rows)
    save("queue_next", {"cases": cases, "goal": GOAL, "runs": result})


if __name__ == "__main__":
    run("queue_next", __doc__, measure)

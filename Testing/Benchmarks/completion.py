"""Masks from sparse annotations, without training, beside what peers do with the same input.

    python -m Testing.Benchmarks.completion --data DIR [--quick] [--split val]

- MedScribble: one person's scribbles to a mask, beside the random walker and GrowCut; and how much
  the masks from the scribbles of three persons agree.
- Left atrium, brain tumors, hearts: a few slices to the volume, beside the nearest slice and the
  interpolation of signed distances; and what three more slices bring, wanted or evenly spaced.
- ACDC: end diastole to end systole, beside no propagation.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.completion.across_time import complete_frames
from ImperfectSegLogic.completion.scribbles import complete_scribbles
from ImperfectSegLogic.data import UNLABELED, Case, DenseMask, SparseMask
from ImperfectSegLogic.methods.catalog import default_segmenter, interactive_segmenter
from ImperfectSegLogic.metrics.dice import dice
from Testing.Benchmarks.completion_data import hearts
from Testing.Benchmarks.completion_slices import measure_slices
from Testing.Benchmarks.data import Task, medscribble
from Testing.Benchmarks.interactive_playing import scribbles_of
from Testing.Benchmarks.report import CONSOLE, print_table, run, save

PEOPLE = 3


def measure(options: argparse.Namespace) -> None:
    """Measures all parts and writes them down."""
    told = {"split": options.split, "quick": options.quick}
    save(
        "completion_frames", {**told, **measure_frames(options.data, options.split, options.quick)}
    )
    save("completion_scribbles", {**told, **measure_scribbles(options.data, options.quick)})
    save(
        "completion_slices", {**told, **measure_slices(options.data, options.split, options.quick)}
    )


def measure_scribbles(data: Path | None, quick: bool) -> dict[str, Any]:
    """Gives Dice by player, and Dice between the masks of two persons."""
    tasks = medscribble(data)[:: 10 if quick else 1]
    found = {}
    for name, mask_of in _players():
        truth, between, seconds = [], [], []
        for task in tasks:
            masks = []
            for person in range(PEOPLE):
                if not any(prompt.label for prompt in scribbles_of(task, person)):
                    continue  # One who marked nothing of the structure cannot ask for it.
                began = time.process_time()
                masks.append(mask_of(task, person))
                seconds.append(time.process_time() - began)
                truth.append(dice(masks[-1], task.truth))
            between += [dice(one, other) for one, other in combinations(masks, 2)]
        found[name] = {
            "dice": float(np.mean(truth)), "worst tenth": float(np.quantile(truth, 0.1)),
            "agreement": float(np.mean(between)), "seconds": float(np.mean(seconds)),
            "masks": len(truth),
        }  # fmt: skip
    columns = ("player", "Dice", "lowest tenth", "Dice between persons", "cpu s", "masks")
    print_table("MedScribble, one person's scribbles", columns, _rows(found))
    return found


def _players() -> Iterator[tuple[str, Callable[[Task, int], np.ndarray]]]:
    for name in (default_segmenter().card.name, "geodesic-walker"):
        engine = interactive_segmenter(name)

        def ours(task: Task, person: int, engine: Any = engine) -> np.ndarray:
            done = complete_scribbles(Case(task.volume), _marks(task, person), engine)
            return done.prediction.full_labels() == 1

        yield name, ours
    from Testing.Benchmarks.peers import GrowCut, RandomWalker

    for kind in (RandomWalker, GrowCut):
        try:
            peer = kind()
        except ImportError:
            CONSOLE.print(f"[yellow]left out: {kind.name}: slicer-core is not installed[/]")
            continue

        def theirs(task: Task, person: int, peer: Any = peer) -> np.ndarray:
            peer.start(task.volume)
            return np.asarray(peer.respond(scribbles_of(task, person)))

        yield kind.name, theirs


def _marks(task: Task, person: int) -> SparseMask:
    """Gives what a person marked; pixels marked as both are left out."""
    assert task.scribbles is not None
    positive, negative = task.scribbles[person].astype(bool)
    labels = np.full(task.truth.shape, UNLABELED)
    labels[0][negative & ~positive], labels[0][positive & ~negative] = 0, 1
    return SparseMask(labels, task.volume.geometry)


def measure_frames(data: Path | None, split: str, quick: bool) -> dict[str, Any]:
    """Gives Dice at end systole by the mask of end diastole, left alone and carried along."""
    still, moved, seconds = [], [], []
    for diastole, systole in hearts(data, split, quick):
        frames = [Case(one.volume, one.name) for one in (diastole, systole)]
        began = time.process_time()
        mask = DenseMask(diastole.truth, diastole.volume.geometry)
        done = complete_frames(frames, {0: mask})[1].prediction.full_labels()
        seconds.append(time.process_time() - began)
        labels = (1, 2, 3)
        still.append([dice(diastole.truth == n, systole.truth == n) for n in labels])
        moved.append([dice(done == n, systole.truth == n) for n in labels])
    found = {
        "no propagation": [float(v) for v in np.mean(still, axis=0)],
        "ours": [float(v) for v in np.mean(moved, axis=0)],
    }
    columns = ("mask", "RV", "myocardium", "LV", "mean", "patients")
    rows = [(n, *v, float(np.mean(v)), len(still)) for n, v in found.items()]
    print_table("ACDC, end diastole to end systole", columns, rows)
    CONSOLE.print(f"{np.mean(seconds):.2f} processor seconds a patient")
    return {**found, "seconds": float(np.mean(seconds)), "patients": len(still)}


def _rows(found: dict[str, dict[str, float]]) -> list[tuple[Any, ...]]:
    return [(name, *values.values()) for name, values in found.items()]


if __name__ == "__main__":
    run("completion", __doc__, measure)

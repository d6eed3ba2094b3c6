"""A few slices to the volume, beside what needs no image; and what three more slices bring."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.completion.between_slices import complete_slices
from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.completion.signed_distance import signed_distance
from ImperfectSegLogic.data import UNLABELED, Case, SparseMask
from ImperfectSegLogic.metrics.dice import dice
from Testing.Benchmarks.completion_data import Whole, structures
from Testing.Benchmarks.report import print_table

GAPS = {"left atrium": (5, 10, 20), "brain tumor": (5, 10, 20), "heart": (2, 3)}
MORE = 3


def measure_slices(data: Path | None, split: str, quick: bool) -> dict[str, Any]:
    """Gives Dice on the slices between annotated ones, and Dice after three more slices."""
    scores: dict[str, dict[str, list[float]]] = {}
    more: dict[str, dict[str, list[float]]] = {}
    for whole in structures(data, split, quick):
        for gap in GAPS[whole.group]:
            row = scores.setdefault(f"{whole.group}, every {gap}", {})
            known = _every(whole, gap)
            began = time.process_time()
            done = complete_slices(Case(whole.volume), _only(whole, known))
            seconds = time.process_time() - began
            own = done.prediction.full_labels()
            for name, mask in (
                ("nearest slice", _nearest(whole, known)),
                ("signed distances", _distances(whole, known)),
                ("ours", own),
            ):
                row.setdefault(name, []).append(_between(whole, mask, known))
            row.setdefault("cpu s", []).append(seconds)
            if gap == max(GAPS[whole.group]) and whole.group != "heart":
                for name, value in _with_more(whole, known, done).items():
                    more.setdefault(whole.group, {}).setdefault(name, []).append(value)
    for title, found in (("slices between", scores), (f"{MORE} more slices, volume Dice", more)):
        names = next(iter(found.values()), {})
        told = {one: {n: float(np.mean(v)) for n, v in row.items()} for one, row in found.items()}
        print_table(title, ("set", *names, "volumes"), [
            (one, *row.values(), len(next(iter(found[one].values())))) for one, row in told.items()
        ])  # fmt: skip
    return {"between": scores, "more": more}


def _with_more(whole: Whole, known: Sequence[int], done: Completed) -> dict[str, float]:
    """Gives the Dice of the volume before and after three more slices, chosen at once."""
    chosen = {
        "evenly spaced": {*known, *_midpoints(whole, known)},
        "wanted": {*known, *(one.index for one in done.wanted)},
    }
    found = {"before": _mean(done.prediction.full_labels(), whole)}
    for name, slices in chosen.items():
        more = complete_slices(Case(whole.volume), _only(whole, sorted(slices)))
        found[name] = _mean(more.prediction.full_labels(), whole)
    return found


def _midpoints(whole: Whole, known: Sequence[int]) -> list[int]:
    """Gives the middles of gaps that show the structure, spread evenly over its extent."""
    there = whole.truth.any(axis=(1, 2))
    middles = [(a + b) // 2 for a, b in pairwise(known) if there[a : b + 1].any()]
    chosen = np.linspace(0, len(middles) - 1, min(MORE, len(middles)) + 2)[1:-1]
    if len(middles) <= MORE:
        return middles
    return [middles[round(n)] for n in chosen]


def _every(whole: Whole, gap: int) -> list[int]:
    count = len(whole.truth)
    return list(range((count - 1) % gap // 2, count, gap))


def _only(whole: Whole, slices: Sequence[int]) -> SparseMask:
    labels = np.full(whole.truth.shape, UNLABELED)
    labels[list(slices)] = whole.truth[list(slices)]
    return SparseMask(labels, whole.volume.geometry)


def _nearest(whole: Whole, known: Sequence[int]) -> np.ndarray:
    nearest = [min(known, key=lambda n, k=k: abs(n - k)) for k in range(len(whole.truth))]
    return whole.truth[nearest]


def _distances(whole: Whole, known: Sequence[int]) -> np.ndarray:
    """Interpolates signed distances of each label (Herman 1992); the largest one wins."""
    labels = np.unique(whole.truth)
    best = np.full(whole.truth.shape, -np.inf, dtype=np.float32)
    found = np.zeros_like(whole.truth)
    for label in labels:
        spacing = whole.volume.geometry.spacing[1:]
        own = {k: signed_distance(whole.truth[k] == label, spacing) for k in known}
        own = {k: np.clip(d, -100, 100) for k, d in own.items()}
        for a, b in pairwise(known):
            for k in range(a, b + 1):
                blended = own[a] + (own[b] - own[a]) * ((k - a) / (b - a))
                better = blended > best[k]
                found[k][better], best[k][better] = label, blended[better]
    return found


def _between(whole: Whole, mask: np.ndarray, known: Sequence[int]) -> float:
    rest = np.setdiff1d(np.arange(known[0], known[-1]), known)
    return _mean(mask[rest], replace(whole, truth=whole.truth[rest]))


def _mean(mask: np.ndarray, whole: Whole) -> float:
    labels = [label for label in np.unique(whole.truth) if label]
    return float(np.mean([dice(mask == label, whole.truth == label) for label in labels]))

"""The arithmetic of the interactive benchmark: from one line per task to what is reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

COUNTS = (1, 2, 3, 5, 10)
"""After how many prompts Dice is reported."""
GOODS = (0.80, 0.85, 0.90)
"""To which Dice prompts are counted."""
DRAWS = 2000
SEED = 2026

Line = Mapping[str, Any]


def prompts_to(dices: Sequence[float], good: float, most: int | None = None) -> int:
    """Gives the number of prompts to a Dice (NoC); one more than `most` if it was not reached."""
    most = len(dices) if most is None else most
    return next((n for n, d in enumerate(dices[:most], start=1) if d >= good), most + 1)


def worst_drop(dices: Sequence[float]) -> float:
    """Gives how much Dice fell from one prompt to the next, at worst; 0 if it never fell."""
    return max(0.0, *[a - b for a, b in pairwise(dices)]) if len(dices) > 1 else 0.0


def interval(gains: np.ndarray, sources: Sequence[str], draws: int = DRAWS) -> tuple[float, float]:
    """Gives the 95 % bootstrap interval of a mean gain.

    Sources, such as patients, are drawn anew, each with all of its tasks, as these are alike.

    Args:
        gains: One per task.
        sources: Where each task comes from.
        draws: How often all are drawn.
    """
    names, at = np.unique(np.asarray(sources), return_inverse=True)
    sums = np.bincount(at, weights=gains, minlength=len(names))
    sizes = np.bincount(at, minlength=len(names))
    drawn = np.random.default_rng(SEED).integers(len(names), size=(draws, len(names)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def by_engine(lines: Sequence[Line]) -> dict[str, dict[str, Line]]:
    """Sorts lines of one group by engine and task."""
    found: dict[str, dict[str, Line]] = defaultdict(dict)
    for line in lines:
        found[line["engine"]][line["task"]] = line
    return dict(found)


def groups_of(lines: Sequence[Line], scribbled: str) -> dict[tuple[str, str, str], list[Line]]:
    """Sorts lines by (set, group, prompts); sets that people scribbled on are one group."""
    found: dict[tuple[str, str, str], list[Line]] = defaultdict(list)
    for line in lines:
        group = "all kinds" if line["prompts"] == scribbled else line["group"]
        found[line["set"], group, line["prompts"]].append(line)
    return dict(found)


def summary(lines: Sequence[Line], classical: Sequence[str]) -> list[dict[str, Any]]:
    """Sums up one group, by engine.

    Gains are over the better of the classical methods, which is the one with the higher mean Dice
    after as many prompts, on the tasks that both played.
    """
    found = by_engine(lines)
    peers = [name for name in classical if name in found]
    rows = []
    for engine, tasks in found.items():
        curves = list(tasks.values())
        length = min(len(one["dice"]) for one in curves)
        row: dict[str, Any] = {"engine": engine, "tasks": len(curves)}
        row["dice"] = {n: _spread([c["dice"][n - 1] for c in curves]) for n in _up_to(length)}
        row["gain"] = {
            n: gain(tasks, found, peers, n) for n in _up_to(length) if engine not in classical
        }
        row["prompts_to"] = {}
        if length >= COUNTS[-1]:
            row["prompts_to"] = {g: _reaching(curves, g) for g in GOODS}
        row["drop"] = float(np.mean([worst_drop(c["dice"]) for c in curves]))
        row["errors"] = sum(bool(c["error"]) for c in curves)
        rows.append(row)
    return rows


def gain(
    tasks: Mapping[str, Line], found: Mapping[str, Mapping[str, Line]], peers: Sequence[str], n: int
) -> dict[str, Any] | None:
    """Compares Dice after `n` prompts with that of the better peer; None if none played as much."""
    best: dict[str, Any] | None = None
    for peer in peers:
        both = [t for t in tasks if t in found[peer] and len(found[peer][t]["dice"]) >= n]
        if not both:
            continue
        theirs = np.array([found[peer][t]["dice"][n - 1] for t in both])
        if best is None or theirs.mean() > best["peer_dice"]:
            ours = np.array([tasks[t]["dice"][n - 1] for t in both])
            low, high = interval(ours - theirs, [tasks[t]["source"] for t in both])
            mean = float((ours - theirs).mean())
            best = {"peer": peer, "peer_dice": float(theirs.mean()), "tasks": len(both)}
            best |= {"mean": mean, "low": low, "high": high}
    return best


def adaptation(
    groups: Mapping[tuple[str, str, str], Sequence[Line]], adapting: str, bases: Sequence[str]
) -> list[dict[str, Any]]:
    """Compares an engine that adapts at its last response with the one it is made around.

    Up to that response both are the same engine with the same prompts, so the difference is what
    adapting does.

    Returns:
        One per group where both played, and one of all groups, every task with the same weight.
    """
    rows: list[dict[str, Any]] = []
    pooled: list[tuple[float, float, str, float]] = []
    for (name, group, prompts), lines in groups.items():
        found = by_engine(lines)
        base = next((b for b in bases if b in found), None)
        if adapting not in found or base is None:
            continue
        own = []
        for task, line in found[adapting].items():
            n = len(line["dice"])
            if task in found[base] and len(found[base][task]["dice"]) >= n:
                before, after = found[base][task]["dice"][n - 1], line["dice"][-1]
                seconds = line["seconds"][-1] if line["seconds"] else 0.0
                own.append((before, after, f"{name} {line['source']}", seconds))
        pooled += own
        rows += [_adapted(name, group, prompts, own)] if own else []
    return [*rows, _adapted("all", "all", "all", pooled)] if pooled else []


def _adapted(
    name: str, group: str, prompts: str, own: Sequence[tuple[float, float, str, float]]
) -> dict[str, Any]:
    before, after, sources, seconds = zip(*own, strict=True)
    gains = np.array(after) - np.array(before)
    low, high = interval(gains, sources)
    return {
        "set": name, "group": group, "prompts": prompts, "tasks": len(own),
        "before": float(np.mean(before)), "after": float(np.mean(after)),
        "gain": float(gains.mean()), "low": low, "high": high, "seconds": float(max(seconds)),
    }  # fmt: skip


def costs(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Sums up time and memory by engine and dimension."""
    found: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in lines:
        found[line["engine"], line["dims"]].append(line)
    rows = []
    for (engine, dims), own in found.items():
        seconds = [s for line in own for s in line["seconds"]]
        rows.append({
            "engine": engine, "dims": dims, "responses": len(seconds),
            "p50": _percentile(seconds, 50), "p95": _percentile(seconds, 95),
            "cpu_p95": _percentile([s for line in own for s in line["cpu"]], 95),
            "ready_p95": _percentile([line["ready"] for line in own], 95),
            "peak": max(line["peak"] for line in own),
            "errors": sum(bool(line["error"]) for line in own),
        })  # fmt: skip
    return rows


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")


def _up_to(length: int) -> list[int]:
    return [n for n in COUNTS if n <= length]


def _spread(values: Sequence[float]) -> dict[str, float]:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": sd}


def _reaching(curves: Sequence[Line], good: float) -> dict[str, float]:
    counts = [prompts_to(c["dice"], good, COUNTS[-1]) for c in curves]
    reached = float(np.mean([n <= COUNTS[-1] for n in counts]))
    return {"mean": float(np.mean(counts)), "reached": reached}

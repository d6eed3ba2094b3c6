"""ACDC slices, simulated clicks at the center of the largest error, against the peers."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from rich.progress import track

from ImperfectSegLogic.data import Prompt
from ImperfectSegLogic.methods.scarce.interactive.robot_user import next_click
from ImperfectSegLogic.metrics.dice import dice
from Testing.Benchmarks.data import ACDC_LABELS, Task, acdc_slices
from Testing.Benchmarks.players import Player, everyone
from Testing.Benchmarks.report import print_table, run, save, save_figure

CLICKS = 10
SHOWN = (1, 3, 5, 10)
GOOD = 0.85
SEED = 2026
PER_LABEL = 100


def play(player: Player, task: Task, clicks: int = CLICKS) -> tuple[list[float], list[float]]:
    """Gives Dice after, and seconds for, every click; the last Dice stays once all is right."""
    start = time.perf_counter()
    player.start(task.volume)
    ready = time.perf_counter() - start
    mask = np.zeros_like(task.truth)
    prompts: list[Prompt] = []
    overlaps: list[float] = []
    seconds: list[float] = []
    for _ in range(clicks):
        click = next_click(mask, task.truth, task.volume.geometry)
        if click is not None:
            prompts.append(click)
            start = time.perf_counter()
            mask = player.respond(prompts)
            seconds.append(time.perf_counter() - start)
        overlaps.append(dice(mask, task.truth))
    seconds[0] += ready
    return overlaps, seconds


def clicks_to(overlaps: list[float], good: float = GOOD) -> int:
    """Gives the number of clicks to a Dice; one more than there were if it was not reached."""
    return next((n for n, d in enumerate(overlaps, start=1) if d >= good), len(overlaps) + 1)


def worst_drop(overlaps: list[float]) -> float:
    """Gives how much Dice fell from one click to the next, at worst; 0 if it never fell."""
    return max(0.0, *[a - b for a, b in pairwise(overlaps)])


def compare(overlaps: dict[tuple[str, str], Any], names: list[str]) -> list[list[Any]]:
    """Lists, by structure and click, Dice of the first and by how much it beats the best other.

    The interval holds 95 % of the mean differences over slices drawn anew 5000 times.
    """
    rng = np.random.default_rng(SEED)
    rows: list[list[Any]] = []
    for group in ACDC_LABELS.values():
        curves = {name: np.array(overlaps[group, name]) for name in names}
        for n in SHOWN:
            at = {name: curve[:, n - 1] for name, curve in curves.items()}
            peer = max(names[1:], key=lambda name: float(at[name].mean()))
            ours, gain = at[names[0]], at[names[0]] - at[peer]
            drawn = gain[rng.integers(len(gain), size=(5000, len(gain)))].mean(axis=1)
            low, high = np.percentile(drawn, (2.5, 97.5))
            spread = f"{ours.mean():.3f} +- {ours.std():.3f}"
            interval = f"{low:+.3f} to {high:+.3f}"
            rows.append([group, peer, n, spread, f"{gain.mean():+.3f}", interval])
    return rows


def measure(arguments: argparse.Namespace) -> None:
    """Runs everybody on the same slices and reports."""
    tasks = acdc_slices(arguments.data, arguments.split, 5 if arguments.quick else PER_LABEL, SEED)
    players = everyone()
    overlaps: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for task in track(tasks, "clicking"):
        for player in players:
            curve, times = play(player, task)
            overlaps[task.group, player.name].append(curve)
            seconds[task.group, player.name] += times
    rows = []
    for group in ACDC_LABELS.values():
        for player in players:
            curves = np.array(overlaps[group, player.name])
            mean = curves.mean(axis=0)
            noc = float(np.mean([clicks_to(c) for c in curves.tolist()]))
            milliseconds = 1000 * float(np.mean(seconds[group, player.name]))
            drop = float(np.mean([worst_drop(c) for c in curves.tolist()]))
            shown = [float(mean[n - 1]) for n in SHOWN]
            rows.append([group, player.name, len(curves), *shown, noc, drop, milliseconds])
    columns = ["structure", "method", "slices", *[f"Dice {n}" for n in SHOWN]]
    columns += [f"clicks to {GOOD}", "worst drop", "ms per response"]
    print_table(f"ACDC {arguments.split}, simulated clicks", columns, rows)
    names = [player.name for player in players]
    gains = compare(overlaps, names)
    heads = ["structure", "better peer", "clicks", "Dice, mean +- sd", "gain", "95 % of gain"]
    print_table(f"{names[0]} against the better peer", heads, gains)
    result = {"split": arguments.split, "columns": columns, "rows": rows}
    save("clicks_2d", {**result, "gain_columns": heads, "gains": gains})
    _draw(overlaps, names)


def _draw(overlaps: dict[tuple[str, str], Any], names: list[str]) -> None:
    figure, axes = plt.subplots(1, len(ACDC_LABELS), figsize=(12, 3.6), sharey=True)
    for axis, group in zip(axes, ACDC_LABELS.values(), strict=True):
        for name in names:
            mean = np.mean(overlaps[group, name], axis=0)
            axis.plot(range(1, CLICKS + 1), mean, marker="o", label=name)
        axis.set(title=group, xlabel="clicks", ylim=(0, 1))
    axes[0].set_ylabel("mean Dice")
    axes[-1].legend()
    save_figure("clicks_2d", figure)


if __name__ == "__main__":
    run("clicks_2d", __doc__, measure)

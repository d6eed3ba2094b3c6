"""What the interactive benchmark shows: tables, CSV and a plot."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from Testing.Benchmarks.interactive_numbers import COUNTS, GOODS, by_engine
from Testing.Benchmarks.report import print_table

Group = tuple[str, str, str]
"""Set, group, prompts."""
Summaries = Mapping[Group, Sequence[Mapping[str, Any]]]
MISSING = ""
GOOD = 0.85
SCRIBBLES_GOAL = 0.80


def print_dice(summaries: Summaries) -> None:
    """Prints Dice and prompts to a Dice, by group and engine."""
    rows = []
    for (_, group, prompts), engines in summaries.items():
        for row in engines:
            dices = [_dice(row, n) for n in COUNTS]
            counts = [_count(row, good) for good in GOODS]
            rows.append([_told(group, prompts), row["engine"], row["tasks"], *dices, *counts])
    columns = ["group", "engine", "tasks", *[f"Dice {n}" for n in COUNTS]]
    columns += [f"to {good:.2f}" for good in GOODS]
    print_table("Dice after so many prompts; prompts to a Dice (11: not in 10)", columns, rows)


def print_gains(summaries: Summaries) -> None:
    """Prints by how much engines beat the better classical method."""
    rows = []
    for (_, group, prompts), engines in summaries.items():
        for row in engines:
            if not any(row["gain"].values()):
                continue
            gains = [_gain(row, n) for n in COUNTS]
            rows.append([_told(group, prompts), row["engine"], *gains])
    columns = ["group", "engine", *[f"after {n}" for n in COUNTS]]
    if rows:
        print_table("Gain in Dice over the better classical method (95 %)", columns, rows)


def print_goals(summaries: Summaries, classical: Sequence[str]) -> None:
    """Prints whether engines are ahead at every count, with half of the prompts."""
    rows = goals(summaries, classical)
    columns = ["group", "engine", "ahead after", f"prompts to {GOOD}, ours : theirs"]
    if rows:
        print_table("Goals", [*columns, "half or less"], rows)


def goals(summaries: Summaries, classical: Sequence[str]) -> list[list[Any]]:
    """Lists, by group and engine, after which counts it is ahead and what part of prompts it needs.

    On human scribbles the goal is a mean Dice instead.
    """
    rows = []
    for (_, group, prompts), engines in summaries.items():
        peers = [r["prompts_to"][GOOD]["mean"] for r in engines if _is_peer(r, classical)]
        for row in engines:
            told = {n: gain for n, gain in row["gain"].items() if gain}
            if not told:
                continue
            ahead = [str(n) for n, gain in told.items() if gain["mean"] > 0]
            where = "all" if len(ahead) == len(told) else ", ".join(ahead) or "none"
            ratio, met = MISSING, MISSING
            if row["prompts_to"] and peers:
                ours = row["prompts_to"][GOOD]["mean"]
                ratio = f"{ours:.2f} : {min(peers):.2f}"
                met = "yes" if ours <= min(peers) / 2 else "no"
            elif group == "all kinds":
                mean = row["dice"][1]["mean"]
                ratio = f"Dice {mean:.3f}, goal {SCRIBBLES_GOAL}"
                met = "yes" if mean >= SCRIBBLES_GOAL else "no"
            rows.append([_told(group, prompts), row["engine"], where, ratio, met])
    return rows


def print_adaptation(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints what adapting to the image adds at the last prompt before it."""
    table = [
        [
            _told(row["group"], row["prompts"]), row["tasks"], row["before"], row["after"],
            f"{row['gain']:+.3f} ({row['low']:+.3f} {row['high']:+.3f})", row["seconds"],
        ]
        for row in rows
    ]  # fmt: skip
    columns = ["group", "tasks", "before", "adapted", "gain (95 %)", "longest (s)"]
    if table:
        print_table("What adapting to the image adds, same prompts", columns, table)


def print_costs(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints time and memory."""
    columns = ["engine", "D", "responses", "p50 (s)", "p95 (s)", "p95, CPU (s)"]
    columns += ["image, p95 (s)", "peak (MB)", "failed tasks"]
    keys = ("engine", "dims", "responses", "p50", "p95", "cpu_p95", "ready_p95", "peak", "errors")
    table = [[row[key] for key in keys] for row in rows]
    print_table("Time and memory", columns, table)


def write_tables(folder: Path, summaries: Summaries, lines: Sequence[Mapping[str, Any]]) -> None:
    """Writes summary.csv (a row per group and engine) and tasks.csv (a row per task and engine)."""
    heads = ["set", "group", "prompts", "engine", "tasks"]
    heads += [f"{what}_{n}" for n in COUNTS for what in ("dice", "sd", "gain", "low", "high")]
    heads += [f"{what}_{good:.2f}" for good in GOODS for what in ("prompts_to", "reached")]
    with (folder / "summary.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*heads, "drop", "failed"])
        for group, engines in summaries.items():
            writer.writerows([*group, *_numbers(row)] for row in engines)
    most = max(len(line["dice"]) for line in lines)
    keys = ["set", "group", "source", "task", "prompts", "engine", "ready", "error"]
    with (folder / "tasks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, *[f"dice_{n}" for n in range(1, most + 1)]])
        writer.writerows([*[line[key] for key in keys], *line["dice"]] for line in lines)


def draw(groups: Mapping[Group, Sequence[Mapping[str, Any]]]) -> plt.Figure:
    """Draws mean Dice against prompts, a field per group; boxes where there is one response."""
    across = min(4, len(groups))
    down = -(-len(groups) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(3.6 * across, 3.2 * down), squeeze=False, sharey=True
    )
    for axis, (group, lines) in zip(axes.flat, groups.items(), strict=False):
        engines = {
            name: [t["dice"] for t in own.values()] for name, own in by_engine(lines).items()
        }
        if max(len(d) for own in engines.values() for d in own) == 1:
            axis.boxplot([np.ravel(d) for d in engines.values()], tick_labels=list(engines))
            axis.tick_params(axis="x", labelrotation=20, labelsize=7)
        else:
            for name, dices in engines.items():
                length = min(map(len, dices))
                mean = np.mean([d[:length] for d in dices], axis=0)
                axis.plot(range(1, length + 1), mean, marker="o", markersize=3, label=name)
            axis.set_xlabel("prompts")
            axis.xaxis.get_major_locator().set_params(integer=True)
            if axis is axes.flat[0]:  # Colors are the same in all fields.
                axis.legend(fontsize=7, loc="lower right")
        axis.set_title(f"{group[1]} ({group[2]})", fontsize=9)
        axis.set_ylim(0, 1)
    for axis in axes.flat[len(groups) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("mean Dice")
    figure.tight_layout()
    return figure


def _told(group: str, prompts: str) -> str:
    """Gives a group's name; clicks are what is usual."""
    return group if prompts in ("clicks", "all") else f"{group}, {prompts}"


def _is_peer(row: Mapping[str, Any], classical: Sequence[str]) -> bool:
    return row["engine"] in classical and bool(row["prompts_to"])


def _dice(row: Mapping[str, Any], n: int) -> str:
    found = row["dice"].get(n)
    return f"{found['mean']:.3f} ± {found['sd']:.2f}".replace("± 0.", "± .") if found else MISSING


def _count(row: Mapping[str, Any], good: float) -> str:
    found = row["prompts_to"].get(good)
    return f"{found['mean']:.2f}" if found else MISSING


def _gain(row: Mapping[str, Any], n: int) -> str:
    found = row["gain"].get(n)
    return f"{found['mean']:+.3f} ({found['low']:+.3f} {found['high']:+.3f})" if found else MISSING


def _numbers(row: Mapping[str, Any]) -> list[Any]:
    cells: list[Any] = [row["engine"], row["tasks"]]
    for n in COUNTS:
        spread, gained = row["dice"].get(n, {}), row["gain"].get(n) or {}
        cells += [spread.get("mean"), spread.get("sd")]
        cells += [gained.get(key) for key in ("mean", "low", "high")]
    for good in GOODS:
        found = row["prompts_to"].get(good, {})
        cells += [found.get("mean"), found.get("reached")]
    return [*cells, row["drop"], row["errors"]]

"""MedScribble: scribbles that three people drew on 2-D images, all methods on the same ones."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import matplotlib.pyplot as plt
import numpy as np
from rich.progress import track

from ImperfectSegLogic.data import Prompt, Scribble
from ImperfectSegLogic.metrics.dice import dice
from Testing.Benchmarks.data import ScribbleTask, medscribble
from Testing.Benchmarks.players import everyone
from Testing.Benchmarks.report import print_table, run, save, save_figure


def prompts_of(task: ScribbleTask, person: int) -> list[Prompt]:
    """Gives every run of scribbled pixels in a row as a stroke; what is on both is left out."""
    positive, negative = task.scribbles[person].astype(bool)
    prompts: list[Prompt] = []
    for label, marked in ((1, positive & ~negative), (0, negative & ~positive)):
        edges = np.diff(np.pad(marked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        for (j, start), (_, stop) in zip(
            np.argwhere(edges == 1), np.argwhere(edges == -1), strict=True
        ):
            ends = task.volume.geometry.to_ras([(0, j, start), (0, j, stop - 1)])
            prompts.append(Scribble(points=ends, label=label))
    return prompts


def measure(arguments: argparse.Namespace) -> None:
    """Runs everybody on the same scribbles and reports."""
    tasks = medscribble(arguments.data)
    tasks = tasks[::8] if arguments.quick else tasks
    players = everyone()
    overlaps: dict[tuple[str, str], list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    single = []
    for task in track(tasks, "scribbling"):
        for player in players:
            for person in range(len(task.scribbles)):
                prompts = prompts_of(task, person)
                if not any(prompt.label for prompt in prompts):
                    continue
                player.start(task.volume)
                start = time.perf_counter()
                mask = player.respond(prompts)
                seconds[player.name].append(time.perf_counter() - start)
                overlaps[task.group, player.name].append(dice(mask, task.truth))
                single.append(
                    [task.name, person, player.name, overlaps[task.group, player.name][-1]]
                )
    rows = []
    names = [player.name for player in players]
    groups = sorted({group for group, _ in overlaps})
    for group in groups:
        scores = [float(np.mean(overlaps[group, name])) for name in names]
        rows.append([group, len(overlaps[group, names[0]]), *scores])
    everything = [np.concatenate([overlaps[g, name] for g in groups]) for name in names]
    rows.append(["all", len(everything[0]), *[float(np.mean(e)) for e in everything]])
    rows.append(["ms, prompts included", "", *[1000 * float(np.mean(seconds[n])) for n in names]])
    columns = ["source", "scribbled images", *names]
    print_table("MedScribble, human scribbles, mean Dice", columns, rows)
    save("scribbles_2d", {"columns": columns, "rows": rows, "single": single})
    figure, axis = plt.subplots(figsize=(5, 3.6))
    axis.boxplot(everything, tick_labels=names)
    axis.set(ylabel="Dice", title="MedScribble, per person and image")
    save_figure("scribbles_2d", figure)


if __name__ == "__main__":
    run("scribbles_2d", __doc__, measure)

"""Plays one engine on the tasks of one set, in a process of its own: a JSON line per task.

Peak memory is that of this process, above what it had when it had read an image but no engine yet.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from Testing.Benchmarks.data import Task
from Testing.Benchmarks.interactive_playing import (
    Played,
    play,
    play_scribbles,
    scribbles_of,
)
from Testing.Benchmarks.interactive_sets import load_task
from Testing.Benchmarks.interactive_users import user_of
from Testing.Benchmarks.memory import peak_megabytes
from Testing.Benchmarks.parent import end_with

SCRIBBLED = "human scribbles"
"""The kind of prompts of sets that people scribbled on."""


def key_of(line: dict[str, Any]) -> tuple[str, str, str, str]:
    """Gives what a line is about, to know which are done."""
    return line["set"], line["task"], line["prompts"], line["fingerprint"]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads lines; the last one is left out if a kill cut it short."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def work(arguments: argparse.Namespace) -> None:
    """Plays what is not done yet and writes lines as they come."""
    paths = sorted(arguments.tasks.glob("*.npz"))
    largest = load_task(max(paths, key=lambda p: p.stat().st_size))
    before = peak_megabytes()
    from Testing.Benchmarks.interactive_engines import ADAPTING, ADAPTS_AT, Entry, make

    entry = Entry.read(arguments.engine)
    began = time.perf_counter()
    scribbled = arguments.prompts == SCRIBBLED
    player = make(entry, 1 if scribbled else ADAPTS_AT)
    made = time.perf_counter() - began
    _use_threads(arguments.threads)
    prompts = ADAPTS_AT if entry.name == ADAPTING else arguments.most
    told = {
        "set": arguments.set, "engine": entry.told, "prompts": arguments.prompts,
        "fingerprint": arguments.fingerprint,
    }  # fmt: skip
    done = {key_of(line) for line in read_lines(arguments.lines) if "dice" in line}
    _warm_up(player, largest.volume.is_2d)
    with arguments.lines.open("a", encoding="utf-8") as file:
        for name, task, played in _games(player, paths, arguments, prompts, done, told):
            line = {**told, "task": name, "group": task.group, "source": task.source}
            line |= {**vars(played), "dims": 2 if task.volume.is_2d else 3}
            line["load"] = round(os.getloadavg()[0], 2)
            line["peak"] = round(peak_megabytes() - before, 1)
            line["made"] = round(made, 3)
            _write(file, line)


def _games(
    player: Any,
    paths: Sequence[Path],
    arguments: argparse.Namespace,
    prompts: int,
    done: set[Any],
    told: dict[str, Any],
) -> Iterator[tuple[str, Task, Played]]:
    for path in paths:
        task = load_task(path)
        people = len(task.scribbles) if arguments.prompts == SCRIBBLED else 1
        for person in range(people):
            name = task.name if arguments.prompts != SCRIBBLED else f"{task.name} person {person}"
            if key_of({**told, "task": name}) in done:
                continue
            if arguments.prompts == SCRIBBLED:
                # One who marked nothing of the structure cannot ask for it.
                if any(prompt.label for prompt in scribbles_of(task, person)):
                    yield name, task, play_scribbles(player, task, person)
                continue
            user = user_of(arguments.prompts, name, arguments.seed)
            yield name, task, play(player, task, user, prompts)


def _write(file: Any, line: dict[str, Any]) -> None:
    line["dice"] = [round(d, 5) for d in line["dice"]]
    for key in ("seconds", "cpu"):
        line[key] = [round(s, 5) for s in line[key]]
    file.write(json.dumps(line) + "\n")
    file.flush()
    print(json.dumps({"task": line["task"], "error": line["error"]}), flush=True)


def _warm_up(player: Any, is_2d: bool) -> None:
    """Lets an engine load what it loads with its first answer, so that no task has to wait."""
    from Testing.Benchmarks.interactive_speed import phantom

    task = phantom((1, 64, 64) if is_2d else (32, 32, 32))
    play(player, task, user_of("clicks", "", 0), 1)


def _use_threads(threads: int) -> None:
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)


def arguments_of(texts: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line that the benchmark starts it with."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (
        ("set", str), ("engine", str), ("prompts", str), ("fingerprint", str), ("tasks", Path),
        ("lines", Path), ("seed", int), ("threads", int), ("most", int),
        ("parent", int),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, required=True)
    return parser.parse_args(texts)


if __name__ == "__main__":
    own = arguments_of()
    end_with(own.parent)
    work(own)

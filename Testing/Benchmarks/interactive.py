"""All interactive engines on all sets, with the same simulated user, beside the classical methods.

Dice by number of prompts, prompts to a Dice, seconds and memory. Every task is one line of a file
as soon as it is done: a run that was stopped goes on where it stopped, and what has not changed
(code, weights, data set rules) is not measured again. `imperfectseg bench interactive` starts it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ImperfectSegLogic.evidence.code_hash import ROOT, code_hash
from Testing.Benchmarks.data import MissingDataError
from Testing.Benchmarks.interactive_engines import (
    ADAPTED_TASKS,
    ADAPTING,
    Entry,
    accepts,
    all_entries,
    fingerprint,
    missing,
)
from Testing.Benchmarks.interactive_playing import PROMPTS
from Testing.Benchmarks.interactive_report import report
from Testing.Benchmarks.interactive_running import Job, run_jobs, tasks_to_play
from Testing.Benchmarks.interactive_sets import SETS, SPEED, save_tasks
from Testing.Benchmarks.interactive_speed import measure_speed
from Testing.Benchmarks.interactive_users import KINDS
from Testing.Benchmarks.interactive_worker import SCRIBBLED
from Testing.Benchmarks.parent import end_with
from Testing.Benchmarks.report import CONSOLE, OUTPUT

SEED = 2026
QUICK_PROMPTS = 3


def parser() -> argparse.ArgumentParser:
    """Makes the parser of `python -m Testing.Benchmarks.interactive`."""
    top = argparse.ArgumentParser(prog="python -m Testing.Benchmarks.interactive")
    top.add_argument("--data", metavar="DIR", type=Path, help="the data folder")
    top.add_argument("--sets", metavar="NAME", nargs="+", choices=[*SETS, SPEED], default=[])
    top.add_argument("--engines", metavar="NAME[=MODEL]", nargs="+", default=[])
    top.add_argument("--prompts", metavar="KIND", nargs="+", choices=KINDS, default=["clicks"])
    top.add_argument("--split", choices=("train", "val", "test"), default="test")
    top.add_argument("--quick", action="store_true")
    top.add_argument("--jobs", metavar="N", type=int, default=1)
    top.add_argument("--threads", metavar="N", type=int, default=1)
    top.add_argument("--seed", metavar="N", type=int, default=SEED)
    top.add_argument("--out", metavar="DIR", type=Path, default=OUTPUT / "interactive")
    top.add_argument("--fresh", action="store_true")
    top.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    return top


def entries_of(texts: Sequence[str]) -> list[Entry]:
    """Gives the engines to measure; says which are left out, and why.

    Raises:
        ValueError: If one that was asked for does not exist or misses something.
    """
    entries = [Entry.read(text) for text in texts] or all_entries()
    chosen = []
    for entry in entries:
        lacks = missing(entry)
        if lacks and texts:
            raise ValueError(f"--engines: {entry}: {lacks}")
        if lacks:
            CONSOLE.print(f"[yellow]left out: {entry}: {escape(lacks)}[/]", highlight=False)
        else:
            chosen.append(entry)
    return chosen


def measure(options: argparse.Namespace) -> int:
    """Plays everything that is not done yet, then reports; gives how many failed."""
    options.out = options.out.resolve()
    options.most = QUICK_PROMPTS if options.quick else PROMPTS
    entries = entries_of(options.engines)
    names = [n for n in options.sets or [*SETS, SPEED] if n != SPEED]
    options.out.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    broken: list[str] = []
    if names:
        with tempfile.TemporaryDirectory() as work:
            jobs = prepared(options, entries, names, Path(work))
            lines, broken = run_jobs(jobs, options)
    speed = None
    if SPEED in (options.sets or [SPEED]):
        rounds = 2 if options.quick else 10
        speed, more = measure_speed(entries, options.threads, rounds, options.most)
        broken += more
    failed = report(options, entries, lines, speed)
    for told in broken:
        CONSOLE.print(f"[red]broke down:[/] {escape(told)}", highlight=False)
    return failed + len(broken)


def prepared(
    options: argparse.Namespace, entries: Sequence[Entry], names: Sequence[str], work: Path
) -> list[Job]:
    """Reads the data, draws tasks, writes them for the workers, and lists who has to play them."""
    jobs = []
    rules = code_hash(
        [f"Testing.Benchmarks.interactive_{part}" for part in ("sets", "users", "playing")],
        ROOT,
        ("Testing.Benchmarks.data", "ImperfectSegLogic.methods.scarce.interactive.r"),
    )
    drawn = (options.split, options.seed, options.most)
    for name in names:
        one = SETS[name]
        try:
            _write_tasks(options, name, work)
        except MissingDataError as missing_data:
            if options.sets:
                raise
            CONSOLE.print(
                f"[yellow]left out: {name}: {escape(str(missing_data))}[/]", highlight=False
            )
            continue
        for kind in [SCRIBBLED] if one.scribbled else options.prompts:
            for entry in entries:
                if not _takes(entry, ("Scribble",) if one.scribbled else KINDS[kind].needs):
                    CONSOLE.print(f"{entry} takes no {kind}: left out on {name}", highlight=False)
                    continue
                part = "fewer" if entry.name == ADAPTING else "all"
                told = fingerprint(entry, rules, *(map(str, drawn)))
                jobs.append(Job(name, entry, kind, work / name / part, told))
    if names and not jobs:
        raise MissingDataError(f"{options.data} holds none of the image sets.")
    return jobs


def _write_tasks(options: argparse.Namespace, name: str, work: Path) -> None:
    """Reads a set and writes its tasks for the workers: all of them, and fewer for slow engines."""
    if options.data is None:
        raise MissingDataError("Give the folder that holds the images with --data DIR.")
    one = SETS[name]
    number = one.quick if options.quick else one.number
    with CONSOLE.status(f"reading {name}"):
        tasks = one.read(options.data, options.split, number, options.seed)
        save_tasks(tasks, work / name / "all")
        save_tasks(tasks_to_play(tasks, ADAPTED_TASKS), work / name / "fewer")


def _takes(entry: Entry, needs: Sequence[str]) -> bool:
    return set(needs) <= set(accepts(entry))


def main(texts: Sequence[str] | None = None) -> int:
    """Measures; 0, 1 where an engine failed, 2 after telling what to mend, 130 if stopped."""
    options = parser().parse_args(texts)
    if options.parent is not None:
        end_with(options.parent)
    try:
        return 1 if measure(options) else 0
    except (MissingDataError, ValueError, OSError) as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        return 2
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; the same command goes on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main())

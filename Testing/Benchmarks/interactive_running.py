"""Starts the workers of the interactive benchmark and collects their lines."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from Testing.Benchmarks.data import Task
from Testing.Benchmarks.interactive_engines import Entry
from Testing.Benchmarks.interactive_worker import read_lines
from Testing.Benchmarks.report import CONSOLE

ROOT = Path(__file__).resolve().parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One engine on one set with one kind of prompts.

    Attributes:
        set: Name of the set.
        entry: The engine.
        prompts: Their kind.
        tasks: The folder of the tasks' files.
        fingerprint: Of all that its results depend on.
    """

    set: str
    entry: Entry
    prompts: str
    tasks: Path
    fingerprint: str

    def lines(self, out: Path) -> Path:
        """Gives the file for its lines."""
        name = f"{self.set}-{self.entry.told}-{self.prompts}".replace(" ", "_")
        return out / "lines" / f"{name}.jsonl"


def tasks_to_play(tasks: Sequence[Task], most: int) -> list[Task]:
    """Gives the first tasks of each group, for an engine that is too slow for all; in their order.

    Scribbled sets count as one group, of which tasks are taken evenly apart.
    """
    if any(task.scribbles is not None for task in tasks):
        return list(tasks[:: max(1, -(-len(tasks) // most))])
    kept: list[Task] = []
    for task in tasks:
        if sum(one.group == task.group for one in kept) < most:
            kept.append(task)
    return kept


def run_jobs(
    jobs: Sequence[Job], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[str]]:
    """Runs all jobs, so many at a time; gives the lines of their tasks, and what broke down."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} done"),
        TimeElapsedColumn(), console=CONSOLE, transient=True,
        disable=not CONSOLE.is_terminal,
    )  # fmt: skip
    (options.out / "lines").mkdir(parents=True, exist_ok=True)
    for job in jobs:
        _keep_valid(job, options)
    failures: list[str] = []
    with bar:
        row = bar.add_task("playing", total=None)

        def advance(text: str) -> None:
            bar.update(row, advance=1, description=text)

        with ThreadPoolExecutor(options.jobs) as pool:
            started = [pool.submit(_run, job, options, advance) for job in jobs]
            try:
                failures = [told for future in started if (told := future.result())]
            except BaseException:
                for future in started:
                    future.cancel()
                raise
    lines = [line for job in jobs for line in _own(job, options.out)]
    return lines, failures


def _own(job: Job, out: Path) -> list[dict[str, Any]]:
    """Gives the lines about the tasks at hand: a quick run's file may hold a whole run's too."""
    wanted = _names(job)
    found = {}
    for line in read_lines(job.lines(out)):
        name = line["task"]
        if line["fingerprint"] == job.fingerprint and (
            name in wanted or name.rpartition(" person ")[0] in wanted
        ):
            found[name] = line
    return list(found.values())


def _names(job: Job) -> set[str]:
    from Testing.Benchmarks.interactive_sets import load_task

    return {load_task(path).name for path in job.tasks.glob("*.npz")}


def _keep_valid(job: Job, options: argparse.Namespace) -> None:
    """Drops lines that were measured with other code or weights, or all with `--fresh`."""
    path = job.lines(options.out)
    old = read_lines(path)
    kept = [line for line in old if line["fingerprint"] == job.fingerprint and not options.fresh]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        temporary = path.with_suffix(".new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    if len(old) > len(kept):
        told = f"{job.set}, {job.entry.told}: {len(old) - len(kept)} earlier results dropped"
        CONSOLE.print(f"{told}: {'--fresh' if options.fresh else 'code or weights changed since'}")


def _run(job: Job, options: argparse.Namespace, advance: Callable[[str], None]) -> str:
    """Runs one worker; gives what to tell if it broke down."""
    command = [
        sys.executable, "-m", "Testing.Benchmarks.interactive_worker",
        "--set", job.set, "--engine", str(job.entry), "--prompts", job.prompts,
        "--fingerprint", job.fingerprint, "--tasks", str(job.tasks),
        "--lines", str(job.lines(options.out)), "--seed", str(options.seed),
        "--threads", str(options.threads), "--most", str(options.most),
        "--parent", str(os.getpid()),
    ]  # fmt: skip
    environment = {**os.environ, **dict.fromkeys(THREADS, str(options.threads))}
    log = job.lines(options.out).with_suffix(".log")
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=file, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for _ in process.stdout:
                advance(f"{job.set}, {job.entry.told}, {job.prompts}")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        told = log.read_text(encoding="utf-8").strip().splitlines()[-3:]
        return (
            f"{job.entry.told} on {job.set} ended with exit code {process.returncode}:"
            f" {' '.join(told)} (all in {log})"
        )
    if not log.stat().st_size:
        log.unlink()
    return ""

"""Reports what the interactive benchmark found: on the screen and in files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from Testing.Benchmarks.interactive_engines import ADAPTING, CLASSICAL, Entry
from Testing.Benchmarks.interactive_numbers import adaptation, costs, groups_of, summary
from Testing.Benchmarks.interactive_speed import print_speed
from Testing.Benchmarks.interactive_tables import (
    draw,
    goals,
    print_adaptation,
    print_costs,
    print_dice,
    print_gains,
    print_goals,
    write_tables,
)
from Testing.Benchmarks.interactive_worker import SCRIBBLED
from Testing.Benchmarks.report import CONSOLE, save, save_figure


def report(
    options: argparse.Namespace,
    entries: Sequence[Entry],
    lines: Sequence[dict[str, Any]],
    speed: list[Any] | None,
) -> int:
    """Prints and writes everything; gives the number of failed tasks."""
    result: dict[str, Any] = {
        "split": options.split, "seed": options.seed, "quick": options.quick, "speed": speed,
        "threads": options.threads, "jobs": options.jobs,
    }  # fmt: skip
    if lines:
        groups = groups_of(lines, SCRIBBLED)
        summaries = {group: summary(own, CLASSICAL) for group, own in groups.items()}
        print_dice(summaries)
        print_gains(summaries)
        print_goals(summaries, CLASSICAL)
        adapted = adaptation(groups, ADAPTING, _bases(entries))
        print_adaptation(adapted)
        print_costs(costs(lines))
        write_tables(options.out, summaries, lines)
        result["groups"] = [
            {"set": s, "group": g, "prompts": p, "engines": rows}
            for (s, g, p), rows in summaries.items()
        ]
        result |= {"goals": goals(summaries, CLASSICAL), "adaptation": adapted}
        result["costs"] = costs(lines)
        save_figure("interactive", draw(groups), options.out)
    if speed is not None:
        print_speed(speed)
    save("interactive", result, options.out)
    failed = [line for line in lines if line["error"]]
    for line in failed[:10]:
        told = f"{line['engine']}, {line['set']}, {line['task']}: {line['error']}"
        CONSOLE.print(f"[red]failed:[/] {escape(told)}", highlight=False)
    return len(failed)


def _bases(entries: Sequence[Entry]) -> list[str]:
    """Gives the engine that the adapting one is made around, if it takes part."""
    from ImperfectSegLogic.methods.scarce.interactive.wang2018a import default_engine

    own = [e for e in entries if e.name == ADAPTING and e.model]
    same = [e.told for e in entries if own and e.model == own[0].model and e.name != ADAPTING]
    return same or [default_engine().card.name]

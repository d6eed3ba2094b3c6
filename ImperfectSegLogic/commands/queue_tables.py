"""What `imperfectseg queue` tells of a queue: tables, and the same as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.commands.terminal import console, plain
from ImperfectSegLogic.data.safe_writing import check_target, replacing

SHOWN = 200
"""How many units the table shows; the JSON file has all."""
STATES = ("open", "leased", "done", "skipped", "flagged")


def states_table(items: Sequence[Item], title: str) -> Table:
    """Makes the table of how many units stand how."""
    table = Table(*STATES, "all", title=plain(title))
    count = Counter[str](item.state for item in items)
    table.add_row(*(str(count[state]) for state in STATES), str(len(items)))
    return table


def annotators_table(items: Sequence[Item]) -> Table:
    """Makes the table of who has done how much, and how fast."""
    table = Table("annotator", "done", "at work", "seconds per unit")
    every = [reading for item in items for reading in item.standing.readings]
    for name in sorted({reading.annotator for reading in every}):
        own = [r for r in every if r.annotator == name]
        known = [r.seconds for r in own if r.done and r.seconds is not None]
        done = sum(r.done for r in own)
        mean = f"{sum(known) / len(known):.0f}" if known else "-"
        table.add_row(plain(name), str(done), str(len(own) - done), mean)
    return table


def items_table(items: Sequence[Item]) -> Table:
    """Makes the table of single units."""
    left = len(items) - SHOWN
    caption = f"and {left} more; --json FILE writes all" if left > 0 else None
    unit, reason = Column("unit", no_wrap=True), Column("reason", overflow="fold")
    table = Table(unit, "state", "score", reason, "annotators", caption=caption)
    for item in items[:SHOWN]:
        names = ", ".join(r.annotator for r in item.standing.readings)
        score = "-" if math.isnan(item.score) else f"{item.score:.4g}"
        why = item.standing.why or item.reason
        table.add_row(plain(item.unit.name()), item.state, score, plain(why), plain(names))
    return table


def item_content(item: Item) -> dict[str, Any]:
    """Gives what JSON tells of a unit."""
    return {
        "unit": item.unit.name(),
        **asdict(item.unit),
        "kind": item.unit.kind,
        "score": None if math.isnan(item.score) else item.score,
        "reason": item.reason,
        "state": item.state,
        "aside": item.standing.why,
        "readings_wanted": item.wanted,
        "readings": [asdict(reading) for reading in item.standing.readings],
    }


def queue_content(queue: Queue) -> dict[str, Any]:
    """Gives what JSON tells of a queue."""
    items, ranking = queue.items(), queue.ranking()
    return {
        "ranking": ranking.number,
        "about": ranking.about,
        "readings_wanted": ranking.readings,
        "states": dict(Counter(item.state for item in items)),
        "items": [item_content(item) for item in items],
    }


def check_json(path: Path | None, overwrite: bool) -> None:
    """Checks before any work is done that a JSON file can be written.

    Raises:
        ValueError: If its name does not end in .json.
        OSError: If it is there already, or cannot be written.
    """
    if path:
        check_target(path, (".json",), overwrite)


def write_json_file(path: Path | None, content: Mapping[str, Any], overwrite: bool) -> None:
    """Writes a JSON file, if there shall be one.

    Raises:
        OSError: If it is there already, or cannot be written.
    """
    if path:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        with replacing(path, (".json",), overwrite) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        console.print(f"written: {plain(path)}")

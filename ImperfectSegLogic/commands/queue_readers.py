"""`imperfectseg queue compare` and `resolve`: units that several annotators have read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.table import Column, Table

from ImperfectSegLogic.active.disagreement import (
    CONSENSUS,
    STAPLE,
    Disagreement,
    disagreements,
    resolve,
)
from ImperfectSegLogic.active.queue import Queue
from ImperfectSegLogic.active.queue_items import Item
from ImperfectSegLogic.active.queue_saving import save
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.commands.queue_annotation import read_annotation
from ImperfectSegLogic.commands.queue_tables import SHOWN, check_json, write_json_file
from ImperfectSegLogic.commands.terminal import bar, console, plain
from ImperfectSegLogic.data import Dataset

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the commands to the parser."""
    text = "tell how far annotators disagree on what several have read"
    told = commands.add_parser("compare", help=text)
    told.add_argument("dataset", metavar="DATASET", type=Path)
    told.add_argument("--json", metavar="FILE", type=Path, help="also write all there is")
    told.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    told.set_defaults(run=_compare)
    made = commands.add_parser("resolve", help="make one annotation of those of several annotators")
    made.add_argument("dataset", metavar="DATASET", type=Path)
    text = "default: all that at least two have read"
    made.add_argument("units", metavar="UNIT", nargs="*", help=text)
    text = "'staple', or the annotator who is right; default: %(default)s"
    made.add_argument("--by", metavar="NAME", default=STAPLE, help=text)
    text = "of one unit: what somebody drew by hand, as a segmentation or label map"
    made.add_argument("--annotation", metavar="FILE", type=Path, help=text)
    text = "whose annotation the result is; default: %(default)s"
    made.add_argument("--as", dest="name", metavar="NAME", default=CONSENSUS, help=text)
    made.set_defaults(run=_resolve)


def _compare(options: argparse.Namespace) -> None:
    check_json(options.json, options.overwrite)
    dataset, items = _read_by_several(options)
    found: list[Disagreement] = []
    with bar("Comparing", time_left=True) as listener:
        for n, item in enumerate(items):
            listener(n / len(items), item.unit.name())
            try:
                found += disagreements(dataset, item)
            except (OSError, ValueError) as error:
                console.print(f"note: {plain(error)}")
    found.sort(key=lambda one: one.dice)
    console.print(_table(dataset, found))
    content = {"disagreements": [_content(one) for one in found]}
    write_json_file(options.json, content, options.overwrite)


def _table(dataset: Dataset, found: Sequence[Disagreement]) -> Table:
    left = len(found) - SHOWN
    caption = f"and {left} more; --json FILE writes all" if left > 0 else None
    heads = ("annotators", "label", "Dice", "HD95 (mm)", "kappa")
    table = Table(Column("unit", no_wrap=True), *heads, caption=caption)
    for one in found[:SHOWN]:
        label = f"{one.label} {dataset.labels.get(one.label, '')}"
        numbers = (f"{one.dice:.3f}", f"{one.hd95:.2f}", f"{one.kappa:.3f}")
        shown = ["-" if text == "nan" else text for text in numbers]
        table.add_row(one.unit.name(), ", ".join(one.readers), plain(label.strip()), *shown)
    return table


def _content(one: Disagreement) -> dict[str, object]:
    """Gives what JSON tells; it knows neither NaN nor infinity."""
    numbers = {key: getattr(one, key) for key in ("dice", "hd95", "kappa")}
    finite = {key: value if np.isfinite(value) else str(value) for key, value in numbers.items()}
    return asdict(one) | finite | {"unit": one.unit.name()}


def _resolve(options: argparse.Namespace) -> None:
    if options.annotation and (len(options.units) != 1 or options.by != STAPLE):
        raise ValueError("--annotation: needs exactly one UNIT, and no --by.")
    if options.annotation:
        dataset, unit = Dataset.open(options.dataset), parse(options.units[0])
        mask = read_annotation(dataset, unit, options.annotation)
        version = save(dataset, unit, mask, options.name)
        console.print(f"resolved: {plain(unit.name())}, version {version} of {options.name}")
        return
    dataset, items = _read_by_several(options)
    if not items:
        raise ValueError("resolve: no unit was read by two annotators yet.")
    with bar("Resolving", time_left=True) as listener:
        for n, item in enumerate(items):
            listener(n / len(items), item.unit.name())
            resolve(dataset, item, options.by, options.name)
    console.print(f"resolved: {len(items)} units, as annotations of {options.name}")


def _read_by_several(options: argparse.Namespace) -> tuple[Dataset, list[Item]]:
    """Gives the units that at least two have read; those that were named, whoever has read them."""
    queue = Queue(Dataset.open(options.dataset))
    items = {item.unit: item for item in queue.items()}
    wanted = [parse(name) for name in getattr(options, "units", ())]
    for unit in wanted:
        if unit not in items:
            raise ValueError(f"{unit.name()}: is not in the queue.")
    several = [i for i in items.values() if sum(r.done for r in i.standing.readings) > 1]
    return queue.dataset, [items[unit] for unit in wanted] or several

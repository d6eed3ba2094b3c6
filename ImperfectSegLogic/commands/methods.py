"""`imperfectseg methods`: what there is, what it needs, and what can be set."""

from __future__ import annotations

import argparse
from typing import Any

from rich.table import Column, Table

from ImperfectSegLogic.commands.terminal import console, need_torch, plain
from ImperfectSegLogic.evidence.standing import proven_names
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.card import Status
from ImperfectSegLogic.methods.packages import absent_packages
from ImperfectSegLogic.methods.settings import fields_of

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    methods = commands.add_parser(
        "methods",
        help="list engines and methods for training, refining and querying, or tell about one",
    )
    methods.add_argument("name", metavar="NAME", nargs="?", help="tell about this one")
    methods.set_defaults(run=_methods)


def _methods(options: argparse.Namespace) -> None:
    engines = {kind.card.name: kind for kind in catalog.INTERACTIVE_SEGMENTERS}
    if options.name is None:
        console.print(_engines(engines))
        need_torch()
        console.print(_trainable(_every()))
        return
    engine = engines.get(options.name)
    if engine is not None:
        _tell_engine(engine)
        if absent_packages():
            return
    need_torch()
    every = _every()
    if options.name in every:  # Some are both: an engine, and what trains its network.
        _tell_settings(options.name, every[options.name])
    elif engine is None:
        allowed = ", ".join(dict.fromkeys((*engines, *every)))
        raise ValueError(f"methods: got {options.name!r}, allowed are {allowed}.")


def _every() -> dict[str, Any]:
    trained = (*catalog.training_methods(), *catalog.transforms())
    every = (*trained, *catalog.refiners(), *catalog.query_strategies())
    return {m.card.name: m for m in every}


def _engines(engines: dict[str, type[InteractiveSegmenter]]) -> Table:
    table = Table(
        Column("interactive engine", no_wrap=True),
        "prompts",
        "D",
        "model to bring (--model)",
        "missing here",
    )
    for name, kind in engines.items():
        card = kind.card
        dims = ", ".join(map(str, card.dims))
        kinds = ", ".join(card.accepts).lower()
        needs, missing = kind.needs_model or "none", kind.missing() or "nothing"
        table.add_row(name, kinds, dims, plain(needs), plain(missing))
    return table


def _trainable(every: dict[str, Any]) -> Table:
    table = Table(
        Column("name", no_wrap=True), "what it is", "needs", "D", "what is said of it", "status"
    )
    proven = proven_names()
    for name, kind in every.items():
        card = kind.card
        dims = ", ".join(map(str, card.dims))
        table.add_row(
            name,
            card.table_row,
            card.requires.value,
            dims,
            plain(card.claims),
            (Status.PROVEN if name in proven else Status.BUILT).value,
        )
    return table


def _tell_engine(kind: type[InteractiveSegmenter]) -> None:
    told = plain(kind.__doc__ or "")
    console.print(f"[bold]{kind.card.name}[/], an interactive engine\n{told}\n", highlight=False)
    for what, said in (
        ("what is said of it", kind.card.claims),
        ("takes", ", ".join(kind.card.accepts)),
        ("needs", kind.needs_model or "no model"),
        ("missing here", kind.missing() or "nothing"),
    ):
        console.print(f"{what}: {plain(said)}", highlight=False)


def _tell_settings(name: str, kind: Any) -> None:
    console.print(f"[bold]{name}[/]\n{plain(kind.__doc__ or '')}\n", highlight=False)
    table = Table("setting", "default", "allowed", "what it is")
    for one in fields_of(kind.settings_type):
        limits = ", ".join(map(str, one.choices)) or f"{one.low} to {one.high}"
        table.add_row(one.name, plain(one.default), limits, plain(one.text))
    console.print(table)

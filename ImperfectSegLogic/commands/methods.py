"""`imperfectseg methods`: what there is, and what can be set."""

from __future__ import annotations

import argparse

from rich.table import Column, Table

from ImperfectSegLogic.commands.terminal import console, need_torch, plain
from ImperfectSegLogic.evidence.standing import status_of
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.settings import fields_of

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    methods = commands.add_parser(
        "methods", help="list training methods and sample transforms, or tell about one of them"
    )
    methods.add_argument("name", metavar="NAME", nargs="?", help="tell what this one has to set")
    methods.set_defaults(run=_methods)


def _methods(options: argparse.Namespace) -> None:
    need_torch()
    every = {m.card.name: m for m in (*catalog.training_methods(), *catalog.transforms())}
    if options.name is None:
        table = Table(
            Column("name", no_wrap=True), "what it is", "needs", "D", "what is said of it", "status"
        )
        for name, kind in every.items():
            card = kind.card
            dims = ", ".join(map(str, card.dims))
            status = status_of(card).value
            table.add_row(
                name, card.table_row, card.requires.value, dims, plain(card.claims), status
            )
        console.print(table)
        return
    if options.name not in every:
        raise ValueError(f"methods: got {options.name!r}, allowed are {', '.join(every)}.")
    kind = every[options.name]
    console.print(f"[bold]{options.name}[/]\n{plain(kind.__doc__ or '')}\n", highlight=False)
    table = Table("setting", "default", "allowed", "what it is")
    for one in fields_of(kind.settings_type):
        limits = ", ".join(map(str, one.choices)) or f"{one.low} to {one.high}"
        table.add_row(one.name, plain(one.default), limits, plain(one.text))
    console.print(table)

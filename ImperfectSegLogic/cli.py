"""The `imperfectseg` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from ImperfectSegLogic import __version__, demo
from ImperfectSegLogic.commands import (
    bench,
    complete,
    dataset,
    dicom,
    evaluate,
    evidence,
    measure,
    methods,
    predict,
    queue,
    refine,
    segment,
    train,
    train_default,
)
from ImperfectSegLogic.commands.terminal import bar, console, errors, plain
from ImperfectSegLogic.data import read_volume


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives 0, 1 where a check found problems, 2 after telling what to mend."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (ValueError, OSError) as error:
        errors.print(f"[bold red]error:[/] {plain(error)}", highlight=False)
        return 2
    except KeyboardInterrupt:
        errors.print("stopped.")
        return 130


def parser() -> argparse.ArgumentParser:
    """Makes the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="imperfectseg", description="Good segmentations from few, sparse or rough annotations."
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    segment.add_to(commands)
    _add_info(commands)
    _add_demo(commands)
    each = (
        dataset,
        dicom,
        train,
        train_default,
        predict,
        refine,
        complete,
        queue,
        evaluate,
        measure,
        evidence,
        methods,
        bench,
    )
    for command in each:
        command.add_to(commands)
    return top


def _add_info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    info = commands.add_parser("info", help="tell what an image is and whether it can be segmented")
    info.add_argument("image", metavar="IMAGE", type=Path, help="image file or DICOM folder")
    info.set_defaults(run=_info)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    shown = commands.add_parser("demo", help="segment a real brain with scripted clicks")
    shown.add_argument("--out", metavar="FOLDER", type=Path, default=Path("demo"))
    shown.add_argument("--overwrite", action="store_true", help="replace an earlier demo's files")
    shown.set_defaults(run=_demo)


def _info(options: argparse.Namespace) -> None:
    volume = read_volume(options.image)
    table = Table(title=str(options.image), show_header=False)
    k, j, i = volume.geometry.shape
    dk, dj, di = volume.geometry.spacing
    table.add_row("voxels", f"{i} x {j} x {k} (columns, rows, slices)")
    table.add_row("spacing", f"{di:.4g} x {dj:.4g} x {dk:.4g} mm")
    table.add_row("values", f"{volume.array.dtype}, {volume.array.min()} to {volume.array.max()}")
    table.add_row("channels", str(volume.channels))
    rows = [" ".join(f"{x:9.4f}" for x in row) for row in volume.ijk_to_ras]
    table.add_row(
        "IJK to RAS", "\n".join(rows) + ("\n(sheared)" if volume.geometry.is_sheared else "")
    )
    try:
        volume.check_scalar()
        table.add_row("segmentable", "yes")
    except ValueError as error:
        table.add_row("segmentable", f"no: {plain(error)}")
    console.print(table)


def _demo(options: argparse.Namespace) -> None:
    table = Table("round", "prompts", "seconds", "white matter, Dice", "what the user did")
    rounds = []
    with bar("Segmenting a brain") as listener:
        for step in demo.rounds():
            rounds.append(step)
            listener(len(rounds) / demo.NUMBER_OF_ROUNDS, step.title)
            table.add_row(
                str(len(rounds)),
                str(len(step.prompts)),
                f"{step.seconds:.2f}",
                f"{step.dice:.3f}",
                step.title,
            )
    console.print(table)
    for path in demo.write(rounds[-1], options.out, options.overwrite):
        console.print(f"written: {path}")


if __name__ == "__main__":
    sys.exit(main())

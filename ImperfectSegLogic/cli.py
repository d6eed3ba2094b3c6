"""The `imperfectseg` command."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from ImperfectSegLogic import __version__, demo
from ImperfectSegLogic.commands import dataset, evaluate, evidence, methods, predict, train
from ImperfectSegLogic.commands.terminal import bar, console, errors, named_labels, plain
from ImperfectSegLogic.data import (
    Case,
    Prediction,
    Prompt,
    Segmentation,
    Volume,
    check_segmentation_target,
    read_prompts,
    read_volume,
    write_label_map,
    write_probabilities,
    write_segmentation,
)
from ImperfectSegLogic.data.safe_writing import check_target
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS, interactive_segmenter
from ImperfectSegLogic.methods.progress import Progress

PROMPTS_HELP = """\
Prompts are files: what 3D Slicer saves (.mrk.json: point lists, curves, closed curves, ROI boxes)
or ImperfectSeg's own .json. A point's text says what it is about: "+2" is label 2, "-2" is "not
label 2", "0" is background, a name given with --names works too; any other text, such as Slicer's
"F-1", is label 1.
"""


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
    _add_segment(commands)
    _add_info(commands)
    _add_demo(commands)
    for command in (dataset, train, predict, evaluate, evidence, methods):
        command.add_to(commands)
    return top


def _add_segment(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    names = [engine.card.name for engine in INTERACTIVE_SEGMENTERS]
    segment = commands.add_parser(
        "segment",
        help="segment an image by clicks, scribbles and boxes",
        description="Segments an image by clicks, scribbles and boxes.",
        epilog=PROMPTS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    segment.add_argument("image", metavar="IMAGE", type=Path, help="image file or DICOM folder")
    for option, what in (("points", "clicks"), ("scribbles", "scribbles"), ("box", "boxes")):
        segment.add_argument(
            f"--{option}", metavar="FILE", type=Path, nargs="+", default=[], help=f"{what} to use"
        )
    segment.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help=".seg.nrrd keeps names and colors; .nii.gz, .nrrd or .mha hold the numbers only",
    )
    segment.add_argument(
        "--names", metavar="NUMBER=NAME", nargs="+", default=[], help="e.g. 1=liver 2=spleen"
    )
    segment.add_argument("--engine", choices=names, default=names[0], help="default: %(default)s")
    segment.add_argument(
        "--probabilities", metavar="FILE", type=Path, help="also write the probabilities (.nrrd)"
    )
    segment.add_argument("--overwrite", action="store_true", help="replace existing output files")
    segment.set_defaults(run=_segment)


def _add_info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    info = commands.add_parser("info", help="tell what an image is and whether it can be segmented")
    info.add_argument("image", metavar="IMAGE", type=Path, help="image file or DICOM folder")
    info.set_defaults(run=_info)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    shown = commands.add_parser("demo", help="segment a real brain with scripted clicks")
    shown.add_argument("--out", metavar="FOLDER", type=Path, default=Path("demo"))
    shown.add_argument("--overwrite", action="store_true", help="replace an earlier demo's files")
    shown.set_defaults(run=_demo)


def _segment(options: argparse.Namespace) -> None:
    check_segmentation_target(options.out, options.overwrite)
    if options.probabilities:
        check_target(options.probabilities, (".nrrd",), options.overwrite)
    names = named_labels("--names", options.names)
    files = [*options.points, *options.scribbles, *options.box]
    prompts = [prompt for file in files for prompt in read_prompts(file, names=names)]
    if not prompts:
        raise ValueError("no prompts: give at least one file with --points, --scribbles or --box.")
    volume = read_volume(options.image)
    prediction, seconds = _respond(options.engine, volume, prompts)
    _write(prediction, names, options)
    labels = prediction.region_labels()
    told = dict.fromkeys((*names, *prediction.labels[1:]))
    found = ", ".join(
        f"{names.get(n, f'label {n}')}: {np.count_nonzero(labels == n)} voxels" for n in told
    )
    console.print(f"{len(prompts)} prompts, {seconds:.2f} s. {found}. Written to {options.out}")


def _respond(engine: str, volume: Volume, prompts: list[Prompt]) -> tuple[Prediction, float]:
    segmenter = interactive_segmenter(engine)
    started = time.perf_counter()
    with bar("Segmenting") as listener:
        segmenter.set_case(Case(volume, volume.name))
        prediction = segmenter.respond(prompts, progress=Progress(listener))
    return prediction, time.perf_counter() - started


def _write(prediction: Prediction, names: dict[int, str], options: argparse.Namespace) -> None:
    if options.out.name.lower().endswith(".seg.nrrd"):
        wanted = {n: names.get(n, f"Segment_{n}") for n in prediction.labels[1:]}
        segmentation = Segmentation.from_labels(
            prediction.full_labels(), prediction.geometry, wanted
        )
        write_segmentation(segmentation, options.out, options.overwrite)
    else:
        write_label_map(
            prediction.full_labels(), prediction.geometry, options.out, options.overwrite
        )
    if options.probabilities:
        write_probabilities(prediction, options.probabilities, options.overwrite)


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

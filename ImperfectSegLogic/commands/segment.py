"""`imperfectseg segment`: an image and prompts become a segmentation."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from ImperfectSegLogic.commands.terminal import bar, console, named_labels, plain
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
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.catalog import (
    INTERACTIVE_SEGMENTERS,
    default_segmenter,
    interactive_segmenter,
)
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.network_engine import NetworkEngine

PROMPTS_HELP = """\
Prompts are files: what 3D Slicer saves (.mrk.json: point lists, curves, closed curves, ROI boxes)
or ImperfectSeg's own .json. A point's text says what it is about: "+2" is label 2, "-2" is "not
label 2", "0" is background, a name given with --names works too; any other text, such as Slicer's
"F-1", is label 1. Engines that need a model are told by: imperfectseg methods
"""

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
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
    _add_engine_to(segment)
    segment.add_argument(
        "--probabilities", metavar="FILE", type=Path, help="also write the probabilities (.nrrd)"
    )
    segment.add_argument("--overwrite", action="store_true", help="replace existing output files")
    segment.set_defaults(run=_segment)


def _add_engine_to(segment: argparse.ArgumentParser) -> None:
    default = default_segmenter().card.name
    segment.add_argument(
        "--engine",
        choices=[engine.card.name for engine in INTERACTIVE_SEGMENTERS],
        help=f"what answers the prompts; default: {default}",
    )
    segment.add_argument(
        "--model", metavar="FILE", type=Path, help="file or folder, for an engine that needs one"
    )
    segment.add_argument(
        "--adapt",
        metavar="SECONDS",
        type=float,
        help="let the engine's network learn from the prompts and the image first (BIFSeg)",
    )


def _segment(options: argparse.Namespace) -> None:
    check_segmentation_target(options.out, options.overwrite)
    if options.probabilities:
        check_target(options.probabilities, (".nrrd",), options.overwrite)
    names = named_labels("--names", options.names)
    files = [*options.points, *options.scribbles, *options.box]
    prompts = [prompt for file in files for prompt in read_prompts(file, names=names)]
    if not prompts:
        raise ValueError("no prompts: give at least one file with --points, --scribbles or --box.")
    segmenter = _engine(options)
    volume = read_volume(options.image)
    prediction, seconds = _respond(segmenter, volume, prompts, options.adapt)
    _write(prediction, names, options)
    labels = prediction.region_labels()
    told = dict.fromkeys((*names, *prediction.labels[1:]))
    found = ", ".join(
        f"{names.get(n, f'label {n}')}: {np.count_nonzero(labels == n)} voxels" for n in told
    )
    for note in prediction.notes:
        console.print(f"[yellow]note:[/] {plain(note)}")
    console.print(f"{len(prompts)} prompts, {seconds:.2f} s. {found}. Written to {options.out}")


def _engine(options: argparse.Namespace) -> InteractiveSegmenter:
    """Makes the engine that was asked for, and wraps it where its network is to adapt."""
    if options.model is not None and options.engine is None:
        takers = [e.card.name for e in INTERACTIVE_SEGMENTERS if e.needs_model]
        raise ValueError(
            f"--model: got {options.model} without an engine; allowed with --engine are"
            f" {', '.join(takers)}. `imperfectseg methods` tells what each of them takes."
        )
    name = options.engine or default_segmenter().card.name
    if options.adapt is not None and not options.adapt > 0:
        raise ValueError(f"--adapt: got {options.adapt}, allowed are seconds above 0.")
    engine = interactive_segmenter(name, options.model)
    if options.adapt is None or hasattr(engine, "adapt"):
        return engine
    if not isinstance(engine, NetworkEngine):
        raise ValueError(
            f"--adapt: got the engine {name}, which has no network that could adapt. Leave out"
            " --adapt, or choose another engine."
        )
    from ImperfectSegLogic.methods.scarce.interactive.wang2018a import BIFSeg

    return BIFSeg(engine)


def _respond(
    segmenter: InteractiveSegmenter, volume: Volume, prompts: list[Prompt], adapt: float | None
) -> tuple[Prediction, float]:
    started = time.perf_counter()
    with bar("Segmenting") as listener:
        progress = Progress(listener)
        segmenter.set_case(Case(volume, volume.name))
        if adapt is None:
            prediction = segmenter.respond(prompts, progress=progress)
        else:
            prediction = segmenter.adapt(prompts, progress=progress, seconds=adapt)  # type: ignore[attr-defined]
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

"""`imperfectseg complete`: sparse annotations of a data set become masks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from ImperfectSegLogic.commands.batch import run_batch
from ImperfectSegLogic.commands.complete_targets import KINDS, CompletionTarget
from ImperfectSegLogic.commands.terminal import console, need_torch, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.data.slices import AXIS_NAMES
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS, interactive_segmenter
from ImperfectSegLogic.methods.progress import Progress

WANTED = "wanted.json"
MOST_TOLD = 10
WITH_ENGINE = ("scribbles", "grid")
DESCRIPTION = """\
Completes sparse annotations of a data set to masks, without training:

  recist     two diameters per lesion, by a trained model with --model, else by growing
  scribbles  a few voxels of each structure, by an interactive engine
  slices     a few slices of which every voxel is labeled, any axis
  grid       labeled points, by an interactive engine
  frames     masks of some frames; the frames are the cases of one subject, in the order of ids

Each mask is a new annotation by completed-FROM (NoisyMask). Its probabilities, its uncertainty
(CASE-entropy.nrrd) and the slices worth annotating next (wanted.json) are in the data set's folder
predictions/completed-FROM. What was completed with the same input and settings is kept. A case that
fails does not stop the rest.
"""

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser(
        "complete",
        help="complete scribbles, slices, points, diameters or frames to masks",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("dataset", metavar="DATASET", type=Path, help="folder of the data set")
    top.add_argument(
        "--from", dest="kind", choices=tuple(KINDS), required=True, help="what there is"
    )
    text = "whose annotations; default: everybody's but completed ones, joined"
    top.add_argument("--annotator", metavar="NAME", nargs="+", default=[], help=text)
    text = "whose label counts where two annotators differ; without it that is an error"
    top.add_argument("--prefer", metavar="NAME", help=text)
    names = [engine.card.name for engine in INTERACTIVE_SEGMENTERS]
    top.add_argument("--engine", choices=names, help="for scribbles and grid")
    text = "of an engine that needs one; for recist a trained model: a file, or its name here"
    top.add_argument("--model", metavar="FILE", help=text)
    text = "what the result is called; default: completed-FROM"
    top.add_argument("--as", dest="name", metavar="NAME", help=text)
    top.add_argument("--cases", metavar="CASE", nargs="+", default=[], help="default: all")
    top.add_argument("--overwrite", action="store_true", help="complete anew what is done already")
    top.set_defaults(run=_complete)


def _complete(options: argparse.Namespace) -> int:
    target = _target(options, Dataset.open(options.dataset))
    target.check()
    failed: dict[str, str] = {}

    def work(one: str, progress: Progress) -> tuple[str, ...]:
        try:
            return target.complete(one, progress)
        except (ValueError, OSError) as error:
            failed[one] = str(error)
            return ()

    run_batch(target, work, options.overwrite, "Completing", "worked on")
    wanted = target.wanted()
    write_json(target.place / WANTED, wanted, overwrite=True)
    _tell(wanted, target.place / WANTED)
    for one, why in failed.items():
        told = "" if one in why else f"{one}: "
        console.print(f"[red]failed:[/] {plain(told + why)}", highlight=False)
    return 1 if failed else 0


def _target(options: argparse.Namespace, dataset: Dataset) -> CompletionTarget:
    from ImperfectSegLogic.commands.complete_cases import MarkedCases, Sequences

    kind = options.kind
    if options.engine and kind not in WITH_ENGINE:
        raise ValueError(
            f"--engine: got {options.engine}, but --from {kind} uses none; it is for"
            f" {' and '.join(WITH_ENGINE)}. Leave it out."
        )
    if kind == "frames" and not options.model:
        return Sequences(options, dataset)
    if kind == "recist" and options.model:
        from ImperfectSegLogic.commands.predict_models import find_models
        from ImperfectSegLogic.prediction.predictor import Predictor

        need_torch()
        paths = find_models([options.model], dataset)
        return MarkedCases(options, dataset, None, Predictor.load(paths))
    if options.model and not options.engine:
        raise ValueError(
            f"--model: got {options.model}, allowed for recist, or with an --engine that needs one."
            " Leave it out, or name the engine."
        )
    engine = interactive_segmenter(options.engine, options.model) if options.engine else None
    return MarkedCases(options, dataset, engine)


def _tell(wanted: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Prints the slices that are wanted most."""
    every = [(case, one) for case, slices in wanted.items() for one in slices]
    every.sort(key=lambda pair: -pair[1]["uncertainty"])
    if not every:
        return
    table = Table("case", "axis", "slice", "uncertainty", "why", title="Worth annotating next")
    for case, one in every[:MOST_TOLD]:
        axis, sure = AXIS_NAMES[one["axis"]], f"{one['uncertainty']:.2f}"
        table.add_row(case, axis, str(one["index"]), sure, plain(one["reason"]))
    console.print(table)
    if len(every) > MOST_TOLD:
        console.print(f"{len(every) - MOST_TOLD} more in {path}")

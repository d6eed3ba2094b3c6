"""`imperfectseg refine`: make segmentations and probabilities better by the image."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ImperfectSegLogic.commands import calibrate
from ImperfectSegLogic.commands.batch import run_batch
from ImperfectSegLogic.commands.predict_targets import is_dataset, is_many
from ImperfectSegLogic.commands.refine_dataset import DatasetTarget
from ImperfectSegLogic.commands.refine_targets import FileTarget, FolderTarget, RefineTarget
from ImperfectSegLogic.commands.terminal import console, named_labels, need_torch, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.label_probabilities import CERTAINTY
from ImperfectSegLogic.refinement.profile import Profile, Step, read_profile

Commands = argparse._SubParsersAction
CLEAN_UP = "clean-up"
DESCRIPTION = """\
Refines a segmentation, or better the probabilities that `imperfectseg predict --probabilities`
stored: one file, a folder, or the predictions of a data set. Several methods are applied one after
the other. What is refined already stays as it is, so that the same command goes on where it was
stopped. With --calibrate it finds settings by the validation cases of a data set, and stores them
as a profile beside the model, where `imperfectseg predict --refine` finds them.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser(
        "refine",
        help="refine segmentations by the image; calibrate that",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text = "probabilities or a segmentation, a folder or 'pattern*' of them, or a data set"
    top.add_argument("input", metavar="IN", nargs="?", help=text)
    _add_method_options(top)
    _add_output_options(top)
    data = top.add_argument_group("only for a data set")
    text = "whose predictions; with --calibrate the model to calibrate for"
    data.add_argument("--model", metavar="NAME", help=text)
    text = "which cases; default: all that are predicted, with --calibrate val"
    data.add_argument("--split", metavar="NAME", help=text)
    data.add_argument("--fold", metavar="N", type=int, default=0, help="of the splits")
    text = "of the refined predictions; default: the model's and the methods' names"
    data.add_argument("--name", help=text)
    calibrate.add_options(top)
    top.set_defaults(run=_refine)


def _add_method_options(top: argparse.ArgumentParser) -> None:
    how = top.add_argument_group("how")
    text = "a refiner, as NAME or NAME:key=value,key=value; see `imperfectseg methods`"
    how.add_argument("--method", metavar="NAME", action="append", default=[], help=text)
    text = "methods and settings that --calibrate or the panel ImperfectSeg Refine stored"
    how.add_argument("--profile", metavar="FILE", type=Path, help=text)
    text = "clean up at the end, such as largest=1,holes=fill; see `imperfectseg methods clean-up`"
    how.add_argument("--clean-up", metavar="KEY=VALUE,...", help=text)
    text = "refine only what is this near to a segment, which is faster; default: all"
    how.add_argument("--margin", metavar="MM", type=float, help=text)
    text = "clicks, scribbles and the like that are kept; for several a folder of ID.mrk.json"
    how.add_argument("--prompts", metavar="FILE", type=Path, nargs="+", default=[], help=text)
    text = "of a segmentation's voxels, which hold no probabilities; default: %(default)s"
    how.add_argument("--certainty", metavar="X", type=float, default=CERTAINTY, help=text)


def _add_output_options(top: argparse.ArgumentParser) -> None:
    out = top.add_argument_group("images and output")
    out.add_argument("--image", metavar="IMAGES", help="the image, or a folder or 'pattern*'")
    out.add_argument("--out", metavar="PATH", type=Path, help="file for one, folder for several")
    out.add_argument("--ending", default=".seg.nrrd", help="in a folder; default: %(default)s")
    text = "e.g. 1=liver 2=spleen"
    out.add_argument("--names", metavar="NUMBER=NAME", nargs="+", default=[], help=text)
    out.add_argument("--probabilities", action="store_true", help="also write them, as .nrrd")
    out.add_argument("--overwrite", action="store_true", help="refine anew what is there already")


def _refine(options: argparse.Namespace) -> int:
    need_torch()
    if options.calibrate is not None:
        return calibrate.run(options, profile_of(options))
    calibrate.check_unused(options)
    profile = profile_of(options)
    chain = Chain.of(profile.steps, profile.margin)
    target = _target(options, chain)
    target.check()
    for note in target.notes():
        console.print(f"note: {plain(note)}")

    def work(one: str, progress: Progress) -> tuple[str, ...]:
        return target.refine(chain, one, progress)

    run_batch(target, work, options.overwrite, "Refining", "refined", f" by {chain.name}")
    return 0


def profile_of(options: argparse.Namespace) -> Profile:
    """Gives what was typed: a profile's refiners or named ones, then the clean-up.

    Raises:
        FileNotFoundError: If there is no such profile.
        ValueError: If a profile is damaged, or something typed is not of its form.
    """
    from ImperfectSegLogic.methods.catalog import refiners
    from ImperfectSegLogic.training.run import parse_named, parse_pairs

    if options.profile and options.method:
        raise ValueError(
            f"--method: got {options.method[0]} besides --profile {options.profile}, which says"
            " which methods to apply. Leave one of them out."
        )
    if options.margin is not None and not 0 <= options.margin < math.inf:
        raise ValueError(f"--margin: got {options.margin:g}, allowed is 0 or more, in mm.")
    steps = [Step(name, said) for name, said in parse_named(options.method, "--method")]
    margin = options.margin
    if options.profile:
        stored = read_profile(options.profile)
        steps, margin = list(stored.steps), stored.margin if margin is None else margin
    if options.clean_up is not None:
        steps.append(Step(CLEAN_UP, parse_pairs(options.clean_up, "--clean-up")))
    return Profile(tuple(steps) or (Step(refiners()[0].card.name),), margin)


def _target(options: argparse.Namespace, chain: Chain) -> RefineTarget:
    if options.input is None:
        raise ValueError(
            "IN: missing. Give probabilities or a segmentation, a folder of them, or a data set; or"
            " --calibrate DATASET."
        )
    if is_dataset(options.input):
        return _of_dataset(options, chain.name)
    only = [
        f"--{n}, which is for data sets" for n in ("model", "split", "name") if _typed(options, n)
    ]
    missing = [f"no --{n}" for n in ("image", "out") if not _typed(options, n)]
    if only or missing:
        raise ValueError(
            f"{options.input}: got {(only + missing)[0]}; what is no data set needs --image, the"
            " image or images, and --out, a file for one or a folder for several."
        )
    names = named_labels("--names", options.names)
    kind = FolderTarget if is_many(options.input) else FileTarget
    return kind(options, names)


def _of_dataset(options: argparse.Namespace, chain: str) -> DatasetTarget:
    wrong = [n for n in ("image", "out", "prompts", "names") if _typed(options, n)]
    if wrong:
        raise ValueError(
            f"--{wrong[0]}: got it for the data set {options.input}, which knows its images and"
            " labels and keeps predictions itself. Leave it out; --name says what they are called."
        )
    dataset = Dataset.open(options.input)
    if not options.model:
        there = ", ".join(dataset.models) or "none"
        raise ValueError(f"--model: missing, there are {there}. Choose whose predictions.")
    return DatasetTarget(options, dataset, options.name or f"{options.model}+{chain}")


def _typed(options: argparse.Namespace, name: str) -> bool:
    return bool(getattr(options, name))

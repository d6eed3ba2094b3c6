"""`imperfectseg predict`: segment images with trained models."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ImperfectSegLogic.commands.batch import run_batch
from ImperfectSegLogic.commands.predict_models import find_models, name_of
from ImperfectSegLogic.commands.predict_targets import (
    DatasetTarget,
    FileTarget,
    FolderTarget,
    Target,
    is_dataset,
    is_many,
)
from ImperfectSegLogic.commands.terminal import console, need_torch, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.settings import UNCERTAINTIES
from ImperfectSegLogic.refinement.profile import profile_beside, read_profile

if TYPE_CHECKING:
    from ImperfectSegLogic.prediction.predictor import Predictor
    from ImperfectSegLogic.refinement.chain import Chain

Commands = argparse._SubParsersAction
DESCRIPTION = """\
Segments one image, several, or the cases of a data set with a model that `imperfectseg train` made.
Several models are an ensemble: their probabilities are averaged. What is predicted already stays as
it is, so that the same command goes on where it was stopped.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser(
        "predict",
        help="segment images with trained models",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text = "a model.safetensors, its folder, or the name of one of the data set's models"
    top.add_argument("models", metavar="MODEL", nargs="+", help=text)
    text = "an image, a folder or 'pattern*' of images, or a data set"
    top.add_argument("images", metavar="IMAGES", help=text)
    _add_output_options(top)
    how = top.add_argument_group("how")
    text = "average over all flips; for models that were trained with flipped images"
    how.add_argument("--tta", action="store_true", help=text)
    text = "average over N passes with dropout, for networks that have it"
    how.add_argument("--mc-samples", metavar="N", type=int, default=0, help=text)
    how.add_argument("--seed", metavar="N", type=int, default=0, help="of the dropout")
    text = "share of a window that the next covers again; default: %(default)s"
    how.add_argument("--overlap", metavar="X", type=float, default=0.5, help=text)
    text = "how many windows the network sees at once; default: %(default)s"
    how.add_argument("--windows-at-once", metavar="N", type=int, default=4, help=text)
    how.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    text = "refine what is predicted by this profile; default: refine.json beside the (first) model"
    how.add_argument("--refine", metavar="PROFILE", nargs="?", const="", help=text)
    top.set_defaults(run=_predict)


def _add_output_options(top: argparse.ArgumentParser) -> None:
    out = top.add_argument_group("output")
    text = "file for one image, folder for several; a data set keeps its predictions itself"
    out.add_argument("--out", metavar="PATH", type=Path, help=text)
    out.add_argument("--ending", default=".seg.nrrd", help="in a folder; default: %(default)s")
    out.add_argument("--probabilities", action="store_true", help="also write them, as .nrrd")
    text = "maps of where the models are unsure, as .nrrd; the last two need several passes"
    out.add_argument("--uncertainty", choices=UNCERTAINTIES, nargs="+", default=[], help=text)
    out.add_argument("--overwrite", action="store_true", help="predict anew what is there already")
    data = top.add_argument_group("only for a data set")
    data.add_argument("--split", metavar="NAME", help="which cases; default: all")
    data.add_argument("--fold", metavar="N", type=int, default=0, help="of the splits")
    data.add_argument("--name", help="of the predictions; default: the models' names")


def _predict(options: argparse.Namespace) -> None:
    need_torch()
    from ImperfectSegLogic.prediction.predict import PredictionSettings
    from ImperfectSegLogic.prediction.predictor import Predictor

    settings = PredictionSettings(
        flips=options.tta,
        mc_samples=options.mc_samples,
        uncertainty=tuple(dict.fromkeys(options.uncertainty)),
        overlap=options.overlap,
        windows_at_once=options.windows_at_once,
        seed=options.seed,
    )
    dataset = Dataset.open(options.images) if is_dataset(options.images) else None
    paths = find_models(options.models, dataset)
    chain = None if options.refine is None else _chain(options.refine, paths)
    target = _target(options, dataset, paths, f"+{chain.name}" if chain else "")
    target.check()
    predictor = Predictor.load(paths, settings, options.device)
    if chain:
        predictor = _refining(predictor, chain)
    for note in target.check_labels(predictor.models[0].labels):
        console.print(f"note: {plain(note)}")

    def work(one: str, progress: Progress) -> tuple[str, ...]:
        return target.predict(predictor, one, progress)

    run_batch(target, work, options.overwrite, "Predicting", "predicted")


def _chain(typed: str, paths: list[Path]) -> Chain:
    path = Path(typed) if typed else profile_beside(paths[0])
    if not typed and not path.is_file():
        raise FileNotFoundError(
            f"--refine: there is no profile {path} beside the model. Make it with `imperfectseg"
            " refine --calibrate DATASET --model NAME`, or name another file."
        )
    from ImperfectSegLogic.refinement import chain

    try:
        profile = read_profile(path)
        return chain.Chain.of(profile.steps, profile.margin)
    except ValueError as error:
        told = "" if str(path) in str(error) else f"{path}: "
        raise ValueError(f"{told}{error}") from error


def _refining(predictor: Predictor, chain: Chain) -> Predictor:
    from ImperfectSegLogic.refinement.refining_predictor import RefiningPredictor

    return RefiningPredictor(predictor, chain)


def _target(
    options: argparse.Namespace, dataset: Dataset | None, paths: list[Path], refined: str
) -> Target:
    if dataset is None:
        only = [n for n in ("split", "name") if getattr(options, n)]
        if only or options.out is None:
            wrong = f"--{only[0]}, which is for data sets" if only else "no --out"
            raise ValueError(
                f"{options.images}: got {wrong}; images that are no data set need --out, a file for"
                " one image or a folder for several."
            )
        kind = FolderTarget if is_many(options.images) else FileTarget
        return kind(options)
    if options.out is not None:
        raise ValueError(
            f"--out: got {options.out}, but a data set keeps predictions in its own folder"
            " predictions. Leave --out out; --name says what they are called."
        )
    name = options.name or "+".join(name_of(path) for path in paths) + refined
    return DatasetTarget(options, dataset, name)

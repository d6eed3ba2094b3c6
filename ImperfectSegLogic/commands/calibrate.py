"""`imperfectseg refine --calibrate`: find a refiner's settings by validation cases."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ImperfectSegLogic.commands.batch import told_to_file
from ImperfectSegLogic.commands.calibration_cases import known_case, predict_missing
from ImperfectSegLogic.commands.predict_models import find_models
from ImperfectSegLogic.commands.terminal import bar, console, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.safe_writing import check_target
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.known_cases import ReadCases
from ImperfectSegLogic.refinement.profile import (
    EXTENSIONS,
    Profile,
    Step,
    profile_beside,
    write_profile,
)
from ImperfectSegLogic.refinement.search_space import Space, search_space
from ImperfectSegLogic.refinement.trial_file import TrialFile

if TYPE_CHECKING:
    from ImperfectSegLogic.refinement.calibration import Calibrated, Search

TRIALS = 40
NOT_WITHOUT = ("trials", "search", "seed", "annotator", "out_profile")


def add_options(refine: argparse.ArgumentParser) -> None:
    """Adds what a calibration can be told."""
    own = refine.add_argument_group("calibration")
    text = "search settings of the (first) method on its validation cases; needs --model"
    own.add_argument("--calibrate", metavar="DATASET", type=Path, help=text)
    text = f"how many settings to try; default: {TRIALS}"
    own.add_argument("--trials", metavar="N", type=int, help=text)
    text = "settings to search, with bounds where they differ; default: all numbers not given"
    own.add_argument("--search", metavar="NAME[=LOW:HIGH]", nargs="+", help=text)
    own.add_argument("--seed", metavar="N", type=int, help="of the search; default: 0")
    text = "whose annotations are the truth; default: newest"
    own.add_argument("--annotator", metavar="NAME", help=text)
    text = "where the profile goes; default: refine.json beside the model"
    own.add_argument("--out-profile", metavar="FILE", type=Path, help=text)


def check_unused(options: argparse.Namespace) -> None:
    """Checks that nothing was typed that is for calibrations only.

    Raises:
        ValueError: If something was.
    """
    for name in NOT_WITHOUT:
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')}: only with --calibrate. Leave it out, or calibrate."
            )


def run(options: argparse.Namespace, profile: Profile) -> int:
    """Calibrates, and writes the profile if it gains; gives 1 if it does not.

    Args:
        options: What was typed.
        profile: The refiners; the first one is searched.

    Raises:
        ValueError: If something that was typed is not allowed, or a case does not suit.
        OSError: If something is not there, or cannot be read or written.
    """
    from ImperfectSegLogic.refinement.calibration import Search, calibrate

    _check(options)
    dataset = Dataset.open(options.calibrate)
    space, trials = _space(options, profile.steps), options.trials or TRIALS
    search = Search(profile.steps, space, trials, options.seed or 0, profile.margin)
    names = sorted(dataset.split(options.split or "val", options.fold))
    if not names:
        raise ValueError(f"{dataset.folder}: got no cases. Choose another --split.")
    path = _target(options, dataset)
    predict_missing(dataset, options.model, names)
    read = partial(known_case, dataset, options.model, options.annotator)
    cases = ReadCases(names, read)
    file = TrialFile.beside(path, profile, dataset, options.model, names, options.annotator)
    known = file.read()
    if file.outdated:
        console.print(f"note: {file.outdated}", highlight=False, soft_wrap=True)
    if known:
        console.print(f"{len(known)} trials of before are taken: {plain(file.path)}")
    with bar("Calibrating", time_left=True) as shown, told_to_file(shown) as listener:
        found = calibrate(search, cases, Progress(listener), known, file.add)
    return _told(found, search, path, _about(found, search, dataset, options, names), file, options)


def _check(options: argparse.Namespace) -> None:
    wrong = [
        n
        for n in ("input", "image", "out", "prompts", "names", "name", "probabilities")
        if getattr(options, n)
    ]
    if wrong:
        option = "IN" if wrong[0] == "input" else f"--{wrong[0]}"
        raise ValueError(
            f"{option}: got it with --calibrate, which takes images and labels from its data set."
            " Leave it out."
        )
    if options.trials is not None and options.trials < 1:
        raise ValueError(f"--trials: got {options.trials}, allowed is 1 or more.")
    if not options.model:
        raise ValueError("--model: missing. Name the model whose predictions are to be refined.")


def _space(options: argparse.Namespace, steps: tuple[Step, ...]) -> Space:
    from ImperfectSegLogic.methods.catalog import refiner

    made = refiner(steps[0].name, steps[0].settings)
    fixed = () if options.profile else tuple(steps[0].settings)
    start = asdict(made.settings)
    return search_space(type(made), start, fixed, dict(map(_bounds, options.search or ())))


def _bounds(text: str) -> tuple[str, tuple[float, float] | None]:
    name, _, said = text.partition("=")
    if not said:
        return name, None
    low, _, high = said.partition(":")
    try:
        return name, (float(low), float(high))
    except ValueError:
        raise ValueError(
            f"--search: got {text!r}, allowed is NAME or NAME=LOW:HIGH, such as width=1:20."
        ) from None


def _target(options: argparse.Namespace, dataset: Dataset) -> Path:
    path: Path | None = options.out_profile
    if path is None:
        path = profile_beside(find_models([options.model], dataset)[0])
    check_target(path, EXTENSIONS, options.overwrite)
    return path


def _about(
    found: Calibrated,
    search: Search,
    dataset: Dataset,
    options: argparse.Namespace,
    names: list[str],
) -> dict[str, object]:
    return {
        "dataset": dataset.description.name,
        "model": options.model,
        "cases": names,
        "searched": {one.name: [one.low, one.high] for one in search.space},
        "dice": {
            "unrefined": found.unrefined,
            "at_start": found.start,
            "calibrated": found.best.score,
        },
        "trials": [{"settings": dict(t.settings), "dice": t.score} for t in found.trials],
    }


def _told(
    found: Calibrated,
    search: Search,
    path: Path,
    about: dict[str, object],
    file: TrialFile,
    options: argparse.Namespace,
) -> int:
    settings = ",".join(f"{k}={_typed(v)}" for k, v in found.best.settings.items())
    console.print(
        f"mean Dice: {found.unrefined:.4f} unrefined, {found.start:.4f} at the start,"
        f" {found.best.score:.4f} calibrated ({len(found.trials)} trials)"
    )
    best = f"{search.steps[0].name}:{settings}" if settings else search.steps[0].name
    console.print(plain(f"best: --method {best}"), highlight=False, soft_wrap=True)
    if not found.best.score > found.unrefined:
        console.print(
            "no settings that were tried beat the predictions as they are: no profile is written."
            " Try another method, other bounds with --search, or more --trials."
        )
        return 1
    write_profile(replace(found.chain(search).profile, about=about), path, options.overwrite)
    file.remove()
    console.print(f"written: {plain(path)}")
    return 0


def _typed(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "x".join(f"{n:g}" for n in value)
    return f"{value:g}" if isinstance(value, float) else str(value)

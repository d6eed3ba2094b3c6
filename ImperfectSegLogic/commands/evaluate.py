"""`imperfectseg evaluate`: how good a model is, and whether it is better than another."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ImperfectSegLogic.commands.evaluate_tables import (
    comparison_table,
    name_of,
    summary_table,
    worst_cases,
)
from ImperfectSegLogic.commands.terminal import bar, console, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.safe_writing import check_target
from ImperfectSegLogic.evaluation import Score, compare, evaluate, evaluate_folders, summary
from ImperfectSegLogic.evaluation.evaluating import check_predictions, checked_labels
from ImperfectSegLogic.evaluation.folders import label_maps, names_of
from ImperfectSegLogic.evaluation.plot import need_matplotlib, write_plot
from ImperfectSegLogic.evaluation.score import Listener, labels_of
from ImperfectSegLogic.evaluation.score_files import write_csv, write_json
from ImperfectSegLogic.metrics.surface_distances import check_tolerance

Commands = argparse._SubParsersAction
Run = Callable[[str, Listener], list[Score]]


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    made = commands.add_parser("evaluate", help="score predictions; compare two models")
    made.add_argument(
        "place", metavar="DATASET_OR_FOLDER", type=Path, help="data set, or folder of label maps"
    )
    made.add_argument("--model", metavar="NAME", help="model; of a folder: the folder in it")
    made.add_argument("--against", metavar="OTHER", help="another one to compare with")
    made.add_argument("--labels", metavar="NUMBER", type=int, nargs="+", help="default: all")
    made.add_argument(
        "--tolerance", metavar="MM", type=float, default=2.0, help="of surface Dice; %(default)s"
    )
    made.add_argument("--csv", metavar="FILE", type=Path, help="also write each case's scores")
    made.add_argument("--json", metavar="FILE", type=Path, help="also write all there is")
    made.add_argument("--plot", metavar="FILE", type=Path, help="also draw them: a .png file")
    made.add_argument("--overwrite", action="store_true", help="replace earlier files")
    dataset = made.add_argument_group("only for data sets")
    dataset.add_argument("--split", metavar="NAME", help="default: test")
    dataset.add_argument("--annotator", metavar="NAME", help="whose is the truth; default: newest")
    folder = made.add_argument_group("only for folders of label maps")
    folder.add_argument("--truth", metavar="FOLDER", type=Path, help="label maps of the same names")
    made.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    _check(options)
    is_dataset = (options.place / "dataset.json").is_file()
    models, names, run = _of_dataset(options) if is_dataset else _of_folder(options)
    scores: dict[str, list[Score]] = {}
    for n, model in enumerate(models):
        with bar(f"Evaluating {model} ({n + 1} of {len(models)})", time_left=True) as listener:
            scores[model] = run(model, listener)
    wanted = checked_labels(options.labels, names)
    _print(scores, {label: names[label] for label in wanted})
    if options.csv:
        write_csv(scores, names, options.csv, options.overwrite)
    if options.json:
        write_json(scores, names, options.json, options.tolerance, options.overwrite)
    if options.plot:
        write_plot(scores, names, options.plot, options.tolerance, options.overwrite)
    for path in (options.csv, options.json, options.plot):
        if path:
            console.print(f"written: {plain(path)}")


def _check(options: argparse.Namespace) -> None:
    """Checks before any work is done what can be checked for data sets and folders alike."""
    check_tolerance(options.tolerance)
    for path, ending in ((options.csv, ".csv"), (options.json, ".json"), (options.plot, ".png")):
        if path:
            check_target(path, (ending,), options.overwrite)
    if options.plot:
        need_matplotlib()
    if options.against and not options.model:
        raise ValueError("--against: needs --model too, to compare with.")
    if options.against and options.against == options.model:
        raise ValueError(f"--against: got {options.against!r} twice. Choose another model.")


def _of_dataset(options: argparse.Namespace) -> tuple[list[str], Mapping[int, str], Run]:
    dataset = Dataset.open(options.place)
    if options.truth:
        raise ValueError("--truth: got a data set, whose annotations are the truth. Leave it out.")
    if not options.model:
        raise ValueError(f"--model: missing, there are {dataset.models}. Choose one of these.")
    models = [m for m in (options.model, options.against) if m]
    cases = sorted(dataset.split(options.split or "test"))
    for model in models:  # Of both, before an hour is spent on the first.
        check_predictions(dataset, model, cases)

    def run(model: str, listener: Listener) -> list[Score]:
        return evaluate(
            dataset, model, cases, options.annotator, options.tolerance, listener, options.labels
        )

    return models, dataset.labels, run


def _of_folder(options: argparse.Namespace) -> tuple[list[str], Mapping[int, str], Run]:
    if not options.place.is_dir():
        raise FileNotFoundError(f"{options.place}: there is no such folder. Check the path.")
    if options.split or options.annotator:
        raise ValueError("--split, --annotator: only for data sets, and this folder is none.")
    if not options.truth:
        raise ValueError(
            f"--truth: missing. {options.place} is no data set, so name the folder with the truth."
        )
    names = names_of(label_maps(options.truth).values())
    folders = {m: options.place / m for m in (options.model, options.against) if m}
    folders = folders or {options.place.resolve().name: options.place}

    def run(model: str, listener: Listener) -> list[Score]:
        return evaluate_folders(
            folders[model], options.truth, options.tolerance, listener, options.labels
        )

    return list(folders), names, run


def _print(scores: Mapping[str, Sequence[Score]], names: Mapping[int, str]) -> None:
    first = next(iter(scores.values()))
    if not first:
        raise ValueError(f"labels: {dict(names)} were looked for in none of the cases.")
    truths = Counter({s.case: s.truth for s in first}.values())
    told = ", ".join(f"{plain(truth)} for {count} cases" for truth, count in truths.items())
    console.print(f"truth: {told}")
    for label in sorted(set(names) - set(labels_of(first))):
        console.print(f"note: {name_of(label, names)} was looked for in none of the cases.")
    for model, own in scores.items():
        summaries = summary(own)
        for label in labels_of(own):
            console.print(summary_table(model, label, names, summaries))
            console.print(worst_cases(label, names, own))
    if len(scores) == 2:
        one, other = scores
        found = compare(scores[one], scores[other])
        console.print(comparison_table(one, other, names, found))
    if len({s.subject for s in first}) < 2:
        console.print(
            "note: a single subject, so neither confidence intervals nor tests are possible."
        )

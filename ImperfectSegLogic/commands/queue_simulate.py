"""`imperfectseg queue simulate`: whole campaigns on a labeled set, with a robot as annotator."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ImperfectSegLogic.active.pool_units import KINDS, Division
from ImperfectSegLogic.active.simulation import Simulation, simulate
from ImperfectSegLogic.active.simulation_data import LabeledSet
from ImperfectSegLogic.active.simulation_plot import write_curves
from ImperfectSegLogic.active.simulation_results import (
    GOALS,
    Campaign,
    summary,
    write_csv_results,
    write_json_results,
)
from ImperfectSegLogic.commands.terminal import bar, console, need_torch, plain
from ImperfectSegLogic.commands.train_options import add_plan_options, overrides_of
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import make_folder
from ImperfectSegLogic.evaluation.plot import need_matplotlib
from ImperfectSegLogic.methods.base import QueryStrategy
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.progress import Progress

Commands = argparse._SubParsersAction
BASELINES = ("random", "foreground-random")
DESCRIPTION = """\
Tells which query strategy would have saved most annotations in a data set whose masks are all
known. A robot reveals --start units at random; then a network is trained from scratch, scored on
other cases, and asked by the strategy for --per-round units more, which the robot reveals, --rounds
times. All strategies start with the same units. Nothing is written into the data set. The same
command goes on where it was stopped, and takes over what other strategies or seeds have left.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    made = commands.add_parser(
        "simulate",
        help="find out what a strategy would have saved, on a labeled set",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        conflict_handler="resolve",  # Of --rounds, which are those of the campaign here.
    )
    made.add_argument("dataset", metavar="DATASET", type=Path)
    text = "for trainings and results: results.csv, results.json and curves.png"
    made.add_argument("--out", metavar="FOLDER", type=Path, required=True, help=text)
    text = "query strategies, as NAME or NAME:key=value,key=value"
    made.add_argument("--strategy", metavar="NAME", nargs="+", default=[], help=text)
    text = f"leave out {' and '.join(BASELINES)}, which else are always there"
    made.add_argument("--alone", action="store_true", help=text)
    add_plan_options(made)
    _add_campaign(made)
    _add_data(made)
    text = "networks per training, as an ensemble; default: %(default)s"
    made.add_argument("--models", metavar="N", type=int, default=1, help=text)
    text = "predict images in all flips too, which makes several passes"
    made.add_argument("--flips", action="store_true", help=text)
    text = "a training method for all trainings, as NAME or NAME:key=value,key=value"
    made.add_argument("--method", metavar="NAME", action="append", default=[], help=text)
    text = "rounds of each training, between which methods change its data; default: %(default)s"
    made.add_argument("--training-rounds", metavar="N", type=int, default=1, help=text)
    made.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    made.set_defaults(run=_simulate)


def _add_campaign(made: argparse.ArgumentParser) -> None:
    own = made.add_argument_group("campaign")
    for name, number, text in (
        ("--start", 10, "units at random to start with"),
        ("--per-round", 10, "units to ask for after each round"),
        ("--rounds", 5, "of training and scoring"),
    ):
        help_text = f"{text}; default: %(default)s"
        own.add_argument(name, metavar="N", type=int, default=number, help=help_text)
    text = "one campaign for each; default: 0"
    own.add_argument("--seed", metavar="N", type=int, nargs="+", default=[0], help=text)
    text = "what is annotated at a time; default: %(default)s"
    own.add_argument("--units", choices=KINDS, default="slice", help=text)
    text = "array axis that slices lie across; default: %(default)s"
    own.add_argument("--axis", type=int, choices=(0, 1, 2), default=0, help=text)
    text = "voxels along a slice's two axes; default: 64 64"
    own.add_argument("--patch-units", metavar="N", type=int, nargs=2, default=[64, 64], help=text)


def _add_data(made: argparse.ArgumentParser) -> None:
    own = made.add_argument_group("data")
    text = "whose units are revealed; default: %(default)s"
    own.add_argument("--train-split", metavar="NAME", default="train", help=text)
    text = "to score on; default: %(default)s"
    scored = own.add_mutually_exclusive_group()
    scored.add_argument("--test-split", metavar="NAME", default="test", help=text)
    text = "score on the split val, and leave the test cases for later"
    scored.add_argument(
        "--validation", action="store_const", const="val", dest="test_split", help=text
    )
    text = "choose the best weights by these cases, whose masks count as known; default: the last"
    own.add_argument("--val-split", metavar="NAME", help=text)
    own.add_argument("--fold", metavar="N", type=int, default=0, help="of the splits")
    text = "whose masks are the truth; default: newest"
    own.add_argument("--annotator", metavar="NAME", help=text)


def _simulate(options: argparse.Namespace) -> None:
    need_torch()
    need_matplotlib()
    from ImperfectSegLogic.active.simulation_teaching import Teaching
    from ImperfectSegLogic.training.run import parse_named

    simulation = _described(options)
    decided = overrides_of(options)
    teaching = Teaching(
        options.dims,
        decided,
        options.models,
        options.flips,
        options.device,
        methods=parse_named(options.method, "--method"),
        rounds=options.training_rounds,
    )
    make_folder(options.out)
    ended: list[Campaign] = []
    try:
        with bar("Simulating", time_left=True) as listener:
            for campaign in simulate(simulation, teaching, options.out, Progress(listener)):
                ended.append(campaign)
                _tell(campaign, len(simulation.labeled.test))
                _write(ended, options, simulation.labeled.dataset)
    except KeyboardInterrupt:
        console.print("Go on with the same command.")
        raise
    console.print(_table(ended))
    for name in ("results.csv", "results.json", "curves.png"):
        console.print(f"written: {plain(options.out / name)}", soft_wrap=True)


def _described(options: argparse.Namespace) -> Simulation:
    dataset = Dataset.open(options.dataset)
    train, test = (
        dataset.split(name, options.fold) for name in (options.train_split, options.test_split)
    )
    validation = dataset.split(options.val_split, options.fold) if options.val_split else ()
    rows, columns = options.patch_units
    return Simulation(
        LabeledSet(dataset, train, test, validation, options.annotator),
        _strategies(options),
        Division(options.units, options.axis, (rows, columns)),
        options.start,
        options.per_round,
        options.rounds,
        tuple(options.seed),
    )


def _strategies(options: argparse.Namespace) -> dict[str, QueryStrategy]:
    names = dict.fromkeys((*options.strategy, *(() if options.alone else BASELINES)))
    if not names:
        raise ValueError("--strategy: got none, and --alone. Name at least one strategy.")
    made = {}
    for text in names:
        name, _, settings = text.partition(":")
        pairs = [pair.partition("=")[::2] for pair in settings.split(",") if pair]
        made[text] = query_strategy(name, dict(pairs))
    return made


def _tell(campaign: Campaign, cases: int) -> None:
    own = ", ".join(f"{r.units}: {r.mean:.3f}" for r in campaign.rounds)
    name = f"{campaign.strategy}, seed {campaign.seed}"
    full = f"all {campaign.total}: {campaign.full.mean:.3f}"
    text = f"{name}: Dice of {cases} cases by units: {own}; {full}"
    console.print(plain(text), highlight=False)


def _write(campaigns: Sequence[Campaign], options: argparse.Namespace, dataset: Dataset) -> None:
    left_out = ("run", "out")
    about: dict[str, Any] = {k: v for k, v in vars(options).items() if k not in left_out}
    about["dataset"] = str(options.dataset)
    write_csv_results(campaigns, dataset.labels, options.out / "results.csv")
    write_json_results(campaigns, about, options.out / "results.json")
    title = f"{dataset.description.name}: {options.units}s chosen by query strategies"
    write_curves(campaigns, title, options.out / "curves.png")


def _table(campaigns: Sequence[Campaign]) -> Table:
    heads = [f"units to {goal:.0%}" for goal in GOALS]
    table = Table("strategy", "area under the curve", "last Dice", "of all", *heads)
    for name, own in summary(campaigns).items():
        numbers = [own[key] for key in ("area", "last_dice", "full_dice")]
        shown = [f"{one['mean']:.3f} ± {one['sd']:.3f}" for one in numbers]
        shares = [
            ", ".join("-" if share is None else f"{share:.0%}" for share in each)
            for each in own["share_to"].values()
        ]
        table.add_row(plain(name), *shown, *shares)
    return table

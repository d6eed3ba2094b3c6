"""`imperfectseg train`: learn to segment from the annotations of a data set."""

from __future__ import annotations

import argparse
import dataclasses
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from ImperfectSegLogic.commands.terminal import bar, console, need_torch, plain
from ImperfectSegLogic.commands.train_options import (
    add_data_options,
    add_plan_options,
    overrides_of,
)
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import check_name
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.traditional_augmentation.groups import (
    GROUPS,
    augmentation_group,
)

if TYPE_CHECKING:
    from ImperfectSegLogic.training.events import Event, Listener
    from ImperfectSegLogic.training.fingerprint import Fingerprint
    from ImperfectSegLogic.training.plan import TrainingPlan
    from ImperfectSegLogic.training.run import RunDescription

Commands = argparse._SubParsersAction
DESCRIPTION = """\
Trains a network on the annotated cases of a data set. What is not said is proposed from the images
(spacing, size, gray values, annotations) and the computer, and printed. The model and all about
the run are in FOLDER/models/NAME. A run that was stopped or killed goes on with --resume and ends
with the same weights as if it had not been.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    train = commands.add_parser(
        "train",
        help="train a network on a data set",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("folder", metavar="DATASET", type=Path, help="the data set's folder")
    train.add_argument("--name", metavar="NAME", help="of the model", required=True)
    add_data_options(train)
    add_plan_options(train)
    how = train.add_argument_group("methods")
    text = "a training method, as NAME or NAME:key=value,key=value; see `imperfectseg methods`"
    how.add_argument("--method", metavar="NAME", action="append", default=[], help=text)
    text = "a sample transform, written as a method is; applied in the order given"
    how.add_argument("--transform", metavar="NAME", action="append", default=[], help=text)
    text = "a group of transforms, by what they change in the image"
    how.add_argument("--augment", choices=tuple(GROUPS), help=text)
    run = train.add_argument_group("the run")
    run.add_argument("--seed", metavar="N", type=int, default=0)
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    run.add_argument("--out", metavar="FOLDER", type=Path, help="default: DATASET/models/NAME")
    run.add_argument("--resume", action="store_true", help="go on with a run that ended early")
    run.add_argument("--plan-only", action="store_true", help="print the plan and end")
    run.add_argument("--tensorboard", action="store_true", help="also log for TensorBoard")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> int:
    need_torch()
    from ImperfectSegLogic.training.run import RunDescription

    dataset = Dataset.open(options.folder)
    folder = _run_folder(options)
    if options.resume and (folder / "run.json").exists():
        run = dataclasses.replace(RunDescription.read(folder), dataset=str(options.folder))
    else:
        run = _described(options, dataset)
    _print_plan(run.plan)
    return 0 if options.plan_only else _fit(run, options)


def _run_folder(options: argparse.Namespace) -> Path:
    return Path(options.out or options.folder / "models" / check_name("model", options.name))


def _described(options: argparse.Namespace, dataset: Dataset) -> RunDescription:
    from ImperfectSegLogic.training.devices import choose_device, memory_of
    from ImperfectSegLogic.training.fingerprint import fingerprint
    from ImperfectSegLogic.training.plan import propose
    from ImperfectSegLogic.training.run import RunDescription, cases_of, parse_named

    train, validation = cases_of(dataset, options.train_split, options.val_split, options.fold)
    cache = options.cache or options.folder / "prepared"
    with bar("Looking at the data", time_left=True) as listener:
        found = fingerprint(dataset, train, options.annotator, cache / "fingerprints", listener)
    _print_data(found, dataset)
    plan = propose(
        found, options.dims, memory_of(choose_device(options.device)), **overrides_of(options)
    )
    transforms = parse_named(options.transform, "--transform")
    if options.augment:
        transforms = (*augmentation_group(options.augment), *transforms)
    return RunDescription(
        str(options.folder),
        plan,
        train,
        validation,
        parse_named(options.method, "--method"),
        transforms,
        options.annotator,
        options.seed,
        options.rounds,
        options.missing_labels,
    )


def _fit(run: RunDescription, options: argparse.Namespace) -> int:
    from ImperfectSegLogic.training.fit import fit

    folder = _run_folder(options)
    listeners: list[Listener] = [_print_event]
    if options.tensorboard:
        from ImperfectSegLogic.training.tensorboard import tensorboard_listener

        listeners.append(tensorboard_listener(folder / "tensorboard"))

    def told(event: Event) -> None:
        for one in listeners:
            one(event)

    try:
        with bar("Training", time_left=True) as listener, _stopping(Progress(listener)) as progress:
            path = fit(run, folder, told, progress, options.device, options.resume, options.cache)
    except CancelledError as stopped:
        console.print(f"{plain(stopped)}. Go on with --resume.")
        return 0
    console.print(f"written: {plain(path)}", soft_wrap=True)
    return 0


@contextmanager
def _stopping(progress: Progress) -> Iterator[Progress]:
    """Makes Ctrl-C end the run after the step at hand, with a checkpoint; twice, at once."""

    def stop(number: int, frame: object) -> None:
        if progress.is_cancelled:
            raise KeyboardInterrupt
        progress.cancel()

    earlier = {kind: signal.signal(kind, stop) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield progress
    finally:
        for kind, handler in earlier.items():
            signal.signal(kind, handler)


def _print_event(event: Event) -> None:
    if event.kind == "validation":
        told = ", ".join(f"{name} {value:.3f}" for name, value in event.values.items())
        console.print(f"step {event.step} of {event.of}: {told}", highlight=False)
    elif event.kind == "note":
        console.print(f"note: {plain(event.text)}", highlight=False)


def _print_data(found: Fingerprint, dataset: Dataset) -> None:
    kinds = ", ".join(f"{n} {kind or 'without annotation'}" for kind, n in found.kinds.items())
    table = Table("label", "name", "annotated voxels", title=f"{found.cases} cases: {kinds}")
    for label, count in found.voxels.items():
        table.add_row(str(label), plain(dataset.labels.get(label, "background")), f"{count:,}")
    console.print(table)


def _print_plan(plan: TrainingPlan) -> None:
    table = Table("plan", "", title="How it is trained (everything can be set, see --help)")
    told = plan.to_json()
    for name in ("network", "patch", "batch", "steps", "steps_per_validation", "learning_rate"):
        value = told[name]
        text = " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        table.add_row(name.replace("_", " "), text)
    table.add_row("why", plain("\n".join(plan.why)))
    console.print(table)

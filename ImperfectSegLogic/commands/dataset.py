"""`imperfectseg dataset ...`: collect, check, look at and pass on a data set."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.table import Column, Table

from ImperfectSegLogic.commands import dataset_recist
from ImperfectSegLogic.commands.dataset_formats import EXPORTERS, IMPORTERS, export, plan
from ImperfectSegLogic.commands.terminal import bar, console, named_labels, plain
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.checks import check
from ImperfectSegLogic.data.datasets.findings import Finding
from ImperfectSegLogic.data.formats.plan import run
from ImperfectSegLogic.data.safe_writing import check_target, replacing

Commands = argparse._SubParsersAction
SHOWN = 200
"""How many findings the table shows; the JSON file has all."""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    top = commands.add_parser("dataset", help="collect, check, look at and pass on a data set")
    own = top.add_subparsers(required=True, metavar="WHAT")
    _add_create(own)
    _add_import(own)
    dataset_recist.add_to(own)
    _add_check(own)
    _add_show(own)
    _add_export(own)


def _add_create(commands: Commands[argparse.ArgumentParser]) -> None:
    made = commands.add_parser("create", help="make an empty data set")
    made.add_argument("folder", metavar="FOLDER", type=Path, help="must not be there yet")
    made.add_argument("--labels", metavar="NUMBER=NAME", nargs="+", required=True)
    made.add_argument("--name", default="", help="default: the folder's name")
    made.add_argument("--description", default="", metavar="TEXT")
    made.add_argument("--channels", metavar="NAME", nargs="+", default=[], help="e.g. FLAIR T1")
    made.set_defaults(run=_create)


def _add_import(commands: Commands[argparse.ArgumentParser]) -> None:
    taken = commands.add_parser("import", help="make a data set of somebody else's files")
    taken.add_argument("source", metavar="SOURCE", help="folder; for 'folder' the images' pattern")
    taken.add_argument("--format", choices=IMPORTERS, required=True)
    taken.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="the data set")
    ways = ("copy", "relative", "absolute")
    taken.add_argument(
        "--images", choices=ways, default="copy", help="copy images, or note where they are"
    )
    taken.add_argument("--annotator", metavar="NAME", default="", help="whose label maps they are")
    taken.add_argument(
        "--subject", metavar="REGEX", help="who was imaged, found in case ids; against leakage"
    )
    taken.add_argument(
        "--splits", metavar="FILE", type=Path, help='JSON: {"train": [cases or subjects], ...}'
    )
    folder = taken.add_argument_group("only for --format folder")
    folder.add_argument("--label-maps", metavar="PATTERN", help="folder or 'data/*_label.nii.gz'")
    folder.add_argument("--scribbles", metavar="PATTERN", help="label maps, mostly unlabeled")
    folder.add_argument("--unlabeled", metavar="NUMBER", type=int, default=255)
    folder.add_argument("--names", metavar="NUMBER=NAME", nargs="+", default=[])
    bids = taken.add_argument_group("only for --format bids")
    bids.add_argument("--suffix", default="T1w", help="which images; default: %(default)s")
    taken.set_defaults(run=_import)


def _add_check(commands: Commands[argparse.ArgumentParser]) -> None:
    checked = commands.add_parser("check", help="find mistakes; exit code 1 if there are any")
    checked.add_argument("folder", metavar="FOLDER", type=Path)
    checked.add_argument("--json", metavar="FILE", type=Path, help="also write all findings")
    checked.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    checked.set_defaults(run=_check)


def _add_show(commands: Commands[argparse.ArgumentParser]) -> None:
    shown = commands.add_parser("show", help="draw a contact sheet")
    shown.add_argument("folder", metavar="FOLDER", type=Path)
    shown.add_argument("--out", metavar="FILE", type=Path, required=True, help="a .png file")
    shown.add_argument("--annotator", metavar="NAME", help="whose annotations; default: newest")
    shown.add_argument("--overwrite", action="store_true", help="replace earlier pictures")
    shown.set_defaults(run=_show)


def _add_export(commands: Commands[argparse.ArgumentParser]) -> None:
    given = commands.add_parser("export", help="write a data set as other programs want it")
    given.add_argument("folder", metavar="FOLDER", type=Path)
    given.add_argument("--format", choices=EXPORTERS, required=True)
    given.add_argument("--out", metavar="FOLDER", type=Path, required=True)
    given.add_argument("--annotator", metavar="NAME", help="whose masks; default: newest")
    given.add_argument(
        "--ending", default=".nii.gz", help="of nnunet's and folder's files; default: %(default)s"
    )
    given.add_argument("--suffix", default="T1w", help="of bids images; default: %(default)s")
    given.set_defaults(run=_export)


def _create(options: argparse.Namespace) -> None:
    labels = named_labels("--labels", options.labels)
    Dataset.create(options.folder, labels, options.name, options.description, options.channels)
    console.print(f"made: {plain(options.folder)}")


def _import(options: argparse.Namespace) -> None:
    found = plan(options)
    with bar("Importing", time_left=True) as listener:
        dataset = run(found, options.out, options.images, listener)
    for note in found.notes:
        console.print(f"note: {plain(note)}")
    masks = sum(len(case.masks) for case in found.cases)
    splits = ", ".join(
        f"{name} {len(ids)}" for fold in dataset.folds[:1] for name, ids in fold.items()
    )
    told = f"{len(found.cases)} cases, {masks} masks" + (f", splits: {splits}" if splits else "")
    console.print(f"made: {plain(options.out)} ({told})")


def _check(options: argparse.Namespace) -> int:
    if options.json:
        check_target(options.json, (".json",), options.overwrite)
    dataset = Dataset.open(options.folder)
    with bar("Checking", time_left=True) as listener:
        findings = list(check(dataset, listener))
    problems = [f for f in findings if f.severity == "problem"]
    notes = [f for f in findings if f.severity == "note"]
    if findings:
        console.print(_table([*problems, *notes]))
    if options.json:
        content = {"problems": [asdict(f) for f in problems], "notes": [asdict(f) for f in notes]}
        with replacing(options.json, (".json",), options.overwrite) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    told = f"{len(problems)} problems, {len(notes)} notes"
    console.print(f"{len(dataset.case_ids)} cases checked: {told}.")
    return 1 if problems else 0


def _table(findings: list[Finding]) -> Table:
    left = len(findings) - SHOWN
    caption = f"and {left} more; --json FILE writes all" if left > 0 else None
    columns = [Column(name, overflow="fold") for name in ("", "case", "what", "found")]
    table = Table(*columns, caption=caption)
    for f in findings[:SHOWN]:
        color = "bold red" if f.severity == "problem" else "yellow"
        table.add_row(f"[{color}]{f.severity}[/]", plain(f.case), f.kind, plain(f.text))
    return table


def _show(options: argparse.Namespace) -> None:
    # Here, because nothing else needs Pillow.
    from ImperfectSegLogic.data.datasets.contact_sheet import write_contact_sheet

    dataset = Dataset.open(options.folder)
    with bar("Drawing", time_left=True) as listener:
        pages = write_contact_sheet(
            dataset, options.out, options.annotator, options.overwrite, listener
        )
    for page in pages:
        console.print(f"written: {plain(page)}")


def _export(options: argparse.Namespace) -> None:
    dataset = Dataset.open(options.folder)
    with bar("Exporting", time_left=True) as listener:
        notes = export(dataset, options, listener)
    for note in notes:
        console.print(f"note: {plain(note)}")
    console.print(f"written: {plain(options.out)}")

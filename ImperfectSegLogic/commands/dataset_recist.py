"""`imperfectseg dataset add-recist`: RECIST diameters from files become annotations of cases."""

from __future__ import annotations

import argparse
from pathlib import Path

from ImperfectSegLogic.commands.recist_files import SHOWN, Cases, Found, read_marks
from ImperfectSegLogic.commands.terminal import bar, console, plain
from ImperfectSegLogic.data import Dataset, RecistMarks
from ImperfectSegLogic.data.datasets.files import check_name

Commands = argparse._SubParsersAction
HELP = """\
FILE is a .mrk.json file of 3D Slicer with two crossing lines per lesion, called as its case
(CASE.mrk.json, CASE_something.mrk.json); a .csv table in the form of DeepLesion's DL_info.csv,
whose images are cases by id or file name; or a DICOM structured report (TID 1500), which belongs
to the cases that were read from its DICOM series. Nothing is written if a mark is wrong. The marks
become a new version of the annotator's annotation of each case; older versions stay.
"""


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    added = commands.add_parser(
        "add-recist",
        help="add RECIST diameters from 3D Slicer, tables or DICOM reports",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("folder", metavar="DATASET", type=Path)
    added.add_argument("files", metavar="FILE", type=Path, nargs="+")
    added.add_argument("--annotator", metavar="NAME", default="import", help="default: %(default)s")
    added.add_argument(
        "--label", metavar="N", type=int, default=1, help="what lesions are; default: %(default)s"
    )
    added.add_argument("--case", metavar="CASE", help="the only case that files are about")
    added.add_argument(
        "--series", metavar="FOLDER", type=Path, help="with --case: its DICOM series, for reports"
    )
    added.add_argument(
        "--pixels",
        choices=("anatomical", "voxels"),
        default="anatomical",
        help="how a table's x, y and slice lie in the image: to the left, back and feet of the"
        " patient, or as voxels i, j, k; default: %(default)s",
    )
    added.add_argument(
        "--skip-wrong", action="store_true", help="add the other marks if some are wrong"
    )
    added.set_defaults(run=_add)


def _add(options: argparse.Namespace) -> None:
    dataset = Dataset.open(options.folder)
    if options.label not in dataset.labels:
        raise ValueError(f"--label: got {options.label}, the data set has {dict(dataset.labels)}.")
    check_name("annotator", options.annotator)
    if options.series and not options.case:
        raise ValueError("--series: is only for one case. Name it with --case.")
    if options.case:
        dataset.record(options.case)
    cases = Cases(dataset, options.series, [options.case] if options.case else dataset.case_ids)
    found = Found()
    with bar("Reading", time_left=True) as listener:
        for number, file in enumerate(options.files):
            listener(number / len(options.files), file.name)
            read_marks(file, cases, options, found)
    _tell_wrong(found, options.skip_wrong)
    marks = {case: RecistMarks(tuple(of_case)) for case, of_case in found.marks.items()}
    if not marks:
        raise ValueError(
            "not one mark is left; nothing was added. See what is wrong without --skip-wrong."
        )
    for case, annotation in marks.items():
        dataset.check_place(case, annotation)
    for case, annotation in marks.items():
        dataset.annotate(case, annotation, options.annotator)
    for note in found.notes:
        console.print(f"[yellow]note:[/] {plain(note)}")
    total = sum(len(annotation.marks) for annotation in marks.values())
    console.print(f"{total} lesions added to {len(marks)} cases as annotator {options.annotator}.")


def _tell_wrong(found: Found, skip: bool) -> None:
    if not found.wrong:
        return
    left = len(found.wrong) - SHOWN
    told = "\n  ".join([*found.wrong[:SHOWN], *([f"and {left} more"] if left > 0 else [])])
    if not skip:
        raise ValueError(
            f"got {len(found.wrong)} marks that are wrong; nothing was added. Mend them, or leave"
            f" them out with --skip-wrong:\n  {told}"
        )
    found.notes.append(f"{len(found.wrong)} marks are wrong and were left out:\n  {told}")

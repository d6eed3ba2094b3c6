"""`imperfectseg dicom-seg`: a mask becomes a DICOM segmentation of the series it was drawn on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ImperfectSegLogic.commands.terminal import console, named_labels, plain
from ImperfectSegLogic.data import (
    Prediction,
    Segmentation,
    read_probabilities,
    read_segmentation,
)
from ImperfectSegLogic.data.dicom_references import read_references
from ImperfectSegLogic.data.dicom_segmentation import (
    DICOM,
    check_dicom_segmentation,
    named_segments,
    write_dicom_segmentation,
)
from ImperfectSegLogic.data.dicom_segmentation_checks import hints
from ImperfectSegLogic.data.safe_writing import check_target

Commands = argparse._SubParsersAction


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    made = commands.add_parser(
        "dicom-seg",
        help="write a mask as DICOM segmentation, or tell what is missing for that",
        description="Writes a mask as DICOM segmentation; tells everything that is missing first.",
    )
    made.add_argument("mask", metavar="MASK", type=Path, help=".seg.nrrd, or a label map")
    made.add_argument(
        "--series", metavar="FOLDER", type=Path, required=True, help="DICOM series of the image"
    )
    made.add_argument("--series-uid", metavar="UID", help="which one, if FOLDER holds several")
    made.add_argument("--out", metavar="FILE.dcm", type=Path, help="needed without --check")
    made.add_argument(
        "--check", action="store_true", help="only tell what is missing; exit code 1 if anything is"
    )
    made.add_argument(
        "--names", metavar="NUMBER=NAME", nargs="+", default=[], help="what labels are called"
    )
    made.add_argument(
        "--probabilities",
        action="store_true",
        help="MASK is what `segment --probabilities` wrote; write it as fractional segmentation",
    )
    made.add_argument("--manual", action="store_true", help="say that the mask was drawn by hand")
    made.add_argument(
        "--allow-overlap", action="store_true", help="segments may overlap; not all viewers show it"
    )
    made.add_argument("--overwrite", action="store_true", help="replace an existing file")
    made.set_defaults(run=_dicom_seg)


def _dicom_seg(options: argparse.Namespace) -> int:
    if not options.check:
        if options.out is None:
            raise ValueError("--out: is missing. Tell where to write, or only check with --check.")
        check_target(options.out, DICOM, options.overwrite)
    names = named_labels("--names", options.names)
    mask = read_probabilities(options.mask) if options.probabilities else _mask(options, names)
    segments = named_segments(mask, names) if isinstance(mask, Prediction) else mask
    if options.check:
        problems = check_dicom_segmentation(
            segments, options.series, options.allow_overlap, options.series_uid
        )
        for problem in problems:
            console.print(f"[bold red]problem:[/] {plain(problem)}")
        _tell_hints(segments)
        console.print(f"{options.mask}: {len(problems)} problems.")
        return 1 if problems else 0
    write_dicom_segmentation(
        mask,
        options.series,
        options.out,
        options.overwrite,
        "MANUAL" if options.manual else "SEMIAUTOMATIC",
        options.allow_overlap,
        options.series_uid,
        names,
    )
    _tell_hints(segments)
    console.print(f"{len(segments.segments)} segments written to {plain(options.out)}")
    return 0


def _tell_hints(segments: Segmentation) -> None:
    for hint in hints(segments):
        console.print(f"[yellow]note:[/] {plain(hint)}")


def _mask(options: argparse.Namespace, names: dict[int, str]) -> Segmentation:
    """Reads a mask, on the grid of the series if it fits there, and names its segments."""
    mask = read_segmentation(options.mask)
    try:
        grid = read_references(options.series, options.series_uid).geometry
        mask = read_segmentation(options.mask, grid)
    except (ValueError, OSError):
        pass  # Which the check tells, with all else that is missing.
    labels = [segment.label for segment in mask.segments]
    unknown = sorted(set(names) - set(labels))
    if unknown:
        raise ValueError(f"--names: got labels {unknown}, the mask has {sorted(labels)}.")
    if len(set(labels)) < len(labels) and names:
        raise ValueError(
            f"--names: the mask has several segments of one label ({labels}). Name them in 3D"
            " Slicer's Segment Editor."
        )
    named = tuple(replace(s, name=names.get(s.label, s.name)) for s in mask.segments)
    return replace(mask, segments=named)

"""`imperfectseg measure`: volumes and diameters of lesions, and how they changed."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.table import Table

from ImperfectSegLogic.commands.terminal import console, plain
from ImperfectSegLogic.data import DenseMask, Segmentation, read_segmentation
from ImperfectSegLogic.data.safe_writing import check_target
from ImperfectSegLogic.measurement.change import MEANING, Changes, compare_lesions
from ImperfectSegLogic.measurement.lesions import Lesion, measure_lesions
from ImperfectSegLogic.measurement.measurement_files import (
    TARGETS,
    Row,
    change_rows,
    lesion_row,
    response_row,
    write_measurements,
)

Commands = argparse._SubParsersAction
AXES = {"slice": 0, "row": 1, "column": 2}


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    made = commands.add_parser(
        "measure",
        help="measure lesions: volume, diameters, change, RECIST 1.1 category",
        description="Measures each segment of a mask: its volume in ml, and on the slice where it"
        " is largest its longest diameter and the longest one across it in mm.",
    )
    made.add_argument("mask", metavar="MASK", type=Path, help="segmentation or label map")
    made.add_argument(
        "--prior",
        metavar="MASK",
        type=Path,
        help="that of an earlier study, with the same number for the same lesion",
    )
    made.add_argument(
        "--out", metavar="FILE", type=Path, help="also write a .csv or .json file with units"
    )
    made.add_argument(
        "--nodes",
        metavar="NUMBER",
        type=int,
        nargs="+",
        default=[],
        help="segments that are lymph nodes: their short axis counts",
    )
    made.add_argument(
        "--across",
        choices=list(AXES),
        help="array axis across the slices; default: thick slices, else axial ones",
    )
    made.add_argument(
        "--parts",
        action="store_true",
        help="measure each part that hangs together as a lesion; not with --prior",
    )
    made.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    made.set_defaults(run=_measure)


def _measure(options: argparse.Namespace) -> None:
    if options.out:
        check_target(options.out, TARGETS, options.overwrite)
    if options.parts and options.prior:
        raise ValueError(
            "--parts: got --prior too, but parts are numbered by size and say nothing about which"
            " lesion they were. Leave one of them out, or give each lesion its own segment."
        )
    if options.nodes and not options.prior:
        raise ValueError("--nodes: only with --prior, for the RECIST 1.1 category. Leave it out.")
    axis = AXES[options.across] if options.across else None
    lesions = _lesions(options.mask, axis, options.parts)
    if options.prior:
        changes = compare_lesions(lesions, _lesions(options.prior, axis, False), options.nodes)
        rows, response = change_rows(changes), response_row(changes)
        _print_changes(rows, changes)
    else:
        rows, response = [lesion_row(one) for one in lesions], None
        _print(rows)
    if options.out:
        write_measurements(rows, options.out, response, options.overwrite)
        console.print(f"written: {plain(options.out)}")


def _lesions(path: Path, axis: int | None, parts: bool) -> tuple[Lesion, ...]:
    """Measures each segment by itself, since segments may overlap."""
    found = read_segmentation(path)
    if not found.segments:
        raise ValueError(f"{path}: got no segment, allowed are one or more. Segment first.")
    if parts:
        every = np.any([found.mask(s.id) for s in found.segments], axis=0)
        return measure_lesions(DenseMask(every, found.geometry), None, axis, parts=True)
    lesions = []
    for number, segment in zip(_numbers(found), found.segments, strict=True):
        mask = DenseMask(found.mask(segment.id), found.geometry)
        (one,) = measure_lesions(mask, {1: segment.name}, axis)
        lesions.append(replace(one, label=number))
    return tuple(lesions)


def _numbers(found: Segmentation) -> list[int]:
    """Gives the labels, or numbers from 1 where two segments have the same, as label maps do."""
    labels = [segment.label for segment in found.segments]
    return labels if len(set(labels)) == len(labels) else list(range(1, len(labels) + 1))


def _print(rows: list[Row]) -> None:
    table = Table("label", "name", "volume, ml", "long, mm", "short, mm", "slice")
    for row in rows:
        sizes = [f"{row[name]:.2f}" for name in ("volume_ml", "long_mm", "short_mm")]
        table.add_row(str(row["label"]), plain(row["name"]), *sizes, plain(row["slice"]))
    console.print(table)


def _print_changes(rows: list[Row], changes: Changes) -> None:
    table = Table("label", "name", "volume, ml", "long, mm", "short, mm", "kind")
    for row, one in zip(rows, changes.lesions, strict=True):
        cells = []
        for column in ("volume_ml", "long_mm", "short_mm"):
            stem, unit = column.rsplit("_", 1)
            share = row[f"{stem}_change_percent"]
            told = "" if share is None else f", {share:+.0f} %"
            cells.append(f"{row[column]:.2f} ({row[f'{stem}_change_{unit}']:+.2f}{told})")
        kind = "node" if one.is_node else "lesion"
        kind = f"new {kind}" if one.is_new else f"target {kind}" if one.is_target else kind
        table.add_row(str(row["label"]), plain(row["name"]), *cells, kind)
    console.print(table)
    told = f"RECIST 1.1: {changes.response} ({MEANING[changes.response]}); {plain(changes.reason)}"
    console.print(told)

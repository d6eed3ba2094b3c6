"""RECIST diameters from DICOM structured reports (measurement reports, template TID 1500).

A lesion is a measurement group with a long and a short axis (or major and minor axis), each with
the line that was measured: two points in a picture (SCOORD, which names the picture) or in the
patient (SCOORD3D, which names the frame of reference). Source: DICOM PS3.16, TID 1500, 1501 and
300; PS3.3, C.18.6 and C.18.9. Read through highdicom.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.highdicom_package import need_highdicom

LONG = frozenset({"103339001", "G-A185", "131187009", "G-A193"})
SHORT = frozenset({"103340004", "G-A186", "131188004", "G-A194"})
"""Codes of long (major) and short (minor) axis, SNOMED CT and its older SRT."""
GROUP = "125007"
MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True, eq=False)
class MeasuredAxis:
    """One diameter as the report tells it.

    Attributes:
        ends: In a picture, column and row in pixels from its top left corner, shape (2, 2); in the
            patient, LPS in mm, shape (2, 3).
        instance: SOP instance UID of the picture; empty in the patient.
        frame_of_reference: UID of the patient coordinates; empty in a picture.
        length_mm: What the report says; None if in no unit of length.
    """

    ends: NDArray[np.float64]
    instance: str
    frame_of_reference: str
    length_mm: float | None


@dataclass(frozen=True, eq=False)
class MeasuredLesion:
    """Two diameters of a report.

    Attributes:
        name: The report's file, the group's number in it and its tracking identifier, for people.
        images: Study and series instance UID of the images that it is about.
        long: The long axis.
        short: The short axis.
    """

    name: str
    images: frozenset[tuple[str, str]]
    long: MeasuredAxis
    short: MeasuredAxis


def read_measurements(
    path: str | os.PathLike[str],
) -> tuple[tuple[MeasuredLesion, ...], tuple[str, ...]]:
    """Reads the lesions of a report.

    Returns:
        The lesions, and notes on measurement groups that have no two diameters.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If highdicom is not installed, the file is no such report, or it has no lesion.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.")
    need_highdicom("DICOM reports")
    report = _read(path)
    evidence = {str(i): (str(study), str(series)) for study, series, i, _ in report.get_evidence()}
    lesions, notes = [], []
    for number, group in enumerate(_items(report, "CONTAINER", {GROUP}), start=1):
        name = " ".join([f"{path.name}, measurement group {number}", *_tracked(group)])
        axes = [_items(group, "NUM", codes) for codes in (LONG, SHORT)]
        if [len(found) for found in axes] != [1, 1]:
            got = f"{len(axes[0])} long and {len(axes[1])} short axes"
            notes.append(f"{name}: it has {got}, not one of each, and was left out.")
            continue
        try:
            long, short = (_axis(found[0]) for found in axes)
            lesions.append(MeasuredLesion(name, _images((long, short), evidence), long, short))
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: {name}: {error}") from error
    if not lesions:
        raise ValueError(
            f"{path}: got a report without a long and a short axis in any of its {len(notes)}"
            " measurement groups. Choose a measurement report (TID 1500) with diameters."
        )
    return tuple(lesions), tuple(notes)


def _read(path: Path) -> Any:
    from highdicom.sr import srread
    from pydicom.errors import InvalidDicomError

    try:
        return srread(path)
    except (InvalidDicomError, RuntimeError, AttributeError, KeyError, ValueError, TypeError) as e:
        raise ValueError(
            f"{path}: got a file that is no structured report that can be read"
            f" ({type(e).__name__}: {e}). Allowed are Enhanced, Comprehensive and Comprehensive 3D"
            " SR."
        ) from e


def _items(parent: Any, kind: str, codes: frozenset[str] | set[str] | None = None) -> list[Any]:
    from highdicom.sr.utils import find_content_items

    if "ContentSequence" not in parent:
        return []
    found = find_content_items(parent, value_type=kind, recursive=True)
    return [item for item in found if codes is None or item.name.value in codes]


def _tracked(group: Any) -> list[str]:
    """Gives the tracking identifier of a group, if it has one."""
    return [f"({item.value})" for item in _items(group, "TEXT", {"112039"})][:1]


def _axis(number: Any) -> MeasuredAxis:
    lines = [*_items(number, "SCOORD"), *_items(number, "SCOORD3D")]
    what = str(number.name.meaning)
    if len(lines) != 1 or len(lines[0].value) != 2:
        raise ValueError(
            f"{what}: got {len(lines)} graphics with {[len(line.value) for line in lines]} points,"
            " allowed is one line of two points. Save the report with the lines that were measured."
        )
    (line,) = lines
    factor = MM.get(str(number.unit.value))
    length = None if factor is None else float(number.value) * factor
    ends = np.asarray(line.value, dtype=np.float64)
    if line.ValueType == "SCOORD3D":
        return MeasuredAxis(ends, "", str(line.ReferencedFrameOfReferenceUID), length)
    pictures = _items(line, "IMAGE")
    if len(pictures) != 1:
        raise ValueError(
            f"{what}: its line is about {len(pictures)} pictures, allowed is one. Save the report"
            " with the picture that was measured."
        )
    frames = pictures[0].referenced_frame_numbers
    if frames and frames != [1]:
        raise ValueError(
            f"{what}: its line is on frame {frames} of a file with many frames, allowed are files"
            " of one slice each, or points in the patient (SCOORD3D)."
        )
    return MeasuredAxis(ends, str(pictures[0].referenced_sop_instance_uid), "", length)


def _images(
    axes: Sequence[MeasuredAxis], evidence: Mapping[str, tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Gives the images that two axes are about; for points in the patient, all of the report's."""
    named = {axis.instance for axis in axes} - {""}
    unknown = sorted(named - set(evidence))
    if unknown:
        raise ValueError(
            f"it refers to the picture {unknown[0]}, of which the report does not tell the study."
            " Save the report again with its evidence."
        )
    return frozenset(evidence[i] for i in named) or frozenset(evidence.values())

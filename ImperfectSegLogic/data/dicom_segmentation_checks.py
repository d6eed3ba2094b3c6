"""What would keep a mask from becoming a DICOM segmentation: all of it, before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data.dicom_references import DicomReferences
from ImperfectSegLogic.data.segmentation import TISSUE, Segmentation
from ImperfectSegLogic.data.terminology import terminology_of

FILLED = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "Modality",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
)
"""Attributes that every slice of the source must tell."""
THERE = (
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
)
"""Attributes that must be there, but may be empty."""
ONE = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID")
"""Attributes that must be the same in all slices."""
LONGEST = 64
"""Characters that DICOM allows in a segment's label."""


def source_problems(image: DicomReferences, files: Mapping[Path, Any]) -> list[str]:
    """Tells what is missing in the source series, attribute by attribute.

    Args:
        image: What the series is called.
        files: The header of each of its files, as pydicom reads it.
    """
    problems = []
    if image.is_multiframe:
        problems.append(
            f"the source series: got {len(image.files)} file with {image.geometry.shape[0]} slices,"
            " allowed is one file per slice. Export the series as single slices."
        )
    for keyword in (*FILLED, *THERE):
        lacking = [
            path
            for path, header in files.items()
            if keyword not in header or (keyword in FILLED and not _is_filled(header, keyword))
        ]
        if lacking:
            how = "missing or empty" if keyword in FILLED else "missing (it may be empty)"
            problems.append(
                f"the source series: {keyword} is {how} in {len(lacking)} of {len(files)} files,"
                f" such as {lacking[0].name}."
            )
    for keyword in ONE:
        values = sorted({str(h.get(keyword, "")) for h in files.values() if _is_filled(h, keyword)})
        if len(values) > 1:
            problems.append(
                f"the source series: {keyword} differs between files ({', '.join(values[:3])})."
            )
    return problems


def mask_problems(segmentation: Segmentation, overlaps: bool = False) -> list[str]:
    """Tells what is wrong with segments: without name or terminology, empty, or overlapping.

    Args:
        segmentation: The segments.
        overlaps: Whether segments may overlap, which DICOM allows but some viewers do not show.
    """
    if not segmentation.segments:
        return ["the mask: it has no segment. Draw one first."]
    problems = []
    names: list[str] = []
    count = np.zeros(segmentation.geometry.shape, dtype=np.uint16)
    overlapping: list[str] = []
    for number, segment in enumerate(segmentation.segments, start=1):
        name = segment.name.strip()
        what = f"segment {number} ({name or segment.id})"
        if not name:
            problems.append(f"{what}: it has no name.")
        if len(name) > LONGEST:
            problems.append(f"{what}: its name has {len(name)} characters, allowed are {LONGEST}.")
        try:
            terminology_of(segment.terminology)
        except ValueError as error:
            problems.append(f"{what}: {error}")
        mask = segmentation.mask(segment.id)
        if not mask.any():
            problems.append(f"{what}: it is empty. Draw it, or remove it.")
        if count[mask].any():
            overlapping.append(what)
        count += mask
        names.append(name)
    if overlapping and not overlaps:
        problems.append(
            f"{', '.join(overlapping)}: overlaps segments before it in {np.sum(count > 1)} voxels."
            " Remove the overlap, or allow it; some viewers show only one of them."
        )
    return problems


def grid_problems(segmentation: Segmentation, image: DicomReferences) -> list[str]:
    """Tells whether a mask is on another grid than the source series."""
    mask, source = segmentation.geometry, image.geometry
    if mask.matches(source):
        return []
    return [
        f"the grid: the mask has {mask.shape} voxels of {_mm(mask.spacing)} mm from"
        f" {_mm(mask.to_ras((0, 0, 0)))} (RAS), the source series {source.shape} of"
        f" {_mm(source.spacing)} mm from {_mm(source.to_ras((0, 0, 0)))}. Resample the mask to the"
        " series, or choose the series that it was drawn on."
    ]


def hints(segmentation: Segmentation) -> tuple[str, ...]:
    """Tells what is allowed, but could be better."""
    return tuple(
        f"segment {segment.name!r} is coded as 3D Slicer's default, Tissue. Choose what it is in"
        " Segment Editor to have it found by its code."
        for segment in segmentation.segments
        if segment.terminology == TISSUE
    )


def _is_filled(header: Any, keyword: str) -> bool:
    value = header.get(keyword)
    return value is not None and str(value).strip(" []") != ""


def _mm(numbers: Sequence[float] | np.ndarray[Any, Any]) -> str:
    return " x ".join(f"{float(n):.4g}" for n in numbers)

"""Writing masks as DICOM segmentations that name the images that they were drawn on.

Source: DICOM PS3.3, A.51 (Segmentation). Written through highdicom.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic import __version__
from ImperfectSegLogic.data.dicom_references import DicomReferences, read_references
from ImperfectSegLogic.data.dicom_segmentation_checks import (
    grid_problems,
    mask_problems,
    source_problems,
)
from ImperfectSegLogic.data.highdicom_package import need_highdicom
from ImperfectSegLogic.data.prediction import Prediction
from ImperfectSegLogic.data.safe_writing import check_target, replacing
from ImperfectSegLogic.data.segmentation import Segment, Segmentation
from ImperfectSegLogic.data.terminology import Code, terminology_of

DICOM = (".dcm",)
Drawn = Literal["SEMIAUTOMATIC", "AUTOMATIC", "MANUAL"]


def check_dicom_segmentation(
    segmentation: Segmentation,
    series: str | os.PathLike[str],
    overlaps: bool = False,
    series_uid: str | None = None,
) -> tuple[str, ...]:
    """Tells everything that keeps a mask from becoming a DICOM segmentation.

    Args:
        segmentation: The mask.
        series: Folder with the DICOM series that it was drawn on.
        overlaps: Whether segments may overlap.
        series_uid: Which series, where the folder holds several: its UID or description.

    Returns:
        What is missing or wrong, for people; nothing if it can be written.

    Raises:
        ValueError: If highdicom is not installed.
    """
    need_highdicom("DICOM segmentations")
    problems = mask_problems(segmentation, overlaps)
    try:
        image = read_references(series, series_uid)
    except (ValueError, OSError) as error:
        return (f"the source series: {error}", *problems)
    return (
        *source_problems(image, _headers(image)),
        *grid_problems(segmentation, image),
        *problems,
    )


def write_dicom_segmentation(
    mask: Segmentation | Prediction,
    series: str | os.PathLike[str],
    path: str | os.PathLike[str],
    overwrite: bool = False,
    drawn: Drawn = "SEMIAUTOMATIC",
    overlaps: bool = False,
    series_uid: str | None = None,
    names: Mapping[int, str] | None = None,
) -> None:
    """Writes a DICOM segmentation: binary, or of probabilities (fractional, in steps of 1/255).

    Args:
        mask: Segments, or a prediction, whose probabilities are written.
        series: Folder with the DICOM series that it was drawn on.
        path: A `.dcm` file.
        overwrite: Whether it may replace a file that is there.
        drawn: How the segments came about; all but `MANUAL` names ImperfectSeg.
        overlaps: Whether segments may overlap.
        series_uid: Which series, where the folder holds several: its UID or description.
        names: What the labels of a prediction are called; `Segment_1` and so on by default.

    Raises:
        ValueError: If highdicom is not installed, or `check_dicom_segmentation` finds something;
            all of it is told.
        OSError: If the file is there and must not be replaced, or cannot be written.
    """
    check_target(path, DICOM, overwrite)
    named = mask if isinstance(mask, Segmentation) else named_segments(mask, names or {})
    problems = check_dicom_segmentation(named, series, overlaps, series_uid)
    if problems:
        raise ValueError(
            f"{path}: cannot be written, {len(problems)} things are to be mended first:\n  "
            + "\n  ".join(problems)
        )
    image = read_references(series, series_uid)
    if isinstance(mask, Prediction):
        voxels = np.moveaxis(mask.full_probabilities()[1:], 0, -1)
    else:
        voxels = np.stack([named.mask(s.id) for s in named.segments], axis=-1).astype(np.uint8)
    made = _made(voxels, named.segments, image, drawn)
    with replacing(path, DICOM, overwrite) as temporary:
        made.save_as(temporary)


def named_segments(prediction: Prediction, names: Mapping[int, str]) -> Segmentation:
    """Gives the segments that a prediction's most probable labels make."""
    wanted = {label: names.get(label, f"Segment_{label}") for label in prediction.labels[1:]}
    return Segmentation.from_labels(prediction.full_labels(), prediction.geometry, wanted)


def _headers(image: DicomReferences) -> dict[Path, Any]:
    from pydicom import dcmread

    return {file: dcmread(file, stop_before_pixels=True) for file in image.files}


def _even_headers(image: DicomReferences) -> list[Any]:
    """Gives the headers with distances as the slices' positions tell them, as headers often lie.

    Directions that `read_volume` takes as the same, apart from rounding, become the same.
    """
    headers = list(_headers(image).values())
    step = image.geometry.spacing[0]
    for header in headers:
        header.ImageOrientationPatient = headers[0].ImageOrientationPatient
        header.SliceThickness = header.get("SliceThickness") or step
        header.SpacingBetweenSlices = step
        if image.geometry.is_sheared:  # Then the slices are closer than their positions.
            del header.SpacingBetweenSlices
    return headers


def _made(
    voxels: NDArray[Any], segments: Sequence[Segment], image: DicomReferences, drawn: Drawn
) -> Any:
    """Makes the object; voxels have the shape (slice, row, column, segment)."""
    import highdicom

    kind = "FRACTIONAL" if voxels.dtype.kind == "f" else "BINARY"
    sources = _even_headers(image)
    return highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=voxels,
        segmentation_type=kind,
        segment_descriptions=[
            _description(n, segment, drawn) for n, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=highdicom.UID(),
        series_number=1000 + abs(int(sources[0].get("SeriesNumber") or 0)),
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="ImperfectSeg",
        manufacturer_model_name="ImperfectSeg",
        software_versions=__version__,
        device_serial_number=__version__,
        series_description=", ".join(s.name for s in segments)[:64],
    )


def _description(number: int, segment: Segment, drawn: Drawn) -> Any:
    import highdicom
    from pydicom.sr.codedict import codes
    from skimage.color import rgb2lab

    said = terminology_of(segment.terminology)
    by = highdicom.AlgorithmIdentificationSequence(
        "ImperfectSeg", codes.cid7162.ArtificialIntelligence, __version__
    )
    lab = rgb2lab(np.array([[segment.color]], dtype=np.float64))[0, 0]
    description = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name.strip(),
        segmented_property_category=_concept(said.category),
        segmented_property_type=_concept(said.kind),
        algorithm_type=drawn,
        algorithm_identification=None if drawn == "MANUAL" else by,
        anatomic_regions=[_concept(said.region)] if said.region else None,
        display_color=highdicom.color.CIELabColor(*(float(v) for v in lab)),
    )
    if said.modifier:
        kind = description.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [_concept(said.modifier)]
    if said.region and said.region_modifier:
        region = description.AnatomicRegionSequence[0]
        region.AnatomicRegionModifierSequence = [_concept(said.region_modifier)]
    return description


def _concept(code: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning)

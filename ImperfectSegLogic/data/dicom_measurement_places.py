"""From the lesions of a DICOM report to `RecistMarks` on the image that they were measured on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data.annotations import RecistMarks
from ImperfectSegLogic.data.dicom_measurements import MeasuredAxis, MeasuredLesion
from ImperfectSegLogic.data.dicom_references import DicomReferences
from ImperfectSegLogic.data.prompts import Recist

LPS = np.array([-1.0, -1.0, 1.0])
DIFFERENT = 0.05
"""Share by which a told length may differ from that of the line without a note, and 1 mm more."""


class OtherImageError(ValueError):
    """A lesion was measured on another image."""


def marks_on(
    lesions: Sequence[MeasuredLesion], image: DicomReferences, label: int = 1
) -> tuple[RecistMarks, tuple[str, ...]]:
    """Gives the marks of those lesions that were measured on an image.

    Lesions of other images, such as those of an earlier study in the same report, are left out and
    named in the notes, as are lines that are not as long as the report says.

    Args:
        lesions: What `read_measurements` gave.
        image: What the image's DICOM series is called.
        label: Of the marks.

    Returns:
        The marks, RAS in mm, and the notes.

    Raises:
        OtherImageError: If not one lesion was measured on this image; the UIDs are named.
        ValueError: If a lesion names a picture of the series that is not there.
    """
    marks, notes, others = [], [], []
    for lesion in lesions:
        try:
            long, short = (_ends(axis, lesion, image) for axis in (lesion.long, lesion.short))
        except OtherImageError as error:
            others.append(f"{lesion.name}: {error}")
            continue
        marks.append(Recist(long, short, label=label))
        for axis, ends in ((lesion.long, long), (lesion.short, short)):
            notes += _length_note(lesion, axis, ends)
    if not marks:
        raise OtherImageError(
            "; ".join(others) + ". Choose the report or the series that belong together."
        )
    return RecistMarks(tuple(marks)), (*notes, *(f"{text}; it was left out." for text in others))


def _ends(
    axis: MeasuredAxis, lesion: MeasuredLesion, image: DicomReferences
) -> NDArray[np.float64]:
    studies = sorted({study for study, _ in lesion.images})
    if image.study not in studies:
        raise OtherImageError(
            f"it refers to study {' and '.join(studies) or '(none)'}, the image is of study"
            f" {image.study or '(none)'}"
        )
    series = sorted({series for study, series in lesion.images if study == image.study})
    if image.series not in series:
        raise OtherImageError(
            f"it refers to series {' and '.join(series)}, the image is of series"
            f" {image.series or '(none)'}"
        )
    if axis.frame_of_reference:
        if axis.frame_of_reference != image.frame_of_reference:
            raise OtherImageError(
                f"it refers to frame of reference {axis.frame_of_reference}, the image has"
                f" {image.frame_of_reference or '(none)'}"
            )
        return axis.ends * LPS
    if axis.instance not in image.instances or image.is_multiframe:
        raise ValueError(
            f"{lesion.name}: it refers to the picture {axis.instance}, which is none of the"
            f" {len(image.files)} slices of series {image.series}. Copy the whole series."
        )
    # A picture's coordinates begin at the corner of the first pixel, ours in its middle.
    columns, rows = axis.ends.T - 0.5
    slices = np.full(2, image.instances.index(axis.instance))
    return image.geometry.to_ras(np.column_stack((slices, rows, columns)))


def _length_note(
    lesion: MeasuredLesion, axis: MeasuredAxis, ends: NDArray[np.float64]
) -> list[str]:
    length = float(np.linalg.norm(ends[1] - ends[0]))
    told = axis.length_mm
    if told is None or abs(told - length) <= 1 + DIFFERENT * length:
        return []
    return [f"{lesion.name}: the report says {told:.1f} mm, the line is {length:.1f} mm long."]

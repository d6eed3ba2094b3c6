"""DICOM series and measurement reports made up for the tests; every header is a real CT's."""

from __future__ import annotations

import numpy as np
from highdicom import UID
from highdicom.sr import (
    Comprehensive3DSR,
    CoordinatesForMeasurement,
    CoordinatesForMeasurement3D,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes

from ImperfectSegLogic.data import Geometry
from Testing.Logic.data.grids import OBLIQUE, pattern

SHAPE = (5, 12, 14)
MATRIX = OBLIQUE["oblique"]
GRID = Geometry(SHAPE, MATRIX)
STUDY, SERIES, FRAME = "1.2.1", "1.2.1.1", "1.2.1.9"
LONG, SHORT, MM = codes.SCT.LongAxis, codes.SCT.ShortAxis, codes.UCUM.Millimeter


def write_ct(folder, matrix=MATRIX, shape=SHAPE, study=STUDY, series=SERIES, frame=FRAME, **tags):
    """Writes a series in file names that do not sort by place; a tag of None is taken out."""
    folder.mkdir(exist_ok=True)
    lps = np.diag((-1.0, -1, 1, 1)) @ matrix
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    axes = (lps[:3, :2] / spacing[:2]).T
    for k, plane in enumerate(pattern(shape)):
        header = dcmread(get_testdata_file("CT_small.dcm"))
        said = {
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "FrameOfReferenceUID": frame,
            "SOPInstanceUID": f"{series}.{k + 1}",
            "Rows": shape[1],
            "Columns": shape[2],
            "PixelSpacing": [round(float(spacing[1]), 9), round(float(spacing[0]), 9)],
            "ImageOrientationPatient": [round(float(v), 9) for v in axes.ravel()],
            "ImagePositionPatient": [round(float(v), 9) for v in lps[:3] @ (0, 0, k, 1)],
            "PixelData": plane.astype("<i2").tobytes(),
        }
        for keyword, value in (said | tags).items():
            if value is None:
                delattr(header, keyword)
            else:
                setattr(header, keyword, value)
        del header.DataSetTrailingPadding
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.save_as(folder / f"{(k * 7) % 11:02d}.dcm")


def in_picture(series=SERIES, k=2):
    """How a line in the picture of slice k is told; points are column and row from the corner."""

    def told(folder, ends):
        source = next(d for d in headers(folder) if d.SOPInstanceUID == f"{series}.{k + 1}")
        image = SourceImageForRegion.from_source_image(source)
        return CoordinatesForMeasurement("POLYLINE", np.array(ends, dtype=float), image)

    return told


def in_patient(frame=FRAME):
    """How a line in the patient is told; points are LPS in mm."""

    def told(folder, ends):
        return CoordinatesForMeasurement3D("POLYLINE", np.array(ends, dtype=float), frame)

    return told


def headers(folder):
    return [dcmread(file) for file in sorted(folder.iterdir())]


def group(folder, name, axes, told, lengths=(20.0, 10.0)):
    """A measurement group; axes are pairs of a code and two ends."""
    return MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(UID(), name),
        measurements=[
            Measurement(
                code, length, codes.UCUM.Millimeter, referenced_coordinates=[told(folder, ends)]
            )
            for (code, ends), length in zip(axes, lengths, strict=False)
        ],
    )


def write_report(path, folders, groups):
    """Writes a report whose evidence are all images of some folders."""
    person = PersonObserverIdentifyingAttributes("Reader^Ann")
    context = ObservationContext(ObserverContext(codes.DCM.Person, person))
    content = MeasurementReport(context, codes.LN.CTUnspecifiedBodyRegion, groups)
    report = Comprehensive3DSR(
        evidence=[image for folder in folders for image in headers(folder)],
        content=content,
        series_number=1,
        series_instance_uid=UID(),
        sop_instance_uid=UID(),
        instance_number=1,
    )
    report.save_as(path)

import builtins

import numpy as np
import pytest
from highdicom.spatial import ImageToReferenceTransformer
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import ComprehensiveSRStorage

from ImperfectSegLogic.data import read_volume, write_volume
from ImperfectSegLogic.data.dicom_measurement_places import OtherImageError, marks_on
from ImperfectSegLogic.data.dicom_measurements import read_measurements
from ImperfectSegLogic.data.dicom_references import read_references
from Testing.Logic.data.dicom_phantoms import (
    FRAME,
    GRID,
    LONG,
    MATRIX,
    SERIES,
    SHORT,
    STUDY,
    group,
    in_patient,
    in_picture,
    write_ct,
    write_report,
)
from Testing.Logic.data.grids import OBLIQUE, ORIENTATIONS, SHEARED

# Slices go along the normal, as read_volume stacks them.
GRIDS_TO_TRY = {
    "oblique": OBLIQUE["oblique"],
    "straight": next(
        m for m in ORIENTATIONS.values() if np.linalg.det(m[:3, :3]) > 0 and m[0, 0] == 0
    ),
}
# Column and row from the corner of the picture: from pixel (2, 5) to (10, 5), (6, 3) to (6, 8).
LONG_ENDS, SHORT_ENDS = ((2.5, 5.5), (10.5, 5.5)), ((6.5, 3.5), (6.5, 8.5))
AXES = ((LONG, LONG_ENDS), (SHORT, SHORT_ENDS))
PLACES = ([(2, 5, 2), (2, 5, 10)], [(2, 3, 6), (2, 8, 6)])


@pytest.fixture
def ct(tmp_path):
    write_ct(tmp_path / "ct")
    return tmp_path / "ct"


def read(path, folder, label=1):
    lesions, notes = read_measurements(path)
    marks, more = marks_on(lesions, read_references(folder), label)
    return marks.marks, (*notes, *more)


def patient(places, grid=GRID):
    return grid.to_ras(places) * (-1, -1, 1)


@pytest.mark.parametrize("matrix", [MATRIX, *GRIDS_TO_TRY.values()])
def test_references_name_the_slices_in_the_order_of_the_volume(tmp_path, matrix):
    write_ct(tmp_path / "ct", matrix)
    got = read_references(tmp_path / "ct")
    assert (got.study, got.series, got.frame_of_reference) == (STUDY, SERIES, FRAME)
    volume = read_volume(tmp_path / "ct")
    assert got.geometry.matches(volume.geometry)
    for k, (instance, file) in enumerate(zip(got.instances, got.files, strict=True)):
        header = dcmread(file)
        assert header.SOPInstanceUID == instance
        np.testing.assert_array_equal(header.pixel_array - 1024, volume.array[k])


def test_references_of_one_slice_and_of_one_file_of_a_series(tmp_path, ct):
    assert read_references(ct / "00.dcm").instances == read_references(ct).instances
    write_ct(tmp_path / "one", shape=(1, 6, 7))
    one = read_references(tmp_path / "one")
    assert one.instances == (f"{SERIES}.1",)
    assert one.geometry.matches(read_volume(tmp_path / "one").geometry)
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        read_references(tmp_path / "gone")


def test_lines_in_pictures_become_marks_at_their_place(tmp_path, ct):
    write_report(tmp_path / "sr.dcm", [ct], [group(ct, "target 1", AXES, in_picture())])
    (mark,), notes = read(tmp_path / "sr.dcm", ct, label=2)
    np.testing.assert_allclose(mark.long_axis, GRID.to_ras(PLACES[0]), atol=1e-4)
    np.testing.assert_allclose(mark.short_axis, GRID.to_ras(PLACES[1]), atol=1e-4)
    assert mark.label == 2
    # The report says 20 mm and 10 mm; the lines are 8 times 0.7 and 5 times 1.3 mm long.
    assert notes == (
        "sr.dcm, measurement group 1 (target 1): the report says 20.0 mm, the line is 5.6 mm long.",
        "sr.dcm, measurement group 1 (target 1): the report says 10.0 mm, the line is 6.5 mm long.",
    )


@pytest.mark.parametrize("matrix", [SHEARED["sheared"], *GRIDS_TO_TRY.values()])
def test_a_line_in_a_picture_is_where_the_same_line_in_the_patient_is(tmp_path, matrix):
    folder = tmp_path / "ct"
    write_ct(folder, matrix)
    grid = type(GRID)(GRID.shape, matrix)
    axes = zip((LONG, SHORT), (patient(p, grid) for p in PLACES), strict=True)
    both = [
        group(folder, "a", AXES, in_picture(), (5.6, 6.5)),
        group(folder, "b", list(axes), in_patient(), (5.6, 6.5)),
    ]
    write_report(tmp_path / "sr.dcm", [folder], both)
    (a, b), _ = read(tmp_path / "sr.dcm", folder)
    np.testing.assert_allclose(a.long_axis, b.long_axis, atol=1e-4)
    np.testing.assert_allclose(a.short_axis, b.short_axis, atol=1e-4)


def test_major_and_minor_axis_and_the_older_codes_are_read_too(tmp_path, ct):
    pairs = [
        (codes.SCT.MajorAxis, codes.SCT.MinorAxis),
        (type(LONG)("G-A185", "SRT", "Long Axis"), type(LONG)("G-A186", "SRT", "Short Axis")),
    ]
    groups = [
        group(ct, "x", ((a, LONG_ENDS), (b, SHORT_ENDS)), in_picture(), (5.6, 6.5))
        for a, b in pairs
    ]
    write_report(tmp_path / "sr.dcm", [ct], groups)
    marks, notes = read(tmp_path / "sr.dcm", ct)
    assert len(marks) == 2
    assert notes == ()


def test_a_report_on_another_study_is_refused_with_both_uids(tmp_path, ct):
    other = tmp_path / "other"
    write_ct(other, study="9.9", series="9.9.1", frame="9.9.9")
    write_report(tmp_path / "sr.dcm", [other], [group(other, "a", AXES, in_picture("9.9.1"))])
    with pytest.raises(OtherImageError, match=r"refers to study 9\.9, the image is of study 1\.2"):
        read(tmp_path / "sr.dcm", ct)


def test_a_report_in_the_patient_on_another_study_is_refused_though_the_frame_is_the_same(
    tmp_path, ct
):
    other = tmp_path / "other"
    write_ct(other, study="9.9", series="9.9.1")
    axes = zip((LONG, SHORT), (patient(p) for p in PLACES), strict=True)
    write_report(tmp_path / "sr.dcm", [other], [group(other, "a", list(axes), in_patient())])
    with pytest.raises(OtherImageError, match=r"refers to study 9\.9, the image is of study 1\.2"):
        read(tmp_path / "sr.dcm", ct)


def test_another_series_and_another_frame_of_reference_are_refused(tmp_path, ct):
    other = tmp_path / "other"
    write_ct(other, series="1.2.1.2")
    write_report(tmp_path / "a.dcm", [other], [group(other, "a", AXES, in_picture("1.2.1.2"))])
    with pytest.raises(OtherImageError, match=r"series 1\.2\.1\.2, the image is of series 1\.2\.1"):
        read(tmp_path / "a.dcm", ct)
    axes = zip((LONG, SHORT), (patient(p) for p in PLACES), strict=True)
    write_report(tmp_path / "b.dcm", [ct], [group(ct, "a", list(axes), in_patient("7.7"))])
    with pytest.raises(OtherImageError, match=r"frame of reference 7\.7, the image has 1\.2\.1\.9"):
        read(tmp_path / "b.dcm", ct)


def test_lesions_of_an_earlier_study_in_the_same_report_are_left_out_and_named(tmp_path, ct):
    earlier = tmp_path / "earlier"
    write_ct(earlier, study="1.1", series="1.1.1", frame="1.1.9")
    groups = [
        group(earlier, "before", AXES, in_picture("1.1.1"), (5.6, 6.5)),
        group(ct, "now", AXES, in_picture(), (5.6, 6.5)),
    ]
    write_report(tmp_path / "sr.dcm", [ct, earlier], groups)
    marks, (note,) = read(tmp_path / "sr.dcm", ct)
    assert len(marks) == 1
    assert "group 1 (before): it refers to study 1.1" in note
    assert note.endswith("it was left out.")


def test_a_slice_that_is_not_there_any_more(tmp_path, ct):
    write_report(tmp_path / "sr.dcm", [ct], [group(ct, "a", AXES, in_picture(k=4))])
    for file in ct.iterdir():
        if dcmread(file).SOPInstanceUID == f"{SERIES}.5":
            gone = file
    gone.unlink()
    with pytest.raises(ValueError, match=r"picture 1\.2\.1\.1\.5, which is none of the 4 slices"):
        read(tmp_path / "sr.dcm", ct)


def test_groups_without_two_axes_are_noted_and_a_report_of_only_those_is_refused(tmp_path, ct):
    lone = group(ct, "lone", AXES[:1], in_picture())
    write_report(tmp_path / "a.dcm", [ct], [lone, group(ct, "b", AXES, in_picture(), (5.6, 6.5))])
    marks, (note,) = read(tmp_path / "a.dcm", ct)
    assert len(marks) == 1
    assert "group 1 (lone): it has 1 long and 0 short axes" in note
    write_report(tmp_path / "b.dcm", [ct], [lone])
    with pytest.raises(ValueError, match="without a long and a short axis in any of its 1"):
        read_measurements(tmp_path / "b.dcm")


def test_a_line_of_three_points_is_refused(tmp_path, ct):
    axes = ((LONG, (*LONG_ENDS, (1, 1))), (SHORT, SHORT_ENDS))
    write_report(tmp_path / "sr.dcm", [ct], [group(ct, "a", axes, in_picture())])
    with pytest.raises(ValueError, match=r"Long axis: got 1 graphics with \[3\] points"):
        read_measurements(tmp_path / "sr.dcm")


def test_files_that_are_no_report(tmp_path, ct):
    (tmp_path / "notes.dcm").write_text("nothing")
    volume = read_volume(ct)
    write_volume(volume, tmp_path / "image.nrrd")
    for path in (tmp_path / "notes.dcm", ct / "00.dcm", tmp_path / "image.nrrd"):
        with pytest.raises(ValueError, match="no structured report that can be read"):
            read_measurements(path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_measurements(tmp_path / "gone.dcm")


def test_without_highdicom_the_message_tells_how_to_install_it(tmp_path, ct, monkeypatch):
    write_report(tmp_path / "sr.dcm", [ct], [group(ct, "a", AXES, in_picture())])
    real = builtins.__import__

    def forbidding(name, *args, **options):
        if name.split(".")[0] == "highdicom":
            raise ImportError("No module named 'highdicom'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", forbidding)
    with pytest.raises(ValueError, match=r"highdicom: not installed.*imperfectseg\[dicom\]"):
        read_measurements(tmp_path / "sr.dcm")


def test_pictures_are_measured_as_highdicom_measures_them(tmp_path, ct):
    write_report(tmp_path / "sr.dcm", [ct], [group(ct, "a", AXES, in_picture())])
    (mark,), _ = read(tmp_path / "sr.dcm", ct)
    header = dcmread(read_references(ct).files[2])
    wanted = ImageToReferenceTransformer(
        header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing
    )
    got = mark.long_axis * (-1, -1, 1)
    np.testing.assert_allclose(got, wanted(np.array(LONG_ENDS)), atol=1e-4)


def test_a_report_as_web_viewers_write_it_without_template_and_names_of_graphics(tmp_path, ct):
    write_report(tmp_path / "sr.dcm", [ct], [group(ct, "a", AXES, in_picture(), (5.6, 6.5))])
    report = dcmread(tmp_path / "sr.dcm")
    report.SOPClassUID = ComprehensiveSRStorage
    del report.ContentTemplateSequence

    def strip(item):
        for child in item.get("ContentSequence", []):
            if child.ValueType in ("SCOORD", "IMAGE"):
                del child.ConceptNameCodeSequence
            child.pop("ContentTemplateSequence", None)
            strip(child)

    strip(report)
    report.save_as(tmp_path / "bare.dcm")
    marks, notes = read(tmp_path / "bare.dcm", ct)
    assert notes == ()
    np.testing.assert_allclose(marks[0].long_axis, GRID.to_ras(PLACES[0]), atol=1e-4)

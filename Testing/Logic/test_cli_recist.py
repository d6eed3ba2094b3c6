"""`imperfectseg dataset add-recist` and `dicom-seg`, as a person at a shell uses them."""

from __future__ import annotations

import highdicom
import numpy as np
import pytest
from pydicom import dcmread

from ImperfectSegLogic.data import (
    Dataset,
    Geometry,
    Prediction,
    Provenance,
    Region,
    Segment,
    Segmentation,
    Volume,
    read_volume,
    write_label_map,
    write_probabilities,
    write_segmentation,
)
from ImperfectSegLogic.data.dicom_references import read_references
from Testing.Logic.data.dicom_phantoms import (
    GRID,
    LONG,
    SHAPE,
    SHORT,
    group,
    in_picture,
    write_ct,
    write_report,
)
from Testing.Logic.data.test_recist_csv import lines, row, table
from Testing.Logic.test_cli import run

STACK = Volume(
    np.random.default_rng(0).integers(0, 9, (5, 12, 16)), np.diag((-0.8, -0.9, -5.0, 1.0))
)
AXES = ((LONG, ((2.5, 5.5), (10.5, 5.5))), (SHORT, ((6.5, 3.5), (6.5, 7.5))))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data set with a stack of DeepLesion's and a CT that was read from DICOM files."""
    monkeypatch.chdir(tmp_path)
    dataset = Dataset.create("set", {1: "lesion", 2: "node"})
    dataset.add_case("000001_01_01_103-107", STACK)
    write_ct(tmp_path / "ct")
    dataset.add_case("ct1", "ct")
    return tmp_path


def marks(case, annotator="import"):
    return Dataset.open("set").case(case, annotator).annotation.marks


def test_a_table_becomes_annotations_of_cases(folder, capsys):
    table(folder, row(), row(key=103), row(file="x.png").replace(",1,1,1,105", ",9,9,9,105"))
    code, out, _ = run(
        "dataset", "add-recist", "set", "DL_info.csv", "--annotator", "nih", "--label", "2",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "note: DL_info.csv: 1 rows are about other images." in out
    assert "2 lesions added to 1 cases as annotator nih." in out
    first, second = marks("000001_01_01_103-107", "nih")
    assert (first.label, second.label) == (2, 2)
    got = STACK.geometry.to_continuous_index(first.long_axis)
    np.testing.assert_allclose(got, [(2, 4, 2), (2, 4, 8)], atol=1e-9)


def test_markups_and_a_report_become_annotations_of_the_cases_they_are_about(folder, capsys):
    write_report("report.dcm", [folder / "ct"], [group(folder / "ct", "a", AXES, in_picture())])
    # Within the stack, LPS.
    pairs = (((1, 3, -5), (9, 3, -5)), ((4, 1, -5), (4, 6, -5)))
    lines(folder / "000001_01_01_103-107_ann.mrk.json", *pairs)
    code, out, _ = run(
        "dataset", "add-recist", "set", "report.dcm", "000001_01_01_103-107_ann.mrk.json",
        capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "2 lesions added to 2 cases as annotator import." in out
    assert "the report says 20.0 mm, the line is 5.6 mm long" in " ".join(out.split())
    (mark,) = marks("ct1")
    np.testing.assert_allclose(mark.long_axis, GRID.to_ras([(2, 5, 2), (2, 5, 10)]), atol=1e-4)
    (mark,) = marks("000001_01_01_103-107")
    np.testing.assert_allclose(mark.long_axis, [(-1, -3, -5), (-9, -3, -5)])


def test_a_report_on_another_study_is_refused_with_both_uids(folder, capsys):
    write_ct(folder / "other", study="9.9", series="9.9.1", frame="9.9.9")
    told = group(folder / "other", "a", AXES, in_picture("9.9.1"))
    write_report("report.dcm", [folder / "other"], [told])
    code, _, err = run("dataset", "add-recist", "set", "report.dcm", capsys=capsys)
    assert code == 2
    assert "refers to study 9.9, the image is of study 1.2.1" in " ".join(err.split())
    arguments = ("dataset", "add-recist", "set", "report.dcm", "--series", "other", "--case")
    code, _, err = run(*arguments, "ct1", capsys=capsys)
    assert code == 2
    assert "--series: got series 9.9.1 of study 9.9, but case ct1 was read from" in " ".join(
        err.split()
    )


def test_a_case_that_does_not_know_its_series_can_be_told(folder, capsys):
    Dataset.open("set").add_case("plain", read_volume("ct"))
    write_report("report.dcm", [folder / "ct"], [group(folder / "ct", "a", AXES, in_picture())])
    arguments = ("dataset", "add-recist", "set", "report.dcm", "--case", "plain")
    assert run(*arguments, capsys=capsys)[0] == 2
    assert run(*arguments, "--series", "ct", capsys=capsys)[0] == 0
    assert len(marks("plain")) == 1


def test_one_wrong_row_keeps_all_out_unless_it_is_skipped(folder, capsys):
    apart = row(ends="3, 5, 9, 5, 6, 9, 6, 12")
    outside = row(ends="3, 5, 99, 5, 6, 3, 6, 7")
    table(folder, row(), row(ends="1, 2"), outside, row(key=104), apart)
    code, _, err = run("dataset", "add-recist", "set", "DL_info.csv", capsys=capsys)
    told = " ".join(err.split())
    assert code == 2
    assert "got 3 marks that are wrong; nothing was added" in told
    assert "DL_info.csv: row 3: Measurement_coordinates: got '1, 2'" in told
    assert "DL_info.csv: row 4: got ends at [[3.0, 5.0], [99.0, 5.0]" in told
    assert "DL_info.csv: row 6: RECIST mark: got two axes that do not cross" in told
    assert Dataset.open("set").annotators("000001_01_01_103-107") == []
    code, out, _ = run("dataset", "add-recist", "set", "DL_info.csv", "--skip-wrong", capsys=capsys)
    assert code == 0
    assert "3 marks are wrong and were left out" in out
    assert len(marks("000001_01_01_103-107")) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone", "a.csv"], "there is no data set here"),
        (["set", "gone.csv"], "gone.csv: there is no such file"),
        (["set", "gone.dcm"], "gone.dcm: there is no such file"),
        (["set", "notes.txt"], "notes.txt: allowed are .mrk.json files"),
        (["set", "a.mrk.json"], "a.mrk.json: is called as no case of the data set, such as 00000"),
        (["set", "a.mrk.json", "--case", "ct9"], "case ct9 is not in set"),
        (
            ["set", "a.mrk.json", "--case", "ct1"],
            "a.mrk.json: case ct1, lesion 1: RECIST mark: got an end at",
        ),
        (["set", "a.mrk.json", "--label", "5"], "--label: got 5, the data set has {1: 'lesion'"),
        (["set", "a.mrk.json", "--series", "ct"], "--series: is only for one case"),
        (["set", "a.mrk.json", "--case", "ct1", "--annotator", "a/b"], "annotator name: got"),
        (["set", "other.csv"], "not one is about an image of this data set"),
        (["set", "wrong.csv", "--skip-wrong"], "not one mark is left"),
        (["set", "report.dcm", "--case", "000001_01_01_103-107"], "not one case knows its DICOM"),
    ],
)
def test_what_the_user_can_mend_is_told_with_exit_code_2(folder, capsys, arguments, message):
    (folder / "notes.txt").write_text("nothing")
    lines(folder / "a.mrk.json", ((0, 0, 500), (9, 0, 500)), ((4, -1, 500), (4, 6, 500)))
    table(folder, row().replace(",1,1,1,105", ",9,9,9,105")).rename(folder / "other.csv")
    table(folder, row(ends="1, 2")).rename(folder / "wrong.csv")
    write_report("report.dcm", [folder / "ct"], [group(folder / "ct", "a", AXES, in_picture())])
    code, _, err = run("dataset", "add-recist", *arguments, capsys=capsys)
    assert code == 2
    assert message in " ".join(err.split())
    assert all(not Dataset.open("set").annotators(case) for case in Dataset.open("set").case_ids)


@pytest.fixture
def mask(folder):
    """A mask of the CT with two segments, as 3D Slicer saves it, and as label map."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[1:3, 2:7, 3:9] = 1
    labels[3:, 4:6, 1:13] = 2
    grid = read_references("ct").geometry
    named = Segmentation.from_labels(labels, grid, {1: "tumor", 2: "edema"})
    write_segmentation(named, "mask.seg.nrrd")
    write_label_map(labels, grid, "mask.nii.gz")
    return labels


def labels_of(path):
    read = highdicom.seg.segread(path)
    return [read.get_segment_description(n).segment_label for n in read.segment_numbers]


def test_dicom_seg_writes_a_mask_with_its_names(folder, mask, capsys):
    code, out, _ = run(
        "dicom-seg", "mask.seg.nrrd", "--series", "ct", "--out", "seg.dcm", capsys=capsys
    )
    assert code == 0
    assert "2 segments written to seg.dcm" in out
    assert "segment 'tumor' is coded as 3D Slicer's default" in " ".join(out.split())
    assert labels_of("seg.dcm") == ["tumor", "edema"]
    assert highdicom.seg.segread("seg.dcm").pixel_array.sum() == np.count_nonzero(mask)
    code, _, _ = run(
        "dicom-seg", "mask.nii.gz", "--series", "ct", "--out", "seg.dcm", "--names", "2=bone",
        "--manual", "--overwrite", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert labels_of("seg.dcm") == ["Segment_1", "bone"]
    assert dcmread("seg.dcm").SegmentSequence[0].SegmentAlgorithmType == "MANUAL"


def test_dicom_seg_takes_a_mask_whose_axes_go_other_ways(folder, mask, capsys):
    grid = read_references("ct").geometry
    turned = grid.ijk_to_ras.copy()
    turned[:3, 3] = grid.to_ras((SHAPE[0] - 1, 0, 0))
    turned[:3, 2] *= -1
    write_label_map(mask[::-1], Geometry(SHAPE, turned), "turned.nrrd")
    code, _, _ = run("dicom-seg", "turned.nrrd", "--series", "ct", "--out", "a.dcm", capsys=capsys)
    assert code == 0
    run("dicom-seg", "mask.nii.gz", "--series", "ct", "--out", "b.dcm", capsys=capsys)
    assert dcmread("a.dcm").PixelData == dcmread("b.dcm").PixelData


def test_dicom_seg_check_tells_all_that_is_missing_with_exit_code_1(folder, mask, capsys):
    arguments = ("dicom-seg", "mask.seg.nrrd", "--check", "--series")
    assert run(*arguments, "ct", capsys=capsys)[0] == 0
    write_ct(folder / "bare", PatientID="", StudyID=None, matrix=np.diag((1.0, 1, 1, 1)))
    code, out, _ = run(*arguments, "bare", capsys=capsys)
    told = " ".join(out.split())
    assert code == 1
    for text in (
        "PatientID is missing or empty",
        "StudyID is missing",
        "the grid: the mask has",
        "mask.seg.nrrd: 3 problems.",
    ):
        assert text in told
    code, out, _ = run(*arguments, "gone", capsys=capsys)
    assert code == 1
    assert "the source series: gone: there is no such file or folder" in " ".join(out.split())
    assert sorted(p.name for p in folder.glob("*.dcm")) == []


def test_dicom_seg_writes_overlaps_only_when_they_are_allowed(folder, mask, capsys):
    grid = read_references("ct").geometry
    layers = np.stack([mask > 0, mask == 1]).astype(np.uint8)
    segments = (Segment("a", "whole", 1, 0), Segment("b", "core", 1, 1))
    write_segmentation(Segmentation(layers, grid, segments), "over.seg.nrrd")
    arguments = ("dicom-seg", "over.seg.nrrd", "--series", "ct", "--out", "seg.dcm")
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert "segment 2 (core): overlaps segments before it in 60 voxels" in " ".join(err.split())
    assert run(*arguments, "--allow-overlap", capsys=capsys)[0] == 0
    assert labels_of("seg.dcm") == ["whole", "core"]


def test_dicom_seg_writes_probabilities_as_fractional(folder, capsys):
    p = np.array([0.25, 0.75], dtype=np.float32).reshape(2, 1, 1, 1)
    grid = read_volume("ct").geometry
    prediction = Prediction(p, (0, 1), Region((1, 2, 3), (2, 3, 4)), grid, Provenance("test"))
    write_probabilities(prediction, "p.nrrd")
    code, _, _ = run(
        "dicom-seg", "p.nrrd", "--probabilities", "--names", "1=tumor", "--series", "ct",
        "--out", "seg.dcm", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert dcmread("seg.dcm").SegmentationType == "FRACTIONAL"
    assert dcmread("seg.dcm").pixel_array.max() == 191


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mask.seg.nrrd"], "--out: is missing"),
        (["mask.seg.nrrd", "--out", "seg.nrrd"], "allowed are .dcm"),
        (["mask.seg.nrrd", "--out", "there.dcm"], "there.dcm: is there already"),
        (["gone.seg.nrrd", "--out", "seg.dcm"], "gone.seg.nrrd: there is no such file"),
        (["mask.nii.gz", "--out", "seg.dcm", "--names", "3=x"], "--names: got labels [3]"),
        (["mask.nii.gz", "--out", "seg.dcm", "--series-uid", "T7"], "0 DICOM series named T7"),
    ],
)
def test_dicom_seg_tells_what_to_mend_with_exit_code_2(folder, mask, capsys, arguments, message):
    (folder / "there.dcm").write_text("mine")
    code, _, err = run("dicom-seg", *arguments, "--series", "ct", capsys=capsys)
    assert code == 2
    assert message in " ".join(err.split())
    assert not (folder / "seg.dcm").exists()

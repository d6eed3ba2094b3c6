import builtins
from dataclasses import replace

import highdicom
import numpy as np
import pytest
from pydicom import dcmread

from ImperfectSegLogic.data import (
    Geometry,
    Prediction,
    Provenance,
    Region,
    Segment,
    Segmentation,
)
from ImperfectSegLogic.data.dicom_references import read_references
from ImperfectSegLogic.data.dicom_segmentation import (
    check_dicom_segmentation,
    write_dicom_segmentation,
)
from ImperfectSegLogic.data.dicom_segmentation_checks import hints
from ImperfectSegLogic.data.terminology import Code, terminology_of
from Testing.Logic.data.dicom_phantoms import GRID, SERIES, SHAPE, STUDY, write_ct
from Testing.Logic.data.grids import ORIENTATIONS, SHEARED

KIDNEY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical"
    " Structure~SCT^64033007^Kidney~SCT^24028007^Right~Anatomic codes - DICOM master list"
    "~SCT^818983003^Abdomen~SCT^7771000^Left"
)


@pytest.fixture
def ct(tmp_path):
    write_ct(tmp_path / "ct")
    return tmp_path / "ct"


def mask(overlapping=False, geometry=GRID):
    """Two segments of different layers: a kidney, and tissue that begins where the kidney ends."""
    layers = np.zeros((2, *SHAPE), dtype=np.uint8)
    layers[0, 1:3, 2:7, 3:9] = 1
    layers[1, (2 if overlapping else 3) :, 4:6, 1:13] = 4
    return Segmentation(
        layers,
        geometry,
        (
            Segment("a", "Right kidney", 1, 0, (1, 0, 0), KIDNEY),
            Segment("b", "Läsion", 4, 1, (0.1, 0.9, 0.4)),
        ),
    )


def segments(read):
    return [read.get_segment_description(n) for n in read.segment_numbers]


def read_back(path):
    """Voxels (segment, slice, row, column), grid and labels as highdicom reads them."""
    read = highdicom.seg.segread(path)
    # highdicom stacks slices against their normal, and its matrix is for slice, row and column.
    volume = read.get_volume(combine_segments=False).flip_spatial(0)
    matrix = np.diag((-1.0, -1, 1, 1)) @ volume.affine[:, [2, 1, 0, 3]]
    return np.moveaxis(volume.array, -1, 0), Geometry(volume.spatial_shape, matrix), read


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("name", ["oblique", *list(ORIENTATIONS)[::13]])
def test_what_is_written_is_read_back_by_highdicom_voxel_by_voxel(tmp_path, name, overlapping):
    matrix = ({"oblique": GRID.ijk_to_ras} | ORIENTATIONS)[name]
    write_ct(tmp_path / "ct", matrix)
    grid = read_references(tmp_path / "ct").geometry
    written = mask(overlapping, grid)
    write_dicom_segmentation(written, tmp_path / "ct", tmp_path / "s.dcm", overlaps=overlapping)
    voxels, geometry, read = read_back(tmp_path / "s.dcm")
    assert [d.segment_label for d in segments(read)] == ["Right kidney", "Läsion"]
    for segment, got in zip(written.segments, voxels, strict=True):
        wanted = written.mask(segment.id)
        # highdicom leaves out slices without segments at both ends, so compare by place.
        places = geometry.to_index(grid.to_ras(np.argwhere(wanted)))
        assert got.sum() == wanted.sum()
        assert got[tuple(places.T)].all()
    assert geometry.matches(_cut(grid, geometry))


def _cut(grid, other):
    first = grid.to_index(other.to_ras((0, 0, 0)))
    moved = grid.ijk_to_ras.copy()
    moved[:3, 3] = grid.to_ras(first)
    return Geometry(other.shape, moved)


def test_codes_colors_patient_and_references_are_those_of_the_mask_and_the_series(tmp_path, ct):
    write_dicom_segmentation(mask(), ct, tmp_path / "seg.dcm")
    read = highdicom.seg.segread(tmp_path / "seg.dcm")
    kidney, lesion = segments(read)
    assert kidney.segmented_property_category.meaning == "Anatomical Structure"
    assert kidney.segmented_property_type.value == "64033007"
    modifier = kidney.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert modifier[0].CodeMeaning == "Right"
    assert kidney.anatomic_regions[0].meaning == "Abdomen"
    region = kidney.AnatomicRegionSequence[0].AnatomicRegionModifierSequence
    assert region[0].CodeMeaning == "Left"
    assert lesion.segmented_property_type.meaning == "Tissue"
    assert lesion.algorithm_type.value == "SEMIAUTOMATIC"
    assert lesion.SegmentAlgorithmName == "ImperfectSeg"
    red = np.array(kidney.RecommendedDisplayCIELabValue) / 65535 * (100, 255, 255) - (0, 128, 128)
    np.testing.assert_allclose(red, (53.24, 80.09, 67.20), atol=0.1)  # Red in CIELab.
    assert (read.StudyInstanceUID, read.PatientID) == (STUDY, "1CT1")
    assert read.FrameOfReferenceUID == dcmread(ct / "00.dcm").FrameOfReferenceUID
    assert read.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    assert read.SegmentationType == "BINARY"
    for frame in read.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        (same,) = [d for d in map(dcmread, ct.iterdir())
                   if d.SOPInstanceUID == source.ReferencedSOPInstanceUID]  # fmt: skip
        np.testing.assert_allclose(position, same.ImagePositionPatient)


def test_slices_lie_as_far_apart_as_their_positions_say_whatever_headers_claim(tmp_path):
    write_ct(tmp_path / "ct", SpacingBetweenSlices=99.0)
    write_dicom_segmentation(mask(), tmp_path / "ct", tmp_path / "seg.dcm")
    shared = dcmread(tmp_path / "seg.dcm").SharedFunctionalGroupsSequence[0]
    assert shared.PixelMeasuresSequence[0].SpacingBetweenSlices == pytest.approx(2.9)


def test_masks_drawn_by_hand_name_no_algorithm(tmp_path, ct):
    write_dicom_segmentation(mask(), ct, tmp_path / "seg.dcm", drawn="MANUAL")
    one, _ = segments(highdicom.seg.segread(tmp_path / "seg.dcm"))
    assert one.algorithm_type.value == "MANUAL"
    assert "SegmentAlgorithmName" not in one


@pytest.mark.parametrize("matrix", [SHEARED["sheared"], GRID.ijk_to_ras])
def test_a_series_of_one_slice_and_of_a_tilted_gantry(tmp_path, matrix):
    write_ct(tmp_path / "ct", matrix)
    image = read_references(tmp_path / "ct")
    write_dicom_segmentation(mask(geometry=image.geometry), tmp_path / "ct", tmp_path / "a.dcm")
    frames = highdicom.seg.segread(tmp_path / "a.dcm")
    got = frames.get_pixels_by_source_instance(list(image.instances), segment_numbers=[1])
    np.testing.assert_array_equal(got[..., 0], mask().mask("a"))
    write_ct(tmp_path / "one", shape=(1, 12, 14))
    labels = np.zeros((1, 12, 14), dtype=np.uint8)
    labels[0, 3:5, 2] = 1
    grid = read_references(tmp_path / "one").geometry
    flat = Segmentation.from_labels(labels, grid, {1: "spot"})
    write_dicom_segmentation(flat, tmp_path / "one", tmp_path / "b.dcm")
    assert dcmread(tmp_path / "b.dcm").pixel_array.sum() == 2


def test_probabilities_are_written_in_steps_of_a_255th(tmp_path, ct):
    p = np.random.default_rng(0).random((3, 2, 4, 5)).astype(np.float32)
    p /= p.sum(axis=0)
    region = Region((1, 2, 3), (3, 6, 8))
    prediction = Prediction(p, (0, 1, 5), region, GRID, Provenance("test"))
    write_dicom_segmentation(prediction, ct, tmp_path / "seg.dcm", names={5: "node"})
    voxels, geometry, read = read_back(tmp_path / "seg.dcm")
    assert (read.SegmentationType, read.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert [d.segment_label for d in segments(read)] == ["Segment_1", "node"]
    first = GRID.to_index(geometry.to_ras((0, 0, 0)))[0]
    wanted = prediction.full_probabilities()[1:, first : first + geometry.shape[0]]
    np.testing.assert_allclose(voxels, wanted, atol=0.5 / 255 + 1e-6)


def test_everything_that_is_missing_is_told_at_once(tmp_path):
    write_ct(
        tmp_path / "ct", PatientID="", AccessionNumber=None, FrameOfReferenceUID=None, StudyID=None
    )
    wrong = mask(overlapping=True, geometry=Geometry(SHAPE, np.diag((1.0, 1, 1, 1))))
    kidney, lesion = wrong.segments
    more = Segment("c", " ", 9, 1, terminology="")
    wrong = replace(
        wrong, segments=(kidney, lesion, more, replace(kidney, id="d", label=7, name="x" * 65))
    )
    problems = check_dicom_segmentation(wrong, tmp_path / "ct")
    told = "\n".join(problems)
    for text in (
        "PatientID is missing or empty in 5 of 5 files, such as ",
        "FrameOfReferenceUID is missing or empty in 5 of 5 files",
        "AccessionNumber is missing (it may be empty) in 5 of 5 files",
        "StudyID is missing (it may be empty)",
        "the grid: the mask has (5, 12, 14) voxels of 1 x 1 x 1 mm from 0 x 0 x 0 (RAS)",
        "segment 2 (Läsion): overlaps segments before it in 12 voxels",
        "segment 3 (c): it has no name",
        "segment 3 (c): got terminology '' without a category",
        "segment 3 (c): it is empty",
        "segment 4 (" + "x" * 65 + "): its name has 65 characters, allowed are 64",
        "segment 4 (" + "x" * 65 + "): it is empty",
    ):
        assert text in told, text
    assert len(problems) == 11
    with pytest.raises(ValueError, match="11 things are to be mended first") as caught:
        write_dicom_segmentation(wrong, tmp_path / "ct", tmp_path / "seg.dcm")
    assert all(problem in str(caught.value) for problem in problems)
    assert not (tmp_path / "seg.dcm").exists()


def test_a_source_that_is_not_there_is_told_with_all_else(tmp_path):
    empty = replace(mask(), segments=mask().segments[:1], layers=np.zeros((2, *SHAPE), np.uint8))
    (tmp_path / "none").mkdir()
    for folder in ("gone", "none"):
        source, segment = check_dicom_segmentation(empty, tmp_path / folder)
        assert source.startswith("the source series: ")
        assert str(tmp_path / folder) in source
        assert "it is empty" in segment
    write_ct(tmp_path / "two")
    write_ct(tmp_path / "both", series="5.5", shape=(2, 4, 4))
    for file in (tmp_path / "both").iterdir():
        file.rename(tmp_path / "two" / f"other_{file.name}")
    (several,) = check_dicom_segmentation(mask(), tmp_path / "two")
    assert "got 2 DICOM series" in several
    assert check_dicom_segmentation(mask(), tmp_path / "two", series_uid=SERIES) == ()
    nothing = replace(mask(), segments=())
    assert check_dicom_segmentation(nothing, tmp_path / "two", series_uid=SERIES) == (
        "the mask: it has no segment. Draw one first.",
    )


def test_slices_of_two_patients_are_no_source(tmp_path, ct):
    header = dcmread(ct / "00.dcm")
    header.PatientID = "somebody else"
    header.save_as(ct / "00.dcm")
    (problem,) = check_dicom_segmentation(mask(), ct)
    assert "PatientID differs between files (1CT1, somebody else)" in problem


def test_overlaps_can_be_allowed_and_the_default_code_is_hinted_at(ct):
    assert len(check_dicom_segmentation(mask(overlapping=True), ct)) == 1
    assert check_dicom_segmentation(mask(overlapping=True), ct, overlaps=True) == ()
    (hint,) = hints(mask())
    assert "'Läsion' is coded as 3D Slicer's default" in hint


def test_an_existing_file_is_kept(tmp_path, ct):
    (tmp_path / "seg.dcm").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        write_dicom_segmentation(mask(), ct, tmp_path / "seg.dcm")
    write_dicom_segmentation(mask(), ct, tmp_path / "seg.dcm", overwrite=True)
    assert dcmread(tmp_path / "seg.dcm").Modality == "SEG"
    with pytest.raises(ValueError, match=r"allowed are \.dcm"):
        write_dicom_segmentation(mask(), ct, tmp_path / "seg.nrrd")


def test_without_highdicom_the_message_tells_how_to_install_it(ct, monkeypatch):
    real = builtins.__import__

    def forbidding(name, *args, **options):
        if name == "highdicom":
            raise ImportError("No module named 'highdicom'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", forbidding)
    with pytest.raises(ValueError, match=r"highdicom: not installed.*imperfectseg\[dicom\]"):
        check_dicom_segmentation(mask(), ct)


def test_terminology_entries_of_3d_slicer():
    got = terminology_of(KIDNEY)
    assert got.category == Code("SCT", "123037004", "Anatomical Structure")
    assert (got.modifier.meaning, got.region_modifier.meaning) == ("Right", "Left")
    assert terminology_of("list~SCT^1^a~SCT^2^b").region is None
    for entry, text in (("", "without a category"), ("l~SCT^1^a~Kidney", "the code 'Kidney'")):
        with pytest.raises(ValueError, match=text):
            terminology_of(entry)

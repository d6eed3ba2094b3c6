import numpy as np
import pytest
import SimpleITK as sitk

from ImperfectSegLogic.data import (
    Geometry,
    Segment,
    Segmentation,
    check_segmentation_target,
    read_segmentation,
    write_label_map,
    write_segmentation,
)
from Testing.Logic.data.grids import ALL, OBLIQUE, RIGHT_ANGLES, SHAPE, assert_same_places, grid

STRAIGHT = grid(np.eye(3))
VESSEL = "a list~SCT^1^Body~SCT^2^Vessel~^^~another list~^^~^^"


def layers(count=2, shape=SHAPE):
    made = np.zeros((count, *shape), np.uint8)
    made[0, :, 0, :2] = 1
    made[0, 0, 3, 1:] = 7
    for extra in range(1, count):
        made[extra, -1, : extra + 1, 1:] = 1
    return made


def overlapping(matrix=STRAIGHT):
    return Segmentation(
        layers(),
        Geometry(SHAPE, matrix),
        (
            Segment("Segment_1", "Leber, größer: 50 % = x", 1, 0, (0.1, 0.25, 1.0)),
            Segment("s", "vessel", 7, 0, (1.0, 0.0, 0.3), VESSEL, {"Segmentation.Status": "done"}),
            Segment("t", "tumor", 1, 1, (0.0, 1.0, 0.0)),
        ),
    )


def assert_same(got, wanted):
    assert got.segments == wanted.segments
    for segment in wanted.segments:
        np.testing.assert_array_equal(got.mask(segment.id), wanted.mask(segment.id))
    assert got.geometry.matches(wanted.geometry)


@pytest.mark.parametrize("name", ALL)
def test_everything_comes_back(tmp_path, name):
    wanted = overlapping(ALL[name])
    write_segmentation(wanted, tmp_path / "a.seg.nrrd")
    assert_same(read_segmentation(tmp_path / "a.seg.nrrd"), wanted)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_any_number_of_layers(tmp_path, count):
    segments = tuple(Segment(f"s{n}", f"name {n}", 1, n) for n in range(count))
    wanted = Segmentation(layers(count), Geometry(SHAPE, OBLIQUE["oblique"]), segments)
    write_segmentation(wanted, tmp_path / "a.seg.nrrd")
    assert_same(read_segmentation(tmp_path / "a.seg.nrrd"), wanted)
    kind = b"kinds: list domain domain domain" if count > 1 else b"kinds: domain domain domain"
    assert kind in (tmp_path / "a.seg.nrrd").read_bytes()


def test_no_segments_and_empty_segments(tmp_path):
    geometry = Geometry(SHAPE, STRAIGHT)
    for segments in ((), (Segment("s", "nothing yet", 1),)):
        wanted = Segmentation(np.zeros((1, *SHAPE), np.uint8), geometry, segments)
        write_segmentation(wanted, tmp_path / "a.seg.nrrd", overwrite=True)
        assert_same(read_segmentation(tmp_path / "a.seg.nrrd"), wanted)


def test_large_labels(tmp_path):
    made = layers().astype(np.uint16)
    made[made == 7] = 40000
    wanted = Segmentation(made, Geometry(SHAPE, STRAIGHT), (Segment("s", "s", 40000),))
    write_segmentation(wanted, tmp_path / "a.seg.nrrd")
    assert_same(read_segmentation(tmp_path / "a.seg.nrrd"), wanted)


def write_by_hand(path, array, matrix, **entries):
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    lps = np.diag((-1, -1, 1, 1)) @ matrix
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    for key, value in entries.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))


def cropped(path, matrix=OBLIQUE["oblique"], **entries):
    """What 3D Slicer stores when it crops: the voxels 1..2, 2..3, 0..2 of a 5 x 6 x 7 image."""
    moved = matrix.copy()
    moved[:3, 3] = Geometry((5, 6, 7), matrix).to_ras((1, 2, 0))
    numbers = ";".join(map(repr, map(float, matrix.ravel())))
    array = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) % 3
    reference = f"Reference image geometry|{numbers};0;6;0;5;0;4;|text"
    known = {
        "Segment0_ID": "a",
        "Segment0_LabelValue": "2",
        "Segment0_Layer": "0",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ConversionParameters": f"Smoothing factor|0.5|text&{reference}&",
        "Segmentation_ReferenceImageExtentOffset": "0 2 1",
    }
    write_by_hand(path, array, moved, **(known | entries))
    whole = np.zeros((5, 6, 7), bool)
    whole[1:3, 2:4, 0:3] = array == 2
    return whole


def test_what_slicer_cropped_comes_back_on_the_whole_image(tmp_path):
    whole = cropped(tmp_path / "a.seg.nrrd")
    got = read_segmentation(tmp_path / "a.seg.nrrd")
    assert got.geometry.matches(Geometry((5, 6, 7), OBLIQUE["oblique"]))
    np.testing.assert_array_equal(got.mask("a"), whole)


def test_any_grid_with_the_same_axes_can_be_asked_for(tmp_path):
    whole = cropped(tmp_path / "a.seg.nrrd", Segmentation_ConversionParameters="")
    stored = read_segmentation(tmp_path / "a.seg.nrrd")
    np.testing.assert_array_equal(stored.mask("a"), whole[1:3, 2:4, :3])
    larger = Geometry((5, 6, 7), OBLIQUE["oblique"])
    got = read_segmentation(tmp_path / "a.seg.nrrd", larger)
    np.testing.assert_array_equal(got.mask("a"), whole)
    assert got.geometry is larger


def test_a_grid_that_loses_voxels_or_lies_between_is_refused(tmp_path):
    cropped(tmp_path / "a.seg.nrrd")
    between = OBLIQUE["oblique"].copy()
    between[:3, 3] += 0.3
    for geometry in (Geometry((2, 3, 7), OBLIQUE["oblique"]), Geometry((5, 6, 7), between)):
        with pytest.raises(ValueError, match=r"a\.seg\.nrrd: got segments on another grid"):
            read_segmentation(tmp_path / "a.seg.nrrd", geometry)


def test_segments_finer_than_the_image_keep_their_grid(tmp_path):
    finer = OBLIQUE["oblique"].copy()
    finer[:3, :3] /= 2
    numbers = ";".join(map(repr, map(float, finer.ravel())))
    parameters = f"Reference image geometry|{numbers};0;6;0;5;0;4;|text&"
    cropped(tmp_path / "a.seg.nrrd", Segmentation_ConversionParameters=parameters)
    assert read_segmentation(tmp_path / "a.seg.nrrd").geometry.shape == (2, 2, 3)


def test_reference_extent_need_not_start_at_zero(tmp_path):
    matrix = OBLIQUE["oblique"]
    earlier = matrix.copy()
    earlier[:3, 3] = Geometry((5, 6, 7), matrix).to_ras((-3, -2, -1))
    numbers = ";".join(map(repr, map(float, earlier.ravel())))
    parameters = f"Reference image geometry|{numbers};1;7;2;7;3;7;|text&"
    whole = cropped(tmp_path / "a.seg.nrrd", Segmentation_ConversionParameters=parameters)
    got = read_segmentation(tmp_path / "a.seg.nrrd")
    assert got.geometry.matches(Geometry((5, 6, 7), matrix))
    np.testing.assert_array_equal(got.mask("a"), whole)


def test_files_of_old_slicers_have_a_layer_per_segment(tmp_path):
    array = np.moveaxis(layers() > 0, 0, -1).astype(np.uint8)
    write_by_hand(tmp_path / "a.seg.nrrd", array, STRAIGHT, Segment0_ID="a", Segment1_ID="b")
    got = read_segmentation(tmp_path / "a.seg.nrrd")
    assert [(s.id, s.name, s.label, s.layer) for s in got.segments] == [
        ("a", "a", 1, 0),
        ("b", "b", 1, 1),
    ]


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ({"Segment0_LabelValue": "two"}, "Segment0_LabelValue: got 'two'"),
        ({"Segment0_Layer": "4"}, "allowed are layers 0 to 0"),
        ({"Segment0_LabelValue": "0"}, "labels from 1"),
        ({"Segment0_Color": "red"}, "Segment0_Color: got 'red'"),
        ({"Segment1_ID": "a", "Segment1_LabelValue": "3"}, "not unique"),
    ],
)
def test_metadata_that_makes_no_sense(tmp_path, entries, text):
    cropped(tmp_path / "a.seg.nrrd", **entries)
    with pytest.raises(ValueError, match=rf"a\.seg\.nrrd: .*{text}"):
        read_segmentation(tmp_path / "a.seg.nrrd")


def test_a_tag_that_slicer_would_tear_apart(tmp_path):
    segment = Segment("a", "name", 1, tags={"note": "this | that"})
    segmentation = Segmentation(layers(1), Geometry(SHAPE, STRAIGHT), (segment,))
    with pytest.raises(ValueError, match="segment 'name': got tag 'note'"):
        write_segmentation(segmentation, tmp_path / "a.seg.nrrd")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("name", list(RIGHT_ANGLES)[::9])
def test_label_map(tmp_path, extension, name):
    geometry = Geometry(SHAPE, RIGHT_ANGLES[name])
    write_label_map(layers()[0], geometry, tmp_path / f"a{extension}")
    got = read_segmentation(tmp_path / f"a{extension}")
    assert [(s.name, s.label) for s in got.segments] == [("Segment_1", 1), ("Segment_7", 7)]
    np.testing.assert_array_equal(got.layers[0], layers()[0])
    assert got.geometry.matches(geometry)


def test_segments_that_do_not_overlap_become_a_label_map(tmp_path):
    wanted = Segmentation.from_labels(layers()[0], Geometry(SHAPE, STRAIGHT), {7: "vessel"})
    write_segmentation(wanted, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read_segmentation(tmp_path / "a.nii.gz").layers, wanted.layers)


def test_segments_that_overlap_do_not_become_a_label_map(tmp_path):
    made = layers()
    made[1] = made[0] == 1
    segments = (Segment("a", "liver", 1), Segment("b", "tumor", 1, 1))
    overlap = Segmentation(made, Geometry(SHAPE, STRAIGHT), segments)
    with pytest.raises(ValueError, match=r"'tumor' overlaps.*\.seg\.nrrd"):
        write_segmentation(overlap, tmp_path / "a.nii.gz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [-1, 0.5, np.nan])
def test_an_image_is_no_label_map(tmp_path, value):
    write_by_hand(tmp_path / "a.mha", np.full(SHAPE, value, np.float32), STRAIGHT)
    with pytest.raises(ValueError, match=r"a\.mha: got float32 voxels.*whole numbers from 0"):
        read_segmentation(tmp_path / "a.mha")


def test_whole_numbers_stored_as_floats_are_a_label_map(tmp_path):
    write_by_hand(tmp_path / "a.mha", layers()[0].astype(np.float32), STRAIGHT)
    got = read_segmentation(tmp_path / "a.mha")
    np.testing.assert_array_equal(got.layers[0], layers()[0])
    assert got.layers.dtype == np.uint8


def test_colors_are_no_label_map(tmp_path):
    array = np.moveaxis(layers(3), 0, -1)
    write_by_hand(tmp_path / "a.nrrd", array, STRAIGHT)
    with pytest.raises(ValueError, match=r"a\.nrrd: got 3 values per voxel"):
        read_segmentation(tmp_path / "a.nrrd")


def test_labels_of_another_shape(tmp_path):
    with pytest.raises(ValueError, match="got labels of shape"):
        write_label_map(layers()[0], Geometry((3, 4, 6), STRAIGHT), tmp_path / "a.nrrd")


def test_wrong_names(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_segmentation(tmp_path / "a.seg.nrrd")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"got \.png, allowed are \.seg\.nrrd"):
        read_segmentation(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"got \.stl, allowed are \.seg\.nrrd, \.nii\.gz"):
        check_segmentation_target(tmp_path / "a.stl")
    assert check_segmentation_target(tmp_path / "a.seg.nrrd").name == "a.seg.nrrd"


def test_a_seg_file_is_an_image_too(tmp_path):
    from ImperfectSegLogic.data import Volume, read_volume

    write_segmentation(overlapping(), tmp_path / "a.seg.nrrd")
    assert_same_places(read_volume(tmp_path / "a.seg.nrrd"), Volume(layers(), STRAIGHT))

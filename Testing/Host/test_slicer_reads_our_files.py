"""Files go from us to real 3D Slicer code and back, and mean the same on both sides."""

import json

import numpy as np
import pytest

from ImperfectSegLogic.data import (
    Box,
    Click,
    Geometry,
    Lasso,
    Prediction,
    Provenance,
    Recist,
    Region,
    Scribble,
    Segment,
    Segmentation,
    read_prompts,
    read_segmentation,
    read_volume,
    write_probabilities,
    write_prompts,
    write_segmentation,
    write_volume,
)
from Testing.Logic.data.grids import (
    ALL,
    RIGHT_ANGLES,
    SHAPE,
    SHEARED,
    assert_same_places,
    every_index,
    volume,
)

VESSEL = "a list~SCT^1^Body~SCT^2^Vessel~^^~another list~^^~^^"
SOME = [*list(RIGHT_ANGLES)[::7], "oblique", *SHEARED]


@pytest.fixture
def slicer(mrml_scene):
    import slicer

    assert slicer.mrmlScene is mrml_scene
    return slicer


def layers(count=2):
    made = np.zeros((count, *SHAPE), np.uint8)
    made[0, 1:, 0, :2] = 1
    made[0, 1, 3, 1:] = 7
    for extra in range(1, count):
        made[extra, -1, : extra % 4 + 1, 1:] = 1
    return made


def matrix_of(slicer, node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def reference_node(slicer, matrix):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(node, np.zeros(SHAPE, np.uint8))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return node


def mask_in_slicer(slicer, node, segment_id, matrix):
    reference = reference_node(slicer, matrix)
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, reference).astype(bool)


@pytest.mark.parametrize("name", ALL)
def test_slicer_shows_our_segments_where_they_are(slicer, tmp_path, name):
    import vtk

    wanted = Segmentation(
        layers(),
        Geometry(SHAPE, ALL[name]),
        (
            Segment("Segment_1", "Leber, größer", 1, 0, (0.1, 0.25, 1.0)),
            Segment("s", "vessel", 7, 0, (1.0, 0.0, 0.3), VESSEL, {"Segmentation.Status": "done"}),
            Segment("t", "tumor", 1, 1, (0.0, 1.0, 0.0)),
        ),
    )
    write_segmentation(wanted, tmp_path / "a.seg.nrrd")
    node = slicer.util.loadSegmentation(str(tmp_path / "a.seg.nrrd"))
    inside = node.GetSegmentation()
    assert inside.GetNumberOfLayers() == 2
    assert inside.GetNumberOfSegments() == 3
    for number, segment in enumerate(wanted.segments):
        shown, terminology = inside.GetNthSegment(number), vtk.reference("")
        shown.GetTag("TerminologyEntry", terminology)
        assert inside.GetNthSegmentID(number) == segment.id
        assert (shown.GetName(), shown.GetLabelValue()) == (segment.name, segment.label)
        np.testing.assert_allclose(shown.GetColor(), segment.color)
        assert str(terminology) == segment.terminology
        np.testing.assert_array_equal(
            mask_in_slicer(slicer, node, segment.id, ALL[name]), wanted.mask(segment.id)
        )
    status = vtk.reference("")
    assert inside.GetNthSegment(1).GetTag("Segmentation.Status", status)
    assert str(status) == "done"
    reference = inside.GetConversionParameter("Reference image geometry").split(";")[:16]
    np.testing.assert_allclose(np.array(reference, float).reshape(4, 4), ALL[name], atol=1e-9)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("crop", [False, True])
def test_we_read_what_slicer_saved(slicer, tmp_path, name, crop):
    reference = reference_node(slicer, ALL[name])
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    inside = node.GetSegmentation()
    masks = {"liver": layers()[0] == 1, "Tümör": layers()[1] == 1, "vessel": layers()[0] == 7}
    ids = {text: inside.AddEmptySegment("", text, (0.25, 0.5, 0.75)) for text in masks}
    for text, mask in masks.items():
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            mask.astype(np.uint8), node, ids[text], reference
        )
    inside.CollapseBinaryLabelmaps(False)
    inside.GetNthSegment(1).SetTag("TerminologyEntry", VESSEL)
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetCropToMinimumExtent(crop)
    assert slicer.util.saveNode(node, str(tmp_path / "a.seg.nrrd"))
    got = read_segmentation(tmp_path / "a.seg.nrrd")
    assert got.geometry.matches(Geometry(SHAPE, ALL[name]))
    assert [s.name for s in got.segments] == list(masks)
    assert got.segments[1].terminology == VESSEL
    np.testing.assert_allclose(got.segments[0].color, (0.25, 0.5, 0.75), atol=1e-5)
    for text, mask in masks.items():
        np.testing.assert_array_equal(got.mask(ids[text]), mask)
    if crop:
        assert read_volume(tmp_path / "a.seg.nrrd").geometry.shape != SHAPE


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_any_number_of_layers(slicer, tmp_path, count):
    segments = tuple(Segment(f"s{n}", f"name {n}", 1, n) for n in range(count))
    wanted = Segmentation(layers(count), Geometry(SHAPE, ALL["oblique"]), segments)
    write_segmentation(wanted, tmp_path / "a.seg.nrrd")
    node = slicer.util.loadSegmentation(str(tmp_path / "a.seg.nrrd"))
    assert node.GetSegmentation().GetNumberOfLayers() == count
    for segment in segments:
        np.testing.assert_array_equal(
            mask_in_slicer(slicer, node, segment.id, ALL["oblique"]), wanted.mask(segment.id)
        )


def test_an_empty_segmentation_of_slicer(slicer, tmp_path):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(reference_node(slicer, ALL["oblique"]))
    assert slicer.util.saveNode(node, str(tmp_path / "a.seg.nrrd"))
    got = read_segmentation(tmp_path / "a.seg.nrrd")
    assert got.segments == ()
    assert not got.layers.any()
    assert got.geometry.matches(Geometry(SHAPE, ALL["oblique"]))


@pytest.mark.parametrize(
    ("extension", "name"),
    [
        (e, n)
        for e in (".nrrd", ".nii.gz", ".mha")
        for n in SOME
        if n in RIGHT_ANGLES or e == ".nrrd"
    ],
)
def test_slicer_shows_our_images_where_they_are(slicer, tmp_path, extension, name):
    wanted = volume(ALL[name])
    write_volume(wanted, tmp_path / f"a{extension}")
    node = slicer.util.loadVolume(str(tmp_path / f"a{extension}"))
    got = Geometry(SHAPE, matrix_of(slicer, node))
    index = every_index(SHAPE)
    there = got.to_index(wanted.geometry.to_ras(index))
    voxels = slicer.util.arrayFromVolume(node)
    np.testing.assert_array_equal(voxels[tuple(there.T)], wanted.array[tuple(index.T)])


@pytest.mark.parametrize("name", SOME)
def test_we_read_images_that_slicer_saved(slicer, tmp_path, name):
    wanted = volume(ALL[name])
    node = reference_node(slicer, ALL[name])
    slicer.util.updateVolumeFromArray(node, wanted.array.copy())
    for extension in (".nrrd", ".nii.gz") if name in RIGHT_ANGLES else (".nrrd",):
        assert slicer.util.saveNode(node, str(tmp_path / f"a{extension}"))
        assert_same_places(read_volume(tmp_path / f"a{extension}"), wanted)


@pytest.mark.parametrize("labels", [(0, 1), (0, 1, 2), (0, 1, 2, 3, 4)])
def test_slicer_opens_probabilities(slicer, tmp_path, labels):
    region = Region((1, 0, 2), (3, 4, 5))
    values = np.random.default_rng(0).random((len(labels), *region.shape), dtype=np.float32)
    whole = Geometry(SHAPE, ALL["oblique"])
    prediction = Prediction(values, labels, region, whole, Provenance("m"))
    write_probabilities(prediction, tmp_path / "p.nrrd")
    node = slicer.util.loadVolume(str(tmp_path / "p.nrrd"))
    shown = slicer.util.arrayFromVolume(node)
    np.testing.assert_array_equal(np.moveaxis(shown, -1, 0), values)
    np.testing.assert_allclose(matrix_of(slicer, node)[:3, 3], whole.to_ras((1, 0, 2)), atol=1e-9)


def test_prompts_go_through_slicer_and_come_back(slicer, tmp_path):
    line = np.array([[0.5, -2.25, 3], [4, 5.5, -6], [7, 8, 9.75]])
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    prompts = [
        Scribble(line, 1.5, label=2, positive=False),
        Click(line[0]),
        Box(line[1], (4.0, 5.0, 6.5), turn, label=3),
        Click(line[1], label=0),
        Recist(line[:2], line[1:], label=4),
        Lasso(line, positive=False),
        Click(line[2], label=12, positive=False),
    ]
    write_prompts(prompts, tmp_path / "p.mrk.json")
    slicer.util.loadMarkups(str(tmp_path / "p.mrk.json"))
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsNode")
    assert [n.GetMarkupType() for n in nodes] == [
        "Fiducial",
        "Curve",
        "ROI",
        "Line",
        "Line",
        "ClosedCurve",
    ]
    assert nodes[0].GetNthControlPointPosition(1) == tuple(line[1])
    np.testing.assert_allclose(nodes[2].GetSize(), (4, 5, 6.5))
    markups = []
    for node in nodes:
        assert slicer.util.saveNode(node, str(tmp_path / "q.mrk.json"))
        markups += json.loads((tmp_path / "q.mrk.json").read_text())["markups"]
    (tmp_path / "q.mrk.json").write_text(json.dumps({"markups": markups}))
    got = read_prompts(tmp_path / "q.mrk.json")
    assert [type(p) for p in got] == [type(p) for p in prompts]
    assert [(p.label, p.positive) for p in got] == [(p.label, p.positive) for p in prompts]
    np.testing.assert_allclose(got[0].points, line)
    np.testing.assert_allclose(got[2].corners, prompts[2].corners)
    np.testing.assert_allclose(got[4].short_axis, line[1:])
    assert got[0].radius == 1.5


def test_a_box_lies_where_slicer_draws_it(slicer, tmp_path):
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    box = Box((10, 20, 30), (4.0, 8.0, 2.0), turn)
    write_prompts([box], tmp_path / "p.mrk.json")
    node = slicer.util.loadMarkups(str(tmp_path / "p.mrk.json"))
    bounds = np.zeros(6)
    node.GetRASBounds(bounds)
    np.testing.assert_allclose(bounds[::2], box.corners.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(bounds[1::2], box.corners.max(axis=0), atol=1e-6)


def test_points_placed_in_slicer_are_clicks(slicer, tmp_path):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Liver")
    node.AddControlPoint(1.5, -2, 3)
    node.AddControlPoint(4, 5, 6, "-2")
    node.AddControlPoint(7, 8, 9)
    node.UnsetNthControlPointPosition(2)
    assert slicer.util.saveNode(node, str(tmp_path / "p.mrk.json"))
    one, other = read_prompts(tmp_path / "p.mrk.json", names={4: "liver"})
    assert one.position.tolist() == [1.5, -2, 3]
    assert (one.label, other.label, other.positive) == (4, 2, False)

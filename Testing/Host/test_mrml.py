"""The MRML tier: files, segments and undo go through the real thing."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.Host import mrml

vtk = pytest.importorskip("vtk")


@pytest.fixture(autouse=True)
def _empty_scene(mrml_scene):
    return mrml_scene


@pytest.fixture
def geometry():
    """Oblique and anisotropic IJK to RAS."""
    angle = np.radians(20)
    matrix = np.eye(4)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    matrix[:3, :3] = turn @ np.diag([-1.2, -0.8, 2.5])
    matrix[:3, 3] = [60, -50, 30]
    return matrix


@pytest.fixture
def volume(geometry):
    import slicer

    voxels = np.random.default_rng(0).integers(-1000, 1000, (6, 7, 8)).astype(np.int16)
    return slicer.util.addVolumeFromArray(voxels, ijkToRAS=geometry, name="CT")


@pytest.fixture
def segmentation(volume):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Seg")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name in ("first", "second"):
        node.GetSegmentation().AddEmptySegment(name, name, (1, 0, 0))
        # A segment that was never written lies on a 1 mm grid of its own, and saving would
        # resample all segments to that.
        nothing = np.zeros_like(slicer.util.arrayFromVolume(volume), np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(nothing, node, name, volume)
    return node


@pytest.fixture
def mask(volume):
    import slicer

    return (slicer.util.arrayFromVolume(volume) > 300).astype(np.uint8)


def test_booting_twice_gives_the_same_application():
    assert mrml.boot() is mrml.boot()


@pytest.mark.parametrize("extension", ["nrrd", "nii.gz", "mha"])
def test_a_volume_survives_its_file(volume, geometry, tmp_path, extension):
    import slicer

    path = tmp_path / f"ct.{extension}"
    assert slicer.util.saveNode(volume, str(path))
    loaded = slicer.util.loadVolume(str(path))
    assert np.array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))
    matrix = vtk.vtkMatrix4x4()
    loaded.GetIJKToRASMatrix(matrix)
    assert np.allclose(slicer.util.arrayFromVTKMatrix(matrix), geometry, atol=1e-4)


def test_export_leaves_the_storage_node_alone(volume, tmp_path):
    import slicer

    assert slicer.util.saveNode(volume, str(tmp_path / "a.nrrd"))
    assert slicer.util.exportNode(volume, str(tmp_path / "b.nii.gz"))
    assert volume.GetStorageNode().GetFileName().endswith("a.nrrd")
    assert (tmp_path / "b.nii.gz").exists()


def test_a_file_that_is_not_there_raises(tmp_path):
    import slicer

    with pytest.raises(RuntimeError, match=r"nothing\.nrrd"):
        slicer.util.loadVolume(str(tmp_path / "nothing.nrrd"))


def test_a_segmentation_survives_its_file(volume, segmentation, mask, tmp_path):
    import slicer

    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "second", volume)
    assert slicer.util.saveNode(segmentation, str(tmp_path / "s.seg.nrrd"))
    loaded = slicer.util.loadSegmentation(str(tmp_path / "s.seg.nrrd"))
    assert list(loaded.GetSegmentation().GetSegmentIDs()) == ["first", "second"]
    got = slicer.util.arrayFromSegmentBinaryLabelmap(loaded, "second", volume)
    assert np.array_equal(got, mask)


@pytest.mark.parametrize("kind", ["Fiducial", "Line", "Curve", "ClosedCurve"])
def test_markups_survive_their_file(tmp_path, kind):
    import slicer

    points = np.array([[1.5, 2, 3], [4, 5.25, 6], [7, 8, 9.125]])[: 2 if kind == "Line" else 3]
    node = slicer.mrmlScene.AddNewNodeByClass(f"vtkMRMLMarkups{kind}Node", "marks")
    slicer.util.updateMarkupsControlPointsFromArray(node, points)
    assert slicer.util.saveNode(node, str(tmp_path / "m.mrk.json"))
    loaded = slicer.util.loadMarkups(str(tmp_path / "m.mrk.json"))
    assert loaded.GetClassName() == node.GetClassName()
    assert np.allclose(slicer.util.arrayFromMarkupsControlPoints(loaded), points)


def test_an_roi_survives_its_file(tmp_path):
    import slicer

    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    roi.SetCenter(1, 2, 3)
    roi.SetSize(10, 20, 30)
    assert slicer.util.saveNode(roi, str(tmp_path / "r.mrk.json"))
    loaded = slicer.util.loadMarkups(str(tmp_path / "r.mrk.json"))
    assert loaded.GetSize() == pytest.approx((10, 20, 30))


def test_a_scene_survives_its_bundle(volume, segmentation, mask, tmp_path):
    import slicer

    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "first", volume)
    before = slicer.util.arrayFromVolume(volume).copy()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    mrml.clear_scene()
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    loaded, segments = slicer.util.getNode("CT"), slicer.util.getNode("Seg")
    assert np.array_equal(slicer.util.arrayFromVolume(loaded), before)
    got = slicer.util.arrayFromSegmentBinaryLabelmap(segments, "first", loaded)
    assert np.array_equal(got, mask)


def test_closing_the_scene_sends_its_events(volume, mrml_scene):
    told: list[str] = []
    tags = [
        mrml_scene.AddObserver(mrml_scene.StartCloseEvent, lambda *_: told.append("start")),
        mrml_scene.AddObserver(mrml_scene.EndCloseEvent, lambda *_: told.append("end")),
    ]
    mrml.clear_scene()
    for tag in tags:
        mrml_scene.RemoveObserver(tag)
    assert told == ["start", "end"]


class TestSegmentEditor:
    """vtkSlicerSegmentEditorLogic: masking and undo as in the Segment Editor."""

    @pytest.fixture
    def editor(self, volume, segmentation):
        import slicer

        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        logic = slicer.vtkSlicerSegmentEditorLogic()
        logic.SetMRMLScene(slicer.mrmlScene)
        logic.SetSegmentEditorNode(node)
        logic.SetSegmentationNode(segmentation)
        logic.SetSourceVolumeNode(volume)
        logic.SetMaximumNumberOfUndoStates(5)
        return logic

    def add(self, editor, segmentation, segment_id, mask, volume):
        """Write a mask through the editor, as one undoable action."""
        import slicer
        from vtkmodules.util.numpy_support import numpy_to_vtk

        labelmap = slicer.vtkOrientedImageData()
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        labelmap.SetDimensions(mask.shape[::-1])
        labelmap.SetGeometryFromImageToWorldMatrix(matrix)
        labelmap.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))
        editor.SaveStateForUndo()
        editor.ModifySegmentByLabelmap(
            segmentation, segment_id, labelmap, editor.ModificationModeAdd, False, False
        )

    def read(self, segmentation, segment_id, volume):
        import slicer

        return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)

    def test_undo_and_redo(self, editor, segmentation, volume, mask):
        self.add(editor, segmentation, "first", mask, volume)
        assert self.read(segmentation, "first", volume).sum() == mask.sum()
        editor.Undo()
        assert np.sum(self.read(segmentation, "first", volume)) == 0
        editor.Redo()
        assert np.array_equal(self.read(segmentation, "first", volume), mask)

    def test_the_overwrite_mode_decides_who_yields(self, editor, segmentation, volume, mask):
        node = editor.GetSegmentEditorNode()
        self.add(editor, segmentation, "first", mask, volume)
        everything = np.ones_like(mask)
        node.SetOverwriteMode(node.OverwriteNone)
        self.add(editor, segmentation, "second", everything, volume)
        assert np.array_equal(self.read(segmentation, "first", volume), mask)
        node.SetOverwriteMode(node.OverwriteAllSegments)
        self.add(editor, segmentation, "second", everything, volume)
        assert np.sum(self.read(segmentation, "first", volume)) == 0

    def test_the_intensity_mask_holds(self, editor, segmentation, volume, mask):
        node = editor.GetSegmentEditorNode()
        node.SourceVolumeIntensityMaskOn()
        node.SetSourceVolumeIntensityMaskRange(301, 2000)
        self.add(editor, segmentation, "first", np.ones_like(mask), volume)
        assert np.array_equal(self.read(segmentation, "first", volume), mask)

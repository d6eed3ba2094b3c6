"""The rendering tier: pictures and mouse of the real displayable managers."""

from __future__ import annotations

import numpy as np
import pytest

from Testing.Host import mrml

SLICES = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}
TARGET = (12.0, -7.0, 21.0)


@pytest.fixture(scope="module")
def views():
    """Three slice views and one 3-D view without Qt; their names are not those of the window."""
    mrml.boot()
    from Testing.Host.views import SliceView, ThreeDView

    made = {name: SliceView(f"Test{name}", o, (320, 320)) for name, o in SLICES.items()}
    made["3D"] = ThreeDView("Test3D", (320, 320))
    return made


@pytest.fixture
def volume(mrml_scene):
    import slicer

    k, j, i = np.mgrid[:40, :48, :56]
    ball = (k - 20) ** 2 + (j - 24) ** 2 + (i - 28) ** 2 < 15**2
    matrix = np.diag([-2.0, -2.0, 3.0, 1.0])
    matrix[:3, 3] = [56, 48, -60]
    return slicer.util.addVolumeFromArray(ball.astype(np.int16) * 200, matrix, "Ball")


@pytest.fixture
def placing(mrml_scene):
    """A points node, with place mode on until it is switched off."""
    import slicer

    node = mrml_scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "P")
    node.CreateDefaultDisplayNodes()
    logic = slicer.app.applicationLogic()
    selection, interaction = logic.GetSelectionNode(), logic.GetInteractionNode()
    selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
    selection.SetActivePlaceNodeID(node.GetID())
    interaction.SwitchToPersistentPlaceMode()
    return node


@pytest.mark.parametrize("name", SLICES)
def test_a_click_places_a_point_where_it_was(views, volume, placing, name):
    import slicer

    view = views[name]
    view.show(volume, TARGET)
    view.click(view.ras_to_xy(TARGET))
    points = slicer.util.arrayFromMarkupsControlPoints(placing)
    assert points.shape == (1, 3)
    wanted = view.xy_to_ras(np.round(view.ras_to_xy(TARGET)))
    assert np.abs(points[0] - wanted).max() < 1e-3
    in_plane = np.delete(points[0] - TARGET, {"Red": 2, "Green": 1, "Yellow": 0}[name])
    assert np.abs(in_plane).max() < 0.5


def test_a_drag_moves_a_point(views, volume, placing):
    import slicer

    view = views["Red"]
    view.show(volume, TARGET)
    start = view.ras_to_xy(TARGET)
    view.click(start)
    slicer.app.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
    view.image()
    view.drag([np.add(start, step) for step in ((0, 0), (10, 5), (20, 10))])
    moved = slicer.util.arrayFromMarkupsControlPoints(placing)[0]
    assert np.abs(view.ras_to_xy(moved) - np.round(start) - [20, 10]).max() < 1.0


def test_a_slice_shows_the_volume_and_a_segment_over_it(views, volume):
    import slicer

    view = views["Red"]
    view.show(volume, (0, 0, 0))
    plain = view.image()
    assert plain.std() > 20
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().AddEmptySegment("ball", "ball", (1, 0, 0))
    mask = (slicer.util.arrayFromVolume(volume) > 100).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "ball", volume)
    overlaid = view.image().astype(int)
    reddish = (overlaid[..., 0] - overlaid[..., 2]) > 40
    assert reddish.mean() > 0.05
    segmentation.CreateClosedSurfaceRepresentation()
    views["3D"].reset()
    surface = views["3D"].image().astype(int)
    assert ((surface[..., 0] - surface[..., 2]) > 40).mean() > 0.01


def test_an_observer_can_stop_an_event(views, volume, placing):
    """As the panel does it: a high priority observer that aborts press and release.

    The release alone makes a click for the style; stopping only the press lets the point through.
    """
    import slicer

    view, tags = views["Red"], {}
    view.show(volume, TARGET)

    def stop(caller, event):
        caller.GetCommand(tags[event]).SetAbortFlag(1)

    for event in ("LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        tags[event] = view.interactor.AddObserver(event, stop, 100.0)
    view.click(view.ras_to_xy(TARGET))
    assert placing.GetNumberOfDefinedControlPoints() == 0
    for tag in tags.values():
        view.interactor.RemoveObserver(tag)
    view.click(view.ras_to_xy(TARGET))
    assert len(slicer.util.arrayFromMarkupsControlPoints(placing)) == 1


def test_a_curve_takes_several_clicks(views, volume):
    import slicer

    curve = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode", "scribble")
    curve.CreateDefaultDisplayNodes()
    selection = slicer.app.applicationLogic().GetSelectionNode()
    selection.SetReferenceActivePlaceNodeClassName(curve.GetClassName())
    selection.SetActivePlaceNodeID(curve.GetID())
    slicer.app.applicationLogic().GetInteractionNode().SwitchToPersistentPlaceMode()
    view = views["Red"]
    view.show(volume, TARGET)
    for step in range(4):
        view.click(np.add(view.ras_to_xy(TARGET), (12 * step, 0)))
    assert curve.GetNumberOfDefinedControlPoints() == 4


def test_a_closed_scene_leaves_a_black_slice(views, volume):
    view = views["Red"]
    view.show(volume, (0, 0, 0))
    assert view.image().std() > 20
    mrml.clear_scene()
    assert view.image().std() < 1


def test_a_png_is_written(views, volume, tmp_path):
    views["Red"].show(volume, (0, 0, 0))
    assert views["Red"].png(tmp_path / "red.png").read_bytes()[:4] == b"\x89PNG"

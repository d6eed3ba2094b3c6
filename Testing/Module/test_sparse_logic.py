"""Sparse annotations without a window, completed by the real methods on a ball."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.SparseAxes import drawnShort, squaredShort, tiltOf
from ImperfectSegLogic.metrics.dice import dice

SHAPE = (24, 28, 32)
CENTER = (12, 14, 16)
MATRIX = np.array([[-1.0, 0, 0, 16], [0, -1.0, 0, 14], [0, 0, 1.5, -18], [0, 0, 0, 1]])


def ball(radius=9):
    k, j, i = (axis - c for axis, c in zip(np.indices(SHAPE), CENTER, strict=True))
    return (1.5 * k) ** 2 + j**2 + i**2 < radius**2


@pytest.fixture
def logic(slicer_app, scene):
    from ImperfectSegLib.SparseLogic import SparseLogic

    return SparseLogic()


@pytest.fixture
def volume(scene):
    noise = np.random.default_rng(0).normal(0, 5, SHAPE)
    return slicer.util.addVolumeFromArray(
        (100 * ball() + noise).astype(np.float32), ijkToRAS=MATRIX
    )


@pytest.fixture
def marks(logic, volume):
    """A segmentation with a segment "ball"."""
    node = logic.newSegmentation(volume)
    logic.addSegment(node, "ball")
    return node


def ras(*index):
    return (MATRIX @ [*index[::-1], 1])[:3]


def idOf(node, name="ball"):
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)


def found(node, volume):
    return Bridge.segmentMask(node, idOf(node), Bridge.geometryFromNode(volume))


def test_scribbles_become_a_ball(logic, volume, marks):
    store = logic.store(marks)
    store.addStroke(idOf(marks), [ras(12, 14, 12), ras(12, 14, 20)], radius=1)
    store.addStroke(idOf(marks, "background"), [ras(12, 2, 4), ras(12, 2, 28)], radius=1)
    node = logic.complete(volume, marks, "scribbles")
    assert dice(found(node, volume), ball()) > 0.9
    logic.undo()
    assert not found(node, volume).any()


def test_annotated_slices_become_a_ball(logic, volume, marks):
    from ImperfectSegLib.SparseNotes import SparseNotes, writeNotes

    places = (7, 12, 17)
    mask = np.zeros(SHAPE, bool)
    mask[list(places)] = ball()[list(places)]
    Bridge.setSegmentMask(marks, idOf(marks), mask, Bridge.geometryFromNode(volume))
    ends = (3, 21)
    writeNotes(marks, SparseNotes(tuple((0, k) for k in (*ends, *places))))
    # A stroke elsewhere does not keep slices from being completed as slices.
    logic.store(marks).addStroke(idOf(marks), [ras(10, 14, 14), ras(10, 14, 18)])
    node = logic.complete(volume, marks, "slices")
    assert dice(found(node, volume), ball()) > 0.9


def test_points_of_a_grid_become_a_ball(logic, volume, marks):
    from ImperfectSegLib.SparseNotes import UNKNOWN, GridNotes, SparseNotes, writeNotes

    geometry = Bridge.geometryFromNode(volume)
    points = logic.lay(geometry, 4, 0)
    index = geometry.to_index(points)
    points, index = points[index[:, 0] % 3 == 1], index[index[:, 0] % 3 == 1]
    grid = GridNotes(4, 0, 3, SHAPE, UNKNOWN * len(points))
    for n, isBall in enumerate(ball()[tuple(index.T)]):
        grid = grid.labeled(n, idOf(marks, "ball" if isBall else "background"))
    writeNotes(marks, SparseNotes(grid=grid))
    node = logic.complete(volume, marks, "grid")
    assert dice(found(node, volume), ball()) > 0.85


def test_diameters_become_a_ball(logic, volume, marks):
    pytest.importorskip("ImperfectSegLogic.completion.recist_growth")
    store = logic.store(marks)
    store.addAxis(idOf(marks), [ras(12, 14, 7.5), ras(12, 14, 24.5)], "long", 1)
    store.addAxis(idOf(marks), [ras(12, 6, 16), ras(12, 22, 16)], "short", 1)
    node = logic.complete(volume, marks, "recist")
    assert dice(found(node, volume), ball()) > 0.8


def test_what_cannot_be_completed_is_named(logic, volume, marks):
    with pytest.raises(ValueError, match="allowed are scribbles, slices, grid, recist"):
        logic.complete(volume, marks, "boxes")
    with pytest.raises(ValueError, match="no segmentation"):
        logic.complete(volume, None, "grid")
    store = logic.store(marks)
    store.addAxis(idOf(marks), [ras(12, 14, 7), ras(12, 14, 25)], "long", 1)
    with pytest.raises(ValueError, match="nothing of it was marked"):
        logic.complete(volume, marks, "recist")


def test_a_click_with_the_scribble_tool_is_a_scribble_of_one_voxel(logic, volume, marks):
    logic.store(marks).addStroke(idOf(marks), [ras(12, 14, 16)])
    labels = logic.taken(volume, marks).mask().labels
    assert np.argwhere(labels == 1).tolist() == [[12, 14, 16]]


def test_what_was_read_of_marks_follows_when_they_are_changed(logic, volume, marks):
    store = logic.store(marks)
    node = store.addStroke(idOf(marks), [ras(12, 14, 12), ras(12, 14, 20)])
    before = store.state()
    assert store.state() == before
    node.SetNthControlPointPositionWorld(1, *ras(12, 20, 20))
    assert store.state() != before
    labels = logic.taken(volume, marks).mask().labels
    assert labels[12, 20, 20] == 1
    assert labels[12, 14, 20] == -1
    store.restore(before)
    assert logic.taken(volume, marks).mask().labels[12, 14, 20] == 1
    other = logic.addSegment(marks, "other")
    store.adopt(node, other)
    assert logic.taken(volume, marks).mask().labels[12, 14, 20] == 2


def test_slices_are_read_again_when_they_were_painted(logic, volume, marks):
    from ImperfectSegLib.SparseNotes import SparseNotes, writeNotes

    geometry = Bridge.geometryFromNode(volume)
    writeNotes(marks, SparseNotes(((0, 12),)))
    for mask in (ball(9), ball(5), np.zeros(SHAPE, bool)):
        Bridge.setSegmentMask(marks, idOf(marks), mask, geometry)
        labels = logic.taken(volume, marks).mask().labels
        np.testing.assert_array_equal(labels[12], mask[12])


class TestRightAngles:
    LONG = np.array([[0.0, 0, 0], [10, 0, 0]])

    def test_a_drag_is_projected_from_where_it_began(self):
        drawn = drawnShort(self.LONG, [[5, -2, 0], [9, 4, 0]], (0, 0, 1))
        np.testing.assert_allclose(drawn, [[5, -2, 0], [5, 4, 0]])

    def test_a_tilted_axis_is_turned_about_its_middle_and_keeps_its_length(self):
        short = np.array([[2.0, -3, 0], [8, 3, 0]])
        squared = squaredShort(self.LONG, short)
        half = np.sqrt(72) / 2
        np.testing.assert_allclose(squared, [[5, -half, 0], [5, half, 0]])
        assert tiltOf(self.LONG, squared) == pytest.approx(0)
        assert tiltOf(self.LONG, short) == pytest.approx(45)

    def test_parallel_axes_and_those_of_no_length_are_named(self):
        with pytest.raises(ValueError, match="runs along the long one"):
            squaredShort(self.LONG, self.LONG + 1)
        with pytest.raises(ValueError, match="no length"):
            squaredShort(self.LONG, [[1, 1, 1], [1, 1, 1]])
        with pytest.raises(ValueError, match="runs through the slices"):
            drawnShort(self.LONG, [[5, -2, 0], [9, 4, 0]], (1, 0, 0))


def test_the_test_of_the_module_itself_passes(slicer_app, scene):
    from Testing.Module.conftest import MODULES

    slicer_app.load_module(MODULES / "ImperfectSegSparse" / "ImperfectSegSparse.py")
    import ImperfectSegSparse

    ImperfectSegSparse.ImperfectSegSparseTest().runTest()
    assert slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")

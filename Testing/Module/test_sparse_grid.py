"""A grid of points is laid over the image and clicked through by keyboard."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib.SparseGridView import NAME
from ImperfectSegLib.SparseNotes import GridNotes, SparseNotes, notesOf, textOf
from ImperfectSegLogic.completion.hexagonal_grid import hexagonal_grid
from Testing.Module.sparse_person import person

__all__ = ["person"]

STRIDE, EVERY = 12, 10


@pytest.fixture
def grid(person):
    """Someone who has laid a grid for two segments."""
    person.adds_segments("liver", "spleen")
    person.opens("gridTab")
    person.ui.strideBox.value, person.ui.gridEveryBox.value = STRIDE, EVERY
    person.presses("layGridButton")
    return person


def labels(person):
    return person.session.notes.grid.labels


def drawn():
    """How many points of each look are drawn."""
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    ours = [n for n in nodes if n.GetName().startswith(NAME)]
    counts = {n.GetName().removeprefix(f"{NAME} "): n.GetNumberOfControlPoints() for n in ours}
    return {look: count for look, count in counts.items() if count}


def test_its_points_are_those_of_the_hexagonal_grid_on_every_which_slice(grid):
    points = hexagonal_grid(grid.geometry, STRIDE, 0)
    index = grid.geometry.to_index(points)
    wanted = points[np.isin(index[:, 0], (5, 15, 25, 35))]
    np.testing.assert_allclose(grid.taken.positions, wanted)
    assert labels(grid) == "." * len(wanted)
    assert f"{len(wanted)} points" in grid.status


def test_a_digit_gives_the_label_and_the_views_go_to_the_next_point(grid):
    for n, key in enumerate("120"):
        assert grid.panel.grid.at == n
        for view in ("Red", "Green", "Yellow"):
            node = grid.host.slice_view(view).node
            normal = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, 2]
            away = (grid.positionIn(view) - grid.panel.grid.positions[n]) @ normal
            assert abs(away) < 1e-3
        grid.presses_key(key)
    marked = grid.taken.annotation("points")
    assert marked.labels.tolist() == [1, 2, 0]
    np.testing.assert_allclose(marked.positions, grid.panel.grid.positions[:3])
    assert grid.ui.gridLabel.text == f"Point 4 of {len(labels(grid))}; 3 have a label."
    mask = grid.taken.mask()
    index = grid.geometry.to_index(marked.positions)
    assert mask.labels[tuple(index.T)].tolist() == [1, 2, 0]


def test_back_goes_back_so_that_a_slip_can_be_mended(grid):
    grid.presses_key("1")
    grid.presses_key("1")
    grid.presses_key("Backspace")
    assert grid.panel.grid.at == 1
    assert "liver" in grid.ui.gridLabel.text
    grid.presses_key("2")
    assert grid.taken.annotation("points").labels.tolist() == [1, 2]
    assert grid.panel.grid.at == 2
    grid.presses_key("K")
    assert grid.panel.grid.at == 3
    grid.presses("backButton")
    assert grid.panel.grid.at == 2


def test_undo_takes_the_last_label_back_and_goes_to_its_point(grid):
    grid.presses_key("1")
    grid.presses_key("2")
    grid.presses_key("Z")
    assert labels(grid).startswith("0...")
    assert grid.panel.grid.at == 1
    grid.presses_key("Y")
    assert grid.taken.annotation("points").labels.tolist() == [1, 2]
    for _ in range(3):
        grid.presses_key("Z")
    assert grid.session.notes.grid is None
    assert drawn() == {}


def test_a_key_without_a_segment_and_one_of_a_locked_segment_say_so(grid):
    grid.presses_key("7")
    assert "key 7: no segment has this number" in grid.status
    grid.presses("lockCheckBox")
    grid.presses_key("1")
    assert "'liver' is locked" in grid.status
    assert "c0392b" in grid.ui.statusLabel.styleSheet
    assert labels(grid).count(".") == len(labels(grid))
    assert grid.panel.grid.at == 0


def test_after_the_last_point_the_open_ones_come_round(grid):
    count = len(labels(grid))
    grid.presses_key("K")
    for _ in range(count - 1):
        grid.panel.grid.give(1)
    assert grid.panel.grid.at == 0
    grid.presses_key("0")
    assert grid.status == "All points have a label."
    assert grid.ui.gridBar.value == 100
    assert (grid.share.points, grid.share.outOfPoints) == (count, count)


def test_the_points_of_the_slice_are_drawn_while_the_tab_is_open(grid):
    onSlice = len(labels(grid)) // 4
    grid.presses_key("2")
    segmentId = grid.idOf("spleen")
    assert drawn() == {"current": 1, "open": onSlice - 2, segmentId: 1}
    grid.opens("scribbleTab")
    assert drawn() == {}
    grid.opens("gridTab")
    assert sum(drawn().values()) == onSlice
    grid.host.select_module("")
    assert drawn() == {}


def test_digits_select_segments_while_the_tab_is_closed(grid):
    grid.opens("scribbleTab")
    grid.presses_key("2")
    assert grid.panel.segments.selectedId == grid.idOf("spleen")
    assert labels(grid).count(".") == len(labels(grid))


def test_points_of_a_segment_that_was_removed_have_no_label_any_more(grid):
    grid.presses_key("1")
    grid.presses_key("2")
    grid.presses("removeSegmentButton")
    assert grid.taken.annotation("points").labels.tolist() == [1], "the spleen is the first now"


def test_a_grid_of_too_many_points_and_one_of_another_image_are_refused(grid, monkeypatch):
    monkeypatch.setattr("ImperfectSegLib.SparseTaking.MOST_POINTS", 10)
    before = labels(grid)
    grid.presses("layGridButton")
    assert "allowed are 1 to 10" in grid.status
    assert labels(grid) == before
    monkeypatch.undo()
    voxels = slicer.util.arrayFromVolume(grid.volume)[:20].copy()
    slicer.util.updateVolumeFromArray(grid.volume, voxels)
    grid.presses_key("1")
    assert "it was laid over an image of (40, 44, 48) voxels" in grid.status


def test_the_grid_moves_with_the_image(grid):
    before = grid.taken.positions
    parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[:3, 3] = (5, 0, 0)
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    grid.volume.SetAndObserveTransformNodeID(parent.GetID())
    np.testing.assert_allclose(grid.taken.positions, before + np.array((5, 0, 0)))


def test_the_notes_come_back_from_their_text():
    notes = SparseNotes(
        ((0, 3), (2, 7)),
        GridNotes(9, 1, 2, (4, 5, 6), "0.1", ("a", "b")),
        (("a", True),),
        (((0, 3), (("a", False), ("b", True))),),
    )
    assert notesOf(textOf(notes)) == notes
    assert textOf(SparseNotes()) == ""
    with pytest.raises(ValueError, match="cannot be read"):
        notesOf(textOf(notes).replace('"0.1"', '"0.7"'))


def test_a_grid_has_ten_segments_at_most():
    grid = GridNotes(9, 0, 1, (1, 1, 1), "." * 11)
    for n in range(10):
        grid = grid.labeled(n, f"segment {n}")
    with pytest.raises(ValueError, match="eleventh"):
        grid.labeled(10, "another")
    assert grid.labeled(0, "").done == 9

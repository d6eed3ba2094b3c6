"""2-D in the panel: a prompt segments the slice it lies in, and no other."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from Testing.Module.interactive_person import ELSEWHERE, INSIDE, makeVolume, person

__all__ = ["person"]

AXES = {"Red": 0, "Green": 1, "Yellow": 2}


@pytest.fixture
def flat(person):
    """Someone who works in 2-D with a positive point in hand."""
    person.ui.sliceOnlyCheckBox.click()
    person.adds_a_segment()
    person.takes("positivePointButton")
    return person


def slicesOf(person, axis, number=0):
    """The slices along an axis in which the segment is."""
    others = tuple(a for a in range(3) if a != axis)
    return np.flatnonzero(person.mask(number).any(axis=others)).tolist()


def indexOf(person, ras):
    return Bridge.geometryFromNode(person.volume).to_index(ras)


@pytest.mark.parametrize("view", AXES)
def test_a_click_segments_only_its_slice_of_the_axis_of_its_view(flat, view):
    flat.clicks(INSIDE, view)
    axis = AXES[view]
    assert slicesOf(flat, axis) == [indexOf(flat, INSIDE)[axis]]
    assert flat.is_at(INSIDE)
    others = [slicesOf(flat, a) for a in range(3) if a != axis]
    assert all(len(found) > 3 for found in others)
    assert "Segments updated" in flat.status


def test_the_engine_sees_one_slice_with_its_place_in_the_patient(flat):
    flat.clicks(INSIDE, "Green")
    seen = flat.engine.geometry
    assert seen.shape == (1, 40, 48)
    index = seen.to_index(INSIDE)
    assert index[0] == 0
    np.testing.assert_array_equal(np.delete(indexOf(flat, INSIDE), 1), index[1:])


def test_prompts_and_results_of_other_slices_stay(flat):
    flat.clicks(INSIDE)
    first = flat.mask()
    higher = (INSIDE[0], INSIDE[1], INSIDE[2] + 6)
    flat.clicks(higher)
    both = flat.mask()
    assert (both & first).sum() == first.sum()
    assert slicesOf(flat, 0) == sorted(int(indexOf(flat, p)[0]) for p in (INSIDE, higher))
    flat.takes("negativePointButton")
    flat.clicks(higher)
    np.testing.assert_array_equal(flat.mask(), first)


def test_a_scribble_in_a_sagittal_view_stays_in_its_slice(flat):
    flat.takes("positiveScribbleButton")
    pane = flat.host.slice_view("Yellow")
    flat.host.show_volume(flat.volume, INSIDE)
    end = pane.xy_to_ras(pane.ras_to_xy(INSIDE) + np.array([40, 25]))
    flat.drags(INSIDE, end, "Yellow")
    assert slicesOf(flat, 2) == [indexOf(flat, INSIDE)[2]]
    assert flat.is_at(end)


def test_a_flat_box_works_in_its_slice(flat):
    flat.takes("boxButton")
    flat.clicks(INSIDE, wait=False)
    flat.clicks((INSIDE[0] + 10, INSIDE[1] + 8, INSIDE[2]), wait=False)
    flat.waits()
    flat.takes("positivePointButton")
    flat.clicks((INSIDE[0] + 4, INSIDE[1] + 4, INSIDE[2]))
    assert slicesOf(flat, 0) == [indexOf(flat, INSIDE)[0]]


def test_a_point_dragged_to_another_slice_takes_its_result_along(flat):
    flat.clicks(INSIDE)
    flat.takes("positivePointButton")
    flat.moves(0, ELSEWHERE)
    assert slicesOf(flat, 0) == [indexOf(flat, ELSEWHERE)[0]]
    flat.presses("undoButton")
    assert slicesOf(flat, 0) == [indexOf(flat, INSIDE)[0]]
    flat.presses("redoButton")
    assert slicesOf(flat, 0) == [indexOf(flat, ELSEWHERE)[0]]


def test_undo_takes_back_one_slice_and_redo_brings_it_back(flat):
    flat.clicks(INSIDE)
    flat.clicks(ELSEWHERE, "Yellow")
    both = flat.mask()
    flat.presses("undoButton")
    assert slicesOf(flat, 0) == [indexOf(flat, INSIDE)[0]]
    flat.presses("redoButton")
    np.testing.assert_array_equal(flat.mask(), both)
    (_, second) = flat.panel.session.state.entries
    assert second.axis == 2


def test_update_now_segments_all_slices_that_have_prompts(flat):
    flat.ui.autoUpdateCheckBox.click()
    flat.clicks(INSIDE)
    flat.clicks(ELSEWHERE)
    assert not flat.mask().any()
    flat.presses("applyButton")
    flat.waits()
    assert slicesOf(flat, 0) == sorted(int(indexOf(flat, p)[0]) for p in (INSIDE, ELSEWHERE))
    flat.presses("undoButton")
    assert not flat.mask().any(), "one undo takes all slices back"


def test_going_over_to_3d_uses_all_prompts_and_back_to_2d_keeps_the_rest(flat):
    flat.clicks(INSIDE)
    flat.ui.sliceOnlyCheckBox.click()
    flat.clicks(ELSEWHERE)
    whole = flat.mask()
    assert len(slicesOf(flat, 0)) > 5
    flat.ui.sliceOnlyCheckBox.click()
    flat.takes("negativePointButton")
    flat.clicks((INSIDE[0] + 2, INSIDE[1], INSIDE[2]))
    changed = np.flatnonzero((flat.mask() != whole).any(axis=(1, 2)))
    assert changed.tolist() == [indexOf(flat, INSIDE)[0]]


def test_a_stroke_in_a_view_that_is_not_along_the_image_is_refused_and_undone(flat):
    flat.takes("positiveScribbleButton")
    pane = flat.host.slice_view("Red")
    flat.host.show_volume(flat.volume, INSIDE)
    pane.node.SetOrientation("Axial")
    matrix = pane.node.GetSliceToRAS()
    angle = np.radians(25)
    tilted = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, tilted[row, column])
        matrix.SetElement(row, 3, INSIDE[row])
    pane.node.UpdateMatrices()
    start = pane.ras_to_xy(INSIDE)
    pane.drag([start + np.array([0, n]) for n in range(0, 60, 6)])
    flat.waits()
    assert "Rotate the view to the volume plane" in flat.status
    assert not flat.mask().any()
    flat.presses("undoButton")
    assert not flat.panel.session.hasPrompts


def test_an_oblique_volume_under_a_transform_is_cut_along_its_own_axes(person):
    parent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turned = np.eye(4)
    turned[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(turned))
    person.volume.SetAndObserveTransformNodeID(parent.GetID())
    person.ui.sliceOnlyCheckBox.click()
    person.adds_a_segment()
    person.takes("positivePointButton")
    place = tuple(turned[:3, :3] @ INSIDE)
    for view in AXES:
        person.clicks(place, view)
        (entry,) = person.panel.session.state.entries
        assert slicesOf(person, entry.axis) == [indexOf(person, place)[entry.axis]]
        person.presses("undoButton")


def test_a_segmentation_of_prompts_without_a_view_is_cut_along_k(person):
    other = makeVolume("other")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    person.panel.logic.addClick(segmentation, "from the console", INSIDE)
    person.ui.sliceOnlyCheckBox.click()
    person.ui.inputVolumeSelector.setCurrentNode(other)
    person.ui.segmentationSelector.setCurrentNode(segmentation)
    person.presses("applyButton")
    person.waits()
    assert slicesOf(person, 0) == [indexOf(person, INSIDE)[0]]

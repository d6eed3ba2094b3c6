"""A click on a locked segment: said to the user, and the segment stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util

from ImperfectSegLib import Bridge
from ImperfectSegLib.InteractiveLogic import InteractiveLogic
from ImperfectSegLib.LockCheck import lockedUnder
from ImperfectSegLib.PromptStore import PromptStore
from ImperfectSegLib.SegmentTags import setLocked
from Testing.Logic.methods.phantoms import ball, grid, picture
from Testing.Module.ball_segmenter import BallSegmenter

GRID = grid((8, 24, 26), spacing=(2.0, 1.0, 1.0), degrees=20.0)
HELD = ball(GRID, (4, 8, 8), 5.0)


@pytest.fixture
def world(scene):
    """A volume, a segmentation of two segments, the second of them locked with a ball in it."""
    volume = picture(GRID, [(HELD, 180.0)])
    node = slicer.util.addVolumeFromArray(volume.array.copy(), ijkToRAS=volume.ijk_to_ras)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    own, held = [segmentation.GetSegmentation().AddEmptySegment(n, n) for n in ("own", "held")]
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(node)
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        HELD.astype(np.uint8), segmentation, held, node
    )
    setLocked(segmentation, held, True)
    return node, segmentation, own, held


def said(segmentation) -> list[str]:
    geometry = grid((8, 24, 26), spacing=(2.0, 1.0, 1.0), degrees=20.0)
    return lockedUnder(segmentation, PromptStore(segmentation).entries(), geometry)


def test_a_click_for_a_locked_segment_or_on_one_is_named(world):
    _, segmentation, own, held = world
    store = PromptStore(segmentation)
    store.addClick(own, GRID.to_ras((4, 18, 18)))
    assert said(segmentation) == []
    store.addClick(own, GRID.to_ras((4, 8, 8)))
    store.addClick(held, GRID.to_ras((4, 2, 20)))
    on, about = said(segmentation)
    assert "is on segment 'held', which is locked" in on
    assert "cannot become 'own'" in on
    assert "is for segment 'held', which is locked" in about


def test_an_answer_takes_nothing_from_a_locked_segment(world):
    node, segmentation, own, held = world
    logic = InteractiveLogic(BallSegmenter())
    PromptStore(segmentation).addClick(own, GRID.to_ras((4, 8, 12)))
    logic.segment(node, segmentation)
    geometry = Bridge.volumeFromNode(node).geometry
    np.testing.assert_array_equal(Bridge.segmentMask(segmentation, held, geometry), HELD)
    found = Bridge.segmentMask(segmentation, own, geometry)
    assert found.any()
    assert not (found & HELD).any()


def test_a_locked_segment_is_not_written_whatever_is_clicked_for_it(world):
    node, segmentation, _, held = world
    logic = InteractiveLogic(BallSegmenter())
    PromptStore(segmentation).addClick(held, GRID.to_ras((4, 18, 18)))
    with pytest.raises(ValueError, match="locked"):
        logic.segment(node, segmentation)
    geometry = Bridge.volumeFromNode(node).geometry
    np.testing.assert_array_equal(Bridge.segmentMask(segmentation, held, geometry), HELD)

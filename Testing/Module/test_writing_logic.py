"""What the logics of panels share: the volume that was read last, undo and redo."""

from __future__ import annotations

import numpy as np
import pytest
import slicer.util

from ImperfectSegLib.WritingLogic import WritingLogic
from Testing.Module.refine_scene import SHAPE, addVolume


@pytest.fixture
def logic(mrml_scene):
    return WritingLogic()


def test_a_volume_is_read_once_and_anew_when_it_or_another_is_asked_for(logic):
    one = addVolume(np.full(SHAPE, 3, dtype=np.int16))
    other = addVolume(np.full(SHAPE, 5, dtype=np.int16))
    first = logic._readVolume(one)
    assert logic._readVolume(one) is first
    assert (logic._readVolume(other).array == 5).all()
    assert (logic._readVolume(one).array == 3).all()
    slicer.util.updateVolumeFromArray(one, np.full(SHAPE, 7, dtype=np.int16))
    assert (logic._readVolume(one).array == 7).all()


def test_without_a_volume_it_says_so(logic):
    with pytest.raises(ValueError, match="no volume: choose one"):
        logic._readVolume(None)


def test_without_a_write_there_is_nothing_to_take_back(logic):
    assert not logic.canUndo
    assert not logic.canRedo
    logic.undo()
    logic.redo()
    logic.forget()

"""Which diameters are RECIST marks, and what is said about them."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion.recist_checks import check_recist, recist_hints, recist_slice
from ImperfectSegLogic.data import Recist
from Testing.Logic.methods.phantoms import grid

GRID = grid((20, 40, 50), spacing=(3.0, 0.8, 0.6), degrees=37.0)


def mark(long_axis, short_axis, geometry=GRID, **more):
    """Makes marks from indices (k, j, i)."""
    return Recist(geometry.to_ras(long_axis), geometry.to_ras(short_axis), **more)


GOOD = [(7, 20, 10), (7, 20, 34)], [(7, 14, 22), (7, 24, 22)]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_marks_on_slices_along_every_axis_pass(axis):
    geometry = grid((40, 40, 40), degrees=25.0)
    ends = [np.roll(np.array(one), axis, axis=1) for one in GOOD]
    good = mark(*ends, geometry)
    check_recist(good, geometry)
    assert recist_slice(good, geometry) == (axis, 7)


def test_marks_may_be_a_little_oblique_and_touch():
    check_recist(mark([(7.5, 20, 10), (6.8, 20, 34)], GOOD[1]), GRID)
    check_recist(mark(GOOD[0], [(7, 20, 22), (7, 28, 22)]), GRID)


BAD = {
    "short axis beside the long one": (GOOD[0], [(7, 22, 22), (7, 29, 22)], "do not cross"),
    "short axis beyond the end": (GOOD[0], [(7, 14, 37), (7, 24, 37)], "do not cross"),
    "two axes in one direction": (GOOD[0], [(7, 20, 20), (7, 20, 24)], "do not cross"),
    "other slices": (GOOD[0], [(9, 14, 22), (9, 24, 22)], "ends on the slices"),
    "through slices": ([(5, 20, 10), (9, 20, 34)], GOOD[1], "ends on the slices"),
    "outside": ([(7, 20, 10), (7, 20, 51)], GOOD[1], "outside the image"),
    "long axis without length": ([(7, 20, 10)] * 2, GOOD[1], "long axis: got a length of 0"),
    "short axis without length": (GOOD[0], [(7, 20, 20)] * 2, "short axis: got a length of 0"),
    "short longer than long": (GOOD[1], GOOD[0], "longer than the long"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_named(what):
    long_axis, short_axis, message = BAD[what]
    with pytest.raises(ValueError, match=message):
        check_recist(mark(long_axis, short_axis), GRID)


@pytest.mark.parametrize("more", [{"label": 0}, {"label": 2, "positive": False}])
def test_marks_of_no_lesion_are_refused(more):
    with pytest.raises(ValueError, match="positive marks with a label from 1"):
        check_recist(mark(*GOOD, **more), GRID)


def test_hints_tell_of_skew_size_and_nodes():
    thin = grid((20, 80, 80))
    large = [(7, 20, 10), (7, 20, 40)], [(7, 10, 22), (7, 28, 22)]
    assert recist_hints(mark(*large, thin), thin) == ()
    skew = recist_hints(mark(large[0], [(7, 12, 14), (7, 28, 30)], thin), thin)
    assert "45 degrees off a right angle" in skew[0]
    slightly = recist_hints(mark(large[0], [(7, 11, 20), (7, 28, 24)], thin), thin)
    assert slightly == ()
    small = recist_hints(mark([(7, 20, 10), (7, 20, 19)], [(7, 16, 14), (7, 22, 14)], thin), thin)
    assert "9.0 mm: below 10 mm" in small[0]
    assert "normal one" in small[1]
    node = recist_hints(mark([(7, 20, 10), (7, 20, 30)], [(7, 14, 14), (7, 26, 14)], thin), thin)
    assert "no target lesion" in node[0]
    thick = grid((20, 80, 80), spacing=(8.0, 1.0, 1.0))
    hints = recist_hints(mark([(7, 20, 10), (7, 20, 25)], [(7, 12, 14), (7, 27, 14)], thick), thick)
    assert "below 16 mm" in hints[0]

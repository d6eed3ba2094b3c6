"""Which slices are worth annotating next."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion.wanted_slices import wanted_slices
from ImperfectSegLogic.data import Geometry, Prediction, Provenance, Region


def prediction(doubt, axis=0, start=0) -> Prediction:
    """Gives one of which slice n has the probability `doubt[n]` of label 1 in a square."""
    shape = [12, 12, 12]
    shape[axis] = len(doubt)
    whole = list(shape)
    whole[axis] += start
    found = np.zeros((2, *shape), dtype=np.float32)
    moved = np.moveaxis(found[1], axis, 0)
    moved[:, 3:9, 3:9] = np.array(doubt)[:, None, None]
    found[0] = 1 - found[1]
    geometry = Geometry(tuple(whole), np.diag([1.0, 1.0, 3.0, 1.0]))
    begin = [0, 0, 0]
    begin[axis] = start
    stop = [b + n for b, n in zip(begin, shape, strict=True)]
    return Prediction(found, (0, 1), Region(tuple(begin), tuple(stop)), geometry, Provenance("x"))


def test_the_most_uncertain_slice_comes_first():
    found = wanted_slices(prediction([1, 0.9, 0.6, 0.95, 1]), 0, (0, 4))
    assert found[0].index == 2
    assert found[0].uncertainty > found[-1].uncertainty
    assert "6 mm from the next annotated slice" in found[0].reason


def test_wanted_slices_are_spread():
    doubt = [1, *[0.55] * 9, 1, *[0.6] * 9, 1]
    found = wanted_slices(prediction(doubt), 0, (0, 10, 20), 2)
    assert {one.index for one in found} == {5, 15}


def test_wanted_slices_of_one_gap_are_spread_too():
    found = wanted_slices(prediction([1, *[0.5] * 19, 1]), 0, (0, 20), 3)
    first, *others = (one.index for one in found)
    assert 8 <= first <= 12
    assert min(abs(one - first) for one in others) >= 3
    assert abs(others[0] - others[1]) > 5


def test_annotated_slices_are_never_wanted():
    found = wanted_slices(prediction([0.5] * 5), 0, (0, 1, 3, 4), 5)
    assert [one.index for one in found] == [2]


def test_nothing_is_wanted_where_all_is_certain():
    assert wanted_slices(prediction([1.0] * 6), 0, (0, 5)) == ()


@pytest.mark.parametrize("axis", [1, 2])
def test_numbers_are_those_of_the_image_along_the_axis(axis):
    found = wanted_slices(prediction([1, 0.9, 0.5, 0.9, 1], axis, start=7), axis, (7, 11), 1)
    assert (found[0].axis, found[0].index) == (axis, 9)


def test_an_axis_that_is_none_is_refused():
    with pytest.raises(ValueError, match="got axis 3"):
        wanted_slices(prediction([0.5] * 4), 3, ())

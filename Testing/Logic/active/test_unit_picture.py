"""Small pictures of units, as lists of a queue show them."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.active.unit_picture import FRAME, unit_picture
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.data.segmentation import distinct_color

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RED = [round(255 * c) for c in distinct_color(1)]
SHAPE = (9, 20, 30)


def bright(*place) -> Volume:
    """An image that is bright around one voxel and dark elsewhere."""
    array = np.zeros(SHAPE, np.float32)
    array[tuple(slice(max(n - 2, 0), n + 3) for n in place)] = 100
    return Volume(array, LPS)


def center_of(mask) -> tuple[float, float]:
    return tuple(np.argwhere(mask).mean(axis=0))


def test_a_slice_is_drawn_as_long_as_wanted_with_square_millimeters():
    assert unit_picture(bright(2, 5, 8), Unit("a", 0, 2), None, 60).shape == (40, 60, 3)
    thick = Volume(bright(2, 5, 8).array, np.diag([-1.0, -1.0, 5.0, 1.0]))
    assert unit_picture(thick, Unit("a", 1, 5), None, 90).shape == (90, 60, 3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_bright_is_where_it_is_in_the_slice(axis):
    place = (2, 6, 20)
    picture = unit_picture(bright(*place), Unit("a", axis, place[axis]), None, 120)
    row, column = center_of(picture[..., 0] > 128)
    within = [n for a, n in enumerate(SHAPE) if a != axis]
    expected = [n for a, n in enumerate(place) if a != axis]
    # Rows to the front of an LPS image are low, so are those to the head of slices high.
    share = (row / picture.shape[0], column / picture.shape[1])
    wanted = [(n + 0.5) / total for n, total in zip(expected, within, strict=True)]
    if axis:
        wanted[0] = 1 - wanted[0]
    assert share == pytest.approx(wanted, abs=0.05)


def test_anterior_is_up_and_left_is_right_whatever_the_order_of_voxels():
    one = bright(2, 5, 8)
    turned = Volume(one.array[:, ::-1, ::-1].copy(), np.diag([1.0, 1.0, 1.0, 1.0]))
    same = (unit_picture(image, Unit("a", 0, 2), None, 60) for image in (one, turned))
    np.testing.assert_array_equal(*same)


def test_the_proposal_is_outlined_in_its_color_and_its_inside_stays_gray():
    labels = np.zeros(SHAPE, np.int16)
    labels[2, 5:15, 10:20] = 1
    picture = unit_picture(bright(2, 10, 15), Unit("a", 0, 2), labels, 120)
    lined = (picture == RED).all(axis=-1)
    assert lined[20, 40:80].all()
    assert lined[59, 40:80].all()
    assert lined[20:60, 40].all()
    assert not lined[30:50, 50:70].any()
    assert (picture[30:50, 50:70, 0] == picture[30:50, 50:70, 2]).all()
    plain = unit_picture(bright(2, 10, 15), Unit("a", 0, 1), labels, 120)
    assert not (plain == RED).all(axis=-1).any()


def test_a_patch_is_framed_in_its_slice():
    picture = unit_picture(bright(2, 5, 8), parse("a@0:2+4,10:8x6"), None, 60)
    framed = np.argwhere((picture == FRAME).all(axis=-1))
    assert framed.min(axis=0).tolist() == [8, 20]
    assert framed.max(axis=0).tolist() == [23, 31]


def test_the_frame_is_turned_with_the_picture():
    one = bright(2, 5, 8)
    turned = Volume(one.array[:, ::-1, ::-1].copy(), np.diag([1.0, 1.0, 1.0, 1.0]))
    picture = unit_picture(turned, parse("a@0:2+12,2:4x6"), None, 60)
    framed = np.argwhere((picture == FRAME).all(axis=-1))
    assert framed.min(axis=0).tolist() == [8, 44]
    assert framed.max(axis=0).tolist() == [15, 55]


def test_of_a_volume_it_is_the_slice_with_most_of_the_proposal():
    labels = np.zeros(SHAPE, np.int16)
    labels[3, 5:15, 10:20] = labels[1, 5:7, 10:12] = 1
    volume = unit_picture(bright(3, 10, 15), Unit("a"), labels, 60)
    np.testing.assert_array_equal(
        volume, unit_picture(bright(3, 10, 15), Unit("a", 0, 3), labels, 60)
    )
    middle = unit_picture(bright(2, 10, 15), Unit("a"), None, 60)
    np.testing.assert_array_equal(
        middle, unit_picture(bright(2, 10, 15), Unit("a", 0, 2), None, 60)
    )


def test_of_channels_the_first_is_drawn_and_voxels_that_are_no_numbers_are_dark():
    one = bright(2, 5, 8)
    channels = Volume(np.stack([one.array, 100 - one.array]), LPS)
    np.testing.assert_array_equal(
        unit_picture(channels, Unit("a", 0, 2), None, 60),
        unit_picture(one, Unit("a", 0, 2), None, 60),
    )
    array = np.full(SHAPE, 50, np.float32)
    array[2, :10], array[2, 0, :2] = 100, np.nan
    picture = unit_picture(Volume(array, LPS), Unit("a", 0, 2), None, 60)
    assert (picture[0, 0].max(), picture[0, 30].max()) == (0, 255)


def test_a_unit_outside_of_the_image_is_refused():
    with pytest.raises(ValueError, match="reaches out"):
        unit_picture(bright(2, 5, 8), Unit("a", 0, 9), None, 60)

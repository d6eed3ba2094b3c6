"""Which object a click in the middle means, and which prompt is that click."""

from __future__ import annotations

import numpy as np

from ImperfectSegLogic.data import Scribble
from ImperfectSegLogic.methods.scarce.interactive.center_clicks import centers_of, later_prompts
from ImperfectSegLogic.methods.scarce.interactive.clicked_objects import (
    leave_what_is_pointed_at,
    middle_of,
    object_in_middle,
    parts_with,
    pixels_around_middle,
)
from Testing.Logic.methods.phantoms import click, grid


def two_squares():
    labeled = np.zeros((30, 40), dtype=bool)
    labeled[3:8, 3:8] = labeled[10:25, 15:30] = True
    return labeled


def test_of_dense_masks_the_deepest_part_alone_is_meant():
    meant, depth = object_in_middle(two_squares(), is_dense=True)
    assert meant.sum() == 15 * 15
    assert middle_of(depth) == (17, 22)
    assert not depth[~meant].any()


def test_of_scribbles_all_parts_are_meant():
    meant, _ = object_in_middle(two_squares(), is_dense=False)
    assert np.array_equal(meant, two_squares())


def test_the_border_of_the_image_counts_as_the_border_of_the_object():
    _, depth = object_in_middle(np.ones((9, 5), dtype=bool), is_dense=True)
    assert middle_of(depth)[1] == 2


def test_clicks_of_training_are_around_the_middle_and_inside():
    ring = np.hypot(*(np.indices((41, 41)) - 20)) < 18
    ring[15:26, 15:26] = False
    meant, depth = object_in_middle(ring, is_dense=True)
    places = pixels_around_middle(depth, 0.5)
    assert meant[tuple(places.T)].all()
    away = np.hypot(*(places - middle_of(depth)).T)
    assert 1 < away.max() <= 0.5 * depth.max()
    assert len(pixels_around_middle(depth, 0.0)) == 1


def test_parts_are_kept_that_hold_a_place_and_touch_at_corners():
    mask = np.eye(5, dtype=bool)
    mask[0, 4] = True
    assert np.array_equal(parts_with(mask, np.array([[2, 2]])), np.eye(5, dtype=bool))
    assert not parts_with(mask, np.array([[1, 4]])).any()
    assert not parts_with(mask, np.zeros((0, 2), dtype=np.int64)).any()


def test_what_no_prompt_points_at_becomes_background_slice_by_slice():
    p = np.full((3, 2, 6, 6), 0.1, dtype=np.float32)
    p[0] = 0.8
    p[:, :, :2, :2] = np.array([0.1, 0.8, 0.1])[:, None, None, None]
    p[:, :, 4:, 4:] = np.array([0.1, 0.8, 0.1])[:, None, None, None]
    seeds = np.full((2, 6, 6), -1)
    seeds[0, 0, 0] = 1
    seeds[0, 5, 5] = 2
    before = p.copy()
    leave_what_is_pointed_at(p, seeds)
    assert np.allclose(p.sum(axis=0), 1)
    assert np.allclose(p[:, 0, 5, 5], (0.9, 0.0, 0.1))
    assert np.array_equal(p[:, 0, :3], before[:, 0, :3])
    assert np.array_equal(p[:, 1], before[:, 1])


def test_the_first_positive_click_of_each_segment_and_slice_is_its_center():
    shape = grid((4, 20, 20), spacing=(5.0, 1.0, 1.0))
    prompts = [
        click(shape, (1, 9, 9), 2, positive=False),
        click(shape, (1, 5, 5), 1),
        click(shape, (1, 6, 6), 1),
        click(shape, (1, 8, 8), 2),
        click(shape, (3, 4, 4), 1),
        click(shape, (2, 1, 1), 0),
    ]
    found = centers_of(prompts, shape, axis=0)
    told = [(one.label, one.voxel.tolist(), one.prompt) for one in found]
    assert told == [(1, [1, 5, 5], 1), (1, [3, 4, 4], 4), (2, [1, 8, 8], 3)]
    assert later_prompts(prompts, found) == 3


def test_a_scribble_counts_by_its_middle_where_there_is_no_click():
    shape = grid((3, 20, 20), spacing=(5.0, 1.0, 1.0))
    line = Scribble(points=shape.to_ras([(1, 5, 4), (1, 5, 10)]), label=1)
    (found,) = centers_of([line], shape, axis=0)
    assert found.voxel.tolist() == [1, 5, 7]
    (found,) = centers_of([line, click(shape, (1, 9, 9), 1)], shape, axis=0)
    assert found.voxel.tolist() == [1, 9, 9]


def test_slices_may_lie_along_any_axis():
    shape = grid((20, 3, 20), spacing=(1.0, 5.0, 1.0))
    prompts = [click(shape, (4, 1, 5), 1), click(shape, (9, 1, 5), 1), click(shape, (4, 2, 5), 1)]
    assert [one.prompt for one in centers_of(prompts, shape, axis=1)] == [0, 2]

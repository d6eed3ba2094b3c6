"""The simulated user and the measure it is judged by."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.methods.scarce.interactive.robot_user import next_click
from ImperfectSegLogic.metrics.dice import dice
from Testing.Logic.methods.phantoms import ball, grid

FLAT = grid((1, 40, 50))


def index(click, geometry):
    return geometry.to_index(click.position).tolist()


@pytest.mark.parametrize("geometry", [FLAT, grid((20, 40, 50)), grid((20, 40, 50), degrees=30.0)])
def test_the_first_click_is_in_the_middle_of_the_object(geometry):
    center = (geometry.shape[0] // 2, 20, 25)
    truth = ball(geometry, center, 8.0)
    click = next_click(np.zeros_like(truth), truth, geometry, label=4)
    assert (click.label, click.positive) == (4, True)
    assert index(click, geometry) == list(center)


def test_the_larger_error_comes_first_and_decides_the_sign():
    truth = ball(FLAT, (0, 12, 12), 5.0)
    wrong = ball(FLAT, (0, 28, 36), 8.0)
    click = next_click(wrong, truth, FLAT)
    assert not click.positive
    assert index(click, FLAT) == [0, 28, 36]
    click = next_click(ball(FLAT, (0, 28, 36), 3.0), truth, FLAT)
    assert click.positive
    assert index(click, FLAT) == [0, 12, 12]


def test_depth_is_measured_in_mm():
    geometry = grid((11, 30, 30), spacing=(10.0, 1.0, 1.0))
    truth = np.zeros(geometry.shape, dtype=bool)
    truth[2:9, 5:12, 5:12] = True
    truth[2:4, 4:16, 4:16] = True
    click = next_click(np.zeros_like(truth), truth, geometry)
    assert index(click, geometry)[1:] in ([9, 9], [9, 10], [10, 9], [10, 10])


def test_the_edge_of_the_image_counts_as_the_edge_of_the_error():
    truth = np.zeros(FLAT.shape, dtype=bool)
    truth[0, :, :11] = True
    assert index(next_click(np.zeros_like(truth), truth, FLAT), FLAT)[2] == 5


def test_when_all_is_right_there_is_no_click():
    truth = ball(FLAT, (0, 12, 12), 5.0)
    assert next_click(truth, truth, FLAT) is None


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="prediction: got a mask of shape"):
        next_click(np.zeros((1, 2, 3), dtype=bool), np.zeros(FLAT.shape, dtype=bool), FLAT)


def test_dice_of_known_masks():
    a, b = np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0])
    assert dice(a, b) == 0.5
    assert dice(a, a) == 1.0
    assert dice(a, 1 - a) == 0.0
    assert dice(np.zeros(3), np.zeros(3)) == 1.0
    with pytest.raises(ValueError, match="shapes"):
        dice(a, b[:2])

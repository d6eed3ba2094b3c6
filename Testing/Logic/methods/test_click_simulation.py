"""The simulated user of training, and how a network sees clicks and corrections."""

import numpy as np
import pytest
import torch

from ImperfectSegLogic.methods.scarce.interactive.click_maps import add_blob, blobs
from ImperfectSegLogic.methods.scarce.interactive.click_simulation import (
    click_on_error,
    clicks_on_errors,
    pixels_on_errors,
    torch_rng,
)
from ImperfectSegLogic.methods.scarce.interactive.geodesic_maps import LENGTH_PRICE, geodesic_maps


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_click_corrects_an_error_and_says_which_way(dims):
    target = np.zeros((20,) * dims, dtype=np.int64)
    target[(slice(2, 9),) * dims] = 1
    nothing = np.zeros(target.shape, dtype=bool)
    for seed in range(20):
        missed = click_on_error(nothing, target, rng(seed))
        assert missed.positive
        assert target[missed.place] == 1
        wrong = click_on_error(~nothing & (target == 0), np.where(target, -1, 0), rng(seed))
        assert not wrong.positive
        assert target[wrong.place] == 0


def test_there_is_no_click_where_nothing_labeled_is_wrong():
    target = np.full((8, 8), -1)
    target[2:4, 2:4] = 1
    found = target == 1
    found[6:, 6:] = True  # Nobody said what is there.
    assert click_on_error(found, target, rng()) is None
    assert click_on_error(found, np.full((8, 8), -1), rng()) is None


def test_larger_errors_are_clicked_on_more_often():
    target = np.zeros((40, 40), dtype=np.int64)
    target[2:22, 2:22] = 1  # 400 pixels
    target[30:40, 30:40] = 1  # 100 pixels
    nothing = np.zeros(target.shape, dtype=bool)
    chance = rng()
    large = sum(click_on_error(nothing, target, chance).place[0] < 25 for _ in range(500))
    assert 0.74 < large / 500 < 0.86


def test_most_clicks_are_in_the_middle_of_the_error():
    target = np.zeros((31, 31), dtype=np.int64)
    target[5:26, 5:26] = 1
    nothing = np.zeros(target.shape, dtype=bool)
    chance = rng()
    places = np.array([click_on_error(nothing, target, chance).place for _ in range(300)])
    depth = 11 - np.abs(places - 15).max(axis=1)
    assert np.median(depth) >= 8  # Evenly drawn pixels have a median depth of 4.


def test_an_error_as_large_as_the_sample_is_clicked_on():
    ones = np.ones((6, 5), dtype=np.int64)
    assert click_on_error(np.zeros((6, 5), dtype=bool), ones, rng()).positive
    deep = np.ones((900, 900), dtype=np.int64)
    deep[0] = 0
    assert click_on_error(np.zeros(deep.shape, dtype=bool), deep, rng()).place[0] > 700


def test_each_sample_of_a_batch_is_clicked_on_by_its_own_error():
    target = torch.zeros(3, 10, 10, dtype=torch.int64)
    target[:, 2:5, 2:5] = 1
    logits = torch.zeros(3, 2, 10, 10)
    logits[1, 1] = target[1].float()  # Right.
    logits[2, 1] = target[2].float()
    logits[2, 1, 7:, 7:] = 1  # Too much.
    one, two, three = clicks_on_errors(logits, target, rng())
    assert one.positive
    assert two is None
    assert not three.positive
    assert min(three.place) >= 7


def test_corrections_are_as_many_as_an_error_is_large():
    target = np.zeros((60, 60), dtype=np.int64)
    target[1:21, 1:21] = 1  # 400 pixels missed
    found = np.zeros(target.shape, dtype=bool)
    found[40:47, 40:45] = True  # 35 pixels too many
    found[55:57, 55:57] = True  # 4 pixels: too few to correct
    inside, outside = pixels_on_errors(found, target, rng(), least=30, per=100)
    assert (len(inside), len(outside)) == (4, 1)
    assert len(np.unique(inside, axis=0)) == 4
    assert all(target[tuple(inside.T)] == 1)
    assert found[tuple(outside.T)].all()
    assert outside.max() < 47
    again = pixels_on_errors(found, target, rng(), least=30, per=100)
    assert np.array_equal(again[0], inside)


def test_chance_comes_from_torch():
    torch.manual_seed(3)
    one = torch_rng().random()
    torch.manual_seed(3)
    assert torch_rng().random() == one
    assert torch_rng().random() != one


@pytest.mark.parametrize("shape", [(9, 12), (6, 9, 12)])
def test_a_blob_more_is_the_same_as_all_blobs_at_once(shape):
    places = [tuple(n // 3 for n in shape), tuple(n - 2 for n in shape)]
    image = torch.zeros(shape)
    for place in places:
        add_blob(image, place, 2.0)
    at_once = blobs(shape, places, 2.0)
    assert np.allclose(image.numpy(), at_once, atol=1e-6)
    assert all(at_once[place] == 1 for place in places)
    beside = (places[0][0] + 1, *places[0][1:])
    assert at_once[beside] == pytest.approx(np.exp(-1 / 8))
    assert not blobs(shape, np.zeros((0, len(shape))), 2.0).any()


def test_corrections_reach_as_far_as_gray_values_stay_alike():
    image = np.zeros((1, 1, 21, 21), dtype=np.float32)
    image[..., 11:] = 3.0
    here, none = np.array([[10, 5]]), np.zeros((0, 2), dtype=np.int64)
    (inside, outside), *_ = geodesic_maps(image, [(here, none)])
    assert inside[10, 5] == 1
    assert not outside.any()
    assert inside[10, 0] == pytest.approx(np.exp(-5 * LENGTH_PRICE), rel=1e-4)
    assert inside[10, 14] < 0.1  # Across the edge.
    assert inside.shape == (21, 21)


def test_maps_of_several_images_are_those_of_each():
    chance = rng()
    images = chance.normal(size=(2, 2, 4, 7, 9)).astype(np.float32)
    places = [(np.array([[1, 2, 3]]), np.array([[3, 6, 8], [0, 0, 0]])) for _ in range(2)]
    both = geodesic_maps(images, places)
    each = [geodesic_maps(images[n : n + 1], places[n : n + 1])[0] for n in range(2)]
    assert np.array_equal(both, np.stack(each))
    assert not np.array_equal(both[0], both[1])

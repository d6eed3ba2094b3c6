import itertools

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference

from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.prediction.windows import cut_window, starts, window_starts
from Testing.Logic.prediction.tiny_models import forward, noise, random_model


@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.9])
def test_windows_cover_all_of_an_axis_and_nothing_beyond(overlap):
    for size, window in itertools.product(range(1, 40), (1, 3, 8)):
        found = starts(size, window, overlap)
        seen = {n for start in found for n in range(start, start + window)}
        assert set(range(size)) <= seen
        if size >= window:
            assert seen == set(range(size))
            assert max(np.diff(found), default=0) <= max(window * (1 - overlap), 1)
            back = [size - window - n for n in found[::-1]]
            assert np.abs(np.subtract(found, back)).max() <= 1  # Alike from both ends.
        else:
            assert len(found) == 1


def test_windows_of_some_slices_are_those_that_reach_into_them():
    every = window_starts((20, 8, 9), (4, 8, 4), 0.5, range(20))
    some = window_starts((20, 8, 9), (4, 8, 4), 0.5, range(7, 11))
    assert some == [one for one in every if one[0] < 11 and one[0] + 4 > 7]
    assert {one[1] for one in every} == {0}


def test_beyond_the_image_a_window_sees_zero():
    image = torch.ones(2, 3, 4, 5)
    cut = cut_window(image, (-1, 2, 0), (5, 4, 5))
    assert cut.shape == (2, 5, 4, 5)
    assert cut[:, 1:4, :2].min() == 1
    assert cut.sum() == image[:, :, 2:].sum()


@pytest.mark.parametrize("dims", [2, 3])
def test_one_window_gives_what_the_network_says(dims):
    model = random_model(dims, (8, 8, 8)[:dims])
    volume = noise((8, 8, 8))
    got = predict([model], volume, device="cpu").prediction.probabilities
    prepared = model.preprocessing.prepare(volume)
    if dims == 3:
        wanted = forward(model, prepared)
    else:
        wanted = np.stack([forward(model, prepared[:, k]) for k in range(8)], axis=1)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("shape", [(16, 12, 20), (5, 12, 7), (1, 12, 12)])
def test_many_windows_are_weighted_as_monai_does(dims, shape):
    model = random_model(dims, (8, 8, 8)[:dims], channels=2)
    volume = noise(shape, channels=2)
    settings = PredictionSettings(windows_at_once=3)
    got = predict([model], volume, settings, device="cpu").prediction
    image = torch.from_numpy(model.preprocessing.prepare(volume))
    # Slices are samples in 2-D.
    batch = image[None] if dims == 3 else image.transpose(0, 1)
    with torch.no_grad():
        logits = sliding_window_inference(
            batch, model.patch, 2, model.network.eval(), overlap=0.5, mode="gaussian"
        )
    wanted = torch.softmax(logits, 1)
    wanted = wanted[0] if dims == 3 else wanted.transpose(0, 1)
    np.testing.assert_allclose(got.probabilities, wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_how_many_windows_are_seen_at_once_changes_nothing(dims):
    model = random_model(dims, dropout=0.3)
    volume = noise((9, 10, 13))

    def got(at_once):
        settings = PredictionSettings(windows_at_once=at_once, mc_samples=2, flips=True)
        return predict([model], volume, settings).prediction.probabilities

    np.testing.assert_allclose(got(7), got(1), atol=1e-5)


def test_an_image_smaller_than_the_window_is_looked_at_as_it_is():
    model = random_model(3, (8, 8, 8))
    volume = noise((3, 5, 8))
    got = predict([model], volume, device="cpu").prediction.probabilities
    assert got.shape == (3, 3, 5, 8)
    padded = np.zeros((1, 8, 8, 8), dtype=np.float32)
    padded[:, 2:5, 1:6] = model.preprocessing.prepare(volume)
    np.testing.assert_allclose(got, forward(model, padded)[:, 2:5, 1:6], atol=1e-5)

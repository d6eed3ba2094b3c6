"""GrabCut on phantoms whose object is known."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion.grab_cut import GrabCutSettings, grab_cut
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.metrics.dice import dice

SHAPE = (1, 60, 70)
ONE = (1.0, 1.0, 1.0)


def disk(center, radius, shape=SHAPE):
    k, j, i = np.indices(shape)
    return (k - center[0]) ** 2 + (j - center[1]) ** 2 + (i - center[2]) ** 2 <= radius**2


TRUTH = disk((0, 30, 35), 12) | disk((0, 26, 44), 8)
ROUGH = disk((0, 30, 37), 14)


def image(inside=0.7, outside=0.3, noise=0.08, truth=TRUTH):
    rng = np.random.default_rng(0)
    return (np.where(truth, inside, outside) + rng.normal(0, noise, truth.shape)).astype(np.float32)


def cut(gray, guess=ROUGH, seeds=None, allowed=None, report=lambda _: None, **settings):
    logit = np.where(guess, np.float32(1), np.float32(-1))
    none = np.full(gray.shape, -1, dtype=np.int64)
    every = np.ones(gray.shape, dtype=bool)
    return grab_cut(
        gray,
        logit,
        none if seeds is None else seeds,
        every if allowed is None else allowed,
        every,
        ONE,
        GrabCutSettings(**settings),
        report,
    )


def test_a_rough_guess_becomes_the_object():
    found = cut(image())
    assert dice(ROUGH, TRUTH) < 0.9
    assert dice(found > 0.5, TRUTH) > 0.97
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_several_gray_values_of_object_and_background_are_learned():
    j, i = np.indices(SHAPE)[1:]
    inside, outside = np.where(i < 36, 0.3, 0.7), np.where(j < 30, 0.5, 0.9)
    gray = image(inside, outside, noise=0.03)
    assert dice(cut(gray) > 0.5, TRUTH) > 0.97
    assert dice(cut(gray, components=1) > 0.5, TRUTH) < 0.965


def test_a_block_is_cut_as_a_whole():
    truth = disk((8, 15, 15), 7, (16, 30, 30))
    found = cut(image(truth=truth), disk((8, 15, 17), 8, truth.shape))
    assert dice(found > 0.5, truth) > 0.95


def test_seeds_and_limits_hold_against_gray_values():
    seeds = np.full(SHAPE, -1, dtype=np.int64)
    seeds[0, 5, 5], seeds[0, 30, 35] = 1, 0
    allowed = np.ones(SHAPE, dtype=bool)
    allowed[:, :, 40:] = False
    found = cut(image(), seeds=seeds, allowed=allowed)
    assert (found[0, 5, 5], found[0, 30, 35]) == (1, 0)
    assert found[0, :, 40:].max() == 0
    assert found[0, 30, 30] > 0.5


def test_an_even_image_leaves_the_guess():
    found = cut(np.full(SHAPE, 0.5, dtype=np.float32))
    assert dice(found > 0.5, ROUGH) > 0.97


def test_it_can_be_cancelled():
    progress = Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        cut(image(), report=progress.report)

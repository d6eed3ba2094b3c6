"""Small 2-D images: worked on magnified, answered on their own grid."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import Case, Prediction, Provenance, Region, Scribble
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker
from ImperfectSegLogic.methods.scarce.interactive.magnification import (
    magnification_of,
    magnified,
    magnified_prediction,
    reduced,
)
from ImperfectSegLogic.methods.scarce.interactive.prompted_unet import PromptedUNet
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from ImperfectSegLogic.metrics.dice import dice
from Testing.Logic.methods.phantoms import ball, click, grid, picture

PATCH = grid((1, 40, 50), spacing=(3.0, 2.0, 1.5), degrees=25.0)
ENGINES = [GeodesicWalker, PromptedUNet]


def test_only_small_2d_images_are_magnified():
    assert magnification_of(PATCH) == (1, 3, 3)
    assert magnification_of(grid((40, 1, 50))) == (3, 1, 3)
    assert magnification_of(grid((1, 64, 80))) == (1, 1, 1)
    assert magnification_of(grid((20, 30, 30))) == (1, 1, 1)
    assert magnification_of(grid((1, 1, 30))) == (1, 1, 1)


def test_a_magnified_image_is_in_the_same_place():
    ramp = np.broadcast_to(np.arange(50.0), PATCH.shape)
    volume = picture(PATCH, [])
    volume = type(volume)(ramp.astype(np.int16), volume.ijk_to_ras)
    finer = magnified(volume, (1, 3, 3))
    assert finer.geometry.shape == (1, 120, 150)
    for index in ((0, 7, 9), (0, 20, 31)):
        middle = tuple(t * n + t // 2 for t, n in zip((1, 3, 3), index, strict=True))
        np.testing.assert_allclose(finer.geometry.to_ras(middle), PATCH.to_ras(index), atol=1e-9)
        assert finer.array[middle] == pytest.approx(index[2])
    assert magnified(volume, (1, 1, 1)) is volume


def test_an_answer_there_and_back_is_the_same_answer():
    rng = np.random.default_rng(3)
    one = rng.random((1, 6, 7)).astype(np.float32)
    before = Prediction(
        np.stack([1 - one, one]), (0, 2), Region((0, 4, 5), (1, 10, 12)), PATCH, Provenance("hand")
    )
    finer = magnified(picture(PATCH, []), (1, 3, 3)).geometry
    there = magnified_prediction(before, (1, 3, 3), finer)
    assert there.region.shape == (1, 18, 21)
    seeds = read_prompts([click(PATCH, (0, 5, 6), 2)], PATCH, ("Click",))
    back = reduced(there, (1, 3, 3), PATCH, seeds)
    assert back.region == before.region
    wanted = before.probabilities.copy()
    wanted[:, 0, 1, 1] = 0, 1
    np.testing.assert_allclose(back.probabilities, wanted, atol=1e-6)


def test_a_region_that_cuts_through_voxels_is_filled_with_background():
    finer = magnified(picture(PATCH, []), (1, 3, 3)).geometry
    full = np.stack([np.zeros((1, 4, 5)), np.ones((1, 4, 5))]).astype(np.float32)
    region = Region((0, 13, 16), (1, 17, 21))
    found = Prediction(full, (0, 1), region, finer, Provenance("hand"))
    seeds = read_prompts([click(PATCH, (0, 4, 6))], PATCH, ("Click",))
    back = reduced(found, (1, 3, 3), PATCH, seeds)
    assert back.region == Region((0, 4, 5), (1, 6, 7))
    # Rows 13, 14 of 12 to 14, and 15, 16 of 15 to 17; columns 16, 17 of 15 to 17, and 18 to 20.
    wanted = np.array([[4 / 9, 1], [4 / 9, 2 / 3]])
    np.testing.assert_allclose(back.probabilities[1, 0], wanted, atol=1e-6)
    np.testing.assert_allclose(back.probabilities.sum(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_click_finds_an_object_of_five_pixels(engine):
    truth = ball(PATCH, (0, 20, 24), 4.5)
    assert 20 < truth.sum() < 40
    made = engine()
    made.set_case(Case(picture(PATCH, [(truth, 160.0)])))
    answer = made.respond([click(PATCH, (0, 20, 24))])
    assert answer.geometry.shape == PATCH.shape
    assert dice(answer.full_labels() == 1, truth) > 0.85


@pytest.mark.parametrize("engine", ENGINES)
def test_prompted_pixels_keep_their_label_and_what_is_not_one_may_be_the_other(engine):
    one, two = ball(PATCH, (0, 20, 16), 6.0), ball(PATCH, (0, 20, 34), 6.0)
    made = engine()
    made.set_case(Case(picture(PATCH, [(one, 160.0), (two, 40.0)])))
    ends = np.stack([PATCH.to_ras((0, 18, 16)), PATCH.to_ras((0, 22, 16))])
    prompts = [
        Scribble(points=ends, label=1),
        click(PATCH, (0, 20, 34), 2),
        click(PATCH, (0, 21, 33), 1, positive=False),
        click(PATCH, (0, 35, 5), 0),
    ]
    labels = made.respond(prompts).full_labels()
    assert (labels[0, 18:23, 16] == 1).all()
    assert labels[0, 20, 34] == labels[0, 21, 33] == 2
    assert labels[0, 35, 5] == 0
    before = made.respond(prompts[:2])
    again = made.respond(prompts, before)
    assert again.full_labels()[0, 20, 34] == 2


def test_where_one_segment_is_denied_the_likeliest_of_the_others_counts():
    finer = magnified(picture(PATCH, []), (1, 3, 3)).geometry
    shares = np.array([0.2, 0.5, 0.3], dtype=np.float32)
    full = np.broadcast_to(shares[:, None, None, None], (3, 1, 9, 9)).copy()
    found = Prediction(full, (0, 1, 2), Region((0, 12, 15), (1, 21, 24)), finer, Provenance("hand"))
    prompts = [
        click(PATCH, (0, 4, 5), 1),
        click(PATCH, (0, 6, 7), 2),
        click(PATCH, (0, 5, 6), 1, positive=False),
    ]
    back = reduced(found, (1, 3, 3), PATCH, read_prompts(prompts, PATCH, ("Click",)))
    assert back.probabilities[:, 0, 1, 1].tolist() == [0, 0, 1]
    assert back.probabilities[:, 0, 0, 0].tolist() == [0, 1, 0]

"""Segments side by side: what is said of one must not damage the other."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import Box, Case, Click, Volume
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker

SHAPE = (16, 40, 40)
MATRIX = np.diag([1.0, 1.0, 2.0, 1.0])


@pytest.fixture(scope="module")
def neighbors():
    """Two bright blocks that touch, alike but for a faint step, in the dark."""
    left = np.zeros(SHAPE, bool)
    right = np.zeros(SHAPE, bool)
    left[4:12, 8:32, 6:20] = True
    right[4:12, 8:32, 20:34] = True
    gray = 100.0 * left + 120.0 * right + np.random.default_rng(0).normal(0, 4, SHAPE)
    segmenter = GeodesicWalker()
    segmenter.set_case(Case(Volume(gray.astype(np.float32), MATRIX)))
    return segmenter, left, right


def click(k, j, i, label, positive=True):
    return Click((i, j, 2 * k), label=label, positive=positive)


def dice(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def test_not_this_segment_inside_its_neighbor_means_the_neighbor(neighbors):
    segmenter, left, right = neighbors
    first = [click(8, 20, 12, 1), click(8, 20, 27, 2)]
    before = segmenter.respond(first).full_labels()
    denied = click(8, 14, 24, 1, positive=False)
    labels = segmenter.respond([*first, denied]).full_labels()
    assert labels[8, 14, 24] == 2
    assert dice(labels == 2, right) >= dice(before == 2, right) - 0.01
    assert dice(labels == 2, right) > 0.95
    assert dice(labels == 1, left) > 0.95


def test_not_this_segment_in_the_dark_means_background(neighbors):
    segmenter, *_ = neighbors
    prompts = [click(8, 20, 12, 1), click(8, 20, 27, 2), click(8, 3, 27, 2, positive=False)]
    assert segmenter.respond(prompts).full_labels()[8, 3, 27] == 0


def test_not_either_segment_means_background(neighbors):
    segmenter, *_ = neighbors
    prompts = [click(8, 20, 12, 1), click(8, 20, 27, 2)]
    prompts += [click(8, 14, 24, label, positive=False) for label in (1, 2)]
    assert segmenter.respond(prompts).full_labels()[8, 14, 24] == 0


def test_the_box_of_one_segment_does_not_cut_the_other(neighbors):
    """The box of the left block reaches into the right one, which must go on beyond it."""
    segmenter, left, right = neighbors
    box = Box((15.0, 20.0, 16.0), (22.0, 28.0, 24.0), label=1)
    prompts = [box, click(8, 20, 12, 1), click(8, 20, 24, 2)]
    prediction = segmenter.respond(prompts)
    labels = prediction.full_labels()
    assert dice(labels == 2, right) > 0.95
    assert dice(labels == 1, left) > 0.95
    assert not (labels == 1)[:, :, 27:].any()
    # Across the box's face, what is not label 1 is shared between the others as before.
    background, _, second = prediction.full_probabilities()[:, 6:10, 12:28, 26:28]
    share = second / (background + second)
    assert np.abs(share[..., 1] - share[..., 0]).max() < 0.02

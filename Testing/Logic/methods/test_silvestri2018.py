"""Labeled points are padded to discs on their slices, and teach nothing elsewhere."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ImperfectSegLogic.completion.hexagonal_grid import hexagonal_grid, padded
from ImperfectSegLogic.data import UNLABELED, Geometry, PointGrid
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.weak.selective_loss.silvestri2018 import (
    PointGridTraining,
    Settings,
    padded_target,
)
from Testing.Contracts.training_checks import batch_of, players_of


def with_points(shape, points):
    target = torch.full(shape, UNLABELED)
    for place, label in points.items():
        target[place] = label
    return target


@pytest.mark.parametrize("radius", [0, 1, 3, 6])
def test_a_batch_is_padded_as_a_mask_is(radius):
    """By other means, so that each checks the other."""
    geometry = Geometry((3, 40, 36), np.diag([1.0, 1.0, 5.0, 1.0]))
    positions = hexagonal_grid(geometry, 7)
    labels = np.random.default_rng(0).integers(0, 3, len(positions))
    points = PointGrid(positions, labels)
    before = torch.from_numpy(padded(points, geometry, 0).labels.astype(np.int64))
    wanted = padded(points, geometry, radius).labels
    for target in (before, before[None], torch.stack([before, before])):
        found = padded_target(target, 3, radius)
        assert found.shape == target.shape
        assert np.array_equal(found.view(-1, *geometry.shape)[-1].numpy(), wanted)


def test_padding_stays_on_the_slice_and_takes_no_label_from_anybody():
    target = with_points((1, 3, 12, 12), {(0, 1, 5, 5): 2, (0, 1, 5, 6): 0, (0, 1, 5, 7): 0})
    found = padded_target(target, 3, 4)
    assert (found[0, [0, 2]] == UNLABELED).all()
    assert found[0, 1, 5].tolist() == [-1, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0]
    assert bool((found[target != UNLABELED] == target[target != UNLABELED]).all())
    assert padded_target(target, 3, 0) is target


def test_what_is_labeled_already_is_left_alone():
    dense = torch.arange(16).view(1, 4, 4) % 3
    assert padded_target(dense, 3, 3) is dense


def test_the_loss_is_cross_entropy_of_the_discs():
    batch = batch_of(2, ("PointGrid", "PointGrid"))
    target = with_points(batch.target.shape, {(0, 6, 6): 1, (0, 2, 2): 0, (1, 12, 12): 2})
    batch = dataclasses.replace(batch, target=target)
    method = PointGridTraining(Settings(padding=2))
    players = players_of(method, 2)
    (term,) = method.loss(players, batch)
    log = torch.log_softmax(players.logits(batch), dim=1)
    known = padded_target(target, 3, 2)
    assert int((known != UNLABELED).sum()) == 3 * 13
    each = -log.gather(1, known.clamp_min(0)[:, None])[:, 0]
    torch.testing.assert_close(term.value, each[known != UNLABELED].mean())
    assert torch.equal(batch.target, target)
    players.forget()
    (bare,) = PointGridTraining().loss(players, batch)
    torch.testing.assert_close(
        bare.value, -(log[0, 1, 6, 6] + log[0, 0, 2, 2] + log[1, 2, 12, 12]) / 3
    )


@pytest.mark.parametrize("value", [-1, 1.5, 65])
def test_a_radius_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="sparse-silvestri2018, padding: got"):
        catalog.training_method("sparse-silvestri2018", {"padding": value})

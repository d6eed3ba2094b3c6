"""Losses against values worked out by hand."""

from __future__ import annotations

import math

import torch

from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.methods.weak.selective_loss.bokhorst2018 import BalancedSparse, Settings
from ImperfectSegLogic.methods.weak.selective_loss.class_balance import counts_of, voxel_weights
from Testing.Contracts.training_checks import batch_of, players_of

TARGET = torch.tensor([[0, 0, 0, 1, -1, -1], [0, 1, -1, -1, -1, -1]])


def test_cross_entropy_is_the_mean_over_labeled_voxels():
    log = torch.log(torch.tensor([[[0.5, 0.25, 0.9], [0.5, 0.75, 0.1]]]))
    target = torch.tensor([[0, 1, -1]])
    expected = -(math.log(0.5) + math.log(0.75)) / 2
    assert abs(float(partial_cross_entropy(log, target)) - expected) < 1e-6
    weights = torch.tensor([[3.0, 1.0, 100.0]])
    expected = -(3 * math.log(0.5) + math.log(0.75)) / 4
    assert abs(float(partial_cross_entropy(log, target, weights)) - expected) < 1e-6


def test_labels_that_nobody_looked_for_are_part_of_the_background():
    logits = torch.log(torch.tensor([[[0.2], [0.5], [0.3]]]))
    found = label_log_probabilities(logits, torch.tensor([[True, True, False]])).exp()
    assert torch.allclose(found[0, :, 0], torch.tensor([0.5, 0.5, 0.0]))
    found = label_log_probabilities(logits, torch.tensor([[True, True, True]])).exp()
    assert torch.allclose(found[0, :, 0], torch.tensor([0.2, 0.5, 0.3]))


def test_merged_probabilities_have_finite_gradients():
    logits = torch.randn(2, 4, 5, 5, requires_grad=True)
    looked_for = torch.tensor([[True, True, False, False], [True, False, True, True]])
    log = label_log_probabilities(logits, looked_for)
    partial_cross_entropy(log, torch.zeros(2, 5, 5, dtype=torch.int64)).backward()
    assert torch.isfinite(logits.grad).all()


def test_each_label_has_the_same_say_after_balancing():
    counts = counts_of(TARGET, 2)
    assert counts.tolist() == [[3, 1], [1, 1]]
    weights = voxel_weights(counts, TARGET)
    expected = [[2 / 3, 2 / 3, 2 / 3, 2.0, 0, 0], [1.0, 1.0, 0, 0, 0, 0]]
    assert torch.allclose(weights, torch.tensor(expected))


def test_instance_balancing_is_within_a_sample_and_batch_balancing_over_all():
    counts = counts_of(TARGET, 2)
    instance = BalancedSparse(Settings("instance"))._weights(counts, TARGET)
    batch = BalancedSparse(Settings("batch"))._weights(counts, TARGET)
    # Instance: each sample has the same sum, half of it for each label.
    assert torch.allclose(instance.sum(dim=1), instance.sum() / 2 * torch.ones(2))
    assert torch.allclose(instance[0][TARGET[0] == 1].sum(), instance[0][TARGET[0] == 0].sum())
    # Batch: 4 background and 2 foreground pixels, each label half of the sum.
    assert torch.allclose(batch[TARGET == 1], torch.tensor(1.5))
    assert torch.allclose(batch[TARGET == 0], torch.tensor(0.75))
    assert BalancedSparse(Settings("none"))._weights(counts, TARGET) is None


def test_a_label_that_is_nowhere_weighs_nothing_and_breaks_nothing():
    target = torch.tensor([[0, 0, -1]])
    weights = voxel_weights(counts_of(target, 3), target)
    assert weights.tolist() == [[1.0, 1.0, 0.0]]


def test_dice_is_asked_of_dense_samples_only():
    players = players_of(Supervised(), 2)
    sparse = batch_of(2, ("SparseMask", "SparseMask"))
    mixed = batch_of(2, ("DenseMask", "SparseMask"))
    assert [t.name for t in Supervised().loss(players, sparse)] == ["cross_entropy"]
    terms = Supervised().loss(players, mixed)
    assert [t.name for t in terms] == ["cross_entropy", "dice"]
    gradient = torch.autograd.grad(terms[1].value, players.logits(mixed))[0]
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0

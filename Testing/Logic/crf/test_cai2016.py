"""Cai 2016: what a boundary is, what the loss is made of, and that boundaries guide the CRF."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.scarce.crf.cai2016 import (
    GraphDecisionFusion,
    Settings,
    balanced_cross_entropy,
    boundaries,
)
from ImperfectSegLogic.networks.decision_fusion import FEATURES, DecisionFusion
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.training.model_file import TrainedModel, load_model, save_model
from Testing.Contracts.training_checks import batch_of, plan_of, players_of


def batch(target, looked_for=(True, True, True)) -> Batch:
    target = torch.as_tensor(target)[None]
    image = torch.zeros((1, 1, *target.shape[1:]))
    known, space = torch.tensor([looked_for]), (1.0,) * (target.ndim - 1)
    return Batch(image, target, known, ("DenseMask",), (space,), ("a",))


def boundary_by_definition(target, partial):
    found = np.full(target.shape, UNLABELED)
    for at in np.ndindex(*target.shape):
        if target[at] == UNLABELED:
            continue
        beside = []
        for axis in range(target.ndim):
            for step in (-1, 1):
                there = tuple(n + step * (a == axis) for a, n in enumerate(at))
                if all(0 <= n < size for n, size in zip(there, target.shape, strict=True)):
                    beside.append(target[there])
        if any(n not in (UNLABELED, target[at]) for n in beside):
            found[at] = 1
        elif UNLABELED not in beside and not (partial and target[at] == 0):
            found[at] = 0
    return found


@pytest.mark.parametrize("shape", [(7, 8), (4, 5, 6)])
@pytest.mark.parametrize("partial", [False, True])
def test_boundaries_are_where_a_neighbor_has_another_label(shape, partial):
    rng = np.random.default_rng(0)
    target = np.kron(rng.integers(-1, 3, shape), np.ones((2,) * len(shape), dtype=int))
    found = boundaries(batch(target, (True, True, not partial)))[0].numpy()
    assert set(np.unique(found)) == {-1, 0, 1}
    assert np.array_equal(found, boundary_by_definition(target, partial))


def test_boundaries_weigh_as_much_as_all_the_rest():
    truth = torch.zeros((1, 100), dtype=torch.int64)
    truth[0, 0] = 1
    truth[0, 90:] = UNLABELED
    logits = torch.full((1, 100), -2.0)
    rest, edge = np.log1p(np.exp(-2.0)), np.log1p(np.exp(2.0))
    assert balanced_cross_entropy(logits, truth).item() == pytest.approx((rest + edge) / 2)
    truth[0, 0] = 0
    assert balanced_cross_entropy(logits, truth).item() == pytest.approx(rest)
    assert balanced_cross_entropy(logits, torch.full_like(truth, UNLABELED)).item() == 0


def test_the_network_runs_once_a_step_and_each_part_has_its_term():
    method = GraphDecisionFusion()
    players = players_of(method, 2)
    asked = []
    players.segmenter.backbone.register_forward_hook(lambda *_: asked.append(1))
    terms = method.loss(players, batch_of(2))
    assert len(asked) == 1
    names = [term.name for term in terms]
    assert names == ["cross_entropy", "dice", "mask branch", "boundary branch"]
    heads = {"mask branch": "mask", "boundary branch": "boundary"}
    for term in terms[2:]:
        own = next(getattr(players.segmenter, heads[term.name]).parameters())
        weight = players.segmenter.weights
        gradients = torch.autograd.grad(
            term.value, [own, weight], retain_graph=True, allow_unused=True
        )
        assert gradients[0].abs().sum() > 0
        assert gradients[1] is None
    weight, scale = players.segmenter.weights, players.segmenter.scale
    found = torch.autograd.grad(terms[0].value, [weight, scale])
    assert all(bool((one != 0).any()) for one in found)


def test_terms_can_be_left_out():
    method = GraphDecisionFusion(Settings(mask=0.0, boundary=0.0, dice=0.0))
    terms = method.loss(players_of(method, 2), batch_of(2))
    assert [term.name for term in terms] == ["cross_entropy"]


class Said(nn.Module):
    """A branch that says what it was told."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, features):
        return self.answer


def fused(mask, boundary, image=None, iterations=50, boundary_weight=6.0, spacing=(1.0, 1.0)):
    network = DecisionFusion(nn.Identity(), 1, mask.shape[1], spacing, iterations).eval()
    network.mask, network.boundary = Said(mask), Said(boundary)
    with torch.no_grad():
        network.bias.fill_(3.0)
        network.weights[1] = boundary_weight
        network.weights[0] = 0.0
        return network(torch.zeros((1, 1, *mask.shape[2:])) if image is None else image).exp()


def test_boundaries_save_a_thin_structure_from_being_smoothed_away():
    thin = torch.eye(14)[None, None] * 2 - 1
    noise = torch.randn(thin.shape, generator=torch.Generator().manual_seed(0))
    mask = torch.cat([0 * thin, 1.5 * thin + 0.8 * noise], dim=1)
    nothing = torch.full_like(thin, -8.0)
    edge = torch.where(torch.nn.functional.max_pool2d(thin, 3, 1, 1) > 0, 8.0, -8.0)
    truth = thin[:, 0] > 0

    def found(answer):
        return float(answer.argmax(dim=1).bool()[truth].float().mean())

    assert found(mask) > 0.8
    assert found(fused(mask, edge)) > 0.8
    assert found(fused(mask, nothing)) < 0.2


def test_gray_values_and_masks_that_differ_lower_the_price():
    network = DecisionFusion(nn.Identity(), 1, 2, (2.0, 1.0), 1)
    image, mask = torch.zeros((1, 1, 1, 3)), torch.zeros((1, 2, 1, 3))
    image[..., 2] = 1.0
    with torch.no_grad():
        network.weights[2] = 1.0
        mask[0, 1, 0, 1:] = 50.0
        rows, along = network.prices(image, mask, torch.full((1, 1, 1, 3), -50.0))
    assert rows.shape == (1, 0, 3)
    softplus = np.log1p(np.exp(np.array([1 - 0.5, 1 - 1.0])))
    assert along[0, 0].tolist() == pytest.approx(softplus.tolist())


def test_without_prices_it_says_what_the_mask_says():
    mask = torch.randn((1, 3, 6, 6), generator=torch.Generator().manual_seed(0))
    found = fused(mask, torch.full((1, 1, 6, 6), 50.0), boundary_weight=100.0)
    assert torch.allclose(found, torch.softmax(mask, dim=1), atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_model_file_predicts_what_the_network_says(dims, tmp_path):
    torch.manual_seed(0)
    plan, method = plan_of(dims), GraphDecisionFusion(Settings(iterations=3))
    network = method.segmenter(plan).eval()
    said = {"plan": plan.to_json()}
    made_by = (method.card.name, dataclasses.asdict(method.settings))
    names = {1: "bright", 2: "dark"}
    rest = (plan.network, plan.network_settings, plan.preprocessing, plan.patch, names, said)
    save_model(TrainedModel(network, *rest, made_by), tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.network.iterations == 3
    gray = np.random.default_rng(0).normal(size=plan.patch).astype(np.float32)
    volume = Volume(gray.reshape(-1, *plan.patch[-2:]), np.eye(4))
    predicted = Predictor([loaded], device="cpu").predict(volume).prediction
    assert predicted.probabilities.shape == (3, *volume.geometry.shape)
    assert predicted.probabilities.sum(axis=0) == pytest.approx(1, abs=1e-4)
    assert network.backbone.training is False
    assert network.mask[0].in_channels == FEATURES

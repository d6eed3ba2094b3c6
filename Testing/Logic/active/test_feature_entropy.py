"""The entropy of the deepest features, as a term in training."""

from __future__ import annotations

import math

import pytest
import torch

from ImperfectSegLogic.methods.catalog import training_method
from ImperfectSegLogic.methods.scarce.active_learning.feature_entropy import entropy
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.networks.deepest import answer_of, deepest_layer
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.players import Players
from Testing.Contracts.training_checks import CPU, batch_of, plan_of

DROPOUT = {"features": (8, 16, 16), "strides": (2, 2), "dropout": 0.3}


def directions(*variances: float, count: int = 400) -> torch.Tensor:
    """Features whose directions have these variances, in a turned space; (1, feature, place)."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(count, len(variances), generator=generator, dtype=torch.float64)
    rows = torch.linalg.qr(rows - rows.mean(0))[0] * torch.tensor(variances).double().sqrt()
    turn = torch.linalg.qr(torch.randn(2 * [len(variances)], generator=generator).double())[0]
    return (rows @ turn + 5).T.unsqueeze(0).float()


def test_it_is_that_of_the_shares_of_variance():
    """By eigenvalues: minus the logarithm of the sum of their squared shares."""
    assert float(entropy(directions(1, 1, 1, 1))) == pytest.approx(1, abs=1e-3)
    assert float(entropy(directions(1, 0, 0, 0))) == pytest.approx(0, abs=1e-3)
    shares = (0.5, 0.3, 0.2)
    wanted = -math.log(sum(one**2 for one in shares)) / math.log(3)
    assert float(entropy(directions(*shares))) == pytest.approx(wanted, abs=1e-3)


def test_it_does_not_depend_on_scale_nor_on_what_all_have_in_common():
    features = directions(3, 2, 1)
    changed = features * 100 - 7
    assert float(entropy(changed)) == pytest.approx(float(entropy(features)), abs=1e-3)


def test_few_places_of_many_features_are_told_apart_as_well_as_can_be():
    """With fewer places than features it is the same number by the other matrix."""
    few = torch.eye(6)[:3].T.unsqueeze(0)  # Three places, each in a direction of its own.
    assert float(entropy(few)) == pytest.approx(1, abs=1e-4)
    rows = directions(5, 3, 1, count=40)
    wide = torch.cat([rows, torch.zeros(1, 60, 40)], dim=1)
    shares = torch.tensor([5, 3, 1]) / 9
    wanted = -math.log(float((shares**2).sum())) / math.log(39)
    assert float(entropy(wide)) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 4, 1), (1, 1, 9), (2, 4, 3, 3)])
def test_features_that_say_nothing_give_finite_gradients(shape):
    features = torch.ones(shape, requires_grad=True)
    entropy(features).backward()
    assert bool(features.grad.isfinite().all())


def _trained(weight: float, steps: int = 40) -> float:
    """Gives the entropy of new features after some steps; 0 leaves the term out."""
    torch.manual_seed(0)
    plan = plan_of(2)
    network = build_network("unet", 2, 1, 3, {"features": (8, 16, 16), "strides": (2, 2)})
    players = Players({"segmenter": network}, plan, predict=lambda volume: None, steps=steps)
    method = training_method("ozdemir2018-entropy", {"weight": weight})
    optimizing = Optimizing(players, [Supervised(), method], CPU, print)
    for number in range(steps):
        optimizing.step(batch_of(2, ("DenseMask",) * 4, seed=number), 5e-3)
    seen = batch_of(2, ("DenseMask",) * 4, seed=1000).image
    with torch.no_grad():
        return float(entropy(answer_of(network, deepest_layer(network, seen), seen)))


def test_training_with_it_makes_features_richer():
    assert _trained(1.0) > _trained(0.0) + 0.1


def test_the_term_reaches_the_layers_up_to_the_deepest_and_no_others():
    torch.manual_seed(0)
    network = build_network("unet", 2, 1, 3, DROPOUT)
    players = Players({"segmenter": network}, plan_of(2), predict=lambda volume: None)
    (term,) = training_method("ozdemir2018-entropy").loss(players, batch_of(2))
    named = dict(network.named_parameters())
    found = torch.autograd.grad(term.value, list(named.values()), allow_unused=True)
    moved = {n for n, g in zip(named, found, strict=True) if g is not None and g.abs().sum() > 0}
    unmoved = named.keys() - moved
    assert {"model.0.conv.weight", "model.1.submodule.1.submodule.conv.weight"} <= moved
    assert {n for n in named if n.startswith("model.2.")} <= unmoved


def test_looking_for_the_deepest_layer_draws_no_chance_and_leaves_the_modes():
    """Else a training that is resumed would draw other dropout masks."""
    network = build_network("unet", 2, 1, 3, DROPOUT).train()
    network.model[0].eval()
    modes = [module.training for module in network.modules()]
    state = torch.get_rng_state()
    deepest_layer(network, torch.zeros(1, 1, 16, 16))
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in network.modules()] == modes

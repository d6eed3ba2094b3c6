"""Networks that are trained with a CRF behind them: what the methods make and what they learn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.recurrent import RecurrentCRF
from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.scarce.crf.chen2018 import PosteriorCRF, PosteriorCRFTraining
from ImperfectSegLogic.methods.scarce.crf.fu2016a import DeepVessel
from ImperfectSegLogic.methods.scarce.crf.fu2016a import Settings as VesselSettings
from ImperfectSegLogic.methods.scarce.crf.learned import Settings
from ImperfectSegLogic.methods.scarce.crf.monteiro2018 import VolumetricCRFAsRNN
from ImperfectSegLogic.methods.scarce.crf.zheng2015 import CRFAsRNN
from ImperfectSegLogic.networks.build import NETWORKS
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.players import Players
from Testing.Contracts.training_checks import CPU, batch_of, plan_of

METHODS = (CRFAsRNN, DeepVessel, VolumetricCRFAsRNN, PosteriorCRFTraining)
NETWORK_SETTINGS = {
    "unet": {"features": (4, 8), "strides": (2,)},
    "dynunet": {"features": (4, 4, 4), "strides": (2, 2)},
    "segresnet": {"features": 8, "blocks": (1, 1)},
    "vnet": {},
}


def players_of(method, plan, seed=0):
    torch.manual_seed(seed)
    return Players({"segmenter": method.segmenter(plan).train()}, plan, lambda volume: None)


def plan_in(dims, **changes):
    """A plan for patches so small that filters are quick."""
    small = {"patch": (16,) * 2 if dims == 2 else (4, 8, 8)}
    return dataclasses.replace(plan_of(dims), **(small | changes))


def small_batch(dims, **how):
    batch = batch_of(dims, **how)
    if dims == 2:
        return batch
    some = (slice(None), slice(6, 10), slice(6, 14), slice(6, 14))
    image = batch.image[(slice(None), *some)]
    return dataclasses.replace(batch, image=image, target=batch.target[some])


def named(terms):
    return {term.name: term for term in terms}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.card.name)
def test_any_of_our_networks_is_refined(kind, network):
    dims = kind.card.dims[-1]
    patch = (32, 32) if dims == 2 else (16, 16, 32)
    known = {"network": network, "network_settings": NETWORK_SETTINGS[network], "patch": patch}
    method = kind(dataclasses.replace(kind().settings, iterations=1, iterations_after=1))
    segmenter = method.segmenter(plan_in(dims, **known))
    assert segmenter.eval()(torch.randn(1, 1, *patch)).shape == (1, 3, *patch)


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.card.name)
def test_the_loss_moves_network_and_crf(kind):
    dims = kind.card.dims[0]
    method = kind()
    players = players_of(method, plan_in(dims))
    terms = method.loss(players, small_batch(dims))
    sum(t.weight * t.value for t in terms).backward()
    for name, weight in players.segmenter.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name


def test_settings_reach_the_kernels_in_mm():
    known = Settings(
        smoothness=0.7,
        smoothness_width=2.5,
        appearance=1.4,
        appearance_width=11.0,
        contrast=0.3,
        iterations=3,
        iterations_after=7,
    )
    plan = plan_in(2, spacing=(9.0, 2.0, 0.5))
    crf = CRFAsRNN(known).crf(plan)
    assert crf.kernels == (Smoothness(0.7, 2.5), Appearance(1.4, 11.0, 0.3))
    assert crf.spacing == (2.0, 0.5)
    assert (crf.iterations, crf.iterations_after) == (3, 7)
    assert torch.equal(crf.weights.data, torch.tensor([[0.7] * 3, [1.4] * 3]))
    assert VolumetricCRFAsRNN().crf(plan_in(3, spacing=(9.0, 2.0, 0.5))).spacing == (9.0, 2.0, 0.5)


@pytest.mark.parametrize("name", ["smoothness_width", "appearance_width", "contrast"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_widths_of_zero_or_less_are_refused(name, value):
    with pytest.raises(ValueError, match=f"zheng2015, {name}: got"):
        catalog.training_method("zheng2015", {name: value})


def test_what_the_network_says_without_the_crf_is_taught_too():
    method, without = CRFAsRNN(), CRFAsRNN(Settings(own=0.0))
    batch = small_batch(2)
    players = players_of(method, plan_in(2))
    terms = named(method.loss(players, batch))
    log = torch.log_softmax(players.segmenter.network(batch.image), dim=1)
    known = batch.target != UNLABELED
    each = log.gather(1, batch.target.clamp_min(0)[:, None])[:, 0]
    expected = -each[known].mean()
    assert set(terms) == {"cross_entropy", "dice", "cross_entropy before the CRF"}
    torch.testing.assert_close(terms["cross_entropy before the CRF"].value, expected)
    assert set(named(without.loss(players, batch))) == {"cross_entropy", "dice"}
    no_dice = CRFAsRNN(Settings(own=0.0, dice=0.0))
    assert set(named(no_dice.loss(players, batch))) == {"cross_entropy"}


def test_side_outputs_weigh_rare_labels_as_much_as_frequent_ones():
    method = DeepVessel(VesselSettings(sides=0.5))
    batch = small_batch(2, kinds=("DenseMask",))
    players = players_of(method, plan_in(2))
    term = named(method.loss(players, batch))["side outputs"]
    _, *sides = players.segmenter.before(batch.image)
    assert len(sides) == 2
    per_side = []
    for side in sides:
        log = torch.log_softmax(side, dim=1)[0]
        per_label = [-log[n][batch.target[0] == n].mean() for n in range(3)]
        per_side.append(torch.stack(per_label).mean())
    torch.testing.assert_close(term.value, torch.stack(per_side).mean())
    assert term.weight == 0.5
    assert "side outputs" not in named(DeepVessel(VesselSettings(sides=0.0)).loss(players, batch))


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.card.name)
def test_before_the_crf_too_what_nobody_looked_for_is_not_background(kind):
    batch = small_batch(kind.card.dims[-1])
    target = torch.where(batch.target == 2, 0, batch.target)
    looked_for = torch.tensor([[True, True, False]] * 2)
    batch = dataclasses.replace(batch, target=target, looked_for=looked_for)
    found = []
    for label in (2, 0):
        confident = torch.zeros(2, 3, *target.shape[1:])
        confident[:, label] = 12.0
        terms = kind().own_terms((confident, confident, confident), batch)
        found.append([float(term.value) for term in terms])
    np.testing.assert_allclose(*found, atol=1e-3)


def posterior_crf(labels=3, **widths):
    known = {"near": 2.0, "alike": 5.0, "contrast": 0.3} | widths
    kernels = (
        Smoothness(1.0, known["near"]),
        Appearance(1.5, known["alike"], known["contrast"]),
    )
    return PosteriorCRF(labels, kernels, (1.0, 1.0), 3, 3)


def test_the_posterior_crf_compares_probabilities_and_not_gray_values():
    logits = torch.randn(1, 3, 10, 10, generator=torch.Generator().manual_seed(0))
    crf = posterior_crf().eval()
    image = torch.randn(1, 1, 10, 10)
    assert torch.equal(crf(logits, image), crf(logits, 5 * image))
    # The same CRF, told to compare the probabilities as if they were an image's channels.
    plain = RecurrentCRF(3, crf.kernels, (1.0, 1.0), 3).eval()
    expected = plain(logits, torch.softmax(logits, dim=1))
    difference = (torch.softmax(crf(logits, image), 1) - torch.softmax(expected, 1)).detach()
    assert float(difference.abs().mean()) < 0.01
    # Two lattices of other dimensions are not the same, the distances that they stand for are.
    posterior = torch.softmax(logits[0], dim=0).flatten(1).T
    shorter = posterior @ crf._flat.T
    assert shorter.shape[1] == 2
    exactly = {"compute_mode": "donot_use_mm_for_euclid_dist"}
    torch.testing.assert_close(
        torch.cdist(shorter, shorter, **exactly), torch.cdist(posterior, posterior, **exactly)
    )


def test_the_loss_reaches_the_network_through_what_is_compared():
    logits = torch.randn(1, 2, 10, 10, generator=torch.Generator().manual_seed(0))
    crf = posterior_crf(2).eval()
    compared = logits[0].clone().requires_grad_()
    _, alike = crf.filters(compared, logits[0])
    values = torch.softmax(logits[0] * 2, dim=0)
    (alike(values) * torch.randn(2, 10, 10)).sum().backward()
    assert float(compared.grad.abs().sum()) > 0
    moved = crf.log_widths.grad
    assert float(moved[0]) == 0
    assert float(moved[1].abs()) > 0
    assert float(moved[2].abs()) > 0
    smooth, _ = crf.filters(compared, logits[0])
    (smooth(values) * torch.randn(2, 10, 10)).sum().backward()
    assert float(crf.log_widths.grad[0].abs()) > 0


def test_trained_together_the_crf_makes_the_network_better():
    """On noise that a small network cannot average out."""
    method = CRFAsRNN()
    plan = plan_in(2)
    players = players_of(method, plan)
    optimizing = Optimizing(players, [method], CPU, print)
    for step in range(60):
        torch.manual_seed(step)
        optimizing.step(noisy(step), 5e-3)
    network = players.segmenter.eval()
    with torch.no_grad():
        scores = []
        for seed in range(1000, 1006):
            batch = noisy(seed)
            answers = (network.network(batch.image), network(batch.image))
            scores.append(
                [float((one.argmax(1) == batch.target).float().mean()) for one in answers]
            )
    before, after = np.mean(scores, axis=0)
    assert after > before + 0.005, (before, after)
    assert after > 0.9, (before, after)


def noisy(seed):
    """Bright and dark boxes under much noise."""
    batch = batch_of(2, ("DenseMask", "DenseMask"), seed=seed)
    generator = torch.Generator().manual_seed(seed + 10_000)
    noise = 0.8 * torch.randn(batch.image.shape, generator=generator)
    return dataclasses.replace(batch, image=batch.image + noise)

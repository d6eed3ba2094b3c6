"""Side outputs on any of our networks."""

from __future__ import annotations

import pytest
import torch

from ImperfectSegLogic.crf.side_outputs import SideOutputs
from ImperfectSegLogic.networks.build import NETWORKS, build_network

PATCH = {2: (32, 48), 3: (32, 16, 48)}
SMALL = {"unet": {"features": (4, 8, 12), "strides": (2, 2)}, "segresnet": {"features": 8}}
SIZES = {"unet": 2, "dynunet": 3, "segresnet": 3, "vnet": 4}
"""How many resolutions below the full one they have."""


def image(dims, samples=2, seed=0):
    return torch.randn(samples, 2, *PATCH[dims], generator=torch.Generator().manual_seed(seed))


def made(name, dims):
    torch.manual_seed(0)
    patch = PATCH[dims]
    return SideOutputs(build_network(name, dims, 2, 3, SMALL.get(name)), 2, 3, patch).eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dims", [2, 3])
def test_every_resolution_gives_an_answer_at_full_size(name, dims):
    network = made(name, dims)
    shown = image(dims, samples=1)
    with torch.no_grad():
        fused, own, *sides = network.answers(shown)
    assert len(sides) == SIZES[name]
    assert {one.shape for one in (fused, own, *sides)} == {(1, 3, *PATCH[dims])}
    torch.testing.assert_close(fused, torch.stack([own, *sides]).mean(dim=0))
    torch.testing.assert_close(own, network.network(shown))


def test_an_answer_of_the_fusion_reaches_every_side_output():
    network = made("unet", 2).train()
    network(image(2)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name


def test_weights_go_into_another_one():
    one, other = made("dynunet", 2), made("dynunet", 2)
    with torch.no_grad():
        for weight in one.parameters():
            weight.add_(0.1)
    other.load_state_dict(one.state_dict())
    torch.testing.assert_close(one(image(2)), other(image(2)))


def test_looking_for_features_leaves_the_network_as_it_was():
    plain = build_network("unet", 2, 2, 3, SMALL["unet"]).train()
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    network = SideOutputs(plain, 2, 3, PATCH[2])
    assert all(torch.equal(value, before[name]) for name, value in plain.state_dict().items())
    assert plain.training
    assert network.network is plain
    assert not any(part._forward_hooks for part in plain.modules())
    network(image(2))
    assert not any(part._forward_hooks for part in plain.modules())


def test_another_size_than_the_patch_is_fine():
    network = made("unet", 2)
    shown = torch.randn(1, 2, 64, 32)
    assert network(shown).shape == (1, 3, 64, 32)

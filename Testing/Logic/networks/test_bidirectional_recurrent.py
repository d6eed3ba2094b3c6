"""The network that reads a sequence of patches from both ends."""

from __future__ import annotations

import pytest
import torch

from ImperfectSegLogic.networks.bidirectional_recurrent import (
    BidirectionalUNet,
    BothWays,
    GatedMemory,
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return BidirectionalUNet(2, (4, 6, 8)).eval()


@pytest.fixture
def patches():
    return torch.randn(3, 2, 5, 8, 8, generator=torch.Generator().manual_seed(1))


def changed_at(network, patches, sequence, patch):
    """Which patches' answers change when one patch is another, shape (sequence, patch)."""
    other = patches.clone()
    other[sequence, :, patch] += 1
    with torch.no_grad():
        return (network(patches) - network(other)).abs().amax(dim=(1, 3, 4)) > 1e-7


def test_every_pixel_of_every_patch_gets_one_answer(network, patches):
    assert network(patches).shape == (3, 2, 5, 8, 8)
    assert network(patches[:, :, :2]).shape == (3, 2, 2, 8, 8)


def test_the_innermost_patch_matters_to_the_outermost_and_the_other_way_round(network, patches):
    assert changed_at(network, patches, 0, 0)[0].all()
    assert changed_at(network, patches, 0, 4)[0].all()


def test_sequences_do_not_know_of_each_other(network, patches):
    changed = changed_at(network, patches, 1, 2)
    assert not changed[0].any()
    assert not changed[2].any()


def test_the_order_of_patches_matters(network, patches):
    with torch.no_grad():
        turned = network(patches.flip(2)).flip(2)
        assert not torch.allclose(turned, network(patches), atol=1e-4)


def test_a_memory_knows_what_came_before_only_and_stays_bounded():
    torch.manual_seed(0)
    memory = GatedMemory(4)
    patches = 100 * torch.randn(50, 2, 4, 4, 4)
    other = patches.clone()
    other[30] += 1
    with torch.no_grad():
        one, two = memory(patches), memory(other)
    assert torch.equal(one[:30], two[:30])
    assert not torch.equal(one[30], two[30])
    assert float(one.abs().max()) <= 1


def test_all_weights_learn(network, patches):
    network(patches).pow(2).sum().backward()
    idle = [n for n, w in network.named_parameters() if w.grad is None or not w.grad.abs().sum()]
    assert not idle


def test_reading_a_sequence_from_its_other_end_turns_the_directions_round():
    torch.manual_seed(0)
    one, other = BothWays(3), BothWays(3)
    other.outward.load_state_dict(one.inward.state_dict())
    other.inward.load_state_dict(one.outward.state_dict())
    join = one.join.state_dict()
    other.join.load_state_dict({**join, "weight": join["weight"].roll(3, dims=1)})
    patches = torch.randn(5, 2, 3, 4, 4)
    with torch.no_grad():
        assert torch.allclose(other(patches.flip(0)).flip(0), one(patches), atol=1e-6)


def test_a_memory_is_passed_on_through_its_gate():
    torch.manual_seed(0)
    memory = GatedMemory(4)
    memory.gate.weight.data.zero_()
    patches = torch.randn(4, 1, 4, 4, 4)
    other = patches.clone()
    other[1] += 1
    memory.seen.weight.data[:4].zero_()
    with torch.no_grad():
        half_open = (memory(patches) - memory(other)).abs()[2]
        memory.seen.bias.data[:4] = -100
        shut = (memory(patches) - memory(other)).abs()[2]
    assert float(half_open.max()) > 1e-3
    assert float(shut.max()) == 0

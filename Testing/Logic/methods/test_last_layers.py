"""Which layers of a network learn when only the last ones may."""

from __future__ import annotations

import torch
from torch import nn

from ImperfectSegLogic.methods.scarce.interactive.last_layers import let_last_layers_learn


class Backwards(nn.Module):
    """Works in the opposite order of its definition."""

    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(3, 1, 1)
        self.unused = nn.Conv2d(9, 9, 1)
        self.norm = nn.InstanceNorm2d(3, affine=True)
        self.middle = nn.Conv2d(2, 3, 1)
        self.first = nn.Conv2d(1, 2, 1)

    def forward(self, x):
        return self.last(self.norm(self.middle(self.first(x))))


def run(network):
    return network(torch.zeros(1, 1, 4, 4))


def names(network):
    return [name for name, one in network.named_parameters() if one.requires_grad]


def learning_after(count, network=None):
    network = network or Backwards()
    given = let_last_layers_learn(network, count, run)
    assert {id(p) for p in given} == {id(p) for p in network.parameters() if p.requires_grad}
    return names(network)


def test_layers_count_from_the_end_of_the_work_not_of_the_definition():
    assert learning_after(1) == ["last.weight", "last.bias"]


def test_a_normalization_belongs_to_the_layer_before():
    middle = ["norm.weight", "norm.bias", "middle.weight", "middle.bias"]
    assert learning_after(2) == ["last.weight", "last.bias", *middle]


def test_none_and_more_than_there_are_mean_all_that_works():
    all_ = learning_after(0)
    assert all_ == learning_after(99)
    assert [name for name in all_ if not name.startswith(("unused", "first"))] == learning_after(2)
    assert not any(name.startswith("unused") for name in all_)


def test_a_frozen_network_learns_where_it_may():
    network = Backwards().requires_grad_(False)
    assert learning_after(1, network) == ["last.weight", "last.bias"]


def test_a_compiled_network_goes_by_its_definition():
    network = torch.jit.script(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1)))
    assert learning_after(1, network) == ["1.weight", "1.bias"]


def test_shared_weights_are_listed_once():
    one = nn.Conv2d(1, 1, 1)
    assert len(let_last_layers_learn(nn.Sequential(one, one), 0, run)) == 2

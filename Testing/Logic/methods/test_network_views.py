"""Networks that see their input in mirrors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ImperfectSegLogic.methods.scarce.interactive.network_views import Mirrored, mirrors


class Ramp(nn.Module):
    """Adds a ramp that rises along the last axis, and keeps what it saw."""

    def forward(self, x):
        self.seen = x
        return x + torch.arange(x.shape[-1], dtype=x.dtype)


def test_the_answer_lies_where_the_input_lay():
    x = torch.rand(2, 3, 4, 5)
    for way in mirrors(2):
        torch.testing.assert_close(Mirrored(nn.Identity(), way)(x), x)


@pytest.mark.parametrize("way", [(-1,), (-1, -2), (-2,)])
def test_the_network_sees_a_mirror_image(way):
    ramp, x = Ramp(), torch.rand(1, 1, 4, 5)
    answer = Mirrored(ramp, way)(x)
    torch.testing.assert_close(ramp.seen, torch.flip(x, way))
    steps = torch.arange(5.0)
    torch.testing.assert_close(
        answer - x, (steps.flip(0) if -1 in way else steps).expand(1, 1, 4, 5)
    )


def test_the_straight_image_comes_first_and_single_mirrors_before_double_ones():
    assert mirrors(2) == [(), (-2,), (-1,), (-1, -2)]
    assert len(set(mirrors(3))) == 8
    assert [len(way) for way in mirrors(3)] == [0, 1, 1, 1, 2, 2, 2, 3]


def test_gradients_reach_the_network():
    conv = nn.Conv2d(1, 1, 3, padding=1)
    Mirrored(conv, (-1,))(torch.rand(1, 1, 6, 6)).sum().backward()
    assert conv.weight.grad is not None

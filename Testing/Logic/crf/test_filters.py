"""Filters against brute force, and what all of them have to keep."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck

from ImperfectSegLogic.crf.bilateral_grid import BilateralGridSums
from ImperfectSegLogic.crf.filters import Filter, differentiable, features, make_filter
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.permutohedral import PermutohedralSums
from Testing.Logic.crf.crf_scenes import closeness, exact, scene


def image_of(shape, channels=1, labels=3):
    return torch.from_numpy(scene(shape, labels, channels=channels)[0])


def lattice(image, width, contrast):
    steps, contrasts = (1 / width,) * (image.ndim - 1), (contrast,) * len(image)
    sums = differentiable(PermutohedralSums(features(image, steps, contrasts)))
    return Filter(image.shape[1:], sums, image)


@pytest.mark.parametrize("shape", [(20, 90), (3, 5, 90), (1, 30), (50, 1)])
@pytest.mark.parametrize("width", [0.7, 2.0, 30.0, (4.0, 3.0, 1.0)])
def test_smoothness_is_all_but_exact(shape, width):
    width = width[: len(shape)] if isinstance(width, tuple) else width
    image, kernel = image_of(shape), Smoothness(1, width)
    spacing = (1.0, 0.5, 2.0)[: len(shape)]
    made, wanted = make_filter(kernel, image, spacing), exact(kernel, image, spacing)
    assert closeness(made, wanted)[1] < 2e-4


@pytest.mark.parametrize(
    ("shape", "width", "contrast"),
    [
        ((40, 50), 3.0, 10.0),
        ((45, 50), 12.0, 20.0),
        ((37, 50), 40.0, 60.0),
        ((10, 12, 15), 3.0, 10.0),
        ((12, 11, 14), 8.0, 20.0),
        ((11, 12, 13), (8.0, 3.0, 1.0), 30.0),
        ((9, 1, 40), 4.0, 20.0),
    ],
)
def test_a_grid_is_close_to_exact_and_closer_than_the_lattice(shape, width, contrast):
    image, kernel = image_of(shape), Appearance(1, width, contrast)
    spacing = (1.0,) * len(shape)
    made, wanted = make_filter(kernel, image, spacing), exact(kernel, image, spacing)
    mean, most = closeness(made, wanted)
    assert mean < 0.008
    assert most < 0.08
    if not isinstance(width, tuple):
        assert mean < closeness(lattice(image, width, contrast), wanted)[0]


@pytest.mark.parametrize(("channels", "most"), [(1, 0.01), (2, 0.012), (4, 0.03)])
@pytest.mark.parametrize("shape", [(30, 40), (9, 10, 12)])
def test_the_lattice_is_near_the_exact_kernel(shape, channels, most):
    image, kernel = image_of(shape, channels), Appearance(1, 5.0, 30.0)
    wanted = exact(kernel, image, (1.0,) * len(shape))
    assert closeness(lattice(image, 5.0, 30.0), wanted)[0] < most
    if channels > 1:
        made = make_filter(kernel, image, (1.0,) * len(shape))
        assert closeness(made, lattice(image, 5.0, 30.0))[1] < 1e-5


def all_filters(shape):
    image = image_of(shape).double()
    spacing = (1.0,) * len(shape)
    yield make_filter(Smoothness(1, 2.0), image, spacing)
    for width in (3.0, 9.0):  # With nodes between voxels, and with blocks of voxels.
        made = make_filter(Appearance(1, width, 25.0), image, spacing)
        yield made
    yield lattice(image, 3.0, 25.0)
    yield make_filter(Appearance(1, 3.0, 40.0), image_of(shape, 2).double(), spacing)


@pytest.mark.parametrize("shape", [(21, 23), (8, 9, 11)])
def test_all_filters_are_self_adjoint(shape):
    generator = torch.Generator().manual_seed(1)
    one, other = torch.rand((2, 1, *shape), generator=generator, dtype=torch.float64)
    for filtering in all_filters(shape):
        there, back = (filtering(one) * other).sum(), (one * filtering(other)).sum()
        assert torch.isclose(there, back, rtol=1e-10)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)])
def test_gradients_are_those_of_finite_differences(shape):
    values = torch.rand((1, *shape), dtype=torch.float64, requires_grad=True)
    for filtering in all_filters(shape):
        assert gradcheck(filtering, (values,))


@pytest.mark.parametrize("width", [3.0, 10.0])
@pytest.mark.parametrize("shape", [(32, 45), (12, 13, 17)])
def test_flips_and_turned_axes_change_nothing(shape, width):
    image = image_of(shape)
    values = torch.rand((1, *shape), generator=torch.Generator().manual_seed(2))
    widths = tuple(width * f for f in (1.0, 1.3, 0.8)[: len(shape)])
    kernel, spacing = Appearance(1, widths, 20.0), (1.0,) * len(shape)
    usual = make_filter(kernel, image, spacing)(values)
    for axis in range(1, len(shape) + 1):
        flipped = make_filter(kernel, image.flip(axis), spacing)(values.flip(axis))
        assert (flipped.flip(axis) - usual).abs().max() < 0.05
    turn = (0, *reversed(range(1, len(shape) + 1)))
    turned = make_filter(Appearance(1, widths[::-1], 20.0), image.permute(turn), spacing)
    off = (turned(values.permute(turn)).permute(turn) - usual).abs()
    assert off.max() < 0.05
    assert off.mean() < 0.006


def test_only_the_ratio_of_spacing_and_width_counts():
    image, values = image_of((20, 22)), torch.rand((1, 20, 22))
    for kind, more in ((Smoothness, ()), (Appearance, (20.0,))):
        one = make_filter(kind(1, 3.0, *more), image, (1.0, 2.0))(values)
        same = make_filter(kind(1, (6.0, 3.0), *more), image, (2.0, 2.0))(values)
        other = make_filter(kind(1, 3.0, *more), image, (1.0, 1.0))(values)
        assert torch.allclose(one, same, atol=1e-5)
        assert (one - other).abs().max() > 0.02


def test_one_extreme_gray_value_neither_blows_up_the_grid_nor_changes_the_rest():
    image = image_of((30, 40))
    spoiled = image.clone()
    spoiled[0, 3, 4] = 1e6
    sums = BilateralGridSums(spoiled[0], (0.2, 0.2), 20.0)
    plain = BilateralGridSums(image[0], (0.2, 0.2), 20.0)
    assert len(sums._blurs[-1]) <= len(plain._blurs[-1]) + 2
    kernel = Appearance(1, 5.0, 20.0)
    made = make_filter(kernel, spoiled, (1.0, 1.0))
    assert closeness(made, exact(kernel, spoiled, (1.0, 1.0)))[0] < 0.008


def test_where_all_gray_values_are_alike_only_positions_count():
    image = torch.full((1, 20, 30), 7.0)
    alike = make_filter(Appearance(1, 5.0, 20.0), image, (1.0, 1.0))
    assert closeness(alike, make_filter(Smoothness(1, 5.0), image, (1.0, 1.0)))[0] < 0.003


def test_of_ones_is_what_the_filter_makes_of_ones():
    filtering = make_filter(Appearance(1, 5.0, 20.0), image_of((20, 30)), (1.0, 1.0))
    assert torch.allclose(filtering.of_ones, filtering(torch.ones(1, 20, 30))[0], atol=1e-5)


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf"), (1.0, 0.0)])
def test_widths_must_be_above_0(width):
    with pytest.raises(ValueError, match="allowed are numbers above 0"):
        Smoothness(1, width)
    with pytest.raises(ValueError, match="allowed are numbers above 0"):
        Appearance(1, 1.0, width)
    with pytest.raises(ValueError, match="allowed is 0 or more"):
        Smoothness(-1, 1.0)


def test_numbers_per_axis_and_channel_must_be_as_many():
    image = image_of((6, 7))
    with pytest.raises(ValueError, match="got 3 numbers"):
        make_filter(Smoothness(1, (1.0, 1.0, 1.0)), image, (1, 1))
    with pytest.raises(ValueError, match="got 2 numbers"):
        make_filter(Appearance(1, 1.0, (1.0, 1.0)), image, (1, 1))

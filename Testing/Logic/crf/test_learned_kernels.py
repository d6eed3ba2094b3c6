"""Filters whose kernels are learned, against kernels written out as matrices."""

from __future__ import annotations

import pytest
import torch

from ImperfectSegLogic.crf import learned_kernels
from ImperfectSegLogic.crf.exact import exact_filter
from ImperfectSegLogic.crf.filters import make_filter
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.learned_kernels import learned_filter

SPACING = {2: (1.5, 0.7), 3: (2.0, 1.0, 0.7)}
SHAPE = {2: (6, 7), 3: (3, 4, 5)}


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def by_matrix(values, width, spacing, compared):
    """D^-1/2 K D^-1/2 as a matrix; autograd knows how it depends on everything."""
    axes = [
        torch.arange(n, dtype=values.dtype) * s
        for n, s in zip(values.shape[1:], spacing, strict=True)
    ]
    features = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1) / width
    if compared is not None:
        features = torch.cat([features, compared.flatten(1)])
    kernel = torch.exp(-0.5 * (features[:, :, None] - features[:, None]).square().sum(dim=0))
    scale = kernel.sum(dim=1).rsqrt()
    return (values.flatten(1) @ (scale[:, None] * kernel * scale)).view_as(values)


@pytest.fixture
def exact(monkeypatch):
    """Filters by brute force in place of fast ones, which are not exact."""

    class Exact:
        def __init__(self, kernel, image, spacing):
            axes = [
                torch.arange(n, dtype=image.dtype) * s
                for n, s in zip(image.shape[1:], spacing, strict=True)
            ]
            parts = [torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)]
            if isinstance(kernel, Appearance):
                parts.append(image.flatten(1))
            self.features = torch.cat(parts).T

        def kernel_sums(self, values):
            return exact_filter(self.features, values.flatten(1)).view_as(values)

    monkeypatch.setattr(learned_kernels, "make_filter", Exact)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("compares", [False, True])
def test_values_and_all_gradients_are_those_of_the_matrix(exact, dims, compares):
    values = random(3, *SHAPE[dims]).requires_grad_()
    width = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    compared = random(2, *SHAPE[dims], seed=1).mul(2).requires_grad_() if compares else None
    inputs = [values, width, compared] if compares else [values, width]
    ours = learned_filter(width, SPACING[dims], compared, values)
    weight = random(3, *SHAPE[dims], seed=2)
    found = torch.autograd.grad((weight * ours(values)).sum(), inputs)
    expected = by_matrix(values, width, SPACING[dims], compared)
    torch.testing.assert_close(ours(values), expected)
    for one, other in zip(
        found, torch.autograd.grad((weight * expected).sum(), inputs), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_gradients_are_finite_differences(exact):
    def filtered(values, width, compared):
        return learned_filter(width, SPACING[2], compared, values)(values)

    width = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    inputs = (random(2, 3, 4).requires_grad_(), width, random(1, 3, 4, seed=1).requires_grad_())
    assert torch.autograd.gradcheck(filtered, inputs)


@pytest.mark.parametrize("dims", [2, 3])
def test_with_fast_filters_values_and_gradients_are_close(dims):
    shape = {2: (24, 24), 3: (12, 12, 12)}[dims]
    values = random(2, *shape).float().requires_grad_()
    width = torch.tensor(3.0, requires_grad=True)
    compared = random(1, *shape, seed=1).float().mul(3).requires_grad_()
    inputs = (values, width, compared)
    # Weights that differ from place to place, but slowly, as the gradient of a loss does.
    weight = torch.linspace(-1, 1, shape[0]).view(-1, *[1] * (dims - 1)).expand(2, *shape)
    ours = learned_filter(width, (1.0,) * dims, compared, values)(values)
    expected = by_matrix(values, width, (1.0,) * dims, compared)
    assert float(((ours - expected).abs().max() / expected.abs().max()).detach()) < 0.1
    found = torch.autograd.grad((weight * ours).sum(), inputs)
    for one, other in zip(
        found, torch.autograd.grad((weight * expected).sum(), inputs), strict=True
    ):
        likeness = torch.cosine_similarity(one.flatten(), other.flatten(), dim=0)
        assert float(likeness) > 0.95
        assert float(one.norm() / other.norm()) == pytest.approx(1, abs=0.25)


def test_what_is_not_learned_filters_as_make_filter_does():
    image, values = random(2, 12, 12).float(), random(3, 12, 12, seed=1).float()
    ours = learned_filter(torch.tensor(2.0), SPACING[2], image / 0.5, values)
    theirs = make_filter(Appearance(1.0, 2.0, 0.5), image, SPACING[2])
    torch.testing.assert_close(ours(values), theirs(values), rtol=1e-4, atol=1e-5)
    ours = learned_filter(torch.tensor(2.0), SPACING[2], None, values)
    theirs = make_filter(Smoothness(1.0, 2.0), image, SPACING[2])
    torch.testing.assert_close(ours(values), theirs(values), rtol=1e-4, atol=1e-5)

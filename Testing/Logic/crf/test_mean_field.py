"""Mean field against the algorithm written out, and against pydensecrf2."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from ImperfectSegLogic.crf.backends import Problem, by_pydensecrf, by_torch, pydensecrf_missing
from ImperfectSegLogic.crf.filters import make_filter
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.mean_field import mean_field, mean_field_logits
from Testing.Logic.crf.crf_scenes import exact, scene

needs_peer = pytest.mark.skipif(bool(pydensecrf_missing()), reason=pydensecrf_missing())
KERNELS = (Smoothness(3.0, 2.0), Appearance(5.0, 5.0, 20.0))


def written_out(unary, image, kernels, prices, iterations):
    """Algorithm 1 of the paper with loops over labels and all pairs of voxels, in NumPy."""
    labels, *space = unary.shape
    places = np.stack(np.meshgrid(*map(np.arange, space), indexing="ij")).reshape(len(space), -1)
    gray = image.reshape(len(image), -1)
    matrices = []
    for kernel in kernels:
        squares = ((places[:, :, None] - places[:, None]) ** 2).sum(0) / kernel.width**2
        if isinstance(kernel, Appearance):
            squares = (
                squares + ((gray[:, :, None] - gray[:, None]) ** 2).sum(0) / kernel.contrast**2
            )
        pairs = np.exp(-squares / 2)
        scale = 1 / np.sqrt(pairs.sum(axis=1))
        matrices.append(kernel.weight * pairs * scale[:, None] * scale)
    energies = unary.reshape(labels, -1).astype(np.float64)
    marginals = np.exp(-energies) / np.exp(-energies).sum(axis=0)
    for _ in range(iterations):
        heard = sum(marginals @ matrix for matrix in matrices)
        costs = np.zeros_like(heard)
        for one in range(labels):
            for other in range(labels):
                costs[one] += prices[one, other] * heard[other]
        marginals = np.exp(-energies - costs)
        marginals /= marginals.sum(axis=0)
    return marginals.reshape(unary.shape)


@pytest.mark.parametrize(("shape", "labels"), [((12, 13), 2), ((5, 6, 7), 4)])
@pytest.mark.parametrize("kind", ["potts", "matrix"])
def test_it_is_the_papers_algorithm(shape, labels, kind):
    image, probabilities, _ = scene(shape, labels)
    unary, prices = -np.log(probabilities), 1 - np.eye(labels)
    given = None
    if kind == "matrix":
        prices = prices * np.linspace(0.2, 2, labels**2).reshape(labels, labels)
        given = torch.from_numpy(prices).float()
    wanted = written_out(unary, image, KERNELS, prices, 4)
    seen = torch.from_numpy(image)
    filters = [exact(kernel, seen, (1.0,) * len(shape)) for kernel in KERNELS]
    found = mean_field(torch.from_numpy(unary), filters, [3.0, 5.0], given, iterations=4)
    assert np.abs(found.numpy() - wanted).max() < 2e-4


@pytest.mark.parametrize("labels", [2, 3, 9])
def test_little_memory_and_plain_steps_agree(labels):
    image, probabilities, _ = scene((30, 31), labels)
    unary = torch.from_numpy(-np.log(probabilities))
    filters = [make_filter(kernel, torch.from_numpy(image), (1.0, 1.0)) for kernel in KERNELS]
    before = unary.clone()
    for iterations in (0, 1, 5):
        plain = torch.softmax(mean_field_logits(unary, filters, [3.0, 5.0], None, iterations), 0)
        found = mean_field(unary, filters, [3.0, 5.0], iterations=iterations)
        assert torch.allclose(found, plain, atol=2e-5)
        assert torch.allclose(found.sum(dim=0), torch.ones(30, 31), atol=1e-6)
    assert torch.equal(unary, before)


def test_gradients_in_unary_weights_and_compatibility():
    image, probabilities, _ = scene((3, 4), 3)
    seen = torch.from_numpy(image).double()
    filters = [make_filter(kernel, seen, (1.0, 1.0)) for kernel in KERNELS]
    unary = torch.from_numpy(-np.log(probabilities)).double().requires_grad_()
    weights = [torch.tensor(w, dtype=torch.float64, requires_grad=True) for w in (0.7, 1.3)]
    each = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    prices = (1 - torch.eye(3, dtype=torch.float64)).requires_grad_()

    def solve(unary, one, other, prices):
        return mean_field(unary, filters, [one, other], prices, iterations=3)

    assert gradcheck(solve, (unary, *weights, prices))
    assert gradcheck(solve, (unary, each, weights[1], prices))
    assert gradcheck(lambda *a: mean_field(a[0], filters, a[1:], iterations=2), (unary, *weights))


def test_zero_unary_stays_undecided_and_steps_are_told():
    image, _, _ = scene((10, 12), 3)
    filters = [make_filter(KERNELS[1], torch.from_numpy(image), (1.0, 1.0))]
    told = []
    found = mean_field(torch.zeros(3, 10, 12), filters, [5.0], iterations=4, report=told.append)
    assert torch.allclose(found, torch.full_like(found, 1 / 3))
    assert told == [0.25, 0.5, 0.75, 1.0]


def problem(shape, labels, width, contrast, prices=(), seed=0):
    image, probabilities, _ = scene(shape, labels, seed=seed)
    space = (1,) * (3 - len(shape)) + tuple(shape)
    kernels = (Smoothness(3.0, 3.0), Appearance(5.0, width, contrast))
    unary, image = -np.log(probabilities).reshape(labels, *space), image.reshape(1, *space)
    return Problem(unary, image, (1.0, 1.0, 1.0), kernels, prices, 5)


@needs_peer
@pytest.mark.parametrize(
    ("shape", "labels", "width", "contrast"),
    [
        ((40, 45), 2, 5.0, 20.0),
        ((45, 40), 6, 12.0, 20.0),
        ((40, 40), 20, 5.0, 20.0),
        ((11, 12, 14), 2, 8.0, 20.0),
        ((13, 12, 11), 5, 3.0, 10.0),
    ],
)
def test_marginals_are_closer_to_the_exact_ones_than_those_of_pydensecrf(
    shape, labels, width, contrast
):
    given = problem(shape, labels, width, contrast)
    seen = torch.from_numpy(given.image)
    filters = [exact(kernel, seen, given.spacing) for kernel in given.kernels]
    wanted = mean_field(torch.from_numpy(given.unary), filters, [3.0, 5.0]).numpy()
    ours, theirs = (solve(given, lambda _: None) for solve in (by_torch, by_pydensecrf))
    assert np.abs(ours - wanted).mean() < 0.8 * np.abs(theirs - wanted).mean()
    agreed = [(one.argmax(0) == wanted.argmax(0)).mean() for one in (ours, theirs)]
    assert agreed[0] >= agreed[1]


@needs_peer
@pytest.mark.parametrize(
    ("shape", "labels", "prices"),
    [
        ((160, 170), 2, ()),
        ((150, 160), 20, ()),
        ((40, 42, 44), 3, ()),
        ((160, 150), 3, (0, 1, 2, 1, 0, 0.5, 2, 0.5, 0)),
    ],
)
def test_labels_agree_with_pydensecrf(shape, labels, prices):
    given = problem(shape, labels, 4.0, 20.0, prices)
    ours, theirs = (solve(given, lambda _: None) for solve in (by_torch, by_pydensecrf))
    assert (ours.argmax(0) == theirs.argmax(0)).mean() >= 0.995
    before = given.unary.argmin(axis=0)
    assert (ours.argmax(0) != before).mean() > 0.003, "nothing was refined, so nothing was compared"

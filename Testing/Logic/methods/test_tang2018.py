"""The losses of Tang 2018 against sums over all pairs of voxels, and what they teach."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ImperfectSegLogic.crf.exact import exact_filter
from ImperfectSegLogic.crf.filters import features
from ImperfectSegLogic.data import UNLABELED
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.methods.weak.selective_loss.tang2018 import RegularizedLoss, Settings, cuts
from ImperfectSegLogic.training.optimizing import Optimizing
from Testing.Contracts.training_checks import CPU, batch_of, players_of


def some(labels=3, shape=(6, 7), seed=0):
    """Probabilities and the matrix of a kernel that is symmetric and positive."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(labels, *shape, generator=generator, dtype=torch.float64)
    gray = torch.randn(1, *shape, generator=generator, dtype=torch.float64)
    known = features(gray, (0.4,) * len(shape), (0.8,))
    return logits, exact_filter(known, torch.eye(len(known), dtype=torch.float64))


def kernel_of(matrix):
    return lambda values: (values.flatten(1) @ matrix).view_as(values)


@pytest.mark.parametrize("shape", [(6, 7), (3, 4, 5)])
def test_both_losses_are_the_papers_sums_over_pairs(shape):
    logits, matrix = some(shape=shape)
    probabilities = torch.softmax(logits, dim=0)
    flat = probabilities.flatten(1)
    crf = sum(s @ matrix @ (1 - s) for s in flat)
    cut = sum(s @ matrix @ (1 - s) / (matrix.sum(dim=1) @ s) for s in flat)
    found = cuts(probabilities, kernel_of(matrix))
    torch.testing.assert_close(found[0], crf / matrix.sum())
    torch.testing.assert_close(found[1], cut)


def test_gradients_are_those_of_the_paper():
    logits, matrix = some()
    probabilities = torch.softmax(logits, dim=0).requires_grad_()
    crf, cut = cuts(probabilities, kernel_of(matrix))
    flat, degree = probabilities.detach().flatten(1), matrix.sum(dim=1)
    wanted = -2 * flat @ matrix / matrix.sum()
    found = torch.autograd.grad(crf, probabilities, retain_graph=True)[0].flatten(1)
    torch.testing.assert_close(found, wanted)
    own = (flat @ degree)[:, None]
    joined = ((flat @ matrix) * flat).sum(dim=1, keepdim=True)
    wanted = degree * joined / own**2 - 2 * flat @ matrix / own
    found = torch.autograd.grad(cut, probabilities)[0].flatten(1)
    torch.testing.assert_close(found, wanted)


def test_equal_voxels_of_one_label_cost_nothing_and_of_two_labels_all():
    matrix = torch.ones(8, 8)
    one = torch.zeros(2, 8)
    one[1] = 1
    assert [float(v) for v in cuts(one, kernel_of(matrix))] == [0, 0]
    half = torch.full((2, 8), 0.5)
    crf, cut = cuts(half, kernel_of(matrix))
    assert (float(crf), float(cut)) == (0.5, 1)


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        ("crf", ["crf"]),
        ("normalized-cut", ["normalized_cut"]),
        ("kernel-cut", ["crf", "normalized_cut"]),
    ],
)
def test_the_loss_that_was_chosen_is_added_with_its_weight(loss, names):
    method = RegularizedLoss(Settings(loss=loss, crf=2.0, cut=0.5))
    terms = method.loss(players_of(method, 2), batch_of(2))
    assert [term.name for term in terms] == names
    weights = {"crf": 2.0, "normalized_cut": 0.5}
    assert all(term.weight == weights[term.name] for term in terms)
    assert not RegularizedLoss.supervises


def test_widths_are_in_mm_and_contrast_in_gray_values():
    batch = batch_of(2)
    coarse = dataclasses.replace(batch, spacings=((2.0, 2.0),) * 2)
    bright = dataclasses.replace(batch, image=batch.image * 3)
    method = RegularizedLoss(Settings(width=3.0, contrast=0.5))
    other = RegularizedLoss(Settings(width=6.0, contrast=0.5))
    steep = RegularizedLoss(Settings(width=3.0, contrast=1.5))
    players = players_of(method, 2)
    answer = 3 * torch.nn.functional.one_hot(batch_of(2, ("DenseMask",) * 2).target, 3)

    def values(asked, seen):
        players._answers[id(seen)] = (seen, answer.movedim(-1, 1).float())
        return torch.stack([term.value for term in asked.loss(players, seen)])

    torch.testing.assert_close(values(other, coarse), values(method, batch))
    torch.testing.assert_close(values(steep, bright), values(method, batch))
    assert float((values(method, coarse) - values(method, batch)).abs().max()) > 1e-3


def test_labels_nobody_looked_for_are_background():
    batch = batch_of(2, ("SparseMask",))
    known = dataclasses.replace(batch, looked_for=torch.tensor([[True, True, False]]))
    method = RegularizedLoss()
    players = players_of(method, 2)
    answer = players.logits(batch).detach()
    merged = torch.stack([answer[:, [0, 2]].logsumexp(dim=1), answer[:, 1]], dim=1)
    two = dataclasses.replace(batch, looked_for=torch.ones(1, 2, dtype=torch.bool))
    players._answers = {id(known): (known, answer), id(two): (two, merged)}
    for one, other in zip(method.loss(players, known), method.loss(players, two), strict=True):
        torch.testing.assert_close(one.value, other.value)


def test_a_few_labeled_voxels_teach_the_rest_of_objects_that_look_alike():
    """A network that sees one voxel at a time cannot tell where it is: only the CRF loss can."""
    shares = []
    for methods in ([Supervised()], [Supervised(), RegularizedLoss(Settings("crf", crf=3.0))]):
        torch.manual_seed(0)
        players = players_of(methods[0], 2)
        free = torch.nn.Parameter(torch.zeros(1, 3, 16, 16))
        players.networks = {"segmenter": Answer(free)}
        batch = batch_of(2, ("DenseMask",))
        truth = batch.target
        few = torch.full_like(truth, UNLABELED)
        for place in ((0, 2, 2), (0, 6, 6), (0, 12, 12)):
            few[place] = truth[place]
        batch = dataclasses.replace(batch, target=few, kinds=("SparseMask",))
        optimizing = Optimizing(players, methods, CPU, print)
        for _ in range(60):
            optimizing.step(batch, 0.1)
        shares.append(float((free.detach().argmax(dim=1) == truth).float().mean()))
    assert shares[1] > 0.95, shares
    assert shares[1] > shares[0] + 0.1, shares


class Answer(torch.nn.Module):
    """Says what its weights are."""

    def __init__(self, free):
        super().__init__()
        self.free = free

    def forward(self, image):
        return self.free.expand(len(image), -1, -1, -1) + 0 * image[:, :1]


@pytest.mark.parametrize(
    ("name", "value"), [("width", 0.0), ("contrast", float("nan")), ("loss", "cut"), ("crf", -1)]
)
def test_settings_that_are_none_are_refused(name, value):
    with pytest.raises(ValueError, match=f"sparse-tang2018, {name}: got"):
        catalog.training_method("sparse-tang2018", {name: value})

"""The CRF as a layer: what it computes, what it learns, and how it sits behind a network."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ImperfectSegLogic.crf.filters import make_filter
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.mean_field import mean_field
from ImperfectSegLogic.crf.recurrent import RecurrentCRF, RefinedNetwork
from ImperfectSegLogic.crf.side_outputs import SideOutputs

KERNELS = (Smoothness(0.8, 1.5), Appearance(1.2, 4.0, 0.5))
SPACING = (1.0, 1.5)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer(labels=3, kernels=KERNELS, spacing=SPACING, iterations=4, after=None):
    return RecurrentCRF(labels, kernels, spacing, iterations, after).eval()


def by_hand(logits, image, weights, compatibility, iterations):
    """Mean field with kernels as matrices, in double precision."""
    logits, image = logits.double(), image.double()
    sizes = zip(logits.shape[1:], SPACING, strict=True)
    axes = [torch.arange(n, dtype=torch.float64) * step for n, step in sizes]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
    far = (places[:, :, None] - places[:, None]).square().sum(dim=0)
    gray = image.flatten(1)
    unlike = (gray[:, :, None] - gray[:, None]).square().sum(dim=0)
    exponents = (far / 1.5**2, far / 4.0**2 + unlike / 0.5**2)
    unary = logits.flatten(1)
    found = unary
    for _ in range(iterations):
        marginals, heard = torch.softmax(found, dim=0), torch.zeros_like(unary)
        for exponent, weight in zip(exponents, weights.double(), strict=True):
            kernel = torch.exp(-0.5 * exponent)
            scale = kernel.sum(dim=1).rsqrt()
            heard += weight[:, None] * (marginals @ (scale[:, None] * kernel * scale))
        found = unary - compatibility.double() @ heard
    return found.view_as(logits).float()


def test_it_is_mean_field_with_its_weights_and_its_matrix():
    crf = layer()
    crf.weights.data = random(2, 3, seed=3).abs()
    crf.compatibility.data = random(3, 3, seed=4)
    logits, image = random(2, 3, 10, 9), random(2, 1, 10, 9, seed=1)
    found = crf(logits, image)
    for one, gray, ours in zip(logits, image, found, strict=True):
        expected = by_hand(one, gray, crf.weights.data, crf.compatibility.data, 4)
        likeness = torch.softmax(ours, dim=0) - torch.softmax(expected, dim=0)
        assert float(likeness.abs().max().detach()) < 0.05


def test_before_training_it_is_the_crf_of_its_kernels():
    logits, image = random(1, 3, 12, 11), random(1, 1, 12, 11, seed=1)
    filters = [make_filter(kernel, image[0], SPACING) for kernel in KERNELS]
    expected = mean_field(-logits[0], filters, [0.8, 1.2], None, 4)
    found = torch.softmax(layer()(logits, image)[0], dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_it_learns_has_the_gradients_of_finite_differences():
    crf = layer(labels=2, iterations=3).double()
    image = random(1, 1, 4, 5, seed=1).double()

    def refined(logits, weights, compatibility):
        changed = {"weights": weights, "compatibility": compatibility}
        return torch.func.functional_call(crf, changed, (logits, image))

    logits = random(1, 2, 4, 5).double().requires_grad_()
    weights = (1 + 0.3 * random(2, 2).double()).requires_grad_()
    compatibility = (1 - torch.eye(2).double() + 0.1 * random(2, 2, seed=2)).requires_grad_()
    assert torch.autograd.gradcheck(refined, (logits, weights, compatibility), atol=1e-5)


def test_specks_go_and_edges_of_the_image_stay():
    image = torch.zeros(1, 1, 16, 16)
    image[..., 8:] = 3.0
    logits = torch.stack([1 - image[:, 0], image[:, 0] - 1], dim=1) / 2
    logits[0, :, 4, 3] *= -1
    logits[0, :, 10, 12] *= -1
    kernels = (Smoothness(0.5, 1.0), Appearance(2.0, 5.0, 0.5))
    found = layer(2, kernels, (1.0, 1.0))(logits, image).argmax(dim=1)
    assert torch.equal(found[0], (image[0, 0] > 1).long())


def test_spacing_matters():
    logits, image = random(1, 3, 8, 8), random(1, 1, 8, 8, seed=1)
    far = layer(spacing=(30.0, 30.0))(logits, image)
    near = layer(spacing=(1.0, 1.0))(logits, image)
    assert float((far - near).detach().abs().max()) > 0.1


def test_samples_do_not_see_each_other():
    crf = layer()
    logits, image = random(3, 3, 8, 8), random(3, 2, 8, 8, seed=1)
    together = crf(logits, image)
    for n in range(3):
        torch.testing.assert_close(crf(logits[n : n + 1], image[n : n + 1]), together[n : n + 1])


def test_it_has_iterations_of_its_own_in_prediction():
    crf, short = layer(iterations=2, after=6), layer(iterations=2)
    logits, image = random(1, 3, 8, 8), random(1, 1, 8, 8, seed=1)
    assert not torch.allclose(crf(logits, image), short(logits, image), atol=1e-3)
    torch.testing.assert_close(crf.train()(logits, image), short(logits, image))
    torch.testing.assert_close(crf.eval()(logits, image), layer(iterations=6)(logits, image))


def test_half_precision_does_not_reach_it():
    crf = layer()
    logits, image = random(1, 3, 8, 8), random(1, 1, 8, 8, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = crf(logits, image)
    assert found.dtype == torch.float32
    assert torch.equal(found, crf(logits, image))


class Counting(nn.Module):
    """Counts how often it is asked."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 3, 1)
        self.asked = 0

    def forward(self, image):
        self.asked += 1
        return self.convolution(image)


def test_what_a_network_says_before_the_crf_is_computed_once():
    network = RefinedNetwork(Counting(), layer()).train()
    image, other = random(2, 1, 8, 8), random(2, 1, 8, 8, seed=1)
    refined = network(image)
    before = network.before(image)
    assert network.network.asked == 1
    assert torch.equal(before[0], network.network.convolution(image))
    torch.testing.assert_close(refined, network.crf(before[0], image))
    network(image)
    assert torch.equal(network.before(other)[0], network.network.convolution(other))


def test_a_network_in_training_can_be_copied():
    network = RefinedNetwork(Counting(), layer()).train()
    image = random(2, 1, 8, 8)
    network(image)
    network.before(image)
    torch.testing.assert_close(copy.deepcopy(network)(image), network(image))


def test_side_outputs_hand_their_fusion_to_the_crf():
    sides = SideOutputs(Conv(), 1, 3, (8, 8))
    network = RefinedNetwork(sides, layer()).eval()
    image = random(2, 1, 8, 8)
    answers = network.before(image)
    assert len(answers) == 3
    torch.testing.assert_close(network(image), network.crf(sides(image), image))
    assert torch.equal(answers[0], sides(image))


class Conv(nn.Module):
    """Has features at half resolution."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 4, 2, stride=2)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)

    def forward(self, image):
        return self.up(self.down(image))

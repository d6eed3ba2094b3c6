"""The CRF of neighbors, against all labelings of small images, and its refiners."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from ImperfectSegLogic.crf.local import couplings_by_contrast, mean_field_of_neighbors
from ImperfectSegLogic.data import Case, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.crf.roth2015 import (
    GaussianSmoothing,
    LocalCRF,
    Settings,
    SmoothingSettings,
)
from Testing.Logic.methods.phantoms import ball, click, grid


def random_model(shape, labels, strength, seed=0):
    generator = torch.Generator().manual_seed(seed)
    options = {"generator": generator, "dtype": torch.float64}
    unary = torch.randn((1, labels, *shape), **options)
    prices = []
    for axis in range(len(shape)):
        space = [n - (a == axis) for a, n in enumerate(shape)]
        prices.append(strength * torch.rand((1, *space), **options))
    return unary, prices


def pairs_of(shape, prices):
    """Gives (voxel, neighbor, price), by indices."""
    for axis, price in enumerate(prices):
        for at in np.ndindex(*price.shape[1:]):
            beside = tuple(n + (a == axis) for a, n in enumerate(at))
            yield at, beside, float(price[(0, *at)])


def exact_marginals(unary, prices):
    """Sums over all labelings."""
    labels, *shape = unary.shape[1:]
    voxels, pairs = list(np.ndindex(*shape)), list(pairs_of(shape, prices))
    total = np.zeros((labels, *shape))
    for labeling in itertools.product(range(labels), repeat=len(voxels)):
        of = dict(zip(voxels, labeling, strict=True))
        energy = sum(float(unary[(0, of[at], *at)]) for at in voxels)
        energy += sum(price for at, beside, price in pairs if of[at] != of[beside])
        for at in voxels:
            total[(of[at], *at)] += np.exp(-energy)
    return total / total.sum(axis=0)


def free_energy(unary, prices, q):
    """What mean field makes small: expected energy less entropy."""
    unary, q = unary[0].numpy(), q[0].numpy()
    value = (q * unary).sum() + (q * np.log(q)).sum()
    for at, beside, price in pairs_of(q.shape[1:], prices):
        value += price * (1 - (q[(slice(None), *at)] * q[(slice(None), *beside)]).sum())
    return value


@pytest.mark.parametrize(("shape", "labels"), [((3, 3), 2), ((2, 3), 3), ((2, 2, 2), 2)])
def test_marginals_are_near_those_of_all_labelings(shape, labels):
    unary, prices = random_model(shape, labels, 0.3)
    exact = exact_marginals(unary, prices)
    found = mean_field_of_neighbors(unary, prices, 60).exp()[0].numpy()
    alone = torch.softmax(-unary, dim=1)[0].numpy()
    assert np.abs(found - exact).max() < 0.03
    assert np.abs(found - exact).max() < 0.4 * np.abs(alone - exact).max()


def test_it_gives_the_same_with_and_without_gradients():
    unary, prices = random_model((4, 5, 3), 3, 1.0)
    before = unary.clone()
    with torch.no_grad():
        one = mean_field_of_neighbors(unary, prices, 7)
    assert torch.allclose(one, mean_field_of_neighbors(unary, prices, 7), atol=1e-12)
    assert torch.equal(unary, before)


def test_without_neighbors_it_is_exact():
    unary, prices = random_model((3, 4), 3, 0.0)
    found = mean_field_of_neighbors(unary, prices, 30).exp()
    assert torch.allclose(found, torch.softmax(-unary, dim=1))


@pytest.mark.parametrize("strength", [0.5, 3.0])
def test_free_energy_falls_to_a_fixed_point(strength):
    unary, prices = random_model((5, 6), 3, strength, seed=1)
    energies = [
        free_energy(unary, prices, mean_field_of_neighbors(unary, prices, n).exp())
        for n in (0, 1, 2, 4, 8, 16, 32, 64, 200)
    ]
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(energies))
    q = mean_field_of_neighbors(unary, prices, 2000).exp()
    heard = torch.zeros_like(q)
    for at, beside, price in pairs_of((5, 6), prices):
        heard[(0, slice(None), *at)] += price * q[(0, slice(None), *beside)]
        heard[(0, slice(None), *beside)] += price * q[(0, slice(None), *at)]
    assert torch.allclose(q, torch.softmax(heard - unary, dim=1), atol=1e-6)


def test_a_checkerboard_does_not_change_places_for_ever():
    even = (torch.arange(6)[:, None] + torch.arange(6)) % 2 * 2 - 1.0
    unary = torch.stack([even, -even])[None] * 0.1
    prices = [torch.full((1, 5, 6), 3.0), torch.full((1, 6, 5), 3.0)]
    one, next_ = (mean_field_of_neighbors(unary, prices, n).exp() for n in (200, 201))
    assert (one - next_).abs().max() < 0.02


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
def test_gradients_are_those_of_finite_differences(shape):
    unary, prices = random_model(shape, 3, 1.0)
    given = [one.requires_grad_() for one in (unary, *prices)]
    assert torch.autograd.gradcheck(
        lambda u, *p: mean_field_of_neighbors(u, p, 4).exp(), given, atol=1e-6
    )


def test_couplings_know_contrast_and_distance():
    image = torch.tensor([[[[0.0, 0.0, 2.0]]]])
    (_, along) = couplings_by_contrast(image, (5.0, 0.5), 3.0, torch.tensor([1.0]))
    assert along[0, 0].tolist() == pytest.approx([6.0, 6.0 * np.exp(-2.0)])
    two = torch.cat([image, image], dim=1)
    (_, along) = couplings_by_contrast(two, (5.0, 0.5), 3.0, torch.tensor([1.0, 2.0]))
    assert along[0, 0, 1].item() == pytest.approx(6.0 * np.exp(-2.0 - 0.5))


# The refiners --------------------------------------------------------------------------------


def scene(shape=(3, 24, 24), spacing=(3.0, 1.0, 1.0), degrees=20.0, seed=0):
    """Gives a bright ball, and a noisy prediction of it in a region."""
    geometry = grid(shape, spacing, degrees)
    rng = np.random.default_rng(seed)
    truth = ball(geometry, [n // 2 for n in shape], 7.0)
    gray = 100.0 + 60.0 * truth + rng.normal(0, 5, shape)
    p = np.clip(np.where(truth, 0.65, 0.35) + rng.normal(0, 0.2, shape), 0.01, 0.99)
    p = np.stack([1 - p, p]).astype(np.float32)
    volume = Volume(gray.astype(np.float32), geometry.ijk_to_ras)
    whole = Prediction(p, (0, 4), geometry.whole, geometry, Provenance("planted"))
    return Case(volume), whole, truth


def dice(found, truth):
    found = found.full_labels() > 0
    return 2 * np.count_nonzero(found & truth) / (found.sum() + truth.sum())


@pytest.mark.parametrize("dims", [2, 3])
def test_the_local_crf_finds_the_object_again(dims):
    case, prediction, truth = scene()
    found = LocalCRF(Settings(dims=dims)).refine(case, prediction)
    assert dice(prediction, truth) < 0.75
    assert dice(found, truth) > 0.97
    assert found.labels == (0, 4)
    assert np.allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)
    assert found.provenance.settings["pairwise"] == 1.0


def test_slices_do_not_hear_each_other_in_2d():
    case, prediction, _ = scene()
    p = prediction.probabilities.copy()
    p[:, 0] = p[::-1, 0]
    other = Prediction(p, (0, 4), prediction.region, prediction.geometry, Provenance("x"))
    flat = [LocalCRF().refine(case, one).probabilities for one in (prediction, other)]
    assert np.array_equal(flat[0][:, 1:], flat[1][:, 1:])
    deep = [LocalCRF(Settings(dims=3)).refine(case, one) for one in (prediction, other)]
    assert not np.allclose(deep[0].probabilities[:, 1:], deep[1].probabilities[:, 1:], atol=1e-3)


@pytest.mark.parametrize("dims", [2, 3])
def test_parts_give_what_the_whole_gives(dims):
    case, prediction, _ = scene((9, 64, 64))
    settings = Settings(dims=dims, iterations=2)
    slices = 4 * (6 * 2 + 4 + 2) * 64 * 64 / 1e9
    whole = LocalCRF(settings).refine(case, prediction).probabilities
    little = dataclasses.replace(settings, memory=slices * (5.5 if dims == 3 else 3.5))
    told = []
    parts = LocalCRF(little).refine(
        case, prediction, progress=Progress(lambda f, _: told.append(f))
    )
    assert np.allclose(parts.probabilities, whole, atol=1e-6)
    assert told == sorted(told)
    assert len(told) > 6


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flips_change_nothing(axis):
    case, prediction, _ = scene((4, 15, 16))
    turned = Volume(np.flip(case.volume.array, axis), case.volume.ijk_to_ras)
    p = np.flip(prediction.probabilities, axis + 1).copy()
    flipped = Prediction(p, (0, 4), prediction.region, prediction.geometry, Provenance("x"))
    for refiner in (LocalCRF(Settings(dims=3)), GaussianSmoothing()):
        one = refiner.refine(case, prediction).probabilities
        other = refiner.refine(Case(turned), flipped).probabilities
        assert np.allclose(np.flip(one, axis + 1), other, atol=1e-5)


def test_gray_values_may_be_scaled_and_shifted():
    case, prediction, _ = scene()
    other = Case(Volume(case.volume.array * 7 - 300, case.volume.ijk_to_ras))
    one, two = (LocalCRF().refine(c, prediction).probabilities for c in (case, other))
    assert np.allclose(one, two, atol=1e-3)


def test_spacing_matters_as_far_as_neighbors_are_apart():
    near, prediction, _ = scene(spacing=(1.0, 1.0, 1.0))
    far = grid(near.volume.geometry.shape, (1.0, 4.0, 4.0))
    moved = Prediction(prediction.probabilities, (0, 4), far.whole, far, Provenance("x"))
    case = Case(Volume(near.volume.array, far.ijk_to_ras))
    weak = LocalCRF(Settings(pairwise=1.0)).refine(case, moved).probabilities
    strong = LocalCRF(Settings(pairwise=4.0)).refine(case, moved).probabilities
    same = LocalCRF(Settings(pairwise=1.0)).refine(near, prediction).probabilities
    assert np.allclose(strong, same, atol=1e-4)
    assert np.abs(weak - same).max() > 0.1


@pytest.mark.parametrize("refiner", [LocalCRF(Settings(dims=3)), GaussianSmoothing()])
def test_prompted_voxels_keep_their_label_and_teach_their_neighbors(refiner):
    case, prediction, _ = scene()
    geometry = case.volume.geometry
    at = (1, 2, 2)
    found = refiner.refine(case, prediction, [click(geometry, at, 4)])
    alone = refiner.refine(case, prediction)
    assert found.probabilities[1, 1, 2, 2] == 1
    assert found.probabilities[1, 1, 2, 3] > alone.probabilities[1, 1, 2, 3] + 0.01


def test_smoothing_is_that_of_scipy_in_mm():
    case, prediction, _ = scene((6, 12, 12))
    found = GaussianSmoothing(SmoothingSettings(width=1.5)).refine(case, prediction)
    truth = ndimage.gaussian_filter(prediction.probabilities[1], (0.5, 1.5, 1.5), mode="nearest")
    assert np.allclose(found.probabilities[1], truth, atol=1e-5)


def test_smoothing_finds_the_object_without_an_image():
    case, prediction, truth = scene()
    nothing = Case(Volume(np.zeros(truth.shape), case.volume.ijk_to_ras))
    found = GaussianSmoothing(SmoothingSettings(width=1.5)).refine(nothing, prediction)
    assert dice(found, truth) > 0.9


def test_a_region_and_channels():
    case, prediction, truth = scene()
    region = Region((0, 3, 3), (3, 21, 22))
    p = prediction.probabilities[(slice(None), *region.slices)]
    part = Prediction(p, (0, 4), region, prediction.geometry, Provenance("planted"))
    colors = np.stack([case.volume.array, case.volume.array * 2, np.full(truth.shape, 3.0)])
    case = Case(Volume(colors, case.volume.ijk_to_ras))
    found = LocalCRF().refine(case, part)
    assert found.region == region
    assert dice(found, truth) > 0.95


def test_bad_input_is_refused():
    case, prediction, truth = scene()
    constant = Case(Volume(np.ones(truth.shape), case.volume.ijk_to_ras))
    with pytest.raises(ValueError, match="same value"):
        LocalCRF().refine(constant, prediction)
    small = LocalCRF(Settings(dims=3, memory=1e-3, iterations=500))
    large, many, _ = scene((60, 24, 24))
    with pytest.raises(ValueError, match=r"roth2015: got a region of 60 slices .* in memory"):
        small.refine(large, many)
    with pytest.raises(ValueError, match="roth2015, contrast: got 0"):
        LocalCRF(Settings(contrast=0.0))
    with pytest.raises(ValueError, match="roth2015-smoothing, width: got -1"):
        GaussianSmoothing(SmoothingSettings(width=-1.0))


def cancelled_after(share):
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > share else None)
    return progress


def test_they_can_be_cancelled():
    case, prediction, _ = scene()
    for refiner in (LocalCRF(), GaussianSmoothing()):
        progress = cancelled_after(0.0)
        with pytest.raises(CancelledError):
            refiner.refine(case, prediction, progress=progress)

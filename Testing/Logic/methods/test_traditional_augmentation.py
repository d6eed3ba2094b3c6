"""What each traditional augmentation does to an image."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2hsv

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.scarce.traditional_augmentation.alex2017 import (
    NORMAL,
    PERCENTS,
    HistogramMatching,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.groups import (
    GROUPS,
    augmentation_group,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.smoothing import sharpen, smooth


def sample(image, spacing=None) -> Sample:
    image = torch.as_tensor(np.asarray(image), dtype=torch.float32)
    shape = image.shape[1:]
    target = torch.zeros(shape, dtype=torch.int64)
    spacing = spacing or (1.0,) * len(shape)
    return Sample(image, target, torch.ones(2, dtype=torch.bool), "DenseMask", spacing, "phantom")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def run(name, given, seed=0, **settings):
    transform = catalog.transform(name, {"probability": 1.0, **settings})
    return transform.apply(given, np.random.default_rng(seed))


def test_noise_is_new_in_every_voxel_and_channel_and_no_stronger_than_said():
    added = run("noise-christ2016", sample(np.zeros((2, 64, 64))), sd=0.3).image
    assert 0 < added.std() < 0.32
    assert abs(np.corrcoef(added.flatten(1))[0, 1]) < 0.1


def test_about_as_many_samples_change_as_said():
    given, rng = sample(noise(1, 4, 4)), np.random.default_rng(0)
    transform = catalog.transform("noise-christ2016", {"probability": 0.3})
    changed = sum(transform.apply(given, rng) is not given for _ in range(500))
    assert 110 < changed < 190


@pytest.mark.parametrize("shape", [(20, 30), (8, 12, 10)])
def test_smoothing_is_scipys_and_the_border_goes_on(shape):
    image = noise(1, *shape).astype(np.float32)
    sigmas = (2.0, 1.5, 1.8)[: len(shape)]
    oracle = gaussian_filter(image[0], sigmas, mode="nearest")
    assert np.allclose(smooth(torch.from_numpy(image), sigmas)[0], oracle, atol=0.02)
    flat = torch.ones(1, *shape)
    assert torch.allclose(smooth(flat, sigmas), flat, atol=1e-5)


def test_blur_hardly_mixes_thick_slices():
    image = np.zeros((1, 9, 9, 9))
    image[0, 4, 4, 4] = 1
    blurred = run("blur-sirinukunwattana2017", sample(image, (5.0, 1.0, 1.0)), seed=3, sigma=1.5)
    assert blurred.image[0, 4, 4, 5] > 0.01
    assert blurred.image[0, 5, 4, 4] < 1e-3


def test_an_unsharp_mask_makes_edges_steeper_and_leaves_flat_parts():
    edge = torch.cat([torch.zeros(1, 16, 16), torch.ones(1, 16, 16)], dim=2)
    out = sharpen(edge, (1.0, 1.0), 2.0)
    assert out[0, 8, 16] > 1.1
    assert torch.allclose(out[0, 8, [0, 31]], torch.tensor([0.0, 1.0]), atol=1e-3)


@pytest.mark.parametrize("name", ["brightness-dong2017", "hsv-gamma-liskowski2016"])
def test_brightness_keeps_order_and_range_of_gray_values(name):
    image = noise(2, 16, 16)
    out = run(name, sample(image)).image.numpy()
    for before, after in zip(image, out, strict=True):
        assert (np.argsort(before, axis=None) == np.argsort(after, axis=None)).all()
        assert np.allclose([after.min(), after.max()], [before.min(), before.max()], atol=1e-4)
        assert np.abs(after - before).max() > 0.05


def test_contrast_keeps_the_mean_and_changes_the_spread_of_each_channel_by_itself():
    image = noise(2, 32, 32) + 3
    out = run("contrast-fu2017", sample(image)).image.flatten(1)
    assert np.allclose(out.mean(dim=1), image.reshape(2, -1).mean(axis=1), atol=1e-4)
    ratio = out.std(dim=1).numpy() / image.reshape(2, -1).std(axis=1)
    assert abs(ratio[0] - ratio[1]) > 0.01
    assert (ratio > 1 / 1.51).all()
    assert (ratio < 1.51).all()


def test_color_keeps_its_hue_while_saturation_and_value_are_raised_to_powers():
    color = np.random.default_rng(0).random((3, 12, 12))
    color[:, 0, 0], color[:, 0, 1] = 0, 1  # so that the range is 0 to 1
    out = run("hsv-gamma-liskowski2016", sample(color)).image.numpy()
    before, after = rgb2hsv(color, channel_axis=0), rgb2hsv(out, channel_axis=0)
    inside = (slice(2, None), slice(2, None))
    assert np.allclose(before[0][inside], after[0][inside], atol=1e-3)
    for part in (1, 2):
        powers = np.log(after[part][inside]) / np.log(before[part][inside])
        assert np.ptp(powers) < 0.01
        assert abs(powers.mean() - 1) > 0.05


def test_three_channels_that_are_no_colors_are_three_values():
    image = noise(3, 8, 8)
    as_color = run("hsv-gamma-liskowski2016", sample(image)).image
    out = run("hsv-gamma-liskowski2016", sample(image), color=False).image
    assert not torch.allclose(as_color, out)
    assert torch.allclose(out.amax(dim=(1, 2)), torch.tensor(image.max(axis=(1, 2))).float())


def test_a_matched_image_has_the_landmarks_of_the_reference():
    reference = torch.tensor(np.exp(noise(2, 60, 60)), dtype=torch.float32)
    reference[1] += 5
    landmarks = HistogramMatching.landmarks_of(reference)
    given = sample(noise(2, 64, 64, seed=1))
    out = run("histogram-matching-alex2017", given, least_weight=1.0, landmarks=landmarks)
    assert np.allclose(HistogramMatching.landmarks_of(out.image), landmarks, atol=0.02)
    for before, after in zip(given.image.numpy(), out.image.numpy(), strict=True):
        assert (np.diff(after.ravel()[np.argsort(before, axis=None)]) >= -1e-5).all()


def test_without_a_reference_gray_values_become_normally_distributed():
    given = sample(np.exp(noise(1, 64, 64)))
    out = run("histogram-matching-alex2017", given, least_weight=1.0)
    assert np.allclose(HistogramMatching.landmarks_of(out.image), NORMAL, atol=0.02)


def test_the_weight_of_the_matched_image_is_drawn():
    given = sample(np.exp(noise(1, 16, 16)))
    full = run("histogram-matching-alex2017", given, least_weight=1.0).image
    part = run("histogram-matching-alex2017", given).image
    shares = ((part - given.image) / (full - given.image)).median()
    assert 0.05 < shares < 0.95
    assert torch.allclose(part, given.image + shares * (full - given.image), atol=1e-3)


def test_gray_values_beyond_the_outermost_landmarks_move_along():
    image = noise(1, 32, 32)
    image[0, 0, :2] = [-50, 50]
    out = run("histogram-matching-alex2017", sample(image), least_weight=1.0).image
    assert np.allclose(out[0, 0, :2], [-50, 50], atol=1)


def test_air_keeps_one_value_and_one_value_alone_is_left():
    image = noise(1, 32, 32)
    image[0, :20] = -2
    out = run("histogram-matching-alex2017", sample(image), least_weight=1.0).image
    assert out[0, :20].unique().numel() == 1
    flat = run("histogram-matching-alex2017", sample(np.full((1, 8, 8), 3.0)), least_weight=1.0)
    assert (flat.image == 3).all()


@pytest.mark.parametrize(
    "landmarks", [(), (1.0, 2.0), NORMAL[::-1], (*NORMAL[:-1], np.nan), (*NORMAL[:-1], np.inf)]
)
def test_landmarks_that_are_none_are_refused(landmarks):
    with pytest.raises(ValueError, match="histogram-matching-alex2017, landmarks: got"):
        catalog.transform("histogram-matching-alex2017", {"landmarks": landmarks})


def test_landmarks_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match=r"landmarks: got 2 rows of 11, allowed are 1 or 3"):
        run("histogram-matching-alex2017", sample(noise(3, 8, 8)), landmarks=NORMAL * 2)
    assert len(PERCENTS) == 11


@pytest.mark.parametrize(("part", "moves"), [("quality", 0), ("appearance", 0), ("layout", 1)])
def test_parts_of_the_stack_change_what_they_are_named_after(part, moves):
    given = sample(noise(1, 24, 24))
    out = run("stacked-zhang2019", given, part=part)
    assert not torch.allclose(out.image, given.image)
    assert bool((out.target != given.target).any()) == bool(moves)


@pytest.mark.parametrize(
    ("part", "off"),
    [
        ("quality", {"sharpness": 0.0, "blur": 0.0, "noise": 0.0}),
        ("appearance", {"brightness": 0.0, "gamma": 1.0, "perturbation": 0.0}),
        ("layout", {"rotation": 0.0, "scale": 1.0, "deformation": 0.0}),
    ],
)
def test_a_part_whose_strengths_are_all_off_changes_nothing(part, off):
    given = sample(noise(2, 24, 24))
    out = run("stacked-zhang2019", given, part=part, **off)
    assert torch.allclose(out.image, given.image, atol=1e-4)
    assert torch.equal(out.target, given.target)


def test_a_turned_ball_stays_a_ball_on_thick_slices():
    spacing = np.array([3.0, 1.0, 1.0])
    places = (np.indices((9, 27, 27)) - np.array([4, 13, 13])[:, None, None, None]).T * spacing
    ball = torch.from_numpy(np.linalg.norm(places, axis=-1).T < 9).long()
    given = dataclasses.replace(sample(noise(1, 9, 27, 27), (3.0, 1.0, 1.0)), target=ball)
    off = {"scale": 1.0, "deformation": 0.0, "rotation": 60.0}
    out = run("stacked-zhang2019", given, part="layout", **off)
    both = ((out.target == 1) & (ball == 1)).sum() * 2 / ((out.target == 1).sum() + ball.sum())
    assert both > 0.9
    assert not torch.allclose(out.image, given.image)


def test_scaling_makes_things_larger_or_smaller():
    disk = torch.zeros(64, 64, dtype=torch.int64)
    disk[24:40, 24:40] = 1
    given = dataclasses.replace(sample(noise(1, 64, 64)), target=disk)
    off = {"rotation": 0.0, "deformation": 0.0, "scale": 1.5}
    sizes = [
        int((run("stacked-zhang2019", given, seed, part="layout", **off).target == 1).sum()) / 256
        for seed in range(12)
    ]
    assert min(sizes) < 0.8 < 1.3 < max(sizes)
    assert all(1 / 2.5 < size < 2.5 for size in sizes)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_is_made_of_transforms_of_the_catalog(group):
    made = [catalog.transform(*choice) for choice in augmentation_group(group)]
    given = sample(noise(1, 24, 24))
    rng = np.random.default_rng(0)
    results = []
    for _ in range(20):
        out = given
        for transform in made:
            out = transform.apply(out, rng)
        results.append(torch.equal(out.image, given.image))
    assert not all(results)


def test_all_ten_methods_are_in_some_group():
    names = {name for name, _ in augmentation_group("all")}
    assert names == {kind.card.name for kind in catalog.transforms()}


def test_an_unknown_group_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'color', allowed are quality, appearance, layout, all"):
        augmentation_group("color")


def test_groups_are_known_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import ImperfectSegLogic.methods.scarce.traditional_augmentation.groups as g\n"
        "assert g.augmentation_group('all')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", catalog.transforms(), ids=lambda k: k.card.name)
def test_the_result_on_a_gpu_lies_there_and_is_the_same(kind):
    given = sample(noise(3, 32, 32))
    there = dataclasses.replace(
        given, image=given.image.cuda(), target=given.target.cuda(), looked_for=given.looked_for
    )
    out = run(kind.card.name, there)
    assert out.image.is_cuda
    assert out.target.is_cuda
    assert torch.allclose(out.image.cpu(), run(kind.card.name, given).image, atol=1e-3)

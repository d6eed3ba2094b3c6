"""Metrics, against brute force, MONAI, and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.metrics import (
    compute_average_surface_distance,
    compute_hausdorff_distance,
    compute_surface_dice,
)
from scipy.spatial.distance import cdist

from ImperfectSegLogic.data import DenseMask, Geometry, SparseMask
from ImperfectSegLogic.metrics.measures import METRICS, measure
from ImperfectSegLogic.metrics.surface_distances import surface_distances
from ImperfectSegLogic.metrics.volume_difference import volume_difference

SPACING = (2.9, 1.3, 0.7)
SHAPE = (6, 9, 11)


def grid(shape=SHAPE, spacing=SPACING) -> Geometry:
    return Geometry(shape, np.diag([*spacing[::-1], 1]))


def blobs(seed: int, shape=SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Two boxes with ragged edges that may touch the border."""
    draws = np.random.default_rng(seed)
    masks = []
    for _ in range(2):
        mask = np.zeros(shape, dtype=bool)
        low = [int(draws.integers(0, max(n // 2, 1))) for n in shape]
        mask[tuple(slice(a, a + max(n // 2, 1)) for a, n in zip(low, shape, strict=True))] = True
        masks.append(mask & (draws.random(shape) < 0.9))
    return masks[0], masks[1]


def brute_surface(mask: np.ndarray) -> np.ndarray:
    """Surface voxels in mm: inside, with a face on the outside or the border."""
    axes = [a for a in range(3) if mask.shape[a] > 1]
    inside = np.pad(mask, 1)
    found = []
    for index in np.argwhere(mask):
        ends = [index + 1 + sign * np.eye(3, dtype=int)[a] for a in axes for sign in (-1, 1)]
        if not all(inside[tuple(end)] for end in ends):
            found.append(index * SPACING)
    return np.array(found)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", [SHAPE, (1, 9, 11), (6, 1, 11)])
def test_surface_distances_are_those_of_brute_force(seed, shape):
    mask, truth = blobs(seed, shape)
    got = surface_distances(mask, truth, grid(shape))
    all_pairs = cdist(brute_surface(mask), brute_surface(truth))
    np.testing.assert_allclose(np.sort(got.from_mask), np.sort(all_pairs.min(axis=1)))
    np.testing.assert_allclose(np.sort(got.from_truth), np.sort(all_pairs.min(axis=0)))
    both = np.concatenate([all_pairs.min(axis=1), all_pairs.min(axis=0)])
    assert got.assd == pytest.approx(both.mean())
    assert got.surface_dice(1.5) == pytest.approx((both <= 1.5).mean())
    directed = [np.percentile(all_pairs.min(axis=axis), 95) for axis in (0, 1)]
    assert got.hd95 == pytest.approx(max(directed))


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_monai(seed):
    mask, truth = blobs(seed)
    got = surface_distances(mask, truth, grid())
    one, other = (torch.from_numpy(m)[None, None].float() for m in (mask, truth))
    options = {"include_background": True, "spacing": SPACING}
    hd95 = compute_hausdorff_distance(one, other, percentile=95, **options)
    assd = compute_average_surface_distance(one, other, symmetric=True, **options)
    near = compute_surface_dice(one, other, [1.5], **options)
    assert got.hd95 == pytest.approx(float(hd95), rel=1e-5)
    assert got.assd == pytest.approx(float(assd), rel=1e-5)
    assert got.surface_dice(1.5) == pytest.approx(float(near), rel=1e-5)


def test_a_shift_along_each_axis_is_as_far_as_its_spacing_says():
    for axis, mm in enumerate(SPACING):
        mask = np.zeros((7, 7, 7), dtype=bool)
        mask[3, 3, 3] = True
        got = surface_distances(np.roll(mask, 2, axis), mask, grid((7, 7, 7)))
        assert got.hd95 == got.assd == pytest.approx(2 * mm)


def test_a_rotated_and_flipped_grid_gives_the_same_distances():
    mask, truth = blobs(0)
    turned = np.array([[0, 0, 2.9, 5], [-0.7, 0, 0, 3], [0, 1.3, 0, -9], [0, 0, 0, 1]])
    got, same = (surface_distances(mask, truth, g) for g in (Geometry(SHAPE, turned), grid()))
    assert (got.hd95, got.assd) == pytest.approx((same.hd95, same.assd))


def test_on_a_sheared_grid_distances_are_those_in_the_patient():
    axes = np.array([[0.7, 0, 0.9, 5], [0, 1.3, -0.4, 3], [0, 0, 2.9, -9], [0, 0, 0, 1]])
    sheared = Geometry(SHAPE, axes)
    mask, truth = blobs(0)
    got = surface_distances(mask, truth, sheared)
    places = [sheared.to_ras(brute_surface(m) / SPACING) for m in (mask, truth)]
    all_pairs = cdist(*places)
    np.testing.assert_allclose(np.sort(got.from_mask), np.sort(all_pairs.min(axis=1)))
    np.testing.assert_allclose(np.sort(got.from_truth), np.sort(all_pairs.min(axis=0)))


def test_a_distance_of_just_the_tolerance_is_within_it_whatever_the_file_rounds():
    mask = np.zeros((1, 9, 20), dtype=bool)
    mask[0, 4, 2] = True
    rounded = Geometry(mask.shape, np.diag(np.array([0.2, 0.2, 1, 1], np.float32)).astype(float))
    got = surface_distances(np.roll(mask, 10, 2), mask, rounded)
    assert got.from_mask[0] > 2
    assert got.surface_dice(2) == 1
    assert got.surface_dice(1.999) == 0


def test_in_one_slice_the_inside_is_no_surface():
    mask = np.zeros((1, 9, 9), dtype=bool)
    mask[0, 2:7, 2:7] = True
    assert len(surface_distances(mask, mask, grid(mask.shape)).from_mask) == 16
    assert len(surface_distances(mask[:, :1, :1] | True, mask[:, :1, :1] | True,
                                 grid((1, 1, 1))).from_mask) == 1  # fmt: skip


def test_equal_masks_are_perfect_and_a_full_image_is_no_problem():
    full = np.ones(SHAPE, dtype=np.uint8)
    got = measure(DenseMask(full, grid()), DenseMask(full, grid()), 1)
    assert got == {n: m.best for n, m in METRICS.items()}


def test_volume_difference_is_signed_in_milliliters_and_percent():
    mask, truth = (np.zeros(SHAPE, dtype=bool) for _ in range(2))
    mask[0, 0, :3], truth[0, 0, :4] = True, True
    milliliters, percent = volume_difference(mask, truth, grid())
    assert milliliters == pytest.approx(-2.9 * 1.3 * 0.7 / 1000)
    assert percent == pytest.approx(-25)


def pair(found: bool, there: bool, **options):
    labels = [np.zeros(SHAPE, dtype=np.uint8) for _ in range(2)]
    for mask, filled in zip(labels, (found, there), strict=True):
        mask[2:4, 2:4, 2:4] = 2 * filled
    return measure(*(DenseMask(mask, grid()) for mask in labels), 2, **options)


def test_what_is_in_neither_has_no_dice_and_no_distances():
    got = pair(found=False, there=False)
    assert got["volume_difference_ml"] == 0
    for name in ("dice", "hd95", "assd", "surface_dice", "volume_difference_percent"):
        assert np.isnan(got[name])


@pytest.mark.parametrize(("found", "percent"), [(True, np.inf), (False, -100)])
def test_what_is_in_only_one_is_infinitely_far(found, percent):
    got = pair(found=found, there=not found)
    assert (got["dice"], got["surface_dice"]) == (0, 0)
    assert (got["hd95"], got["assd"]) == (np.inf, np.inf)
    assert got["volume_difference_percent"] == percent


def test_of_a_sparse_truth_only_labeled_voxels_count():
    truth = np.full(SHAPE, -1, dtype=np.int16)
    truth[2, :, :] = 0
    truth[2, 2:4, 2:4] = 1
    found = np.ones(SHAPE, dtype=np.uint8)
    found[2] = truth[2] == 1
    got = measure(DenseMask(found, grid()), SparseMask(truth, grid()), 1)
    assert got.pop("dice") == 1
    assert all(np.isnan(value) for value in got.values())
    found[2, 0, 0] = 1
    assert measure(DenseMask(found, grid()), SparseMask(truth, grid()), 1)["dice"] == 8 / 9


def test_a_truth_without_a_labeled_voxel_defines_nothing():
    truth = SparseMask(np.full(SHAPE, -1, dtype=np.int16), grid())
    got = measure(DenseMask(np.zeros(SHAPE, dtype=np.uint8), grid()), truth, 1)
    assert all(np.isnan(value) for value in got.values())


def test_bad_input_is_told():
    mask = np.zeros(SHAPE, dtype=np.uint8)
    for function in (surface_distances, volume_difference):
        with pytest.raises(ValueError, match=r"shapes.*Resample"):
            function(mask, mask[1:], grid())
    with pytest.raises(ValueError, match="on another grid"):
        measure(DenseMask(mask, grid()), DenseMask(mask, grid(spacing=(1, 1, 1))), 1)
    for tolerance in (-1, np.nan):
        with pytest.raises(ValueError, match="tolerance: got"):
            pair(found=True, there=True, tolerance=tolerance)

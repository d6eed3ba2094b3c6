"""Moving image and target along a displacement."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    finest_voxels,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.warping import (
    b_spline_displacement,
    b_spline_weights,
    cubic_weights,
    linear_displacement,
    random_displacement,
    warp,
)

CPU = torch.device("cpu")


def sample(shape, spacing=None, seed=0) -> Sample:
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.standard_normal((2, *shape), dtype=np.float32))
    target = torch.from_numpy(rng.integers(-1, 4, shape))
    spacing = spacing or (1.0,) * len(shape)
    return Sample(image, target, torch.ones(4, dtype=torch.bool), "DenseMask", spacing, "phantom")


def shift(by, shape):
    steps = torch.tensor(by, dtype=torch.float32).view(-1, *[1] * len(shape))
    return steps.expand(-1, *shape)


@pytest.mark.parametrize("shape", [(12, 9), (5, 7, 6), (1, 7, 6)])
def test_no_displacement_changes_nothing(shape):
    given = sample(shape)
    out = warp(given, shift([0] * len(shape), shape))
    assert torch.allclose(out.image, given.image, atol=1e-4)
    assert torch.equal(out.target, given.target)


def test_whole_voxels_move_exactly_and_what_comes_from_outside_is_unlabeled():
    given = sample((6, 8))
    out = warp(given, shift([1, -2], (6, 8)))
    assert torch.equal(out.target[:5, 2:], given.target[1:, :6])
    assert torch.allclose(out.image[:, :5, 2:], given.image[:, 1:, :6], atol=1e-4)
    assert (out.target[5] == UNLABELED).all()
    assert (out.target[:, :2] == UNLABELED).all()


def test_outside_the_border_of_the_image_goes_on():
    given = sample((6, 8))
    out = warp(given, shift([0, -3], (6, 8)))
    border = given.image[:, :, :1].expand(-1, -1, 3)
    assert torch.allclose(out.image[:, :, :3], border, atol=1e-4)


def test_slices_rows_and_columns_are_not_exchanged():
    given = sample((4, 5, 6))
    out = warp(given, shift([2, 1, 3], (4, 5, 6)))
    assert torch.equal(out.target[:2, :4, :3], given.target[2:, 1:, 3:])


def test_the_image_is_interpolated_between_voxels_and_labels_are_not():
    given = sample((6, 8))
    out = warp(given, shift([0, 0.4], (6, 8)))
    between = 0.6 * given.image[:, :, :-1] + 0.4 * given.image[:, :, 1:]
    assert torch.allclose(out.image[:, :, :-1], between, atol=1e-4)
    assert torch.equal(out.target, given.target)


def test_b_spline_weights_are_cubic_b_splines_and_sum_to_one():
    weights = b_spline_weights(33, 4.0)
    knots = np.arange(-3.0, 8.0)
    oracle = BSpline.design_matrix(np.linspace(0, 4, 33)[:-1], knots, 3).toarray()
    assert np.allclose(weights[:-1], oracle[:, : weights.shape[1]], atol=1e-6)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("points", [2, 3, 5])
def test_cubic_interpolation_passes_through_the_control_points(points):
    weights = cubic_weights(4 * (points - 1) + 1, points)
    assert np.allclose(weights[::4], np.eye(points), atol=1e-6)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_a_quarter_turn_is_what_rot90_gives():
    given = sample((9, 9))
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    out = warp(given, linear_displacement((9, 9), quarter, CPU))
    assert torch.equal(out.target, torch.rot90(given.target, 1, (0, 1)))


def test_displacements_are_as_long_in_mm_along_thick_slices():
    given = sample((24, 24, 24), spacing=(5.0, 1.0, 1.0))
    meshes, sds = finest_voxels(given, 8.0), finest_voxels(given, 4.0)
    moves = [
        b_spline_displacement(np.random.default_rng(seed), given, meshes, sds) for seed in range(20)
    ]
    mm = torch.stack(moves).square().mean(dim=(0, 2, 3, 4)).sqrt() * torch.tensor(given.spacing)
    assert torch.allclose(mm / mm.mean(), torch.ones(3), atol=0.15)


def test_displacements_are_smooth():
    rng = np.random.default_rng(0)
    field = random_displacement(rng, [cubic_weights(64, 3)] * 2, (10.0, 10.0), CPU)
    assert field.shape == (2, 64, 64)
    assert field.diff(dim=1).abs().max() < 0.1 * field.abs().max()

"""Random smooth displacements, and moving image and target along them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Sample

Weights = NDArray[np.float32]
"""How much each control point moves each voxel along one axis, shape (voxel, control point)."""


@lru_cache(maxsize=64)
def b_spline_weights(voxels: int, cells: float) -> Weights:
    """Gives cubic B-splines: control points are coefficients, which the displacement smooths over.

    Args:
        voxels: Along the axis.
        cells: Distance of the first voxel from the last, in distances of control points.

    Returns:
        One more control point on each side than lie between first and last; rows sum to 1.
    """
    knots = np.arange(-1.0, np.ceil(cells) + 2)
    return _kernel_weights(voxels, cells, knots, _b_spline)


@lru_cache(maxsize=64)
def cubic_weights(voxels: int, points: int) -> Weights:
    """Gives cubic interpolation: the displacement passes through the control points.

    Args:
        voxels: Along the axis.
        points: Control points along the axis, first and last at the first and the last voxel.
    """
    knots = np.arange(-1.0, points + 1)
    weights = _kernel_weights(voxels, points - 1, knots, _cubic)
    weights[:, 1] += weights[:, 0]  # the outermost control points go on beyond the border
    weights[:, -2] += weights[:, -1]
    return weights[:, 1:-1]


def random_displacement(
    rng: np.random.Generator, weights: Sequence[Weights], sds: Sequence[float], device: torch.device
) -> Tensor:
    """Draws a vector per control point and gives the displacement between them.

    Args:
        rng: All chance comes from here.
        weights: One per axis.
        sds: Standard deviation of the vectors' components, one per axis in voxels.
        device: Where the result lies.

    Returns:
        In voxels, float32, shape (axis, *space).
    """
    vectors = rng.standard_normal((len(sds), *(one.shape[1] for one in weights)))
    vectors *= np.reshape(sds, (-1, *[1] * len(sds)))
    field = torch.as_tensor(vectors, dtype=torch.float32, device=device)
    for one in weights:  # takes the first axis of space away and puts it back as the last
        field = torch.tensordot(field, torch.as_tensor(one, device=device), ([1], [1]))
    return field


def b_spline_displacement(
    rng: np.random.Generator, sample: Sample, meshes: Sequence[float], sds: Sequence[float]
) -> Tensor:
    """Draws B-spline coefficients on a grid and gives the displacement between them.

    Args:
        rng: All chance comes from here.
        sample: Tells the size and the device.
        meshes: Distance of grid points along each axis in voxels.
        sds: Standard deviation of the coefficients along each axis in voxels.

    Returns:
        In voxels, float32, shape (axis, *space).
    """
    sizes = zip(sample.target.shape, meshes, strict=True)
    weights = [b_spline_weights(voxels, (voxels - 1) / mesh) for voxels, mesh in sizes]
    return random_displacement(rng, weights, sds, sample.image.device)


def linear_displacement(
    shape: Sequence[int], matrix: NDArray[np.float64], device: torch.device
) -> Tensor:
    """Gives the displacement of a linear map about the center.

    Args:
        shape: Voxels along each axis.
        matrix: Leads from a voxel's place in the result to its place in the source, in voxels.
        device: Where the result lies.

    Returns:
        In voxels, float32, shape (axis, *space).
    """
    change = torch.as_tensor(matrix - np.eye(len(shape)), dtype=torch.float32, device=device)
    from_center = [
        (voxel - (size - 1) / 2).expand(*shape)
        for voxel, size in zip(_voxels(shape, device), shape, strict=True)
    ]
    return torch.tensordot(change, torch.stack(from_center), 1)


def warp(sample: Sample, displacement: Tensor) -> Sample:
    """Moves image and target together.

    Args:
        sample: What to move; it stays as it is.
        displacement: Where each voxel's new content comes from, relative to the voxel; in voxels,
            shape (axis, *space).

    Returns:
        The image interpolated linearly, its border going on outside; of the target the nearest
        voxel, `UNLABELED` where that is outside. Labels never mix.
    """
    shape = sample.target.shape
    places = [
        (2 * (voxel + by) + 1) / size - 1  # -1 and 1 are the outer faces, as grid_sample has it
        for voxel, by, size in zip(
            _voxels(shape, displacement.device), displacement, shape, strict=True
        )
    ]
    grid = torch.stack(places[::-1], dim=-1)[None]
    image = grid_sample(sample.image[None], grid, "bilinear", "border", align_corners=False)[0]
    labels = (sample.target - UNLABELED).to(torch.float32)[None, None]  # unlabeled is 0, as outside
    moved = grid_sample(labels, grid, "nearest", "zeros", align_corners=False)[0, 0]
    return replace(sample, image=image, target=moved.to(torch.int64) + UNLABELED)


def _voxels(shape: Sequence[int], device: torch.device) -> list[Tensor]:
    """Gives the index along each axis, each in a shape that spreads over the others."""
    indices = [torch.arange(size, dtype=torch.float32, device=device) for size in shape]
    return [
        index.view([-1 if a == axis else 1 for a in range(len(shape))])
        for axis, index in enumerate(indices)
    ]


def _kernel_weights(
    voxels: int,
    cells: float,
    knots: NDArray[np.float64],
    kernel: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Weights:
    places = np.linspace(0, cells, voxels)
    return kernel(np.abs(places[:, None] - knots)).astype(np.float32)


def _b_spline(t: NDArray[np.float64]) -> NDArray[np.float64]:
    near = 2 / 3 - t**2 + t**3 / 2
    return np.where(t < 1, near, np.clip(2 - t, 0, None) ** 3 / 6)


def _cubic(t: NDArray[np.float64]) -> NDArray[np.float64]:
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0))

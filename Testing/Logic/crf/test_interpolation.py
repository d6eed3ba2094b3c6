"""Interpolation against the matrix that it stands for, on both of its ways."""

from __future__ import annotations

import pytest
import torch

from ImperfectSegLogic.crf.bilateral_grid import BilateralGridSums
from ImperfectSegLogic.crf.grid_axes import _bin_blur, _even_blur
from ImperfectSegLogic.crf.interpolation import Interpolation


def made(places=40, corners=3, count=17, labels=2, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    nodes = torch.randint(0, count, (places, corners), generator=generator, dtype=torch.int32)
    parts = torch.rand((places, corners), generator=generator, dtype=dtype)
    matrix = torch.zeros(places, count, dtype=dtype)
    for corner in range(corners):
        matrix[torch.arange(places), nodes[:, corner].long()] += parts[:, corner]
    values = torch.rand((places, labels), generator=generator, dtype=dtype)
    grid = torch.rand((count, labels), generator=generator, dtype=dtype)
    return Interpolation(nodes, parts, count), matrix, values, grid


@pytest.mark.parametrize("by_scipy", [True, False])
@pytest.mark.parametrize("labels", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reading_and_spreading_are_products_with_a_matrix(by_scipy, labels, dtype):
    interpolation, matrix, values, grid = made(labels=labels, dtype=dtype)
    assert interpolation._matrix is not None
    if not by_scipy:
        interpolation._matrix = None  # As on a GPU.
    assert torch.allclose(interpolation.read(grid), matrix @ grid)
    assert torch.allclose(interpolation.spread(values), matrix.T @ values)
    assert interpolation.read(grid).dtype == dtype


def test_a_grid_in_parts_gives_what_it_gives_as_a_whole(monkeypatch):
    image = torch.rand((30, 21, 13), generator=torch.Generator().manual_seed(1)) * 100
    values = torch.rand((3, *image.shape))
    for steps in ((0.1, 0.1, 0.1), (0.3, 0.2, 0.25), (0.1, 1.5, 0.1)):
        whole = BilateralGridSums(image, steps, 20.0)(values)
        monkeypatch.setitem(BilateralGridSums.__init__.__globals__["_TOGETHER"], "cpu", 21 * 13 * 4)
        sums = BilateralGridSums(image, steps, 20.0)
        assert len(sums._parts) >= 7
        assert torch.allclose(sums(values), whole, rtol=1e-4, atol=1e-4)
        monkeypatch.undo()


@pytest.mark.parametrize("count", [2, 47, 49, 90])
def test_many_bins_are_blurred_as_if_each_was_fitted(count):
    assert torch.allclose(_even_blur(count), _bin_blur(torch.arange(count)), atol=1e-9)

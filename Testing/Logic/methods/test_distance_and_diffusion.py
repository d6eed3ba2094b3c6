"""The two engines under the hood, against independent answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import spsolve

from ImperfectSegLogic.methods.scarce.interactive.diffusion import diffuse
from ImperfectSegLogic.methods.scarce.interactive.geodesic import geodesic_distance


def nothing(fraction):
    assert 0 <= fraction <= 1


def started(shape, seeds):
    start = np.full((1, *shape), np.inf, dtype=np.float32)
    for seed in seeds:
        start[(0, *seed)] = 0
    return start


@pytest.mark.parametrize(("spacing", "longest"), [((1.0, 1.0, 1.0), 1.14), ((4.0, 1.0, 1.5), 1.33)])
def test_on_an_even_cost_the_distance_is_the_euclidean_one_up_to_the_grid(spacing, longest):
    shape = (9, 25, 23)
    start = started(shape, [(4, 12, 11)])
    cost = np.ones_like(start)
    found = geodesic_distance(start, cost, spacing, nothing)[0]
    exact = ndimage.distance_transform_edt(start[0] > 0, sampling=spacing)
    assert (found >= exact - 1e-3).all()
    assert (found <= longest * exact + 1e-3).all()


def test_two_passes_come_close_to_dijkstra_on_a_winding_path():
    rng = np.random.default_rng(0)
    shape = (1, 30, 34)
    cost = ndimage.gaussian_filter(rng.random(shape), (0, 2, 2)).astype(np.float32)
    cost = 0.05 + (cost - cost.min()) * 3
    start = started(shape, [(0, 3, 4)])
    found = geodesic_distance(start, cost[None].astype(np.float32), (1, 1, 1), nothing, passes=3)
    exact = _dijkstra(cost[0], (3, 4))
    np.testing.assert_allclose(found[0, 0], exact, rtol=0.02, atol=1e-4)


def _dijkstra(cost, seed):
    rows, columns = cost.shape
    number = np.arange(cost.size).reshape(cost.shape)
    graph = sparse.lil_matrix((cost.size, cost.size))
    for r, c in np.ndindex(cost.shape):
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1), (0, -1), (-1, 0), (-1, -1), (-1, 1)):
            if 0 <= r + dr < rows and 0 <= c + dc < columns:
                there = (r + dr, c + dc)
                graph[number[r, c], number[there]] = np.hypot(dr, dc) * cost[there]
    return dijkstra(graph.tocsr(), indices=number[seed]).reshape(cost.shape)


def test_a_wall_is_walked_around():
    cost = np.ones((1, 1, 21, 21), dtype=np.float32)
    cost[0, 0, 4:, 10] = 1000
    found = geodesic_distance(started((1, 21, 21), [(0, 15, 5)]), cost, (1, 1, 1), nothing, 2)
    assert 24 < found[0, 0, 15, 15] < 40


@pytest.mark.parametrize("shape", [(1, 60, 70), (12, 20, 24)])
def test_diffusion_solves_its_equations(shape):
    rng = np.random.default_rng(1)
    image = rng.random(shape).astype(np.float32)
    prior = rng.random((2, *shape)).astype(np.float32)
    prior /= prior.sum(axis=0)
    trust = np.full(shape, 0.05, dtype=np.float32)
    trust[0, 5, 5] = 1e3
    spacing = (2.0, 1.0, 1.0)
    found = diffuse(prior, trust, image, spacing, 10.0, nothing, tolerance=1e-6)
    np.testing.assert_allclose(found, _direct(prior, trust, image, spacing, 10.0), atol=2e-3)
    np.testing.assert_allclose(found.sum(axis=0), 1.0, atol=2e-3)


def _direct(prior, trust, image, spacing, contrast):
    number = np.arange(image.size).reshape(image.shape)
    laplacian = sparse.csr_matrix((image.size, image.size))
    for axis in range(3):
        low = np.moveaxis(number, axis, 0)[:-1].ravel()
        high = np.moveaxis(number, axis, 0)[1:].ravel()
        steps = np.abs(image.ravel()[high] - image.ravel()[low])
        weight = (np.exp(-contrast * steps) + 1e-5) * min(spacing) / spacing[axis]
        edge = sparse.coo_matrix((weight, (low, high)), (image.size,) * 2).tocsr()
        edge = edge + edge.T
        laplacian += sparse.diags(np.asarray(edge.sum(axis=1)).ravel()) - edge
    trusted = trust.ravel() * laplacian.diagonal()
    matrix = (laplacian + sparse.diags(trusted)).tocsc()
    return np.stack([spsolve(matrix, trusted * p.ravel()).reshape(image.shape) for p in prior])

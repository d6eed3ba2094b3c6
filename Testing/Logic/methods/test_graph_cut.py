"""The graph cut, against SciPy's max-flow and against trying every labeling."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ImperfectSegLogic.methods.progress import CancelledError
from ImperfectSegLogic.methods.scarce.interactive.graph_cut import borders_of, cut_labels, energy

_WHOLE = 1e4
"""Max-flow takes whole numbers: energies are multiplied with this."""


def instance(shape, labels=2, seed=0):
    """Gives probabilities and gray values that disagree often."""
    rng = np.random.default_rng(seed)
    widths = [0 if n == 1 else 2 for n in shape]
    fields = np.stack([gaussian_filter(rng.normal(size=shape), widths) for _ in range(labels)])
    scores = np.exp(8 * fields + rng.normal(size=fields.shape))
    gray = gaussian_filter(rng.normal(size=shape), [w / 2 for w in widths])
    return (scores / scores.sum(axis=0)).astype(np.float32), gray.astype(np.float32)


def cut(probabilities, gray, seeds=None, allowed=None, smoothness=1.0, spacing=(1.0, 1.0, 1.0)):
    seeds = np.full(gray.shape, -1) if seeds is None else seeds
    allowed = np.ones(probabilities.shape, dtype=bool) if allowed is None else allowed
    return cut_labels(probabilities, seeds, allowed, gray, spacing, smoothness, 0.1, lambda f: None)


def costs_of(probabilities):
    return -np.log(np.clip(probabilities, 1e-6, 1))


def minimum_cut(costs, borders):
    """Gives the labels of a minimum cut by max-flow."""
    shape = costs.shape[1:]
    index = np.arange(costs[0].size).reshape(shape)
    source, sink = index.size, index.size + 1
    rows, columns, sizes = [], [], []
    for axis, price in borders:
        one = np.take(index, range(shape[axis] - 1), axis).ravel()
        other = np.take(index, range(1, shape[axis]), axis).ravel()
        rows += [one, other]
        columns += [other, one]
        sizes += [price.ravel(), price.ravel()]
    rows += [np.full(index.size, source), index.ravel()]
    columns += [index.ravel(), np.full(index.size, sink)]
    sizes += [costs[0].ravel(), costs[1].ravel()]
    whole = np.round(np.concatenate(sizes) * _WHOLE).astype(np.int32)
    at = (np.concatenate(rows), np.concatenate(columns))
    graph = coo_array((whole, at), shape=(index.size + 2,) * 2).tocsr()
    rest = graph - maximum_flow(graph, source, sink).flow
    rest.data[rest.data < 0] = 0
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    return np.isin(index, reached).astype(np.int64)


@pytest.mark.parametrize("shape", [(1, 40, 50), (14, 16, 18)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("smoothness", [0.3, 3.0])
def test_the_energy_is_that_of_a_minimum_cut(shape, smoothness):
    spacing = (2.0, 1.0, 1.5)
    probabilities, gray = instance(shape)
    costs, borders = costs_of(probabilities), borders_of(gray, spacing, smoothness, 0.1)
    least = energy(minimum_cut(costs, borders), costs, borders)
    found = cut(probabilities, gray, smoothness=smoothness, spacing=spacing)
    unsmoothed = energy(np.argmax(probabilities, axis=0), costs, borders)
    assert unsmoothed > 1.02 * least
    assert least * (1 - 1e-4) <= energy(found, costs, borders) <= 1.0015 * least


def test_three_labels_come_near_the_best_of_all_labelings():
    probabilities, gray = instance((1, 2, 4), labels=3, seed=3)
    costs, borders = costs_of(probabilities), borders_of(gray, (1, 1, 1), 1.0, 0.5)
    every = (np.array(p).reshape(1, 2, 4) for p in product(range(3), repeat=8))
    least = min(float(energy(labels, costs, borders)) for labels in every)
    found = cut_labels(
        probabilities,
        np.full(gray.shape, -1),
        np.ones(probabilities.shape, dtype=bool),
        gray,
        (1, 1, 1),
        1.0,
        0.5,
        lambda f: None,
    )
    assert energy(found, costs, borders) <= 1.01 * least


@pytest.mark.parametrize("labels", [2, 4])
def test_seeds_and_boxes_hold_against_all_probability(labels):
    probabilities, gray = instance((5, 20, 22), labels)
    rng = np.random.default_rng(1)
    seeds = np.full(gray.shape, -1)
    at = tuple(rng.integers(n, size=60) for n in gray.shape)
    seeds[at] = np.argmin(probabilities, axis=0)[at]
    allowed = np.ones(probabilities.shape, dtype=bool)
    allowed[1, :, :, :11] = False
    found = cut(probabilities, gray, seeds, allowed, smoothness=4.0)
    pinned = seeds >= 0
    np.testing.assert_array_equal(found[pinned], seeds[pinned])
    assert not (found[:, :, :11][~pinned[:, :, :11]] == 1).any()
    assert (found[:, :, 11:] == 1).any()


def test_a_seed_takes_along_what_looks_like_it():
    gray = np.zeros((1, 30, 30), dtype=np.float32)
    gray[:, 10:20, 10:20] = 1
    probabilities = np.full((2, 1, 30, 30), 0.5, dtype=np.float32)
    probabilities[0] = 0.52
    probabilities[1] = 0.48
    seeds = np.full(gray.shape, -1)
    seeds[0, 15, 15] = 1
    assert cut(probabilities, gray).sum() == 0
    np.testing.assert_array_equal(cut(probabilities, gray, seeds, smoothness=4.0), gray == 1)


def test_without_smoothness_each_voxel_is_on_its_own():
    probabilities, gray = instance((1, 20, 20), labels=3)
    np.testing.assert_array_equal(
        cut(probabilities, gray, smoothness=0.0), np.argmax(probabilities, axis=0)
    )


def test_one_voxel_and_repeated_calls():
    probabilities, gray = instance((1, 1, 1))
    assert cut(probabilities, gray).item() == np.argmax(probabilities[:, 0, 0, 0])
    probabilities, gray = instance((3, 20, 20))
    kept = probabilities.copy(), gray.copy()
    np.testing.assert_array_equal(cut(probabilities, gray), cut(probabilities, gray))
    np.testing.assert_array_equal(probabilities, kept[0])
    np.testing.assert_array_equal(gray, kept[1])


def test_it_can_be_cancelled():
    probabilities, gray = instance((6, 20, 20))

    def stop(fraction):
        if fraction > 0:
            raise CancelledError("cancelled")

    with pytest.raises(CancelledError):
        cut_labels(
            probabilities,
            np.full(gray.shape, -1),
            np.ones(probabilities.shape, dtype=bool),
            gray,
            (1, 1, 1),
            1.0,
            0.1,
            stop,
        )

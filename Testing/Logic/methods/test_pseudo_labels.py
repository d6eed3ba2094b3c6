"""What voxels count in the adaptation to an image (Wang 2018a)."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.methods.scarce.interactive.pseudo_labels import (
    Trust,
    seed_distances,
    trust_weights,
    without_islands,
)

TRUST = Trust(seed=5.0, near=0.2, low=0.2, high=0.7)
ONE = (1.0, 1.0, 1.0)


def silent(fraction):
    pass


def no_seeds(shape):
    return np.full(shape, -1)


def far(labels, shape):
    return np.full((labels, *shape), np.inf, dtype=np.float32)


def line(*foreground):
    """Gives the probabilities of voxels in a row, by that of the segment."""
    one = np.array(foreground, dtype=np.float32).reshape(1, 1, -1)
    return np.stack([1 - one, one])


def test_unsure_voxels_do_not_count():
    probabilities = line(0.01, 0.19, 0.21, 0.5, 0.69, 0.71, 0.99)
    shape = probabilities.shape[1:]
    weights = trust_weights(probabilities, no_seeds(shape), far(2, shape), TRUST)
    np.testing.assert_array_equal(weights.ravel(), [1, 1, 0, 0, 0, 1, 1])


def test_with_several_labels_the_likeliest_one_is_asked():
    probabilities = np.array(
        [[0.85, 0.75, 0.1, 0.1], [0.1, 0.2, 0.72, 0.6], [0.05, 0.05, 0.18, 0.3]], dtype=np.float32
    ).reshape(3, 1, 1, 4)
    weights = trust_weights(probabilities, no_seeds((1, 1, 4)), far(3, (1, 1, 4)), TRUST)
    np.testing.assert_array_equal(weights.ravel(), [1, 0, 1, 0])


def test_seeds_count_most_whatever_the_network_says():
    probabilities = line(0.01, 0.5, 0.99)
    seeds = np.array([1, 1, 0]).reshape(1, 1, 3)
    weights = trust_weights(probabilities, seeds, far(2, (1, 1, 3)), TRUST)
    np.testing.assert_array_equal(weights.ravel(), [5, 5, 5])


def test_near_a_seed_only_its_own_label_is_believed():
    probabilities = line(0.05, 0.05, 0.95, 0.95)
    distances = far(2, (1, 1, 4))
    distances[1, 0, 0] = [0.1, 0.3, 0.1, 0.3]
    weights = trust_weights(probabilities, no_seeds((1, 1, 4)), distances, TRUST)
    np.testing.assert_array_equal(weights.ravel(), [0, 1, 1, 1])
    distances[0, 0, 0] = [0.0, 0.0, 0.1, 0.0]
    weights = trust_weights(probabilities, no_seeds((1, 1, 4)), distances, TRUST)
    np.testing.assert_array_equal(weights.ravel(), [0, 1, 0, 0])


@pytest.mark.parametrize("shape", [(1, 30, 40), (9, 30, 40)], ids=["2-D", "3-D"])
def test_distance_is_how_much_gray_values_change_on_the_way(shape):
    gray = np.zeros(shape, dtype=np.float32)
    gray[:, :, 20:] = 0.8
    seeds = no_seeds(shape)
    seeds[0, 15, 5] = 1
    distances = seed_distances(seeds, 3, gray, ONE, silent)
    assert distances.shape == (3, *shape)
    assert np.isinf(distances[[0, 2]]).all()
    assert distances[1, 0, 15, 5] == 0
    assert distances[1, :, :, :19].max() < 0.05
    np.testing.assert_allclose(distances[1, :, :, 22:], 0.8, atol=0.05)


def test_distance_goes_round_a_wall_that_has_a_gap():
    gray = np.zeros((1, 30, 40), dtype=np.float32)
    gray[:, 5:, 20] = 1.0
    seeds = no_seeds(gray.shape)
    seeds[0, 15, 5] = 0
    distances = seed_distances(seeds, 2, gray, ONE, silent)
    assert distances[0, 0, 15, 35] < 0.1
    gray[:, :5, 20] = 1.0
    closed = seed_distances(seeds, 2, gray, ONE, silent)
    assert closed[0, 0, 15, 35] > 0.5


def disks(shape, *places):
    """Gives a mask of disks (row, column, radius) on one slice."""
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    found = [(rows - r) ** 2 + (columns - c) ** 2 <= radius**2 for r, c, radius in places]
    return np.any(found, axis=0)[np.newaxis]


def seeded(shape, **places):
    seeds = no_seeds(shape)
    for name, at in places.items():
        seeds[at] = int(name[-1])
    return seeds


def test_small_parts_without_a_seed_become_background():
    shape = (1, 60, 60)
    labels = disks(shape, (20, 20, 10), (45, 45, 4), (50, 10, 4)).astype(np.int64)
    kept = without_islands(labels, seeded(shape, label1=(0, 20, 20), also1=(0, 45, 45)))
    np.testing.assert_array_equal(kept == 1, disks(shape, (20, 20, 10), (45, 45, 4)))
    assert labels[0, 50, 10] == 1


def test_many_parts_stay():
    shape = (1, 60, 60)
    labels = disks(shape, (20, 20, 8), (45, 45, 7), (50, 10, 7)).astype(np.int64)
    kept = without_islands(labels, seeded(shape, label1=(0, 20, 20)))
    np.testing.assert_array_equal(kept, labels)


def test_parts_of_thin_things_stay():
    shape = (1, 60, 60)
    labels = np.zeros(shape, dtype=np.int64)
    labels[0, 30, 5:55] = labels[0, 5:55, 30] = 1
    labels[0, 2:4, 2:4] = 1
    kept = without_islands(labels, seeded(shape, label1=(0, 30, 30)))
    np.testing.assert_array_equal(kept, labels)


def test_each_segment_has_its_own_parts_and_none_without_seeds_loses_any():
    shape = (1, 60, 60)
    labels = np.where(disks(shape, (20, 20, 10), (50, 10, 3)), 1, 0)
    labels[disks(shape, (45, 45, 8), (10, 50, 3))] = 2
    kept = without_islands(labels, seeded(shape, label1=(0, 20, 20)))
    np.testing.assert_array_equal(kept == 1, disks(shape, (20, 20, 10)))
    np.testing.assert_array_equal(kept == 2, labels == 2)
    kept = without_islands(labels, seeded(shape, label2=(0, 45, 45)))
    np.testing.assert_array_equal(kept == 1, labels == 1)
    np.testing.assert_array_equal(kept == 2, disks(shape, (45, 45, 8)))

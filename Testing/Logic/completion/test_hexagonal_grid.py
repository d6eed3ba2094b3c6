"""Points lie on a hexagonal grid on each slice, in an order to click through, and grow to discs."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion.hexagonal_grid import hexagonal_grid, padded
from ImperfectSegLogic.data import Geometry, PointGrid

STRAIGHT = Geometry((3, 60, 50), np.diag([1.5, 1.5, 10.0, 1.0]))
OBLIQUE = np.array(
    [[0.0, -1.2, 1.0, 7.0], [0.9, 0.0, 0.0, -3.0], [0.0, 0.6, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
)


def index_of(points, geometry=STRAIGHT):
    index = geometry.to_index(points)
    assert geometry.contains(index).all()
    return index


def test_inner_points_have_six_neighbors_a_stride_away():
    index = index_of(hexagonal_grid(STRAIGHT, 8))
    flat = index[index[:, 0] == 1][:, 1:].astype(float)
    inner = flat[(flat > 10).all(axis=1) & (flat < np.array([50, 40]) - 1).all(axis=1)]
    assert len(inner) > 5
    for point in inner:
        away = np.linalg.norm(flat - point, axis=1)
        near = away[(away > 0) & (away < 1.5 * 8)]
        assert len(near) == 6
        # Points are moved to centers of voxels.
        assert np.abs(near - 8).max() < 1.5


@pytest.mark.parametrize("stride", [2, 3, 5, 9, 15])
def test_each_point_stands_for_the_same_area_and_has_a_voxel_of_its_own(stride):
    large = Geometry((2, 300, 280), np.eye(4))
    index = index_of(hexagonal_grid(large, stride), large)
    assert len(np.unique(index, axis=0)) == len(index)
    expected = 2 * 300 * 280 / (stride**2 * np.sqrt(3) / 2)
    assert len(index) == pytest.approx(expected, rel=0.05)
    halves = np.count_nonzero(index[:, 1] < 150), np.count_nonzero(index[:, 2] < 140)
    assert np.array(halves) == pytest.approx(len(index) / 2, rel=0.07)


def test_points_come_slice_by_slice_and_row_by_row_there_and_back():
    index = index_of(hexagonal_grid(STRAIGHT, 8))
    assert (np.diff(index[:, 0]) >= 0).all()
    assert set(index[:, 0]) == {0, 1, 2}
    first = index[index[:, 0] == 0][:, 1:]
    assert (np.diff(first[:, 0]) >= 0).all()
    steps = np.linalg.norm(np.diff(first, axis=0), axis=1)
    assert steps.max() < 12.5
    assert np.array_equal(first, index[index[:, 0] == 2][:, 1:])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_may_lie_across_any_axis_of_any_grid(axis):
    oblique = Geometry((20, 24, 28), OBLIQUE)
    index = index_of(hexagonal_grid(oblique, 6, axis), oblique)
    across = index[:, axis]
    assert set(across) == set(range(oblique.shape[axis]))
    assert (np.diff(across) >= 0).all()
    assert np.allclose(oblique.to_continuous_index(hexagonal_grid(oblique, 6, axis)), index)


def test_a_stride_in_mm_is_the_same_distance_both_ways():
    flat = Geometry((1, 90, 60), np.diag([3.0, 1.0, 5.0, 1.0]))
    points = hexagonal_grid(flat, 12.0, unit="mm")
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(away, np.inf)
    inner = points[(points[:, 1] > 20) & (points[:, 1] < 70) & (abs(points[:, 0] - 90) < 60)]
    assert len(inner) > 5
    nearest = away.min(axis=1)
    assert nearest.min() > 12 - 3.2
    assert nearest.max() < 12 + 3.2


@pytest.mark.parametrize(
    ("stride", "axis", "unit", "message"),
    [
        (1.5, 0, "voxels", "allowed is 2 voxels or more"),
        (2.0, 0, "mm", "allowed is 3 mm or more"),
        (0, 0, "voxels", "got a stride of 0"),
        (float("nan"), 0, "voxels", "got a stride of nan"),
        (float("inf"), 0, "voxels", "got a stride of inf"),
        (500, 0, "voxels", "no point falls on a slice of 60 x 50 voxels"),
        (8, 3, "voxels", "got axis 3"),
        (8, 0, "cm", "unit 'cm'"),
    ],
)
def test_what_gives_no_grid_is_told(stride, axis, unit, message):
    with pytest.raises(ValueError, match=message):
        hexagonal_grid(STRAIGHT, stride, axis, unit)


def points_at(index, labels, geometry=STRAIGHT):
    return PointGrid(geometry.to_ras(np.array(index)), np.array(labels))


def test_points_become_discs_on_their_slice():
    labels = padded(points_at([(1, 30, 20)], [3]), STRAIGHT, 4).labels
    assert (labels[[0, 2]] == -1).all()
    j, i = np.mgrid[:60, :50]
    inside = (j - 30) ** 2 + (i - 20) ** 2 <= 16
    assert np.array_equal(labels[1], np.where(inside, 3, -1))


def test_between_two_labels_the_nearer_one_wins_and_a_tie_stays_unlabeled():
    labels = padded(points_at([(1, 30, 20), (1, 30, 26)], [1, 0]), STRAIGHT, 5).labels
    assert labels[1, 30].tolist()[20:27] == [1, 1, 1, -1, 0, 0, 0]
    same = padded(points_at([(1, 30, 20), (1, 30, 26)], [1, 1]), STRAIGHT, 5).labels
    assert same[1, 30].tolist()[20:27] == [1] * 7


def test_a_labeled_point_keeps_its_label_whatever_lies_around_it():
    ring = [(1, 30 + a, 20 + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    points = points_at(ring, [2 if (a, b) == (30, 20) else 1 for _, a, b in ring])
    for radius in (0, 1, 6):
        labels = padded(points, STRAIGHT, radius).labels
        assert [labels[one] for one in ring] == points.labels.tolist()


def test_discs_lie_across_the_axis_that_is_asked_for():
    geometry = Geometry((20, 24, 28), OBLIQUE)
    labels = padded(points_at([(10, 12, 14)], [1], geometry), geometry, 3, axis=2).labels
    assert set(np.argwhere(labels == 1)[:, 2]) == {14}
    assert np.count_nonzero(labels == 1) == 29


def test_points_that_cannot_be_padded_are_told():
    with pytest.raises(ValueError, match="1 positions outside the image"):
        padded(PointGrid(np.array([[0.0, 0.0, 900.0]]), np.array([1])), STRAIGHT, 2)
    with pytest.raises(ValueError, match="two labels on one voxel"):
        padded(points_at([(1, 2, 3), (1, 2, 3)], [1, 0]), STRAIGHT, 2)
    with pytest.raises(ValueError, match="got a radius of -1"):
        padded(points_at([(1, 2, 3)], [1]), STRAIGHT, -1)
    nothing = padded(PointGrid(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)), STRAIGHT, 2)
    assert not nothing.labeled.any()

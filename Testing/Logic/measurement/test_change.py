"""Lesions measured, compared with an earlier study, and judged by RECIST 1.1."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import DenseMask
from ImperfectSegLogic.measurement.change import compare_lesions
from ImperfectSegLogic.measurement.diameters import Diameters
from ImperfectSegLogic.measurement.lesions import Lesion, measure_lesions
from Testing.Logic.methods.phantoms import ball, grid


def lesion(label, long_mm, short_mm=None):
    """A lesion of given diameters; not there if 0."""
    if not long_mm:
        return Lesion(label, f"lesion {label}", 0, 0.0, None)
    short = long_mm if short_mm is None else short_mm
    ends = [np.array([[0.0, 0, 0], [n, 0, 0]]) for n in (long_mm, short)]
    return Lesion(label, f"lesion {label}", 9, 1.0, Diameters(0, 0, *ends))


def response(now, prior, nodes=()):
    now, prior = ([lesion(n, *size) for n, size in one.items()] for one in (now, prior))
    return compare_lesions(now, prior, nodes)


@pytest.mark.parametrize(
    ("now", "prior", "expected"),
    [
        ({1: (0,), 2: (0,)}, {1: (20,), 2: (15,)}, "CR"),
        ({}, {1: (20,)}, "CR"),
        ({1: (14.0,)}, {1: (20,)}, "PR"),
        ({1: (14.1,)}, {1: (20,)}, "SD"),
        ({1: (24.9,)}, {1: (20,)}, "SD"),  # 4.9 mm more: 24 %, but less than 5 mm.
        ({1: (25.0,)}, {1: (20,)}, "PD"),
        ({1: (119.0,)}, {1: (100,)}, "SD"),  # 19 mm more, but less than 20 %.
        ({1: (120.0,)}, {1: (100,)}, "PD"),
        ({1: (10,), 2: (22,)}, {1: (20,), 2: (20,)}, "SD"),
        ({1: (5,), 2: (6,)}, {1: (20,)}, "PD"),  # A new one, whatever the others do.
        ({1: (30,)}, {1: (9,)}, "NE"),
    ],
)
def test_sums_of_diameters_give_the_category(now, prior, expected):
    assert response(now, prior).response == expected


def test_nodes_count_by_their_short_axis():
    found = response({1: (30, 9)}, {1: (30, 16)}, nodes=(1,))
    assert found.response == "CR"
    assert (found.sum_mm, found.prior_sum_mm) == (9, 16)
    assert response({1: (30, 10)}, {1: (30, 16)}, nodes=(1,)).response == "PR"
    assert response({1: (30, 10)}, {1: (30, 14)}, nodes=(1,)).response == "NE"
    assert response({1: (20,), 2: (30, 9)}, {1: (20,)}, nodes=(2,)).response == "SD"
    assert response({1: (20,), 2: (30, 10)}, {1: (20,)}, nodes=(2,)).response == "PD"
    with pytest.raises(ValueError, match="label 7"):
        response({1: (20,)}, {1: (20,)}, nodes=(7,))


def test_what_was_not_measurable_is_no_target():
    found = response({1: (20,), 2: (40,)}, {1: (20,), 2: (9,)})
    assert [one.is_target for one in found.lesions] == [True, False]
    assert (found.response, found.sum_mm) == ("SD", 20)


def test_a_ball_has_its_volume_and_diameters():
    geometry = grid((12, 50, 50), spacing=(2.5, 0.8, 0.8), degrees=20.0)
    labels = 2 * ball(geometry, (6, 25, 25), 9.0).astype(np.int16)
    labels[0, 0, 0] = 5
    found = measure_lesions(DenseMask(labels, geometry), {7: "gone", 2: "tumor"})
    assert [(one.label, one.name) for one in found] == [(2, "tumor"), (5, "lesion 5"), (7, "gone")]
    assert found[0].volume_ml == pytest.approx(4 / 3 * np.pi * 0.9**3, rel=0.03)
    assert found[0].long_mm == pytest.approx(18, abs=1.5)
    assert found[0].short_mm == pytest.approx(18, abs=1.5)
    assert found[1].volume_ml == pytest.approx(2.5 * 0.8 * 0.8 / 1000)
    assert (found[2].voxels, found[2].long_mm, found[2].diameters) == (0, 0.0, None)


def test_parts_are_lesions_of_their_own_largest_first():
    geometry = grid((5, 20, 20))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[1, 2:4, 2:4] = 1
    labels[2:4, 10:15, 10:15] = 1
    found = measure_lesions(DenseMask(labels, geometry), parts=True)
    assert [one.voxels for one in found] == [50, 4]
    assert [one.label for one in found] == [1, 2]
    both = measure_lesions(DenseMask(labels, geometry))
    assert [one.voxels for one in both] == [54]
    assert both[0].long_mm < 8  # Of the larger part, not from one part to the other.

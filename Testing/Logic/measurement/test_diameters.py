"""Diameters of masks, against shapes whose diameters are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from ImperfectSegLogic.data import Geometry
from ImperfectSegLogic.measurement.diameters import diameters, slice_axis
from ImperfectSegLogic.measurement.recist_marks import recist_mark
from Testing.Logic.methods.phantoms import ball, grid

OBLIQUE = grid((12, 40, 50), spacing=(4.0, 0.8, 0.5), degrees=37.0)


def rectangle(geometry, k=5, rows=(10, 21), columns=(15, 40)):
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[k, slice(*rows), slice(*columns)] = True
    return mask


@pytest.mark.parametrize(
    ("ends", "height", "width"),
    [("corners", 11 * 0.8, 25 * 0.5), ("centers", 10 * 0.8, 24 * 0.5)],
)
def test_a_rectangle_on_an_oblique_grid_is_measured_exactly(ends, height, width):
    found = diameters(rectangle(OBLIQUE), OBLIQUE, ends=ends)
    diagonal = np.hypot(height, width)
    assert (found.axis, found.index) == (0, 5)
    assert found.long_mm == pytest.approx(diagonal)
    # The widest place across the diagonal is at a corner: where a right triangle has its height,
    # and as far on to the opposite side.
    assert found.short_mm == pytest.approx(diagonal * height / width)
    one, other = found.long_axis[1] - found.long_axis[0], found.short_axis[1] - found.short_axis[0]
    assert one @ other == pytest.approx(0, abs=1e-9)


def test_the_diameters_are_the_longest_that_trying_all_finds():
    geometry = grid((1, 30, 30), spacing=(1.0, 0.7, 1.3))
    j, i = np.mgrid[:30, :30]
    mask = ((j - 14.3) / 9) ** 2 + ((0.5 * (j - 14) + i - 15.2) / 6) ** 2 <= 1
    found = diameters(mask[np.newaxis], geometry, ends="centers")
    points = geometry.to_ras(np.argwhere(mask[np.newaxis]).astype(float))
    apart = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
    assert found.long_mm == pytest.approx(apart.max())
    along = (found.long_axis[1] - found.long_axis[0]) / found.long_mm
    corners = np.argwhere(mask)[ConvexHull(np.argwhere(mask)).vertices]
    share = np.linspace(0, 1, 60)[:, np.newaxis, np.newaxis]
    border = (corners + share * (np.roll(corners, -1, axis=0) - corners)).reshape(-1, 2)
    places = geometry.to_ras(np.insert(border, 0, 0, axis=1))
    t, s = places @ along, places @ np.cross((0, 0, 1), along)
    nearly = np.abs(t[:, np.newaxis] - t) < 0.02
    widest = np.abs(s[:, np.newaxis] - s)[nearly].max()
    assert found.short_mm == pytest.approx(widest, abs=0.15)


def test_the_ends_lie_on_the_slice_with_the_largest_connected_area():
    mask = rectangle(OBLIQUE)
    mask[8, ::3, ::3] = True  # More voxels in all, but none hang together.
    found = diameters(mask, OBLIQUE)
    assert found.index == 5
    ends = OBLIQUE.to_continuous_index(np.concatenate([found.long_axis, found.short_axis]))
    np.testing.assert_allclose(ends[:, 0], 5, atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_along_every_axis_can_be_measured(axis):
    geometry = grid((31, 31, 31), degrees=25.0)
    mask = np.moveaxis(rectangle(grid((31, 31, 31)), rows=(5, 12), columns=(5, 29)), 0, axis)
    found = diameters(mask, geometry, axis, ends="corners")
    assert (found.axis, found.index) == (axis, 5)
    assert found.long_mm == pytest.approx(25.0)


def test_a_sheared_grid_is_measured_in_the_patient():
    matrix = np.array([[1.0, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
    geometry = Geometry((3, 20, 20), matrix)
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[1, 5:11, 8] = True
    found = diameters(mask, geometry, 0, ends="centers")
    assert found.long_mm == pytest.approx(5 * np.hypot(0.5, 1.0))


def test_a_single_voxel_and_a_line_have_sizes():
    geometry = grid((4, 9, 9), spacing=(3.0, 1.0, 1.0))
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[2, 4, 4] = True
    assert diameters(mask, geometry).long_mm == pytest.approx(1.0)
    assert diameters(mask, geometry, ends="centers").long_mm == 0
    mask[2, 4, 2:7] = True
    found = diameters(mask, geometry)
    assert (found.long_mm, found.short_mm) == pytest.approx((5.0, 1.0))
    assert diameters(mask, geometry, ends="centers").short_mm == 0


def test_thick_slices_are_measured_and_else_axial_ones():
    assert slice_axis(grid((9, 9, 9), spacing=(1.0, 3.0, 1.0))) == 1
    assert slice_axis(grid((9, 9, 9))) == 0
    sagittal = np.array([[0.0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    assert slice_axis(Geometry((9, 9, 9), sagittal)) == 2
    assert slice_axis(Geometry((9, 1, 9), np.eye(4))) == 1


def test_an_empty_mask_or_another_grid_is_refused():
    with pytest.raises(ValueError, match="empty mask"):
        diameters(np.zeros(OBLIQUE.shape, dtype=bool), OBLIQUE)
    with pytest.raises(ValueError, match="equal shapes"):
        diameters(np.ones((2, 3, 4)), OBLIQUE)


@pytest.mark.parametrize("degrees", [0.0, 37.0])
def test_simulated_marks_end_in_the_lesion_and_cross(degrees):
    geometry = grid((9, 40, 40), spacing=(3.0, 1.0, 1.0), degrees=degrees)
    mask = ball(geometry, (4, 20, 20), 11.0)
    mask[:, 18:23, 20:] = False  # A bite out of it.
    mark = recist_mark(mask, geometry, 0, label=3)
    assert mark.label == 3
    ends = np.concatenate([mark.long_axis, mark.short_axis])
    assert mask[tuple(geometry.to_index(ends).T)].all()
    long_mm, short_mm = (np.linalg.norm(e[1] - e[0]) for e in (mark.long_axis, mark.short_axis))
    assert 20 < long_mm <= 22
    assert 8 < short_mm <= long_mm
    along = (mark.long_axis[1] - mark.long_axis[0]) / long_mm
    places = (mark.short_axis - mark.long_axis[0]) @ along
    assert places[0] == pytest.approx(places[1], abs=1e-6)
    assert 0 <= places[0] <= long_mm


def test_a_lesion_of_one_voxel_cannot_be_marked():
    mask = np.zeros(OBLIQUE.shape, dtype=bool)
    mask[3, 4, 5] = True
    with pytest.raises(ValueError, match="too small to be marked"):
        recist_mark(mask, OBLIQUE)

"""Strokes as voxels: each is rasterized once, whatever is counted or saved how often."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import UNLABELED, Geometry, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels

GRID = Geometry((6, 20, 24), np.diag([1.0, 1.5, 3.0, 1.0]))


def stroke(row, label=1, radius=1.0):
    ends = GRID.to_ras(np.array([[2, row, 4], [3, row, 18]]))
    return Scribble(ends, radius=radius, label=label)


@pytest.fixture
def sparse(slicer_app, monkeypatch):
    """The module, and the strokes that it makes voxels of."""
    from ImperfectSegLib import SparseTaken

    made = []

    def counted(scribble, geometry):
        made.append(scribble)
        return scribble_voxels(scribble, geometry)

    monkeypatch.setattr(SparseTaken, "scribble_voxels", counted)
    SparseTaken._strokeVoxels.cache_clear()
    yield SparseTaken, made
    SparseTaken._strokeVoxels.cache_clear()


def labels_of(sparse, strokes, geometry=GRID):
    names = {0: "background", 1: "liver", 2: "tumor"}
    return sparse.Taken(geometry, names, tuple(strokes)).mask().labels


def expected(strokes, geometry=GRID):
    labels = np.full(geometry.shape, UNLABELED)
    for one in strokes:
        labels[tuple(scribble_voxels(one, geometry).T)] = one.label
    return labels


def test_one_more_stroke_makes_voxels_of_that_one_only(sparse):
    module, made = sparse
    strokes = [stroke(4), stroke(8, 2)]
    np.testing.assert_array_equal(labels_of(module, strokes), expected(strokes))
    assert len(made) == 2
    strokes.append(stroke(8, 0, radius=0.0))
    np.testing.assert_array_equal(labels_of(module, strokes), expected(strokes))
    assert len(made) == 3


def test_a_stroke_of_another_width_label_or_place_is_another_one(sparse):
    module, made = sparse
    for strokes in ([stroke(4)], [stroke(4, radius=3.0)], [stroke(4, 2)], [stroke(5)]):
        np.testing.assert_array_equal(labels_of(module, strokes), expected(strokes))
    assert len(made) == 3  # A label is no matter of voxels.


def test_an_image_of_another_grid_has_other_voxels(sparse):
    module, _ = sparse
    labels_of(module, [stroke(4)])
    shifted = GRID.ijk_to_ras.copy()
    shifted[1, 3] = 3.0
    for other in (Geometry(GRID.shape, shifted), Geometry((6, 20, 12), GRID.ijk_to_ras)):
        np.testing.assert_array_equal(
            labels_of(module, [stroke(4)], other), expected([stroke(4)], other)
        )

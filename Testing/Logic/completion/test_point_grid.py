"""A mask from labeled points."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion.hexagonal_grid import hexagonal_grid
from ImperfectSegLogic.completion.point_grid import complete_grid
from ImperfectSegLogic.data import PointGrid
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from Testing.Logic.completion.stacks import dice, stack
from Testing.Logic.methods.phantoms import ball, grid

GRID = grid((7, 40, 42), degrees=25.0)
TRUTH = ball(GRID, (3, 20, 21), 10.0).astype(int)


def test_a_hexagonal_grid_of_points_becomes_a_mask():
    positions = hexagonal_grid(GRID, 9)
    labels = TRUTH[tuple(GRID.to_index(positions).T)]
    engine = interactive_segmenter("geodesic-walker")
    done = complete_grid(stack(TRUTH, GRID), PointGrid(positions, labels), engine)
    found = done.prediction.full_labels()
    assert dice(found == 1, TRUTH == 1) > 0.9
    np.testing.assert_array_equal(found[tuple(GRID.to_index(positions).T)], labels)


def test_points_that_disagree_about_a_voxel_are_refused():
    at = GRID.to_ras([(3, 20, 21), (3.2, 20, 21)])
    with pytest.raises(ValueError, match=r"label 1 and label 0 for the voxel \[3, 20, 21\]"):
        complete_grid(stack(TRUTH, GRID), PointGrid(at, np.array([1, 0])))


def test_points_outside_the_image_are_refused():
    at = GRID.to_ras([(3, 20, 21), (3, 20, 99)])
    with pytest.raises(ValueError, match="1 points outside the image"):
        complete_grid(stack(TRUTH, GRID), PointGrid(at, np.array([1, 0])))

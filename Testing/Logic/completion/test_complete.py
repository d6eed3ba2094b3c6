"""One case with sparse marks, whatever kind they are."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ImperfectSegLogic.completion.complete import complete
from ImperfectSegLogic.data import Case, PointGrid, Recist, RecistMarks
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from Testing.Logic.completion.stacks import dice, only, stack, tube
from Testing.Logic.methods.phantoms import ball, grid

GRID = grid((9, 36, 38))
TRUTH = tube(GRID.shape, bend=0.3).astype(int)
VOLUME = stack(TRUTH, GRID).volume


def points() -> PointGrid:
    index = np.argwhere(np.random.default_rng(0).random(GRID.shape) < 0.01)
    return PointGrid(GRID.to_ras(index), TRUTH[tuple(index.T)])


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("slices", only(TRUTH, GRID, (0, 4, 8))),
        ("scribbles", only(TRUTH, GRID, (0, 4, 8))),
        ("grid", points()),
    ],
)
def test_each_kind_of_marks_becomes_a_mask(kind, marks):
    engine = interactive_segmenter("geodesic-walker") if kind != "slices" else None
    done = complete(Case(VOLUME, "tube", marks), kind, engine)
    assert dice(done.prediction.full_labels() == 1, TRUTH == 1) > 0.85


def test_two_diameters_become_a_mask_and_other_slices_are_wanted():
    truth = ball(GRID, (4, 18, 19), 7.0)
    ends = GRID.to_ras([(4, 11.5, 19), (4, 24.5, 19), (4, 18, 12.5), (4, 18, 25.5)])
    marks = RecistMarks((Recist(ends[:2], ends[2:]),))
    done = complete(Case(stack(truth.astype(int), GRID).volume, "ball", marks), "recist")
    assert dice(done.prediction.full_labels() == 1, truth) > 0.7
    assert all(one.axis == 0 and one.index != 4 for one in done.wanted)


def test_another_kind_of_annotation_is_refused():
    with pytest.raises(
        ValueError, match="case tube: got SparseMask, allowed for grid is PointGrid"
    ):
        complete(Case(VOLUME, "tube", only(TRUTH, GRID, (0,))), "grid")
    with pytest.raises(ValueError, match="case tube: got no annotation"):
        complete(Case(VOLUME, "tube"), "slices")


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="got 'frames', allowed are recist, scribbles"):
        complete(Case(VOLUME, "tube"), "frames")


def test_completing_slices_needs_no_torch():
    code = "import ImperfectSegLogic.completion.complete, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

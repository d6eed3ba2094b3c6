import itertools

import numpy as np
import pytest

from ImperfectSegLogic.data import Box, Click, Lasso, Recist, Scribble

SIGNS = list(itertools.product((-1, 1), (-1, 1), (27, 33)))
LINE = [(0, 0, 0), (1, 0, 0), (1, 1, 0)]


def test_what_is_given_is_kept_as_it_was():
    points = np.array(LINE, dtype=float)
    scribble = Scribble(points, 2.0, label=3, positive=False)
    points[0] = 9
    assert scribble.points.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert (scribble.radius, scribble.label, scribble.positive) == (2.0, 3, False)
    with pytest.raises(ValueError, match="read-only"):
        scribble.points[0] = 9


@pytest.mark.parametrize(
    "make",
    [
        lambda: Click((1, 2)),
        lambda: Click((1, 2, np.nan)),
        lambda: Click((1, 2, np.inf)),
        lambda: Scribble([]),
        lambda: Scribble([(1, 2)]),
        lambda: Scribble(LINE, -1.0),
        lambda: Scribble(LINE, float("nan")),
        lambda: Lasso(LINE[:2]),
        lambda: Recist(LINE, LINE[:2]),
        lambda: Recist(LINE[:2], LINE[:1]),
        lambda: Box((0, 0, 0), (1, 1, -1)),
        lambda: Box((0, 0, 0), (1, 1, 1), np.ones((3, 3))),
        lambda: Box((0, 0, 0), (1, 1)),
    ],
)
def test_refuses_what_is_nowhere(make):
    with pytest.raises(ValueError, match=r": got .*allowed"):
        make()


@pytest.mark.parametrize("label", [-1, 1.5])
def test_refuses_a_label_that_is_none(label):
    with pytest.raises(ValueError, match=f"prompt label: got {label}"):
        Click((0, 0, 0), label=label)


def test_refuses_not_background():
    with pytest.raises(ValueError, match="negative background"):
        Click((0, 0, 0), label=0, positive=False)


def test_corners_of_a_turned_box():
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    corners = Box((10, 20, 30), (2, 10, 6), turn).corners
    wanted = [(10 + s * 0.6 - t * 4, 20 + s * 0.8 + t * 3, z) for s, t, z in SIGNS]
    assert sorted(corners.round(9).tolist()) == sorted(map(list, np.round(wanted, 9)))

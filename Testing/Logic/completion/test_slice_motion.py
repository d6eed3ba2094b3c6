"""How structures move from slice to slice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ImperfectSegLogic.completion.slice_motion import MOST_PIXELS, slice_motion


def moving(shape, step: float, count: int = 5) -> np.ndarray:
    """Gives a smooth picture that moves `step` pixels down from slice to slice."""
    rng = np.random.default_rng(3)
    rows, columns = shape
    flat = gaussian_filter(rng.normal(0, 1, (rows + 40, columns)), 4)
    flat = (flat - flat.min()) / np.ptp(flat)
    starts = [20 - round(step * k) for k in range(count)]
    return np.stack([flat[s : s + rows] for s in starts]).astype(np.float32)


@pytest.mark.parametrize("shape", [(48, 52), (180, 190)])
def test_motion_adds_up_to_the_annotated_slices(shape):
    assert (np.prod(shape) > MOST_PIXELS) == (shape[0] > 100)
    found = slice_motion(moving(shape, 2.0), (0, 4))
    inside = (slice(16, -16), slice(16, -16))
    for k in (1, 2, 3):
        assert np.median(found.before[k, 0][inside]) == pytest.approx(-2 * k, abs=0.3)
        assert np.median(found.after[k, 0][inside]) == pytest.approx(2 * (4 - k), abs=0.3)
        assert np.abs(np.median(found.before[k, 1][inside])) < 0.2
    assert not found.before[0].any()
    assert found.sources.tolist() == [[0, 0, 0, 0, 4], [0, 4, 4, 4, 4]]


def test_beyond_the_annotated_slices_there_is_one_side_only():
    found = slice_motion(moving((48, 52), 1.0), (2,))
    assert found.sources.tolist() == [[-1, -1, 2, 2, 2], [2, 2, 2, -1, -1]]


def test_slices_without_room_for_a_window_do_not_move():
    assert not slice_motion(moving((10, 52), 1.0), (0, 4)).before.any()

"""A mask on one frame becomes one on each frame of a sequence."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion import across_time
from ImperfectSegLogic.completion.across_time import complete_frames
from ImperfectSegLogic.completion.registration import Deformation
from ImperfectSegLogic.data import Case, DenseMask
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from Testing.Logic.completion.stacks import dice
from Testing.Logic.methods.phantoms import ball, grid, picture

GRID = grid((3, 48, 52), (10.0, 1.5, 1.5), degrees=15.0)
RADII = (18.0, 16.5, 15.0)


def truth(radius: float) -> np.ndarray:
    """Gives a ring with a core, on every slice alike."""
    flat = grid((1, 48, 52), (10.0, 1.5, 1.5))
    core, ring = (ball(flat, (0, 24, 26), r) for r in (0.6 * radius, radius))
    return np.repeat(np.where(core, 2, ring.astype(int)), 3, axis=0)


TRUTHS = [truth(radius) for radius in RADII]


def frames(geometry=GRID) -> list[Case]:
    made = []
    for n, labels in enumerate(TRUTHS):
        volume = picture(geometry, [(labels == 1, 150.0), (labels == 2, 200.0)], seed=n)
        made.append(Case(volume, f"frame{n}"))
    return made


def test_a_mask_follows_a_beating_ring():
    done = complete_frames(frames(), {0: DenseMask(TRUTHS[0], GRID)})
    last = done[2].prediction.full_labels()
    for label in (1, 2):
        still = dice(TRUTHS[0] == label, TRUTHS[2] == label)
        assert dice(last == label, TRUTHS[2] == label) > still + 0.03
        assert dice(last == label, TRUTHS[2] == label) > 0.7
    np.testing.assert_array_equal(done[0].prediction.full_labels(), TRUTHS[0])
    assert done[0].prediction.entropy().max() < 1e-6
    assert done[0].wanted == ()


def test_where_the_way_there_and_back_does_not_close_it_is_less_certain(monkeypatch):
    sequence = frames()[:2]

    def entropy(back: float) -> float:
        def register(fixed, moving, progress=None):
            offsets = np.zeros((3, *GRID.shape), dtype=np.float32)
            offsets[2] = 2.0 if fixed is sequence[1].volume else back
            return Deformation(offsets, GRID)

        monkeypatch.setattr(across_time, "register", register)
        done = complete_frames(sequence, {0: DenseMask(TRUTHS[0], GRID)})
        assert all(one.axis == 0 for one in done[1].wanted)
        return float(done[1].prediction.entropy().sum())

    assert entropy(back=1.0) > 1.3 * entropy(back=-2.0) > 0


def test_two_annotated_frames_are_better_than_one_in_the_middle():
    one = complete_frames(frames(), {0: DenseMask(TRUTHS[0], GRID)})[1]
    masks = {0: DenseMask(TRUTHS[0], GRID), 2: DenseMask(TRUTHS[2], GRID)}
    two = complete_frames(frames(), masks)[1]
    scores = [dice(c.prediction.full_labels() == 1, TRUTHS[1] == 1) for c in (one, two)]
    assert scores[1] >= scores[0] - 0.01
    assert scores[1] > 0.85


def test_frames_on_two_grids_are_refused_and_both_named():
    mixed = frames()
    mixed[2] = frames(grid((3, 48, 52), (8.0, 1.5, 1.5)))[2]
    with pytest.raises(ValueError, match="frame0, frame2"):
        complete_frames(mixed, {0: DenseMask(TRUTHS[0], GRID)})


def test_a_sequence_without_a_mask_is_refused():
    with pytest.raises(ValueError, match="one or more from 0 to 2"):
        complete_frames(frames(), {})
    with pytest.raises(ValueError, match=r"frames \[3\] of 3"):
        complete_frames(frames(), {3: DenseMask(TRUTHS[0], GRID)})


def test_it_can_be_cancelled():
    progress = Progress()
    progress.cancel()
    with pytest.raises(CancelledError):
        complete_frames(frames(), {0: DenseMask(TRUTHS[0], GRID)}, progress)

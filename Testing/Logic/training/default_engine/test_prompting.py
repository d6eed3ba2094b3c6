import numpy as np
import pytest

from ImperfectSegLogic.data import Box, Click, Geometry, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import (
    box_voxels,
    click_voxels,
    scribble_voxels,
)
from ImperfectSegLogic.synthetic.tasks import synthetic_task
from ImperfectSegLogic.training.default_engine.prompting import correction, first_prompts


def voxels_of(prompt, geometry: Geometry):
    read = {Click: click_voxels, Scribble: scribble_voxels, Box: box_voxels}
    return tuple(read[type(prompt)](prompt, geometry).T)


@pytest.mark.parametrize("dims", [2, 3])
def test_nobody_ever_points_at_what_is_not_so(dims):
    kinds = set()
    for seed in range(25):
        task = synthetic_task(dims, (seed,))
        geometry = task.volume.geometry
        rng = np.random.default_rng(seed)
        prompts = first_prompts(task.truth, geometry, rng)
        mask = np.roll(task.truth, 5, axis=2)
        fixed = correction(mask, task.truth, geometry, rng)
        for prompt in (*prompts, fixed):
            kinds.add(type(prompt))
            inside = task.truth[voxels_of(prompt, geometry)]
            if isinstance(prompt, Box):
                assert inside.sum() == task.truth.sum()
            elif prompt.positive and prompt.label:
                assert inside.all()
            else:
                assert not inside.any()
    assert kinds == {Click, Scribble, Box}


def test_a_correction_is_in_the_largest_error_and_there_is_none_where_all_is_right():
    geometry = Geometry((1, 40, 40), np.eye(4))
    truth = np.zeros((1, 40, 40), dtype=bool)
    truth[0, 5:25, 5:25] = True
    mask = truth.copy()
    mask[0, 6:8, 6:8] = False  # Small: 4 voxels.
    mask[0, 28:38, 28:38] = True  # Large, and too much.
    for seed in range(10):
        prompt = correction(mask, truth, geometry, np.random.default_rng(seed))
        at = voxels_of(prompt, geometry)
        assert (at[1] >= 28).all()
        assert not (prompt.positive and prompt.label)
    assert correction(truth, truth, geometry, np.random.default_rng(0)) is None

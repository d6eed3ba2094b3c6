"""A mask straight from scribbles, and what annotators disagree about."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.completion.scribble_prompts import merged, prompts_of
from ImperfectSegLogic.completion.scribbles import complete_scribbles
from ImperfectSegLogic.data import UNLABELED, Click, Scribble, SparseMask
from ImperfectSegLogic.methods.catalog import interactive_segmenter
from ImperfectSegLogic.methods.scarce.interactive.seeds import read_prompts
from Testing.Logic.completion.stacks import dice, stack
from Testing.Logic.methods.phantoms import ball, grid

GRID = grid((9, 32, 34), degrees=20.0)
TRUTH = ball(GRID, (4, 16, 17), 7.0).astype(int)
FLAT = grid((1, 40, 42))
DISK = ball(FLAT, (0, 20, 21), 9.0).astype(int)


def walker():
    return interactive_segmenter("geodesic-walker")


def marks(geometry, *places) -> SparseMask:
    labels = np.full(geometry.shape, UNLABELED)
    for at, label in places:
        labels[at] = label
    return SparseMask(labels, geometry)


def test_every_labeled_voxel_becomes_a_prompt_and_no_other():
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(GRID.shape) < 0.1, rng.integers(0, 4, GRID.shape), UNLABELED)
    prompts = prompts_of(SparseMask(labels, GRID), ("Scribble",))
    seeds = read_prompts(prompts, GRID, ("Scribble",))
    back = np.full(GRID.shape, UNLABELED)
    back[tuple(seeds.voxels.T)] = seeds.labels
    np.testing.assert_array_equal(back, labels)
    assert (seeds.ranks[seeds.labels > 0] == 0).all()


def test_segmenters_without_strokes_get_clicks():
    mask = marks(FLAT, ((0, 20, slice(18, 22)), 1))
    assert [type(p) for p in prompts_of(mask, ("Click",))] == [Click] * 4
    assert [type(p) for p in prompts_of(mask, ("Click", "Scribble"))] == [Scribble]
    with pytest.raises(ValueError, match="takes Box"):
        prompts_of(mask, ("Box",))


@pytest.mark.parametrize(("geometry", "truth"), [(GRID, TRUTH), (FLAT, DISK)])
def test_a_scribble_of_one_voxel_works(geometry, truth):
    at = tuple(n // 2 for n in geometry.shape)
    done = complete_scribbles(stack(truth, geometry), marks(geometry, (at, 1)), walker())
    assert dice(done.prediction.full_labels() == 1, truth == 1) > 0.8


def test_labeled_voxels_are_certain():
    mask = marks(GRID, ((4, 16, slice(14, 20)), 1), ((4, 2, slice(3, 30)), 0))
    done = complete_scribbles(stack(TRUTH, GRID), mask, walker())
    given = mask.labeled
    whole = done.prediction.full_probabilities()
    assert (whole.max(axis=0)[given] == 1).all()
    np.testing.assert_array_equal(done.prediction.full_labels()[given], mask.labels[given])


def test_thick_slices_that_all_have_labels_are_answered_one_by_one():
    geometry = grid((3, 40, 42), (10.0, 1.0, 1.0))
    truth = np.concatenate([DISK, DISK, np.zeros_like(DISK)])
    case = stack(np.concatenate([DISK, DISK, DISK]), geometry)
    background = ((slice(None), 2, slice(3, 30)), 0)
    mask = marks(geometry, background, ((slice(0, 2), 20, slice(18, 24)), 1))
    found = complete_scribbles(case, mask, walker()).prediction.full_labels()
    assert dice(found == 1, truth == 1) > 0.9
    assert not found[2].any()


def test_scribbles_of_background_only_are_refused():
    with pytest.raises(ValueError, match="none of them of a structure"):
        complete_scribbles(stack(DISK, FLAT), marks(FLAT, ((0, 3, 4), 0)), walker())


def test_two_annotators_who_agree_are_joined():
    one, other = marks(FLAT, ((0, 1, 1), 1)), marks(FLAT, ((0, 1, slice(1, 3)), 1))
    both = merged({"ann": one, "bob": other})
    np.testing.assert_array_equal(both.labels, other.labels)


def test_annotators_who_disagree_are_named_unless_one_is_preferred():
    one, other = marks(FLAT, ((0, 1, 1), 1)), marks(FLAT, ((0, 1, slice(1, 3)), 2))
    with pytest.raises(ValueError, match=r"ann and bob: .*1 by ann and 2 by bob at \[0, 1, 1\]"):
        merged({"ann": one, "bob": other})
    assert merged({"ann": one, "bob": other}, "bob").labels[0, 1, 1] == 2
    kept = merged({"ann": one, "bob": other}, "ann").labels
    assert (kept[0, 1, 1], kept[0, 1, 2]) == (1, 2)


def test_two_others_who_disagree_are_refused_whoever_else_is_preferred():
    one, other = marks(FLAT, ((0, 5, 5), 1)), marks(FLAT, ((0, 5, 5), 2))
    with pytest.raises(ValueError, match="ann and bob"):
        merged({"cem": marks(FLAT, ((0, 1, 1), 1)), "ann": one, "bob": other}, "cem")


def test_a_preferred_annotator_who_is_not_there_is_refused():
    with pytest.raises(ValueError, match="got 'cem', there are ann"):
        merged({"ann": marks(FLAT, ((0, 1, 1), 1))}, "cem")

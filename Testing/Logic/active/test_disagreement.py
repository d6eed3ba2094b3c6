"""Two readers of a unit are compared within it, and their annotations become one."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active.disagreement import disagreements, kappa, resolve, staple
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import UNLABELED, ImageLabels, SparseMask
from Testing.Logic.active.queues import make_queue
from Testing.Logic.data.phantom_cases import GRID, MATRIX, SHAPE, dense, same


def read(folder, name, *masks):
    """A data set and a unit that was read by as many annotators as there are masks."""
    queue = make_queue(folder / "set", [name], readings=len(masks))
    for annotator, mask in zip(("ann", "bob", "eve"), masks, strict=False):
        queue.done(queue.next(annotator), mask)
    return queue.dataset, queue.items()[0]


def rows(first: int, last: int, name="case0@0:1", label=1) -> SparseMask:
    """Some rows of a slice have the label, the others are background."""
    labels = np.full(SHAPE, UNLABELED, np.int16)
    labels[parse(name).slices(SHAPE)] = 0
    labels[1, first:last] = label
    return SparseMask(labels, GRID)


def test_dice_hd95_and_kappa_are_of_the_unit_alone(tmp_path):
    dataset, item = read(tmp_path, "case0@0:1", rows(0, 3), rows(1, 4))
    (found,) = disagreements(dataset, item)
    assert (found.readers, found.label, found.voxels) == (("ann", "bob"), 1, 48)
    assert found.dice == pytest.approx(2 / 3)
    assert found.hd95 == pytest.approx(abs(MATRIX[1, 1]), rel=1e-5)
    assert found.kappa == pytest.approx((4 / 6 - 1 / 2) / (1 / 2))


def test_readers_who_agree_have_no_distance(tmp_path):
    dataset, item = read(tmp_path, "case0", dense(3), dense(3))
    for found in disagreements(dataset, item):
        assert (found.dice, found.hd95, found.kappa) == (1, 0, 1)
    assert {found.label for found in disagreements(dataset, item)} == {1, 2}


def test_a_label_that_one_reader_lacks_is_told_as_infinitely_far(tmp_path):
    dataset, item = read(tmp_path, "case0@0:1", rows(0, 3), rows(0, 3, label=2))
    found = disagreements(dataset, item)
    assert [(f.label, f.dice, f.hd95) for f in found] == [(1, 0, np.inf), (2, 0, np.inf)]
    assert [f.kappa for f in found] == [0, 0]


def test_voxels_that_one_reader_left_out_do_not_count(tmp_path):
    partly = np.array(rows(0, 3).labels)
    partly[1, 0] = UNLABELED
    dataset, item = read(tmp_path, "case0@0:1", rows(0, 3), SparseMask(partly, GRID))
    (found,) = disagreements(dataset, item)
    assert (found.voxels, found.dice, found.kappa) == (40, 1, 1)
    assert np.isnan(found.hd95)


def test_every_two_of_three_readers_are_compared(tmp_path):
    dataset, item = read(tmp_path, "case0@0:1", rows(0, 3), rows(1, 4), rows(0, 3))
    found = {f.readers: f.dice for f in disagreements(dataset, item)}
    assert found[("ann", "eve")] == 1
    assert found[("ann", "bob")] == found[("bob", "eve")] == pytest.approx(2 / 3)


def test_what_is_no_mask_cannot_be_compared(tmp_path):
    dataset, item = read(tmp_path, "case0", dense(), ImageLabels(frozenset({1})))
    with pytest.raises(ValueError, match="bob gave ImageLabels"):
        disagreements(dataset, item)


def test_kappa_is_what_the_book_says():
    one, other = np.zeros(100, bool), np.zeros(100, bool)
    one[:50] = other[:40] = other[50:60] = True  # 40 both, 10 and 10 one, 40 neither.
    assert kappa(one, other) == pytest.approx(0.6)
    assert kappa(one, ~one) == pytest.approx(-1)
    assert np.isnan(kappa(np.ones(3, bool), np.ones(3, bool)))
    assert np.isnan(kappa(np.zeros(0, bool), np.zeros(0, bool)))
    with pytest.raises(ValueError, match="kappa"):
        kappa(one, other[1:])


def test_staple_believes_the_reliable_readers_more_than_a_vote_does():
    rng = np.random.default_rng(0)
    truth = np.zeros((1, 40, 40), np.int32)
    truth[0, 5:20, 5:30], truth[0, 25:35, 10:30] = 3, 7
    masks = {}
    for n, wrong in enumerate((0.05, 0.1, 0.1, 0.7, 0.7)):
        anything = rng.choice([0, 3, 7], truth.shape)
        masks[f"reader{n}"] = np.where(rng.random(truth.shape) < wrong, anything, truth)
    found = staple(masks)
    votes = np.stack([np.sum([m == label for m in masks.values()], 0) for label in (0, 3, 7)])
    vote = np.array([0, 3, 7])[votes.argmax(axis=0)]
    assert set(np.unique(found)) <= {UNLABELED, 0, 3, 7}
    assert (found == truth).mean() > (vote == truth).mean() + 0.01


def test_staple_says_nothing_where_a_reader_said_nothing():
    one, other = np.array([[[0, 1, UNLABELED, 1]]]), np.array([[[0, 1, 1, UNLABELED]]])
    assert staple({"a": one, "b": other}).tolist() == [[[0, 1, UNLABELED, UNLABELED]]]
    nothing = np.full((1, 1, 2), UNLABELED)
    assert staple({"a": nothing, "b": nothing}).tolist() == nothing.tolist()


def test_readings_become_one_annotation_by_staple_or_by_the_reader_who_is_right(tmp_path):
    dataset, item = read(tmp_path, "case0@0:1", rows(0, 3), rows(0, 3), rows(0, 4))
    assert resolve(dataset, item) == 1
    assert same(dataset.case("case0", "consensus").annotation, rows(0, 3))
    assert resolve(dataset, item, by="eve", name="chief") == 1
    assert same(dataset.case("case0", "chief").annotation, rows(0, 4))
    assert dataset.annotators("case0") == ["ann", "bob", "chief", "consensus", "eve"]
    with pytest.raises(ValueError, match="read by"):
        resolve(dataset, item, by="nobody")


def test_a_volume_that_is_decided_everywhere_becomes_a_dense_mask(tmp_path):
    dataset, item = read(tmp_path, "case0", dense(3), dense(3))
    resolve(dataset, item)
    assert same(dataset.case("case0", "consensus").annotation, dense(3))


def test_one_reading_is_not_enough_for_staple(tmp_path):
    dataset, item = read(tmp_path, "case0", dense(3))
    with pytest.raises(ValueError, match="where there are two"):
        resolve(dataset, item)
    assert disagreements(dataset, item) == []

"""Which units a data set has, and which of them are labeled."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active.pool_units import Division, make_pool
from ImperfectSegLogic.active.unit import parse
from ImperfectSegLogic.data import UNLABELED, Dataset, SparseMask
from Testing.Logic.data.phantom_cases import EVERY_KIND, GRID, LABELS, SHAPE, dense, image


@pytest.fixture
def dataset(tmp_path):
    made = Dataset.create(tmp_path / "data", LABELS)
    for n in range(3):
        made.add_case(f"case{n}", image(n))
    return made


def names(units):
    return [unit.name() for unit in units]


def test_a_volume_a_slice_and_a_patch():
    assert names(Division("volume").units("a", SHAPE)) == ["a"]
    assert names(Division("slice", 2).units("a", SHAPE)) == [f"a@2:{n}" for n in range(8)]
    found = names(Division("patch", 0, (4, 8)).units("a", SHAPE))
    assert found[:3] == ["a@0:0+0,0:4x8", "a@0:0+2,0:4x8", "a@0:1+0,0:4x8"]


@pytest.mark.parametrize("patch", [(3, 3), (5, 4), (64, 2), (1, 1)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_patches_cover_every_voxel_and_are_of_one_size(axis, patch):
    seen = np.zeros(SHAPE, int)
    units = Division("patch", axis, patch).units("a", SHAPE)
    for unit in units:
        seen[unit.slices(SHAPE)] += 1
    assert seen.min() == 1
    assert len({unit.size for unit in units}) == 1


def test_a_unit_is_labeled_where_anybody_labeled_a_voxel(dataset):
    labels = np.full(SHAPE, UNLABELED, np.int16)
    labels[2, 0, 0] = 0
    dataset.annotate("case1", SparseMask(labels, GRID), "ann")
    dataset.annotate("case2", dense(), "bob")
    pool = make_pool(dataset, dataset.case_ids, Division("slice"))
    assert names(pool.labeled) == ["case1@0:2", *(f"case2@0:{n}" for n in range(4))]
    assert not set(pool.units) & set(pool.labeled)
    assert len(pool.units) == 7
    whole = make_pool(dataset, ["case1", "case0"], Division("volume"))
    assert (names(whole.units), names(whole.labeled)) == (["case0"], ["case1"])


def test_only_masks_label_units(dataset):
    for other in EVERY_KIND[3:]:
        dataset.annotate("case0", other, "ann")
    assert len(make_pool(dataset, ["case0"], Division("slice")).units) == 4


def test_only_the_newest_version_counts(dataset):
    dataset.annotate("case0", dense(), "ann")
    labels = np.full(SHAPE, UNLABELED, np.int16)
    labels[1] = 1
    dataset.annotate("case0", SparseMask(labels, GRID), "ann")
    pool = make_pool(dataset, ["case0"], Division("slice"))
    assert pool.labeled == (parse("case0@0:1"),)


@pytest.mark.parametrize("wrong", [("voxel", 0), ("slice", 3), ("patch", 0, (0, 4))])
def test_what_is_no_division_is_refused(wrong):
    with pytest.raises(ValueError, match="allowed are volume, slice, patch"):
        Division(*wrong)

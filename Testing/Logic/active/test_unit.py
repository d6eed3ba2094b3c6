"""Units of annotation, their names, and where they are in an image."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.active.unit import Unit, parse

NAMED = {
    "case": Unit("case"),
    "a.b+c-d_e": Unit("a.b+c-d_e"),
    "case@0:12": Unit("case", 0, 12),
    "case@2:0": Unit("case", 2, 0),
    "case@0:12+32,64:48x40": Unit("case", 0, 12, (32, 64), (48, 40)),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_name_and_its_unit_are_the_same_thing(name):
    assert NAMED[name].name() == name
    assert parse(name) == NAMED[name]


@pytest.mark.parametrize(
    "name",
    ["", "@0:1", "a/b", "a b", "case@", "case@3:1", "case@0", "case@0:-1", "case@0:01", "a@0:1+2,3",
     "a@0:1+2,3:0x4", "a@0:1+02,3:4x4", "a@0:1 ", "case@0:1\n", "case\n", "a@0:٣"],
)  # fmt: skip
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="got"):
        parse(name)


@pytest.mark.parametrize(
    "fields",
    [(-1, 3), (0, -1), (3, 0), (-1, -1, (0, 0), (1, 1)), (0, 1, (0, 0), ()), (0, 1, (0,), (1,)),
     (0, 1, (-1, 0), (1, 1)), (0, 1, (0, 0), (0, 1))],
)  # fmt: skip
def test_what_is_neither_volume_nor_slice_nor_patch_is_refused(fields):
    with pytest.raises(ValueError, match="allowed are a volume"):
        Unit("case", *fields)


@pytest.mark.parametrize(
    ("unit", "there"),
    [
        (Unit("c"), np.s_[:, :, :]),
        (Unit("c", 0, 3), np.s_[3:4, :, :]),
        (Unit("c", 1, 2), np.s_[:, 2:3, :]),
        (Unit("c", 2, 7), np.s_[:, :, 7:8]),
        (Unit("c", 0, 3, (1, 2), (4, 5)), np.s_[3:4, 1:5, 2:7]),
        (Unit("c", 1, 2, (1, 2), (2, 5)), np.s_[1:3, 2:3, 2:7]),
        (Unit("c", 2, 7, (1, 2), (2, 4)), np.s_[1:3, 2:6, 7:8]),
    ],
    ids=lambda x: x.name() if isinstance(x, Unit) else "",
)
def test_a_unit_is_where_its_name_says(unit, there):
    image = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    assert np.array_equal(image[unit.slices((4, 6, 8))], image[there])


@pytest.mark.parametrize("name", ["c@0:4", "c@2:8", "c@0:0+3,0:4x1", "c@2:0+0,3:1x4"])
def test_a_unit_that_reaches_out_of_its_image_is_told(name):
    with pytest.raises(ValueError, match="reaches out"):
        parse(name).slices((4, 6, 8))


def test_units_are_sorted_by_case_then_place():
    names = ["b", "a@1:0", "a@0:10", "a@0:2", "a"]
    assert [u.name() for u in sorted(map(parse, names))] == ["a", "a@0:2", "a@0:10", "a@1:0", "b"]

"""A data set that points to another one's images says of its cases what that one says."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import Dataset, DenseMask, Volume
from ImperfectSegLogic.data.datasets.linked import empty_like, link_case


@pytest.fixture
def both(tmp_path):
    given = Dataset.create(
        tmp_path / "given", {1: "liver", 4: "spleen"}, "Abdomens", "From two sites.", ("CT",)
    )
    image = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.diag([2.0, 2.0, 5.0, 1.0]))
    given.add_case("c1", image, subject="ann", source="site 2", labels=(4,))
    given.annotate("c1", DenseMask(np.zeros((3, 4, 5), np.uint8), image.geometry), "reader")
    made = empty_like(given, tmp_path / "made")
    link_case(given, made, "c1")
    return given, made


def test_labels_name_text_and_channels_are_the_same(both):
    given, made = both
    assert made.description == given.description
    assert made.folder != given.folder


def test_a_case_keeps_subject_source_and_labels_that_were_looked_for(both):
    old, new = (one.record("c1") for one in both)
    assert (new.subject, new.source, new.labels) == ("ann", "site 2", (4,))
    assert new.sha256 == old.sha256


def test_the_image_stays_where_it_is_and_annotations_are_not_taken_along(both):
    given, made = both
    paths = [one.record("c1").image_path(one.folder) for one in both]
    assert paths[0].samefile(paths[1])
    assert not list((made.folder / "cases" / "c1").glob("*.nii*"))
    assert made.find_version("c1") is None
    assert given.find_version("c1") is not None
    assert np.array_equal(made.case("c1").volume.array, given.case("c1").volume.array)

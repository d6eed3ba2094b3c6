"""Several refiners in a row, near segments only, and segmentations as probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from ImperfectSegLogic.data import Click, Region
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.crf.clean_up import CleanUp
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.label_probabilities import prediction_of_labels
from ImperfectSegLogic.refinement.near_segments import cut, pasted, region_near_segments
from ImperfectSegLogic.refinement.profile import Profile, Step, read_profile, write_profile
from Testing.Contracts.broken_refiners import Settings, Sound
from Testing.Contracts.refiner_scenes import LABELS, scene

WIDE = Step("planted-smoother", {"width": 4.0})


@pytest.fixture(autouse=True)
def refiners(monkeypatch):
    monkeypatch.setattr(catalog, "refiners", lambda: (Sound, CleanUp))


def surely(place: Region, label: int = 2):
    """A prediction that is sure of one box."""
    one = scene(3)
    values = np.zeros_like(one.prediction.probabilities)
    values[0] = 1
    at = place.slices
    values[(0, *at)] = 0
    values[(LABELS.index(label), *at)] = 1
    return one.with_probabilities(values)


def test_refiners_follow_each_other_and_progress_goes_on_rising():
    one, told = scene(3), []
    chain = Chain.of((WIDE, Step("clean-up", {"largest": 1})))
    progress = Progress(lambda fraction, _: told.append(fraction))
    found = chain.refine(one.case, one.prediction, (), progress)
    smooth = Sound(Settings(width=4.0)).refine(one.case, one.prediction)
    right = CleanUp(CleanUp.settings_type(largest=1)).refine(one.case, smooth)
    np.testing.assert_array_equal(found.probabilities, right.probabilities)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 1)
    assert chain.name == "planted-smoother+clean-up"


def test_it_can_be_stopped_between_refiners():
    one, progress = scene(3), Progress(lambda fraction, _: fraction >= 0.5 and progress.cancel())
    with pytest.raises(CancelledError):
        Chain.of((WIDE, WIDE, WIDE)).refine(one.case, one.prediction, (), progress)


def test_a_profile_holds_all_settings_and_comes_back_from_its_file(tmp_path):
    profile = Chain.of((WIDE, Step("clean-up", {"segments": (2.0, 5.0)})), 3.5).profile
    assert dict(profile.steps[0].settings) == {
        "width": 4.0, "strength": 0.8, "rounds": 1, "mode": "nearest"}  # fmt: skip
    write_profile(profile, tmp_path / "p.json")
    again = read_profile(tmp_path / "p.json")
    assert again == profile
    chain = Chain.of(again.steps, again.margin)
    assert (chain.margin, chain.refiners[1].settings.segments) == (3.5, (2.0, 5.0))
    with pytest.raises(FileExistsError, match="is there already"):
        write_profile(profile, tmp_path / "p.json")
    with pytest.raises(ValueError, match=r"got \.txt"):
        write_profile(Profile((WIDE,)), tmp_path / "p.txt")


def test_the_region_is_the_segments_and_a_margin_in_mm_on_each_axis():
    one = surely(Region((3, 5, 6), (5, 8, 9)))
    assert one.prediction.geometry.spacing == (2.0, 1.5, 1.0)
    found = region_near_segments(one.prediction, 3.0)
    assert found == Region((1, 3, 3), (7, 10, 12))  # 3 mm: 2 slices, 2 rows, 3 columns.
    assert region_near_segments(one.prediction, 0) == Region((3, 5, 6), (5, 8, 9))
    assert region_near_segments(one.prediction, 1000) == one.prediction.geometry.whole


def test_the_region_never_leaves_what_the_prediction_is_about():
    part = surely(Region((3, 5, 6), (5, 8, 9))).cut(Region((2, 4, 5), (6, 10, 12)))
    assert region_near_segments(part.prediction, 3.0) == Region((2, 4, 5), (6, 10, 12))
    assert region_near_segments(part.prediction, 1.0) == Region((2, 4, 5), (6, 9, 10))


def test_prompted_voxels_are_in_the_region():
    one = surely(Region((3, 5, 6), (5, 8, 9)))
    click = Click(one.prediction.geometry.to_ras((0, 15, 0)), label=5)
    region = region_near_segments(one.prediction, 0, [click])
    assert region == Region((0, 5, 0), (5, 16, 9))
    found = Chain.of((WIDE,), 0.0).refine(one.case, one.prediction, [click])
    assert found.full_labels()[0, 15, 0] == 5


def test_near_segments_it_is_as_if_there_were_nothing_else_and_the_rest_stays():
    one = surely(Region((3, 5, 6), (5, 8, 9)))
    found = Chain.of((WIDE,), 3.0).refine(one.case, one.prediction)
    region = Region((1, 3, 3), (7, 10, 12))
    part = Sound(Settings(width=4.0)).refine(one.case, cut(one.prediction, region))
    at = (slice(None), *region.slices)
    np.testing.assert_array_equal(found.probabilities[at], part.probabilities)
    outside = np.ones(one.truth.shape, dtype=bool)
    outside[region.slices] = False
    before = one.prediction.probabilities
    np.testing.assert_array_equal(found.probabilities[:, outside], before[:, outside])
    assert (found.probabilities[at] != before[at]).any()
    assert found.region == one.prediction.region
    assert found.provenance.method == "planted-smoother"


def test_a_part_is_cut_and_pasted_where_it_was():
    one = scene(3).cut(Region((1, 2, 3), (7, 14, 16))).prediction
    region = Region((2, 5, 4), (5, 9, 11))
    part = cut(one, region)
    np.testing.assert_array_equal(
        part.full_probabilities()[:, 2:5, 5:9, 4:11], one.full_probabilities()[:, 2:5, 5:9, 4:11]
    )
    np.testing.assert_array_equal(pasted(part, one).probabilities, one.probabilities)


def test_where_there_is_no_segment_nothing_is_done_and_that_is_told():
    one = surely(Region((3, 5, 6), (5, 8, 9)), label=0)
    found = Chain.of((WIDE,), 3.0).refine(one.case, one.prediction)
    np.testing.assert_array_equal(found.probabilities, one.prediction.probabilities)
    assert "no segment is predicted" in found.notes[-1]


@pytest.mark.parametrize("margin", [-1.0, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_refused(margin):
    one = scene(3)
    with pytest.raises(ValueError, match="margin: got"):
        Chain.of((WIDE,), margin).refine(one.case, one.prediction)


def test_a_segmentation_becomes_probabilities():
    one = scene(3)
    found = prediction_of_labels(one.truth, one.prediction.geometry, (7,), 0.7)
    assert found.labels == (0, 2, 5, 7)
    np.testing.assert_array_equal(found.full_labels(), one.truth)
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-6)
    assert found.probabilities.dtype == np.float32
    assert np.unique(found.probabilities).tolist() == pytest.approx([0.1, 0.7])
    part = Region((1, 2, 3), (7, 14, 16))
    cut_out = prediction_of_labels(one.truth, one.prediction.geometry, (7,), 0.7, part)
    np.testing.assert_array_equal(cut_out.probabilities, cut(found, part).probabilities)


@pytest.mark.parametrize("certainty", [0.25, 1.0, float("nan")])
def test_a_certainty_of_chance_or_of_one_is_refused(certainty):
    one = scene(3)
    with pytest.raises(ValueError, match=r"certainty: got .*allowed is more than 0\.25"):
        prediction_of_labels(one.truth, one.prediction.geometry, (7,), certainty)


def test_background_alone_is_refused():
    one = scene(3)
    with pytest.raises(ValueError, match="got background only"):
        prediction_of_labels(one.truth * 0, one.prediction.geometry)

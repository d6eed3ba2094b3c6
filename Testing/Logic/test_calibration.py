"""Calibration finds settings that are better on known cases, and goes on where it stopped."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import asdict, dataclass

import numpy as np
import pytest

from ImperfectSegLogic.data import DenseMask, SparseMask
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.refinement.calibration import Search, calibrate
from ImperfectSegLogic.refinement.known_cases import KnownCase, ReadCases, mean_dice
from ImperfectSegLogic.refinement.profile import Step
from ImperfectSegLogic.refinement.search_space import search_space
from Testing.Contracts.broken_refiners import Sound
from Testing.Contracts.refiner_scenes import scene

LABELS = (2, 5)


@dataclass(frozen=True)
class PeakSettings:
    first: float = setting(1.0, "a number", 0.001, 1000.0)
    second: float = setting(3.0, "a number", 0.001, 1000.0)
    count: int = setting(2, "a whole number", 1, 50)
    pair: tuple[float, ...] = setting((1.0, 4.0), "two numbers", 0.01, 100.0)
    zero: float = setting(0.0, "a number that may be 0", 0.0, 9.0)
    mode: str = setting("a", "one of two", choices=("a", "b"))


class Peak(Sound):
    """The nearer `first` is to 2.5 and `second` to 9, the more of the answer is right."""

    settings_type = PeakSettings
    card = dataclasses.replace(Sound.card, name="peak")
    searched = ()
    asked = 0

    def refine(self, case, prediction, prompts=(), progress=None):
        type(self).asked += 1
        known = self.settings
        off = math.hypot(math.log(known.first / 2.5), math.log(known.second / 9))
        wrong = min(int(40 * off), 400)
        labels = scene(3, seed=int(case.identifier)).truth.copy()
        labels.ravel()[np.flatnonzero(labels.ravel() == 2)[:wrong]] = 0
        own = np.stack([labels == n for n in prediction.labels])
        given = Sound.refine(Sound(), case, prediction, prompts, progress)
        return dataclasses.replace(given, probabilities=own.astype(np.float32))


@pytest.fixture(autouse=True)
def refiners(monkeypatch):
    monkeypatch.setattr(catalog, "refiners", lambda: (Sound, Peak))
    monkeypatch.setattr(Peak, "asked", 0)


def known(seed: int, sparse=False) -> KnownCase:
    one = scene(3, seed=seed)
    case = type(one.case)(one.case.volume, str(seed))
    if sparse:
        seen = np.where(np.arange(one.truth.size).reshape(one.truth.shape) % 3 == 0, one.truth, -1)
        return KnownCase(case, one.prediction, SparseMask(seen, case.volume.geometry), LABELS)
    return KnownCase(case, one.prediction, DenseMask(one.truth, case.volume.geometry), LABELS)


CASES = [known(1), known(2)]


def search(name="peak", kind=Peak, trials=40, bounds=None, fixed=(), **settings) -> Search:
    start = asdict(kind(kind.settings_type(**settings)).settings)
    space = search_space(kind, start, fixed, bounds)
    return Search((Step(name, settings),), space, trials)


def test_it_finds_a_peak_far_from_the_start():
    found = calibrate(search(bounds={"first": None, "second": None}), CASES)
    assert found.best.score > 0.97 > found.start > 0.5
    assert abs(math.log(found.best.settings["first"] / 2.5)) < 0.15
    assert abs(math.log(found.best.settings["second"] / 9)) < 0.15
    assert len(found.trials) <= 40
    assert found.trials[0].settings == {}
    assert found.trials[0].score == found.start


def test_the_walk_goes_on_from_what_evenly_spread_points_found():
    wanted = search(bounds={"first": None, "second": None})
    even = calibrate(search(trials=20, bounds={"first": None, "second": None}), CASES)
    assert calibrate(wanted, CASES).best.score > even.best.score


def test_a_real_refiner_gains_on_noisy_predictions_and_the_profile_repeats_it():
    wanted = search("planted-smoother", Sound, trials=10)
    found = calibrate(wanted, CASES)
    assert found.best.score >= found.start
    assert found.best.score > found.unrefined + 0.02
    again = mean_dice(CASES, found.chain(wanted), Progress(), "")
    assert again == found.best.score


def test_scores_are_means_over_labels_then_cases():
    scores = []
    for one in CASES:
        labels = one.prediction.full_labels()
        each = []
        for n in LABELS:
            a, b = labels == n, one.truth.labels == n
            each.append(2 * (a & b).sum() / (a.sum() + b.sum()))
        scores.append(np.mean(each))
    assert mean_dice(CASES, None, Progress(), "") == pytest.approx(np.mean(scores), abs=1e-6)


def test_unlabeled_voxels_do_not_count():
    one = known(1, sparse=True)
    seen = one.truth.labeled
    labels, truth = one.prediction.full_labels()[seen], scene(3, seed=1).truth[seen]
    dice = [2 * ((labels == n) & (truth == n)).sum() / ((labels == n).sum() + (truth == n).sum())
            for n in LABELS]  # fmt: skip
    assert mean_dice([one], None, Progress(), "") == pytest.approx(np.mean(dice), abs=1e-6)


def test_cases_without_any_label_cannot_be_scored():
    one = known(1)
    empty = DenseMask(np.zeros_like(one.truth.labels), one.truth.geometry)
    with pytest.raises(ValueError, match="got 1 cases without a voxel of any label"):
        mean_dice([KnownCase(one.case, one.prediction, empty, (9,))], None, Progress(), "")


def test_the_same_search_goes_the_same_way_and_known_trials_are_not_made_again():
    wanted = search(trials=12)
    first = calibrate(wanted, CASES)
    made = Peak.asked
    assert made == 12 * len(CASES)
    again = calibrate(wanted, CASES, known=first.trials)
    assert Peak.asked == made
    assert again == first
    calibrate(wanted, CASES, known=first.trials[:7])
    assert Peak.asked == made + 5 * len(CASES)


def test_it_tells_how_far_it_is_and_can_be_stopped_after_any_trial():
    told, trials = [], []
    progress = Progress(lambda fraction, text: told.append((fraction, text)))

    def listener(trial):
        trials.append(trial)
        if len(trials) == 3:
            progress.cancel()

    with pytest.raises(CancelledError):
        calibrate(search(trials=6), CASES, progress, listener=listener)
    assert len(trials) == 3
    shares = [fraction for fraction, _ in told]
    assert shares == sorted(shares)
    assert told[-1][1].startswith("trial 3 of 6, best Dice")


def test_what_is_fixed_stays_and_what_is_named_is_searched():
    start = asdict(PeakSettings())
    names = [one.name for one in search_space(Peak, start)]
    assert names == ["first", "second", "pair"]  # Neither 0, nor whole numbers, nor texts.
    names = [one.name for one in search_space(Peak, start, fixed=("first",))]
    assert names == ["second", "pair"]
    space = search_space(Peak, start, ("first",), {"count": (1, 9), "zero": (0, 2)})
    assert [(one.name, one.logarithmic, one.whole) for one in space] == [
        ("count", True, True),
        ("zero", False, False),
    ]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_values_stay_within_bounds_and_limits(share):
    space = search_space(Peak, asdict(PeakSettings()), (), {
        "first": None, "count": (1, 9), "pair": None, "zero": (0, 2)})  # fmt: skip
    first, count, pair, zero = (one.value(share) for one in space)
    assert 1 / 8 <= first <= 8
    assert isinstance(count, int)
    assert pair[1] / pair[0] == pytest.approx(4, rel=1e-3)  # Several numbers keep their ratio.
    assert zero == pytest.approx(2 * share)
    values = {"first": first, "count": count, "pair": tuple(pair), "zero": zero}
    assert Peak(PeakSettings(**values)).settings.count == count
    for one, value in zip(space, (first, count, pair, zero), strict=True):
        assert one.share(value) == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"x": None}, "got x to search, allowed are first, second"),
        ({"mode": None}, "peak, mode: got it to search"),
        ({"zero": None}, "starts at 0. Give bounds as zero=LOW:HIGH"),
        ({"first": (5, 2)}, "got bounds 5 to 2"),
        ({"first": (0, 2)}, "allowed are two rising numbers from 0.001"),
        ({"first": (float("nan"), 2)}, "got bounds nan to 2"),
    ],
)
def test_what_cannot_be_searched_is_refused(bounds, message):
    with pytest.raises(ValueError, match=message):
        search_space(Peak, asdict(PeakSettings()), (), bounds)


def test_nothing_to_search_is_refused():
    with pytest.raises(ValueError, match="got no number to search"):
        search_space(Peak, asdict(PeakSettings()), ("first", "second", "pair"))


def test_trials_are_at_least_one():
    with pytest.raises(ValueError, match="trials: got 0"):
        search(trials=0)
    assert len(calibrate(search(trials=1), CASES).trials) == 1


def test_cases_are_read_once_while_there_is_room():
    read = []

    def reader(name):
        read.append(name)
        return known(int(name))

    room = known(1).bytes + 10
    cases = ReadCases(("1", "2"), reader, room)
    for _ in range(3):
        assert [one.case.identifier for one in cases] == ["1", "2"]
    assert read == ["1", "2", "2", "2"]
    assert list(ReadCases(("1", "2"), reader)) != []

"""Evidences of query strategies are read as written, and mistakes are told with their place."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.evidence.spec_reading import read_evidence
from ImperfectSegLogic.evidence.study import part_of
from Testing.Logic.evidence.phantom_campaigns import NAME, SPEC
from Testing.Logic.evidence.phantom_evidence import SPEC as OTHER
from Testing.Logic.evidence.phantom_evidence import evidence_folder


def read(tmp_path, text=SPEC):
    return read_evidence(NAME, evidence_folder(tmp_path, text, NAME))


def test_arms_are_called_like_their_strategies_and_share_one_training(tmp_path):
    found = read(tmp_path)
    assert (found.campaign.units, found.campaign.start, found.campaign.last) == ("slice", 3, 7)
    assert [arm.name for arm in found.arms] == ["random", "foreground-random", "entropy"]
    assert found.arm("foreground-random").query_settings == {"foreground": 0.5}
    assert [arm.flips for arm in found.arms] == [False, False, True]
    assert found.arm("entropy").survey == "50 %"
    assert {arm.training["steps"] for arm in found.arms} == {2}
    assert (found.targets[0].goal, found.targets[0].at_most) == (1.0, 0.25)
    text = SPEC + '[[arms]]\nname = "sure"\nquery = "entropy"\n'
    assert read(tmp_path, text).arm("sure").query == "entropy"


def test_wording_does_not_change_the_hash_but_what_is_asked_does(tmp_path):
    before = read(tmp_path).hash
    assert read(tmp_path, SPEC.replace('"50 %"', '"a half"')).hash == before
    for old, new in (
        ("foreground = 0.5", "foreground = 0.6"),
        ("flips = true", "flips = false"),
        ("per_round = 2", "per_round = 1"),
        ("rounds = 3", "rounds = 3\nmodels = 2"),
        ("at_most = 0.25", "at_most = 0.3"),
        ("goal = 1.0", "goal = 0.9"),
        ("steps = 2", "steps = 3"),
    ):
        assert old in SPEC
        assert read(tmp_path, SPEC.replace(old, new, 1)).hash != before, new


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('units = "slice"', 'units = "patch"', "got 'patch', allowed are slice, volume"),
        ("start = 3", "start = 0", "campaign, start: got 0, allowed is 1 or more"),
        ("start = 3", "start = 3.5", "start: got 3.5, allowed is a whole number"),
        ("rounds = 3", "rounds = 1", "campaign, rounds: got 1, allowed is 2 or more"),
        ("rounds = 3", "rounds = 3\nmodels = 0", "models: got 0"),
        ("rounds = 3", "rounds = 3\naxis = 3", "axis: got 3"),
        ("rounds = 3", "rounds = 3\nbudget = 3", "got ['budget'], which mean nothing"),
        ('query = "entropy"', 'name = "entropy"', "got query '' with a table `campaign`"),
        ('query = "random"', 'query = "random"\nname = "chance"', "got no arm random, allowed"),
        ('query = "random"', 'query = "bald"\nname = "random"', "got no arm random, allowed"),
        ("flips = true", "flips = 1", "true or false"),
        ("flips = true", 'annotation = "slices"', "got annotation; allowed in a campaign are"),
        ("flips = true", "patients = 3", "got patients; allowed in a campaign are"),
        ("flips = true", "training = { steps = 3 }", "got another `training` than 'random'"),
        ("goal = 1.0", "goal = 1.5", "got goal 1.5"),
        ("at_most = 0.25", "at_most = 0.0", "at_most 0"),
        ("at_most = 0.25", "", "has no `at_most`"),
        ("goal = 1.0", 'goal = 1.0\nover = "random"', "over 'random'"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, old, new, message):
    assert old in SPEC
    with pytest.raises(ValueError) as told:  # noqa: PT011
        read(tmp_path, SPEC.replace(old, new, 1))
    assert message in str(told.value)


def test_a_campaign_without_a_baseline_is_told(tmp_path):
    text = SPEC.replace('query = "foreground-random"\nquery_settings', 'query = "bald"\n#')
    with pytest.raises(ValueError, match=r"got no arm foreground-random, allowed are"):
        read(tmp_path, text)


def test_a_strategy_or_a_curve_outside_of_campaigns_is_told(tmp_path):
    start, end = SPEC.index("[campaign]"), SPEC.index("[training]")
    with pytest.raises(ValueError, match="got query 'random' with no table `campaign`"):
        read(tmp_path, SPEC[:start] + SPEC[end:])
    text = OTHER.replace("at_least = 0.9", "goal = 1.0\nat_most = 0.5")
    with pytest.raises(ValueError, match="got `goal`, allowed is `at_least`"):
        read(tmp_path, text)


def test_a_part_keeps_both_baselines_and_a_quick_one_is_short(tmp_path):
    found = part_of(read(tmp_path), arms=["entropy"], quick=True)
    assert len(found.arms) == 3
    assert (found.campaign.rounds, found.seeds, found.test_cases) == (2, (1,), 2)
    assert {arm.training["steps"] for arm in found.arms} == {3}
    assert [arm.name for arm in part_of(read(tmp_path), arms=["random"]).arms] == [
        "random",
        "foreground-random",
    ]

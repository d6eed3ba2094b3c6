"""What an Evidence declares is read as it is written, and mistakes are told with their place."""

from __future__ import annotations

import pytest

from ImperfectSegLogic.evidence.plot import AXES
from ImperfectSegLogic.evidence.spec_reading import VARIED, evidence_names, read_evidence
from Testing.Logic.evidence.phantom_evidence import SPEC, evidence_folder


def read(tmp_path, text=SPEC):
    return read_evidence("few-slices", evidence_folder(tmp_path, text))


def test_an_evidence_is_read_as_it_is_written(tmp_path):
    found = read(tmp_path)
    assert evidence_names(tmp_path) == ("few-slices",)
    assert (found.title, found.metric, found.seeds) == ("Few slices", "dice", (1, 2))
    assert found.data.labels == {1: "disk", 4: "square"}
    assert found.targets[0].interval
    arm = found.arm("balanced, share 0.5")
    assert (arm.annotation, arm.share) == ("slices", 0.5)
    assert arm.methods[0].settings == {"strength": 0.5}
    assert arm.training["network_settings"] == {"features": [4, 8], "strides": [2]}


def test_an_arm_with_several_numbers_becomes_several_arms_each_with_its_own_baseline(tmp_path):
    found = read(tmp_path)
    baselines = {arm.name: arm.baseline for arm in found.arms}
    assert baselines == {
        "plain, share 0.5": "",
        "plain, share 1": "",
        "balanced, share 0.5": "plain, share 0.5",
        "balanced, share 1": "plain, share 1",
    }


def test_a_number_that_the_baseline_was_not_trained_with_has_no_baseline(tmp_path):
    found = read(tmp_path, SPEC.replace("share = [0.5, 1.0]", "share = [0.5]", 1))
    assert found.arm("balanced, share 0.5").baseline == "plain, share 0.5"
    assert found.arm("balanced, share 1").baseline == ""


def test_an_arm_can_say_for_itself_what_the_file_says_for_all(tmp_path):
    text = SPEC + '[[arms]]\nname = "dense"\nannotation = "masks"\ntraining = { steps = 7 }\n'
    arm = read(tmp_path, text).arm("dense")
    assert arm.annotation == "masks"
    assert (arm.training["steps"], arm.training["batch"]) == (7, 2)


def test_wording_does_not_change_the_hash_but_numbers_do(tmp_path):
    before = read(tmp_path).hash
    for old, new in (("Few slices", "A few"), ("Balancing helps", "x"), ("+0.05", "more")):
        assert read(tmp_path, SPEC.replace(old, new)).hash == before
    assert read(tmp_path, "# comment\n" + SPEC.replace("batch = 2", "batch  =  2")).hash == before
    assert read(tmp_path, SPEC.replace("gains with half", "rises with half")).hash == before
    for old, new in (
        ("batch = 2", "batch = 3"),
        ("at_least = 0.05", "at_least = 0.04"),
        ("seeds = [1, 2]", "seeds = [1, 3]"),
        ("strength = 0.5", "strength = 0.6"),
    ):
        assert read(tmp_path, SPEC.replace(old, new)).hash != before


def test_fields_that_there_were_not_once_leave_old_hashes_as_they_are(tmp_path):
    before = read(tmp_path)
    # As of the version in which arms had no refiners, grids and rounds yet.
    assert (before.hash, before.data.hash) == ("75aef53bc579e00b", "15408caacedf1df2")
    same = read(
        tmp_path, SPEC.replace("[training]", "stride = 0\npadding = 0\nrounds = 1\n[training]")
    )
    assert same.hash == before.hash
    assert [arm.trained for arm in same.arms] == [arm.trained for arm in before.arms]
    for said in ("stride = 3", "padding = 2", "rounds = 3"):
        other = read(tmp_path, SPEC.replace("[training]", f"{said}\n[training]"))
        assert other.hash != before.hash
        assert other.arms[0].trained != before.arms[0].trained


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Few slices"', "", "has no `title`"),
        ("seeds = [1, 2]", 'seeds = ["a"]', "a list of whole numbers"),
        ("seeds = [1, 2]", "seeds = []", "0 seeds"),
        ('metric = "dice"', 'metric = "hd95"', "got 'hd95', allowed are dice, iou"),
        ('annotation = "slices"', 'annotation = "boxes"', "allowed are masks, scribbles, slices"),
        ('annotation = "slices"', 'annotation = "grid"', "got stride 0, padding 0 and 1 rounds"),
        ('annotation = "slices"', "stride = 3.5", "got stride 3.5, allowed are whole numbers"),
        ('annotation = "slices"', "padding = -1", "padding -1"),
        ('annotation = "slices"', "rounds = 0", "and 0 rounds; allowed are"),
        ('data = "hearts"', 'data = "lungs"', "got 'lungs', allowed are hearts"),
        ('data = "hearts"', 'data = "hearts"\ncolour = 1', "got ['colour'], which mean nothing"),
        ('headline = "balanced, share 0.5"', 'headline = "best"', "got arm 'best'"),
        ('baseline = "plain"', 'baseline = "none"', "got arm 'none'"),
        ('over = "plain, share 0.5"\n', "", "got `interval` without `over`"),
        ("share = [0.5, 1.0]", "share = [0.0, 1.0]", "share 0.0"),
        ('name = "balanced"', 'name = "plain"', "4 arms with 2 names"),
        ("seeds = [1, 2]", "seeds = [1, 2", "no TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, old, new, message):
    assert old in SPEC
    with pytest.raises(ValueError) as told:  # noqa: PT011
        read(tmp_path, SPEC.replace(old, new))
    assert message in str(told.value)
    assert "few-slices" in str(told.value) or "evidence data" in str(told.value)


def test_an_unknown_name_is_told_with_those_that_are_there(tmp_path):
    with pytest.raises(ValueError, match="got 'many-slices', allowed are few-slices"):
        read_evidence("many-slices", evidence_folder(tmp_path))


def test_whatever_can_vary_has_an_axis_in_the_plot():
    assert set(AXES) == set(VARIED)

"""Evidences of query strategies: what is run in which order, what comes out, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ImperfectSegLogic.evidence import campaign_jobs, campaign_process
from ImperfectSegLogic.evidence import standing as standing_module
from ImperfectSegLogic.evidence.campaign_process import run_campaign
from ImperfectSegLogic.evidence.campaign_study import run_campaigns
from ImperfectSegLogic.evidence.readme import with_table
from ImperfectSegLogic.evidence.spec_reading import read_evidence
from ImperfectSegLogic.evidence.standing import proven_names, standing
from ImperfectSegLogic.evidence.study import StudyOptions, part_of
from ImperfectSegLogic.evidence.used_methods import modules_of
from Testing.Logic.evidence.phantom_campaigns import NAME, SPEC, Runner, robots
from Testing.Logic.evidence.phantom_evidence import Here, data_folder, evidence_folder


@pytest.fixture
def study(tmp_path):
    """Runs the Evidence, or a part of it, with a runner; gives the result and its path."""
    data = data_folder(tmp_path / "raw")

    def run(runner, text=SPEC, partial=False, overwrite=False, **part):
        folder = evidence_folder(tmp_path / "evidence", text, NAME)
        declared = read_evidence(NAME, folder)
        options = StudyOptions(
            data, tmp_path / "work", folder, 2, overwrite, "cpu", "as typed", partial
        )
        wanted = part_of(declared, **part) if part else declared
        quiet = (lambda *_: None, lambda now: None)
        return run_campaigns(declared, wanted, options, *quiet, runner, lambda jobs: Here())

    return run


def test_shared_trainings_come_first_then_campaigns_seed_by_seed(study):
    runner = Runner()
    study(runner)
    assert [job.name for job in runner.jobs] == [
        *("all annotations, seed 1", "all annotations, seed 2", "start, seed 1", "start, seed 2"),
        *(f"{n}, seed {s}" for s in (1, 2) for n in ("random", "foreground-random", "entropy")),
    ]
    again = Runner()
    study(again)
    assert not again.jobs
    study(again, overwrite=True)
    assert len(again.jobs) == 10


def test_an_arm_with_a_training_method_trains_all_by_itself(study):
    text = (
        SPEC
        + """[[arms]]
name = "balanced"
query = "entropy"
baseline = "entropy"
methods = [{ name = "sparse-cicek2016", strength = 0.5 }]
rounds = 2
"""
    )
    runner = Runner()
    study(runner)
    result, _ = study(runner, text)
    own = runner.jobs[10:]
    assert [job.part for job in own] == ["all annotations"] * 2 + ["start"] * 2 + ["campaign"] * 2
    assert {job.work for job in own}.isdisjoint({job.work for job in runner.jobs[:10]})
    assert len({job.work for job in runner.jobs}) == 2
    assert result["arms"]["balanced"]["gain"]["over"] == "entropy"
    teaching = campaign_process._teaching(own[0])
    assert (teaching.methods, teaching.rounds) == (
        (("sparse-cicek2016", {"strength": 0.5}),),
        2,
    )
    plain = campaign_process._teaching(runner.jobs[-7])
    assert (plain.methods, plain.rounds, plain.asked_in_flips) == ((), 1, True)


def test_the_result_tells_curves_areas_gains_and_shares(study):
    result, path = study(Runner())
    assert result == json.loads(path.read_text())
    assert path.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
    arms = result["arms"]
    # Mean heights of 0.2, 0.4, 0.6 and of 0.2, 0.7, 0.8; seeds are 0.01 apart.
    assert arms["random"]["mean"] == pytest.approx(0.4)
    assert arms["entropy"]["mean"] == pytest.approx(0.6)
    assert arms["entropy"]["by_seed"] == pytest.approx([0.595, 0.605])
    assert arms["entropy"]["sd"] == pytest.approx(0.01 / np.sqrt(2), abs=1e-4)
    assert arms["entropy"]["by_structure"]["disk"]["mean"] == pytest.approx(0.62)
    assert arms["entropy"]["by_subject"] == pytest.approx({"eve": 0.55, "fay": 0.65})
    gains = arms["entropy"]["gains"]
    assert gains["random"]["mean"] == pytest.approx(0.2)
    assert gains["foreground-random"]["mean"] == pytest.approx(0.125)
    assert gains["random"]["by_seed"] == pytest.approx([0.2, 0.2])
    assert arms["entropy"]["gain"] == gains["random"]
    assert set(arms["random"]["gains"]) == {"foreground-random"}
    assert arms["entropy"]["last_dice"]["mean"] == pytest.approx(0.8)
    assert arms["entropy"]["full_dice"]["mean"] == pytest.approx(0.75)
    # 95 % of 0.75 is 0.7125: reached by 0.8 only, with 7 of 24.
    assert arms["entropy"]["share_to"] == {"0.95": 0.2917, "1": 0.2917}
    assert arms["random"]["share_to"] == {"0.95": None, "1": None}
    first = arms["entropy"]["curves"][0]
    assert (first["seed"], first["units"]) == (1, [3, 5, 7])
    assert first["dice"] == pytest.approx([0.195, 0.695, 0.795])
    assert result["campaign"]["in_all"] == 24
    assert (result["commit"], result["command"], result["jobs"]) == ("abc", "as typed", 2)


def test_a_campaign_that_ends_early_stays_at_its_last_dice(study):
    ends = [f"entropy, seed {seed}" for seed in (1, 2)]
    result, _ = study(Runner(ends_early=ends))
    # 0.2 to 0.7, and 0.7 from there on.
    assert result["arms"]["entropy"]["mean"] == pytest.approx((0.45 + 0.7) / 2)
    assert result["arms"]["entropy"]["curve"]["units"] == [3, 5]
    one_only, _ = study(Runner(ends_early=ends[:1]), overwrite=True)
    assert one_only["arms"]["entropy"]["curve"]["units"] == [3, 5, 6]
    assert one_only["arms"]["entropy"]["curve"]["dice"] == pytest.approx([0.2, 0.7, 0.75])


def test_each_strategy_is_judged_by_its_own_targets(study, tmp_path):
    result, _ = study(Runner())
    share, gain = result["targets"]
    assert (share["found"], share["met"]) == (0.2917, False)
    assert (gain["found"], gain["met"]) == (0.2, True)
    assert (result["verdict"], result["arms"]["entropy"]["verdict"]) == ("partial", "partial")
    assert result["arms"]["random"]["verdict"] == ""
    folder = tmp_path / "evidence"
    assert "entropy" not in proven_names(folder)
    other = SPEC.replace("at_most = 0.25", "at_most = 0.3")
    other += '[[targets]]\ntext = "no"\narm = "random"\nat_least = 0.9\n'
    result, _ = study(Runner(), other)
    assert result["verdict"] == "partial"
    assert "entropy" in proven_names(folder)
    text = with_table("<!-- evidence -->\n<!-- /evidence -->\n", [standing(NAME, folder)], "E")
    (row,) = [line for line in text.splitlines() if NAME in line]
    assert row == (
        "| [few-queries](E/few-queries.toml) ([plot](E/few-queries.png)) | entropy | mean Dice of"
        " the curve | 0.600 ± 0.007 | 0.400 ± 0.007 | +0.200 (+0.200 to +0.200) | 50 % | reproduced"
        " |"
    )


def test_a_table_before_and_after_tells_not_run_and_stale(study, tmp_path):
    folder = evidence_folder(tmp_path / "evidence", SPEC, NAME)
    assert [(r.arm, r.state, r.ours) for r in standing(NAME, folder).rows] == [
        ("entropy", "not run", "")
    ]
    study(Runner())
    evidence_folder(folder, SPEC.replace("per_round = 2", "per_round = 1"), NAME)
    assert [row.state for row in standing(NAME, folder).rows] == ["stale"]


def test_a_changed_strategy_is_asked_again_and_makes_the_result_stale(study, tmp_path, monkeypatch):
    study(Runner())
    real = campaign_jobs.code_hash

    def changed(modules, *rest, **more):
        settles = any("settles2009" in module for module in modules)
        return "changed" if settles else real(modules, *rest, **more)

    monkeypatch.setattr(standing_module, "code_hash", changed)
    assert standing(NAME, tmp_path / "evidence").state == "stale"
    monkeypatch.setattr(campaign_jobs, "code_hash", changed)
    runner = Runner()
    study(runner)
    assert [job.name for job in runner.jobs] == ["entropy, seed 1", "entropy, seed 2"]
    study(runner, SPEC.replace("foreground = 0.5", "foreground = 0.6"))
    assert {job.arm.name for job in runner.jobs[2:]} == {"foreground-random"}


def test_what_ended_is_put_together_without_running(study, tmp_path):
    fails = Runner(fails=["entropy, seed 2"])
    with pytest.raises(ValueError, match="1 of 6 campaigns failed: entropy, seed 2: loss became"):
        study(fails)
    runner = Runner()
    result, path = study(runner, partial=True)
    assert (result["seeds"], len(result["arms"]), runner.jobs) == ([1], 3, [])
    assert path == tmp_path / "work" / "results" / f"{NAME}.json"
    assert not (tmp_path / "evidence" / f"{NAME}.json").exists()
    study(runner)
    assert [job.name for job in runner.jobs] == ["entropy, seed 2"]


def test_arms_of_the_fullest_seed_are_put_together_if_no_seed_is_whole(study):
    with pytest.raises(ValueError, match="campaigns failed"):
        study(Runner(fails=["entropy, seed 1", "entropy, seed 2", "random, seed 1"]))
    result, _ = study(Runner(), partial=True)
    assert (result["seeds"], list(result["arms"])) == ([2], ["random", "foreground-random"])
    assert result["targets"] == []


def test_nothing_is_put_together_without_baselines(study):
    with pytest.raises(ValueError, match=r"got 0 campaigns that are done, but none of random"):
        study(Runner(), partial=True)


def test_real_campaigns_train_what_was_asked_for_once_and_can_be_stopped(
    study, tmp_path, monkeypatch
):
    trainings = []
    fit = campaign_process.Teaching.train

    def counted(self, labeled, data, robot, seed, folder, progress):
        trainings.append(robot)
        fit(self, labeled, data, robot, seed, folder, progress)

    monkeypatch.setattr(campaign_process.Teaching, "train", counted)
    monkeypatch.setattr(campaign_process, "SECONDS_BETWEEN_NOTES", -1.0)

    def stopping(job):
        if job.name == "entropy, seed 1":
            (job.folder).mkdir(parents=True)
            (job.folder / "stop").touch()
        run_campaign(job)

    part = {"seeds": [1], "arms": ["entropy"]}
    with pytest.raises(ValueError, match="1 of 3 campaigns failed: entropy, seed 1: cancelled"):
        study(stopping, **part)
    (stop,) = (tmp_path / "work" / "campaigns").glob("*/stop")
    stop.unlink()
    result, _ = study(run_campaign, **part)
    # All units, the shared start, and two more rounds of three strategies; none twice.
    assert len(set(trainings)) == 2 + 3 * 2
    assert len(robots(tmp_path / "work")) == 8
    for arm in result["arms"].values():
        (curve,) = arm["curves"]
        assert curve["units"] == [3, 5, 7]
        assert curve["dice"][0] == result["arms"]["random"]["curves"][0]["dice"][0]
        assert all(0 <= dice <= 1 for dice in curve["dice"])
    assert result["training_code"]
    assert result["arms"]["entropy"]["curves"][0]["seconds"] is None
    assert result["arms"]["random"]["curves"][0]["seconds"] > 0
    asked = list((tmp_path / "work").rglob("asked-*.json"))
    assert len(asked) == 3 * 2


def test_the_code_that_counts_is_that_of_the_strategy_and_of_what_it_asks(tmp_path):
    arm = read_evidence(NAME, evidence_folder(tmp_path, SPEC, NAME)).arm("entropy")
    last = {name.rpartition(".")[2] for name in modules_of(arm)}
    assert {"settles2009", "supervised", "pool", "model_segmenter", "simulation_work"} <= last
    assert not [name for name in last if name.startswith("queue")]
    assert "features" in {n.rpartition(".")[2] for n in modules_of(replace(arm, query="k-center"))}
    with pytest.raises(ValueError, match="got 'guess'"):
        modules_of(replace(arm, query="guess"))
    with pytest.raises(ValueError, match="passes"):
        modules_of(replace(arm, query_settings={"passes": 3}))

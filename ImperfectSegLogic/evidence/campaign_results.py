"""What an Evidence of query strategies found: from campaigns to `NAME.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ImperfectSegLogic.active.simulation_results import GOALS
from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.evidence.campaign_curves import Curve, areas, curve_of, mean_curve
from ImperfectSegLogic.evidence.campaign_jobs import CampaignJob, result_of
from ImperfectSegLogic.evidence.campaign_plan import BASELINES
from ImperfectSegLogic.evidence.results import Result, described, differing
from ImperfectSegLogic.evidence.spec import Arm, Evidence
from ImperfectSegLogic.evidence.statistics import (
    by_structure,
    gain_of,
    mean_and_sd,
    mean_over_seeds,
    rounded,
    sd,
)
from ImperfectSegLogic.evidence.subsets import subject_of
from ImperfectSegLogic.evidence.verdict import judged

Said = Mapping[str, Any]
"""The content of a campaign's file."""


def assemble_campaigns(
    evidence: Evidence,
    dataset: Dataset,
    jobs: Sequence[CampaignJob],
    modules: Mapping[str, tuple[str, ...]],
    measured: Mapping[str, Any],
) -> Result:
    """Puts together what is known about an Evidence whose campaigns are done.

    An arm's `mean` is the mean height of its learning curve over seeds, and its gain that of the
    curve over another's, paired by test subject as in other Evidences.

    Args:
        evidence: What was to be shown.
        dataset: Its data set.
        jobs: All campaigns.
        modules: Those of each arm's strategy, by the arm's name.
        measured: How it was measured, such as the command.

    Raises:
        ValueError: If a campaign is not done.
    """
    plan = evidence.campaign
    assert plan is not None
    found = [(job, result_of(job)) for job in jobs]
    subjects = {case: subject_of(dataset, case) for case in dataset.case_ids}
    end = min(plan.last, int(found[0][1]["total"]))
    arms = {}
    for arm in evidence.arms:
        own = [(job.seed, said) for job, said in found if job.arm.name == arm.name]
        arms[arm.name] = _arm(arm, own, subjects, dataset, end)
    for name, one in arms.items():
        others = [other for other in BASELINES if other in arms and other != name]
        one["gains"] = {other: gain_of(one, arms[other]) for other in others}
        if one["baseline"]:
            one["gain"] = gain_of(one, arms[one["baseline"]])
    for name, one in arms.items():
        own_targets = tuple(target for target in evidence.targets if target.arm == name)
        one["verdict"] = judged(replace(evidence, targets=own_targets), arms)[0]
    verdict, targets = judged(evidence, arms)
    used = sorted({module for names in modules.values() for module in names})
    about = {
        "units": plan.units,
        "axis": plan.axis,
        "in_all": found[0][1]["total"],
        **{name: getattr(plan, name) for name in ("start", "per_round", "rounds", "models")},
        "training": dict(evidence.arms[0].training),
        "area": f"mean Dice from {plan.start} to {end} units",
    }
    circumstances = differing([said["circumstances"] for _, said in found])
    return {
        **described(evidence, dataset, subjects, used, verdict, targets, measured, circumstances),
        "campaign": about,
        "arms": arms,
    }


def _arm(
    arm: Arm,
    own: Sequence[tuple[int, Said]],
    subjects: Mapping[str, str],
    dataset: Dataset,
    end: int,
) -> dict[str, Any]:
    each = [areas(said, subjects, end) for _, said in own]
    values = [float(np.mean(list(one.values()))) for one in each]
    curves = [curve_of(said, subjects) for _, said in own]
    last, whole = [one.dice[-1] for one in curves], [one.full for one in curves]
    seconds = [said["seconds"] for _, said in own if said["seconds"] is not None]
    return {
        "name": arm.name,
        "series": arm.series,
        "vary": arm.vary,
        "varied": arm.varied,
        "baseline": arm.baseline,
        "query": [arm.query, dict(arm.query_settings)],
        "flips": arm.flips,
        "methods": [[one.name, dict(one.settings)] for one in arm.methods],
        "rounds": arm.rounds,
        "survey": arm.survey,
        "mean": rounded(float(np.mean(values))),
        "sd": rounded(sd(values)),
        "by_seed": rounded(values),
        "by_structure": _by_structure(own, subjects, dataset, end),
        "last_dice": mean_and_sd(last),
        "full_dice": mean_and_sd(whole),
        "share_to": _shares(mean_curve(curves)),
        "share_to_by_seed": [_shares(one) for one in curves],
        "seconds_per_campaign": rounded(float(np.mean(seconds)), 1) if seconds else None,
        "by_subject": {s: rounded(v) for s, v in mean_over_seeds(each).items()},
        "curve": _curve(mean_curve(curves)),
        "curves": [
            _seed(seed, said, curve, value)
            for (seed, said), curve, value in zip(own, curves, values, strict=True)
        ],
    }


def _seed(seed: int, said: Said, curve: Curve, area: float) -> dict[str, Any]:
    return {
        "seed": seed,
        **_curve(curve),
        "voxels": [one["voxels"] for one in said["rounds"]],
        "area": rounded(area),
        "seconds": said["seconds"],
        "share_to": _shares(curve),
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "units": rounded(list(curve.units), 1),
        "dice": rounded(list(curve.dice)),
        "full_dice": rounded(curve.full),
        "in_all": curve.total,
    }


def _shares(curve: Curve) -> dict[str, float | None]:
    found = {f"{goal:g}": curve.share_to(goal) for goal in GOALS}
    return {goal: None if one is None else rounded(one) for goal, one in found.items()}


def _by_structure(
    own: Sequence[tuple[int, Said]], subjects: Mapping[str, str], dataset: Dataset, end: int
) -> dict[str, Any]:
    return by_structure(
        dataset.labels,
        lambda label: [areas(said, subjects, end, label) for _, said in own],
    )

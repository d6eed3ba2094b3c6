"""What an Evidence found: from the scores of its trainings to `NAME.json`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data import Dataset
from ImperfectSegLogic.data.datasets.files import read_json
from ImperfectSegLogic.evidence.code_hash import code_hash
from ImperfectSegLogic.evidence.spec import Arm, Evidence
from ImperfectSegLogic.evidence.statistics import (
    by_structure,
    by_subject,
    gain_of,
    mean_over_seeds,
    rounded,
    sd,
)
from ImperfectSegLogic.evidence.subsets import subject_of
from ImperfectSegLogic.evidence.trainings import Scored, Training, scored
from ImperfectSegLogic.evidence.verdict import judged

FORMAT, VERSION = "ImperfectSeg evidence", 1
Result = dict[str, Any]
"""The content of a result file."""


def read_result(path: Path) -> Result | None:
    """Reads a result; None if there is none.

    Raises:
        ValueError: If it is damaged.
    """
    return read_json(path, FORMAT, VERSION) if path.is_file() else None


def assemble(
    evidence: Evidence,
    dataset: Dataset,
    trainings: Sequence[Training],
    modules: Mapping[str, tuple[str, ...]],
    methods: Mapping[str, Mapping[str, Any]],
    measured: Mapping[str, Any],
) -> Result:
    """Puts together what is known about an Evidence whose trainings are done.

    Args:
        evidence: What was to be shown.
        dataset: Its data set.
        trainings: All of them.
        modules: Those of each arm's methods, by the arm's name.
        methods: What each arm uses, for people, by the arm's name.
        measured: How it was measured, such as the command.

    Raises:
        ValueError: If a training is not done.
    """
    done = [(training, _scored(training)) for training in trainings]
    subjects = {case: subject_of(dataset, case) for case in dataset.case_ids}
    arms = {
        arm.name: _arm(evidence, arm, done, subjects, dataset) | dict(methods.get(arm.name, {}))
        for arm in evidence.arms
    }
    for arm in evidence.arms:
        if arm.baseline:
            arms[arm.name]["gain"] = gain_of(arms[arm.name], arms[arm.baseline])
    verdict, targets = judged(evidence, arms)
    used = sorted({module for names in modules.values() for module in names})
    where = differing([one.circumstances for _, one in done])
    said = described(evidence, dataset, subjects, used, verdict, targets, measured, where)
    return {**said, "arms": arms}


def described(
    evidence: Evidence,
    dataset: Dataset,
    subjects: Mapping[str, str],
    modules: Sequence[str],
    verdict: str,
    targets: Sequence[Mapping[str, Any]],
    measured: Mapping[str, Any],
    circumstances: Mapping[str, Any],
) -> Result:
    """Gives all that a result tells besides its arms.

    Args:
        evidence: What was to be shown.
        dataset: Its data set.
        subjects: Who was imaged, by case.
        modules: Those whose code the result depends on, sorted.
        verdict: See `judged`.
        targets: The same.
        measured: How it was measured, such as the command.
        circumstances: See `differing`.
    """
    return {
        **_declared(evidence),
        "verdict": verdict,
        "targets": list(targets),
        "data": _data(evidence, dataset, subjects),
        "date": datetime.date.today().isoformat(),
        **measured,
        **circumstances,
        "spec_hash": evidence.hash,
        "code_hash": code_hash(modules),
        "modules": list(modules),
    }


def _declared(evidence: Evidence) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "evidence": evidence.name,
        "title": evidence.title,
        "about": list(evidence.about),
        "metric": evidence.metric,
        "headline": evidence.headline,
        "survey": evidence.survey,
        "seeds": list(evidence.seeds),
    }


def _arm(
    evidence: Evidence,
    arm: Arm,
    done: Sequence[tuple[Training, Scored]],
    subjects: Mapping[str, str],
    dataset: Dataset,
) -> dict[str, Any]:
    own = [(training, found) for training, found in done if training.arm.name == arm.name]
    scores = [found.of(evidence.metric) for _, found in own]
    each = [by_subject(one, subjects) for one in scores]
    values = [float(np.mean(list(one.values()))) for one in each]
    structures = by_structure(
        dataset.labels, lambda label: [by_subject(one, subjects, label) for one in scores]
    )
    seconds = [found.seconds for _, found in own if found.seconds is not None]
    first = own[0][0]
    return {
        "name": arm.name,
        "series": arm.series,
        "vary": arm.vary,
        "varied": arm.varied,
        "baseline": arm.baseline,
        "training_cases": len(first.train_cases),
        "training_patients": len({subjects[case] for case in first.train_cases}),
        "mean": rounded(float(np.mean(values))),
        "sd": rounded(sd(values)),
        "by_seed": rounded(values),
        "by_structure": structures,
        "seconds_per_training": rounded(float(np.mean(seconds)), 1) if seconds else None,
        "by_subject": {s: rounded(v) for s, v in mean_over_seeds(each).items()},
        **({"refined": [dict(found.refined) for _, found in own]} if arm.refine else {}),
    }


def _scored(training: Training) -> Scored:
    found = scored(training)
    if found is None:
        raise ValueError(f"{training.name}: is not done. Run the same command again.")
    return found


def _data(evidence: Evidence, dataset: Dataset, subjects: Mapping[str, str]) -> dict[str, Any]:
    recipe, there = evidence.data, dataset.folds[0] if dataset.folds else {}
    sizes = {
        name: {"cases": len(there[name]), "patients": len({subjects[c] for c in there[name]})}
        for name in (recipe.train, recipe.validation, recipe.test)
        if name in there
    }
    return {"name": recipe.name, "test": recipe.test, "splits": sizes}


def differing(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Gives what all circumstances have in common as it is, and a list of what differs."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for one in each for key in one):
        # Trainings of an older version may not have told everything.
        values = sorted({one.get(key, "") for one in each}, key=str)
        found[key] = values[0] if len(values) == 1 else values
    return found

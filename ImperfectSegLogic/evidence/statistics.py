"""Numbers over subjects and seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.evidence.trainings import CaseScores

DRAWS = 10_000
"""Bootstrap samples; more would not change the third digit."""
DIGITS = 4
"""Of what is written down."""


def by_subject(
    scores: Mapping[str, CaseScores], subjects: Mapping[str, str], label: str | None = None
) -> dict[str, float]:
    """Gives each subject's mean over its cases of the mean over labels, or of one label.

    Args:
        scores: Of each case, by label; None counts nowhere.
        subjects: Who was imaged, by case.
        label: Only this one.

    Returns:
        By subject, sorted; subjects without a score are left out.
    """
    each: dict[str, list[float]] = {}
    for case in sorted(scores):
        known = [v for n, v in scores[case].items() if v is not None and label in (None, n)]
        if known:
            each.setdefault(subjects[case], []).append(float(np.mean(known)))
    return {subject: float(np.mean(values)) for subject, values in sorted(each.items())}


def mean_over_seeds(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Gives each subject's mean over seeds; subjects without a score for one are left out."""
    both = set(each[0]).intersection(*each[1:])
    return {s: float(np.mean([one[s] for one in each])) for s in sorted(both)}


def by_structure(
    labels: Mapping[int, str], scores: Callable[[str], Sequence[Mapping[str, float]]]
) -> dict[str, dict[str, float]]:
    """Gives mean and standard deviation over seeds by the name of each label that has a score.

    Args:
        labels: Names of labels.
        scores: Gives the scores of a label by subject, for each seed.
    """
    found = {}
    for label, name in labels.items():
        means = [float(np.mean(list(one.values()))) for one in scores(str(label)) if one]
        if means:
            found[name] = mean_and_sd(means)
    return found


def mean_and_sd(values: Sequence[float]) -> dict[str, float]:
    """Gives both, rounded, as they are written down."""
    return {"mean": rounded(float(np.mean(values))), "sd": rounded(sd(values))}


def interval(gains: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Gives the 95 % bootstrap interval (percentiles) of a mean over subjects."""
    values: NDArray[np.float64] = np.asarray(gains, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def sd(values: Sequence[float]) -> float:
    """Gives the standard deviation of a sample; 0 for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def gain_of(arm: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the paired gain of an arm over another, with its interval over test subjects."""
    one, other = arm["by_subject"], baseline["by_subject"]
    gains = [one[subject] - other[subject] for subject in one if subject in other]
    low, high = interval(gains)
    seeds = [a - b for a, b in zip(arm["by_seed"], baseline["by_seed"], strict=True)]
    return {
        "over": baseline["name"],
        "mean": rounded(float(np.mean(gains))),
        "low": rounded(low),
        "high": rounded(high),
        "by_seed": rounded(seeds),
    }


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Rounds a number, or each of a list."""
    return (
        [round(one, digits) for one in value] if isinstance(value, list) else round(value, digits)
    )

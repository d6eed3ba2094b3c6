"""Which of two models is better, on the same cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ImperfectSegLogic.evaluation.resampling import holm, mean_interval
from ImperfectSegLogic.evaluation.score import Score, labels_of
from ImperfectSegLogic.metrics.measures import METRICS, Metric

COMPARED = tuple(name for name in METRICS if name != "volume_difference_percent")
"""Percent of a volume say the same as milliliters: a second test would only cost power."""


@dataclass(frozen=True)
class Comparison:
    """One metric of one label, of two models; what compares is each subject's mean over cases.

    Volume differences count by their size, whatever their sign.

    Attributes:
        label: Which label.
        metric: Which of `metrics.measures.METRICS`.
        difference: Mean over subjects of the first model's value minus the second's, where both
            are finite; NaN if there are none.
        low: Lower end of its 95 % bootstrap interval; NaN for one subject.
        high: Upper end.
        wins: Number of subjects for which the first model is better.
        ties: For which both are alike.
        losses: For which the second is better.
        finite: Number of subjects in `difference`.
        subjects: Number of all subjects.
        p: Of the two-sided Wilcoxon signed-rank test over wins, ties and losses; NaN if there are
            fewer than two subjects. An infinite difference has the highest rank.
        corrected: The same, corrected by Holm's method for all labels and metrics.
    """

    label: int
    metric: str
    difference: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int
    finite: int
    subjects: int
    p: float
    corrected: float = np.nan


def compare(a: Sequence[Score], b: Sequence[Score], seed: int = 0) -> list[Comparison]:
    """Compares two models' scores on the same cases and labels, paired by subject.

    Args:
        a: Scores of the first model.
        b: Scores of the second.
        seed: Of the bootstrap's draws.

    Returns:
        One per label and metric, sorted by label.

    Raises:
        ValueError: If the scores are not of the same cases, labels and subjects.
    """
    places = [sorted((s.case, s.subject, s.label) for s in scores) for scores in (a, b)]
    if places[0] != places[1] or not places[0] or len(set(places[0])) < len(places[0]):
        odd = sorted(set(places[0]) ^ set(places[1]))[:5]
        raise ValueError(
            f"comparison: got {len(a)} and {len(b)} scores, allowed are scores of the same cases,"
            f" subjects and labels, each once; not in both: {odd}. Evaluate both models on the same"
            " cases."
        )
    found = []
    for label in labels_of(a):
        own = [[s for s in scores if s.label == label] for scores in (a, b)]
        found += [_comparison(own[0], own[1], label, name, seed) for name in COMPARED]
    corrected = holm([c.p for c in found])
    return [replace(c, corrected=p) for c, p in zip(found, corrected, strict=True)]


def _comparison(
    a: Sequence[Score], b: Sequence[Score], label: int, name: str, seed: int
) -> Comparison:
    metric = METRICS[name]
    one, other = _by_subject(a, b, name, metric)
    with np.errstate(invalid="ignore"):  # Infinite for both is a tie.
        gains = np.where(one == other, 0.0, metric.loss(other) - metric.loss(one))
        differences = one - other
    finite = np.isfinite(differences)
    subjects = [str(n) for n in range(int(finite.sum()))]
    low, high = mean_interval(differences[finite].tolist(), subjects, seed)
    return Comparison(
        label,
        name,
        float(differences[finite].mean()) if finite.any() else np.nan,
        low,
        high,
        wins=int((gains > 0).sum()),
        ties=int((gains == 0).sum()),
        losses=int((gains < 0).sum()),
        finite=int(finite.sum()),
        subjects=len({s.subject for s in a}),
        p=_wilcoxon(gains),
    )


def _by_subject(
    a: Sequence[Score], b: Sequence[Score], name: str, metric: Metric
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gives each subject's mean, for both models, over cases where one is defined."""
    others = {s.case: s.metrics[name] for s in b}
    pairs: Mapping[str, list[tuple[float, float]]] = {s.subject: [] for s in a}
    for score in a:
        pair = (score.metrics[name], others[score.case])
        if not np.isnan(pair).all():
            # Not defined for one only: it rightly found nothing where the other found something.
            pair = (_defined(pair[0], metric), _defined(pair[1], metric))
            # A negative and a positive volume difference are no less wrong than two positive ones.
            pairs[score.subject].append(pair if metric.best else (abs(pair[0]), abs(pair[1])))
    means = [np.mean(pairs[subject], axis=0) for subject in sorted(pairs) if pairs[subject]]
    both = np.array(means, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _defined(value: float, metric: Metric) -> float:
    return metric.best if np.isnan(value) else value


def _wilcoxon(gains: NDArray[np.float64]) -> float:
    if len(gains) < 2:
        return np.nan
    if not gains.any():
        return 1.0
    # The test looks only at ranks: any number above all others does for an infinite one.
    ends = 2 * np.abs(gains[np.isfinite(gains)]).max(initial=1.0)
    return float(stats.wilcoxon(np.clip(gains, -ends, ends)).pvalue)

"""What the scores of one model say together, per label and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.evaluation.resampling import mean_interval
from ImperfectSegLogic.evaluation.score import Score, labels_of
from ImperfectSegLogic.metrics.measures import METRICS


@dataclass(frozen=True)
class Summary:
    """One metric of one label over cases.

    Attributes:
        label: Which label.
        metric: Which of `metrics.measures.METRICS`.
        mean: Over the cases in which it is defined and finite; NaN if there are none, as below.
        sd: Standard deviation of these cases; NaN for a single one.
        median: Of these cases.
        low: Lower end of the mean's 95 % bootstrap interval over subjects; NaN for one subject.
        high: Upper end.
        defined: Number of these cases.
        infinite: Number of cases in which it is infinite, as a distance is to nothing.
        cases: Number of all cases in which the label was looked for.
        subjects: Number of subjects of the cases in which it is defined.
    """

    label: int
    metric: str
    mean: float
    sd: float
    median: float
    low: float
    high: float
    defined: int
    infinite: int
    cases: int
    subjects: int


def summary(scores: Sequence[Score], seed: int = 0) -> list[Summary]:
    """Sums up scores per label and metric; a case without a finite value is counted, not averaged.

    Args:
        scores: Of one model.
        seed: Of the bootstrap's draws.

    Returns:
        One per label and metric, sorted by label.
    """
    return [
        _summary([s for s in scores if s.label == label], label, metric, seed)
        for label in labels_of(scores)
        for metric in METRICS
    ]


def _summary(scores: Sequence[Score], label: int, metric: str, seed: int) -> Summary:
    finite = [s for s in scores if np.isfinite(s.metrics[metric])]
    values = [s.metrics[metric] for s in finite]
    low, high = mean_interval(values, [s.subject for s in finite], seed)
    return Summary(
        label,
        metric,
        float(np.mean(values)) if values else np.nan,
        float(np.std(values, ddof=1)) if len(values) > 1 else np.nan,
        float(np.median(values)) if values else np.nan,
        low,
        high,
        len(values),
        sum(bool(np.isinf(s.metrics[metric])) for s in scores),
        len(scores),
        len({s.subject for s in finite}),
    )

"""The score of one label in one case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Listener = Callable[[float, str], None]


@dataclass(frozen=True)
class Score:
    """How well one label was segmented in one case.

    Attributes:
        case: Which case.
        subject: Who was imaged; the case's own id if that is not known.
        label: Which label.
        metrics: The value of each of `metrics.measures.METRICS`; NaN where it is not defined,
            infinite where a distance is to nothing.
        truth: What it was compared with, for people.
    """

    case: str
    subject: str
    label: int
    metrics: Mapping[str, float]
    truth: str = ""


def labels_of(scores: Sequence[Score]) -> list[int]:
    """Gives the labels that were scored, sorted."""
    return sorted({score.label for score in scores})

"""What a completion gives: a prediction, and where one more annotation would help most."""

from __future__ import annotations

from dataclasses import dataclass

from ImperfectSegLogic.data import Prediction


@dataclass(frozen=True)
class WantedSlice:
    """A slice that is worth annotating next.

    Attributes:
        axis: Array axis that it lies across: 0 slice, 1 row, 2 column.
        index: Its number along this axis of the image.
        uncertainty: Mean entropy near the segments on this slice, 0 (sure) to 1 (no idea).
        reason: For people, such as "most uncertain, 12 mm from the next annotated slice".
    """

    axis: int
    index: int
    uncertainty: float
    reason: str


@dataclass(frozen=True)
class Completed:
    """A mask completed from sparse marks.

    Attributes:
        prediction: Probabilities; the annotated voxels keep their labels.
        wanted: Slices worth annotating next, most wanted first; empty if none is.
    """

    prediction: Prediction
    wanted: tuple[WantedSlice, ...] = ()

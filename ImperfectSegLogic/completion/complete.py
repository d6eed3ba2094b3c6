"""One case with sparse marks becomes one with a mask, whatever kind the marks are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ImperfectSegLogic.completion.between_slices import complete_slices
from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.completion.point_grid import complete_grid
from ImperfectSegLogic.completion.recist_growth import complete_recist
from ImperfectSegLogic.completion.scribbles import complete_scribbles
from ImperfectSegLogic.completion.wanted_slices import wanted_slices
from ImperfectSegLogic.data import Annotation, Case, PointGrid, RecistMarks, SparseMask
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from ImperfectSegLogic.prediction.predictor import Predictor

ACCEPTED: dict[str, type[Annotation]] = {
    "recist": RecistMarks,
    "scribbles": SparseMask,
    "slices": SparseMask,
    "grid": PointGrid,
}
"""What each kind of completion starts from."""


def complete(
    case: Case,
    kind: str,
    engine: InteractiveSegmenter | None = None,
    segmenter: Predictor | None = None,
    progress: Progress | None = None,
) -> Completed:
    """Completes the annotation of a case.

    Args:
        case: The image with its annotation: `RecistMarks` for `recist`, a `SparseMask` for
            `scribbles` and `slices`, a `PointGrid` for `grid`.
        kind: `recist`, `scribbles`, `slices` or `grid`.
        engine: The interactive segmenter for scribbles and grid; the default one if none is given.
        segmenter: A trained model for recist; none is needed.
        progress: Told how far the work is; cancels it.

    Returns:
        The prediction, and the slices worth annotating next.

    Raises:
        ValueError: If there is no such kind, the annotation is of another one, or as for
            `complete_recist`, `complete_scribbles`, `complete_slices` and `complete_grid`.
        CancelledError: If it was cancelled.
    """
    marks = case.annotation
    if kind not in ACCEPTED:
        raise ValueError(f"complete: got {kind!r}, allowed are {', '.join(ACCEPTED)}.")
    if not isinstance(marks, ACCEPTED[kind]):
        got = "no annotation" if marks is None else type(marks).__name__
        raise ValueError(
            f"case {case.identifier}: got {got}, allowed for {kind} is"
            f" {ACCEPTED[kind].__name__}. Choose another annotator, or another kind."
        )
    if isinstance(marks, RecistMarks):
        return _of_recist(case, marks, segmenter, progress)
    if isinstance(marks, PointGrid):
        return complete_grid(case, marks, engine, progress)
    assert isinstance(marks, SparseMask)
    if kind == "slices":
        return complete_slices(case, marks, progress)
    return complete_scribbles(case, marks, engine, progress)


def _of_recist(
    case: Case, marks: RecistMarks, segmenter: Predictor | None, progress: Progress | None
) -> Completed:
    found = complete_recist(case, marks.marks, segmenter, progress)
    ends = [np.concatenate([mark.long_axis, mark.short_axis]) for mark in marks.marks]
    index = case.volume.geometry.to_index(np.stack(ends))
    # Marks lie in slices across the axis along which their ends differ least.
    axis = int(np.argmin(np.ptp(index, axis=1).sum(axis=0)))
    return Completed(found, wanted_slices(found, axis, np.unique(index[..., axis]).tolist()))

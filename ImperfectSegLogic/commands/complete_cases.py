"""What is completed at once: a case with its marks, or a subject with its frames."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ImperfectSegLogic.commands.complete_targets import CompletionTarget
from ImperfectSegLogic.completion.across_time import complete_frames
from ImperfectSegLogic.completion.complete import complete
from ImperfectSegLogic.completion.scribble_prompts import mask_of_points, merged
from ImperfectSegLogic.data import Annotation, Case, Dataset, DenseMask, PointGrid, SparseMask
from ImperfectSegLogic.data.datasets.annotation_files import Version
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from ImperfectSegLogic.prediction.predictor import Predictor


class MarkedCases(CompletionTarget):
    """Cases with RECIST marks, scribbles, slices or a grid of points."""

    def __init__(
        self,
        options: argparse.Namespace,
        dataset: Dataset,
        engine: InteractiveSegmenter | None = None,
        segmenter: Predictor | None = None,
    ) -> None:
        """Takes what was typed, and the engine and model that were asked for."""
        super().__init__(options, dataset)
        self._engine, self._segmenter = engine, segmenter

    def ids(self) -> list[str]:
        """Gives the cases that have marks."""
        return [case for case in self.chosen if self.inputs(case)]

    def cases_of(self, one: str) -> list[str]:
        """Gives the case itself."""
        return [one]

    def complete(self, one: str, progress: Progress) -> tuple[str, ...]:
        """See `CompletionTarget.complete`."""
        case = Case(self._dataset.image(one), one, self._marks(one, self.inputs(one)))
        found = complete(case, self._options.kind, self._engine, self._segmenter, progress)
        self.write(one, one, found)
        return found.prediction.notes

    def _marks(self, case: str, inputs: Mapping[str, Version]) -> Annotation:
        """Joins the marks of all annotators.

        Raises:
            ValueError: If they contradict each other.
        """
        given = {name: self._dataset.read(case, version) for name, version in inputs.items()}
        first = next(iter(given.values()))
        if len(given) == 1:
            return first
        masks = {n: one for n, one in given.items() if isinstance(one, SparseMask)}
        if len(masks) == len(given):
            return merged(masks, self._options.prefer)
        grid = self._dataset.record(case).geometry
        if isinstance(first, PointGrid):
            grids = {n: one for n, one in given.items() if isinstance(one, PointGrid)}
            masks = {n: mask_of_points(one, grid) for n, one in grids.items()}
            return points_of(merged(masks, self._options.prefer))
        return given[chosen(case, tuple(given), self._options.prefer)]


class Sequences(CompletionTarget):
    """Subjects whose cases are frames, some of them with masks."""

    def ids(self) -> list[str]:
        """Gives the subjects with a frame that has a mask and one that has none."""
        return [s for s in self._subjects() if 0 < self._given(s) < len(self.cases_of(s))]

    def cases_of(self, one: str) -> list[str]:
        """Gives the frames of a subject, in the order of their ids."""
        return self._subjects()[one]

    def outputs(self, one: str) -> Sequence[str]:
        """Gives the frames without a mask."""
        return [case for case in self.cases_of(one) if not self.inputs(case)]

    def complete(self, one: str, progress: Progress) -> tuple[str, ...]:
        """See `CompletionTarget.complete`."""
        ids = self.cases_of(one)
        frames = [Case(self._dataset.image(case), case) for case in ids]
        masks: dict[int, DenseMask] = {}
        for n, case in enumerate(ids):
            if inputs := self.inputs(case):
                name = chosen(case, tuple(inputs), self._options.prefer)
                mask = self._dataset.read(case, inputs[name])
                assert isinstance(mask, DenseMask)
                masks[n] = mask
        notes: list[str] = []
        for n, found in enumerate(complete_frames(frames, masks, progress)):
            if n not in masks:
                self.write(one, ids[n], found)
                notes += found.prediction.notes
        return tuple(notes)

    def _given(self, subject: str) -> int:
        return sum(bool(self.inputs(case)) for case in self.cases_of(subject))

    def _subjects(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for case in self.chosen:
            found.setdefault(self._dataset.record(case).subject or case, []).append(case)
        return found


def points_of(mask: SparseMask) -> PointGrid:
    """Gives the labeled voxels of a mask as points."""
    at = np.argwhere(mask.labeled)
    labels = np.asarray(mask.labels[mask.labeled], dtype=np.int64)
    return PointGrid(mask.geometry.to_ras(at), labels)


def chosen(case: str, names: tuple[str, ...], prefer: str | None) -> str:
    """Gives whose annotation counts where annotations cannot be joined.

    Raises:
        ValueError: If there are several and nobody is preferred.
    """
    if len(names) == 1:
        return names[0]
    if prefer in names:
        return str(prefer)
    raise ValueError(
        f"case {case}: got annotations by {', '.join(names)}, which cannot be joined. Choose one"
        " with --annotator, or say with --prefer whose counts."
    )

"""Refines what was taken out of the scene; touches no node, so that it may run in any thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.RefineChoice import Refined, RefinePart, RefineRequest, RefineResponse
from ImperfectSegLib.SegmentationChanges import common, inside
from ImperfectSegLogic.data import (
    Case,
    Geometry,
    Prediction,
    Prompt,
    Region,
    Volume,
)
from ImperfectSegLogic.data.slices import Cut
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.chain import Chain
from ImperfectSegLogic.refinement.label_probabilities import prediction_of_labels
from ImperfectSegLogic.refinement.stored import Stored, is_probabilities, read_stored


class RefineWork:
    """Keeps refiners and the file of the last request, which the next one mostly wants too.

    Attributes:
        make: Makes a refiner by its name and settings.
    """

    def __init__(self, make: Callable[[str, Mapping[str, Any]], Refiner]) -> None:
        """Args: `make` makes a refiner by its name and settings."""
        self.make = make
        self._made: tuple[tuple[Any, ...], Chain] | None = None
        self._stored: tuple[tuple[Any, ...], Stored] | None = None
        self._views: tuple[Volume, dict[int, Volume]] | None = None
        self._busy = threading.Lock()

    def run(self, request: RefineRequest, progress: Progress) -> RefineResponse:
        """Refines all parts; one request at a time.

        Raises:
            ValueError: If the method, its settings, the image or the input does not suit.
            OSError: If stored probabilities cannot be read.
            CancelledError: If it was cancelled.
        """
        while not self._busy.acquire(timeout=0.05):
            progress.report(0.0, "Stopping the computation before")
        try:
            return self._run(request, progress)
        finally:
            self._busy.release()

    def _run(self, request: RefineRequest, progress: Progress) -> RefineResponse:
        started = time.perf_counter()
        progress.report(0.0, "Loading the method")
        chain = self._chain(request)
        progress.report(0.0, "Reading")
        stored = self._probabilities(request) if request.choice.probabilities else None
        refined, notes = [], []
        for n, part in enumerate(request.parts):
            share = progress.part(n / len(request.parts), (n + 1) / len(request.parts))
            given = _segments(request, part) if stored is None else _within(stored, request, part)
            if given is None:
                continue
            prompts = [p for p in request.prompts if p.label in given.labels]
            if len(prompts) < len(request.prompts):
                lost = len(request.prompts) - len(prompts)
                notes.append(f"prompts for labels without probabilities, left out: {lost}")
            done = self._refined(chain, request, part, given, prompts, share)
            notes += [note for note in done.prediction.notes if note not in notes]
            refined.append(done)
        if not refined and stored is not None and not request.isPreview:
            raise ValueError("region: the stored probabilities say nothing about it. Move it.")
        seconds, segments = time.perf_counter() - started, stored.segments if stored else ()
        return RefineResponse(request, tuple(refined), seconds, tuple(notes), segments)

    def _refined(
        self,
        chain: Chain,
        request: RefineRequest,
        part: RefinePart,
        given: Prediction,
        prompts: Sequence[Prompt],
        progress: Progress,
    ) -> Refined:
        volume = self._turned(request.volume, part.cut)
        try:
            answer = chain.refine(
                Case(volume, volume.name), _seen(given, part.cut), prompts, progress
            )
        except ImportError as error:
            if error.name is None or error.name.startswith("ImperfectSeg"):
                raise  # Our own mistake.
            raise ValueError(
                f"{chain.name}: needs the package {error.name}, which is not installed. Install"
                " what is missing, or choose another method."
            ) from error
        found = part.cut.back(answer, request.volume.geometry)
        return Refined(part, found, _changes(given, found, part))

    def _turned(self, volume: Volume, cut: Cut) -> Volume:
        """Gives an image as a view of another direction sees it; one copy of each is kept."""
        if self._views is None or self._views[0] is not volume:
            self._views = (volume, {})
        views = self._views[1]
        if cut.axis not in views:
            views[cut.axis] = replace(cut.volume(volume), name=volume.name)
        return views[cut.axis]

    def _chain(self, request: RefineRequest) -> Chain:
        steps, margin = request.choice.steps, request.choice.margin
        key = (margin, *((step.name, dict(step.settings)) for step in steps))
        if self._made is None or self._made[0] != key:
            refiners = [self.make(step.name, step.settings) for step in steps]
            self._made = (key, Chain(refiners, margin))
        return self._made[1]

    def _probabilities(self, request: RefineRequest) -> Stored:
        path = Path(request.choice.probabilities)
        own = Geometry(request.volume.geometry.shape, request.ownMatrix)
        key = (path, path.stat().st_mtime_ns if path.exists() else 0, own.ijk_to_ras.tobytes())
        if self._stored is None or self._stored[0] != key:
            if path.exists() and not is_probabilities(path):
                raise ValueError(
                    f"{path}: holds no stored probabilities. Choose a file that imperfectseg"
                    " predict --probabilities wrote, or none to refine the segmentation."
                )
            self._stored = (key, read_stored(path, own, {}))
        return self._stored[1]


def _segments(request: RefineRequest, part: RefinePart) -> Prediction | None:
    if part.labels is None or len(part.values) < 2:
        return None
    whole, region = request.volume.geometry, part.region
    matrix = whole.ijk_to_ras.copy()
    matrix[:3, 3] = whole.to_ras(region.start)
    here = Geometry(region.shape, matrix)
    found = prediction_of_labels(part.labels, here, part.values, request.choice.certainty)
    return replace(found, region=region, geometry=whole)


def _within(stored: Stored, request: RefineRequest, part: RefinePart) -> Prediction | None:
    prediction, whole = stored.prediction, request.volume.geometry
    assert prediction is not None, "a file of probabilities"
    shared = common(prediction.region, part.region)
    if shared is None:
        return None
    chances = prediction.probabilities[(slice(None), *inside(shared, prediction.region))]
    return replace(prediction, probabilities=chances, region=shared, geometry=whole)


def _seen(prediction: Prediction, cut: Cut) -> Prediction:
    """Gives a prediction as a view of another direction sees it; undone by `Cut.back`."""
    if cut.axis == 0:
        return prediction
    order, found = cut.order, prediction.region
    start, stop = ([edge[axis] for axis in order] for edge in (found.start, found.stop))
    return replace(
        prediction,
        probabilities=np.ascontiguousarray(
            prediction.probabilities.transpose(0, *(axis + 1 for axis in order))
        ),
        region=Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2])),
        geometry=cut.geometry(prediction.geometry),
    )


def _changes(before: Prediction, after: Prediction, part: RefinePart) -> int:
    differs: NDArray[np.bool_] = before.region_labels() != after.region_labels()
    if part.allowed is not None:
        differs &= part.allowed[inside(after.region, part.region)]
    return int(np.count_nonzero(differs))

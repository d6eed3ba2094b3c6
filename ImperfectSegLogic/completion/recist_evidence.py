"""What a trained model or an engine says about a lesion, beside its diameters and gray values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ImperfectSegLogic.completion.recist_prompts import deep_prompts, flat_prompts
from ImperfectSegLogic.completion.recist_shape import Shape
from ImperfectSegLogic.data import Case, Prediction, Provenance, Region, Volume
from ImperfectSegLogic.data.slices import Cut
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.catalog import default_segmenter
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats

if TYPE_CHECKING:
    from ImperfectSegLogic.prediction.predictor import Predictor

_SUREST = 0.99
"""Nobody is believed more than that."""


class Evidence(ABC):
    """Says how probable it is that voxels are of a lesion.

    Attributes:
        source: Who says so.
    """

    source: Provenance

    @abstractmethod
    def flat(self, shape: Shape, label: int, region: Region, progress: Progress) -> Floats:
        """Gives logits for the marked slice; shape of the region, 1 along the slice's axis."""

    @abstractmethod
    def deep(
        self,
        shape: Shape,
        label: int,
        mask: NDArray[np.bool_],
        region: Region,
        progress: Progress,
    ) -> Floats:
        """Gives logits for a region, once the mask of the marked slice (2-D, whole) is known."""


class EngineEvidence(Evidence):
    """Prompts made of the diameters, answered by an interactive engine."""

    def __init__(self, case: Case, engine: InteractiveSegmenter | None = None) -> None:
        """Takes the image; and the engine, the default one if none is given."""
        self._engine = engine or default_segmenter()()
        self._case = case
        self.source = Provenance(self._engine.card.name)

    def flat(self, shape: Shape, label: int, region: Region, progress: Progress) -> Floats:
        """See `Evidence.flat`."""
        cut = Cut.slice_at(self._case.volume.geometry, shape.axis, shape.index)
        image = cut.volume(self._case.volume)
        self._engine.set_case(Case(image))
        found = self._engine.respond(flat_prompts(shape, image.geometry), progress=progress)
        self.source = found.provenance
        return _logits(cut.back(found, self._case.volume.geometry), 1, _slice(shape, region))

    def deep(
        self,
        shape: Shape,
        label: int,
        mask: NDArray[np.bool_],
        region: Region,
        progress: Progress,
    ) -> Floats:
        """See `Evidence.deep`."""
        self._engine.set_case(self._case)
        prompts = deep_prompts(shape, mask, self._case.volume.geometry)
        return _logits(self._engine.respond(prompts, progress=progress), 1, region)


class ModelEvidence(Evidence):
    """A trained model's probabilities of the whole image."""

    def __init__(self, predictor: Predictor, volume: Volume, progress: Progress) -> None:
        """Predicts the image once, for all lesions in it."""
        self._prediction = predictor.predict(volume, progress).prediction
        self.source = self._prediction.provenance

    def flat(self, shape: Shape, label: int, region: Region, progress: Progress) -> Floats:
        """See `Evidence.flat`."""
        return _logits(self._prediction, label, _slice(shape, region))

    def deep(
        self,
        shape: Shape,
        label: int,
        mask: NDArray[np.bool_],
        region: Region,
        progress: Progress,
    ) -> Floats:
        """See `Evidence.deep`."""
        return _logits(self._prediction, label, region)


def _slice(shape: Shape, region: Region) -> Region:
    start, stop = list(region.start), list(region.stop)
    start[shape.axis], stop[shape.axis] = shape.index, shape.index + 1
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _logits(prediction: Prediction, label: int, region: Region) -> Floats:
    """Gives the logits of a label, or of all segments if it is unknown; background elsewhere."""
    known = prediction.labels
    told = prediction.probabilities
    chance = told[known.index(label)] if label in known else 1 - told[0]
    low = [max(a, b) for a, b in zip(prediction.region.start, region.start, strict=True)]
    high = [min(a, b) for a, b in zip(prediction.region.stop, region.stop, strict=True)]
    found = np.zeros(region.shape, dtype=np.float32)
    if all(a < b for a, b in zip(low, high, strict=True)):
        to, source = (
            tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
            for start in (region.start, prediction.region.start)
        )
        found[to] = chance[source]
    return np.asarray(logit(np.clip(found, 1 - _SUREST, _SUREST)), dtype=np.float32)

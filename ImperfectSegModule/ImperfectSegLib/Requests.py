"""What one computation needs, taken out of the scene, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Prediction, Prompt, Region, Volume
from ImperfectSegLogic.data.slices import Cut

Place = tuple[int, int]
"""A slice: an axis (0, 1, 2 for k, j, i) and a number along it."""


@dataclass(frozen=True, eq=False)
class Part:
    """What an engine is asked about one part of the image.

    Attributes:
        cut: The part.
        scope: Where the answer takes the place of earlier ones to some of the same prompts.
        prompts: As they are meant in the part. Without any, earlier answers in the scope go.
        numbers: Of the prompts; also of those that were here and are elsewhere now.
        segmentIds: The segment of each label that is spoken of.
        allowed: Which voxels of the cut's region may be written; None for all.
        previous: The answer, for the part, to all prompts but the last ones, if it is known.
    """

    cut: Cut
    scope: Region
    prompts: tuple[Prompt, ...]
    numbers: frozenset[int]
    segmentIds: Mapping[int, str]
    allowed: NDArray[np.bool_] | None = None
    previous: Prediction | None = None


@dataclass(frozen=True, eq=False)
class Request:
    """Everything that one computation needs, taken out of the scene in the GUI thread.

    Attributes:
        volume: The image.
        volumeState: What `Bridge.volumeState` gave.
        parts: What is to be answered; none if no prompt is where it counts.
        volumeId: ID of the volume's node.
        segmentationId: ID of the segmentation's node.
        notes: What was left out, for people.
    """

    volume: Volume
    volumeState: tuple[Any, ...]
    parts: tuple[Part, ...]
    volumeId: str
    segmentationId: str
    notes: tuple[str, ...] = ()

    @property
    def prompts(self) -> list[Prompt]:
        """All prompts of all parts."""
        return [prompt for part in self.parts for prompt in part.prompts]


@dataclass(frozen=True, eq=False)
class Answer:
    """What an engine said about a part: `raw` on the part's own grid; None if it was not asked."""

    part: Part
    raw: Prediction | None
    geometry: Geometry

    @property
    def prediction(self) -> Prediction | None:
        """The answer on the image's grid."""
        return None if self.raw is None else self.part.cut.back(self.raw, self.geometry)


@dataclass(frozen=True, eq=False)
class Response:
    """The answer to a request, still to be written."""

    request: Request
    answers: tuple[Answer, ...]
    seconds: float

    @property
    def prediction(self) -> Prediction:
        """The last answer, on the image's grid."""
        said = [a.prediction for a in self.answers if a.prediction is not None]
        assert said, "no engine was asked"
        return said[-1]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or done otherwise than asked, for people."""
        said = [note for a in self.answers if a.raw is not None for note in a.raw.notes]
        return (*self.request.notes, *said)

    def added(self, earlier: Sequence[Answer]) -> tuple[Answer, ...]:
        """Gives earlier answers and these; in 2-D those for other slices stay, in 3-D none."""
        cuts = {a.part.cut for a in self.answers}
        flat = all(a.part.scope != a.geometry.whole for a in self.answers)
        kept = [a for a in earlier if flat and a.part.cut not in cuts]
        return (*kept, *(a for a in self.answers if a.raw is not None))

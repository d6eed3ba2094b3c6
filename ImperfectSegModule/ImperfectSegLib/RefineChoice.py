"""What the user chose to refine, how, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLib.Requests import Place
from ImperfectSegLogic.data import Box, Prediction, Prompt, Region, Segment, Volume
from ImperfectSegLogic.data.slices import Cut
from ImperfectSegLogic.refinement.label_probabilities import CERTAINTY
from ImperfectSegLogic.refinement.profile import Step


@dataclass(frozen=True)
class RefineChoice:
    """How to refine, and what.

    Attributes:
        steps: Refiners that are applied one after the other, at least one.
        certainty: How sure segments are taken to be, where they are the input.
        probabilities: A file with stored probabilities to start from; empty to start from the
            segments.
        keepsPrompts: Whether prompted voxels keep the label they name.
        selected: IDs of the segments to change; None for all.
        limit: Where to change something; everywhere if there is none.
        margin: Only what is this near to a segment is refined, in mm; None refines all.
    """

    steps: tuple[Step, ...]
    certainty: float = CERTAINTY
    probabilities: str = ""
    keepsPrompts: bool = True
    selected: tuple[str, ...] | None = None
    limit: Box | None = None
    margin: float | None = None


@dataclass(frozen=True, eq=False)
class RefinePart:
    """A part of the image to refine.

    Attributes:
        cut: The image as the refiner sees it, perhaps along another axis.
        region: The part of it that is refined, in the whole grid.
        labels: The segments there, shape (k, j, i); None where stored probabilities are refined.
        values: All labels that take part, from 0.
        allowed: Which voxels of the region may change; None for all.
        place: The slice that it is; None if it is no slice.
    """

    cut: Cut
    region: Region
    labels: NDArray[np.uint16] | None
    values: tuple[int, ...]
    allowed: NDArray[np.bool_] | None
    place: Place | None = None


@dataclass(frozen=True, eq=False)
class RefineRequest:
    """All that is needed to refine, taken out of the scene.

    Attributes:
        choice: How, and what.
        volume: The image, in world RAS.
        volumeState: See `Bridge.volumeState`.
        volumeId: Of its node.
        segmentationId: Of the node with the segments.
        segmentationState: To find out whether somebody edited the segments meanwhile.
        segmentIds: The segment of each label that may be written.
        parts: What to refine.
        prompts: What the user pointed at, with labels of the parts.
        ownMatrix: The image's IJK to RAS without its parent transform: files know no other.
        isPreview: Whether it is about slices, for a look only.
    """

    choice: RefineChoice
    volume: Volume
    volumeState: tuple[Any, ...]
    volumeId: str
    segmentationId: str
    segmentationState: tuple[Any, ...]
    segmentIds: Mapping[int, str]
    parts: tuple[RefinePart, ...]
    prompts: tuple[Prompt, ...]
    ownMatrix: NDArray[np.float64]
    isPreview: bool = False


@dataclass(frozen=True, eq=False)
class Refined:
    """What became of a part.

    Attributes:
        part: What was refined.
        prediction: On the whole grid.
        changed: Number of voxels whose most probable label has changed.
    """

    part: RefinePart
    prediction: Prediction
    changed: int


@dataclass(frozen=True, eq=False)
class RefineResponse:
    """What became of a request.

    Attributes:
        request: What was asked.
        refined: One for each part about which there was something to say.
        seconds: How long it took.
        notes: What had to be done otherwise than asked.
        segments: Names and colors of the labels of stored probabilities, where they are known.
    """

    request: RefineRequest
    refined: tuple[Refined, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()

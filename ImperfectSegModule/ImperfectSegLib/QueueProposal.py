"""What an annotator starts from: what was annotated before, or what a model says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.active.queue_items import Lease, Reading
from ImperfectSegLogic.active.queue_ranking import StoredRanking
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.commands.predict_files import beside
from ImperfectSegLogic.commands.predict_models import name_of
from ImperfectSegLogic.data import Dataset, DenseMask, SparseMask, read_volume
from ImperfectSegLogic.data.datasets.predictions import LABELS

UNCERTAINTY = "entropy"


@dataclass(frozen=True, eq=False)
class Proposal:
    """What to start from.

    Attributes:
        labels: Of the whole image, shape (slice, row, column); `UNLABELED` where nobody says
            anything. None if there is nothing to start from.
        source: Where they are from, for people.
        uncertainty: From 0 to 1, of the whole image; None if it is not known.
        problem: Why something is missing that should be there; empty if nothing is.
    """

    labels: NDArray[Any] | None = None
    source: str = ""
    uncertainty: NDArray[np.float32] | None = None
    problem: str = ""


def modelOf(ranking: StoredRanking) -> str:
    """Gives by which name the predictions go of what a queue was ranked by; empty if nothing."""
    typed = ranking.about.get("model") or []
    paths = [Path(str(one)) for one in typed]
    return "+".join(name_of(p) if len(p.parts) > 1 or p.is_file() else p.name for p in paths)


def proposalOf(dataset: Dataset, lease: Lease, model: str) -> Proposal:
    """Reads what to start from; touches no node, so that any thread may do it.

    Of a unit that is done it is the annotation of the same annotator, else of the last one who did
    it. Of others it is what the model predicted.

    Args:
        dataset: The data set.
        lease: Which unit, and whose.
        model: By which name its predictions go; empty for none.
    """
    predicted = predictionOf(dataset, lease.unit, model)
    done = [reading for reading in lease.item.standing.readings if reading.done]
    own = [reading for reading in done if reading.annotator == lease.reading.annotator]
    if not done:
        return predicted
    return _annotated(dataset, lease.unit, (own or done)[-1], predicted)


def predictionOf(dataset: Dataset, unit: Unit, model: str) -> Proposal:
    """Reads what a model predicted for the image of a unit."""
    if not model or unit.case not in dataset.predicted(model):
        missing = f"model {model} has not predicted case {unit.case}" if model else ""
        return Proposal(problem=missing)
    try:
        labels = dataset.prediction(model, unit.case).labels
        uncertainty = _uncertainty(dataset, unit.case, model)
    except (ValueError, OSError) as error:
        return Proposal(problem=f"what model {model} predicted cannot be read: {error}")
    return Proposal(labels, f"model {model}", uncertainty)


def _annotated(dataset: Dataset, unit: Unit, reading: Reading, predicted: Proposal) -> Proposal:
    source = f"version {reading.version} of {reading.annotator}"
    try:
        version = dataset.find_version(unit.case, reading.annotator, reading.version)
        assert version is not None
        mask = dataset.read(unit.case, version)
    except (ValueError, OSError) as error:
        return Proposal(problem=f"{source} cannot be read: {error}")
    if not isinstance(mask, DenseMask | SparseMask):
        return Proposal(problem=f"{source} is a {type(mask).__name__}, which is no mask")
    return Proposal(mask.labels, source, predicted.uncertainty)


def _uncertainty(dataset: Dataset, case: str, model: str) -> NDArray[np.float32] | None:
    path = beside(dataset.folder / "predictions" / model / f"{case}{LABELS}", UNCERTAINTY)
    if not path.is_file():
        return None
    found = read_volume(path)
    if not found.geometry.matches(dataset.record(case).geometry):
        raise ValueError(f"{path}: is not on the grid of the image. Predict again.")
    return found.array.astype(np.float32)

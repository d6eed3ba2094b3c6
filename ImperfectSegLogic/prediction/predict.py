"""Applies trained models to an image: sliding windows, flips, MC dropout, ensembles, uncertainty.

Memory: the prepared image, the result on the image's own grid (4 bytes per voxel and label for
probabilities, 1 or 2 per voxel for labels, 4 per voxel for each uncertainty map), and the slices
at hand (`PredictionSettings.slab_megabytes`). It does not grow with the number of passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import DenseMask, Prediction, Provenance, Volume
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.prediction.settings import PredictionSettings
from ImperfectSegLogic.prediction.work import Work
from ImperfectSegLogic.training.model_file import TrainedModel

__all__ = ("Predicted", "PredictedLabels", "PredictionSettings", "predict", "predict_labels")


@dataclass(frozen=True, eq=False)
class Predicted:
    """Probabilities of an image.

    Attributes:
        prediction: On the image's own grid, for all of it.
        uncertainty: Maps by name, float32 from 0 (sure) to 1, shape (slice, row, column).
        notes: What had to be changed on the way, such as where memory ran out.
    """

    prediction: Prediction
    uncertainty: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PredictedLabels:
    """The most probable labels of an image.

    Attributes:
        mask: On the image's own grid.
        provenance: Where they come from.
        uncertainty: Maps by name, float32 from 0 (sure) to 1, shape (slice, row, column).
        notes: What had to be changed on the way, such as where memory ran out.
    """

    mask: DenseMask
    provenance: Provenance
    uncertainty: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def predict(
    models: Sequence[TrainedModel],
    volume: Volume,
    settings: PredictionSettings | None = None,
    progress: Progress | None = None,
    device: str = "auto",
) -> Predicted:
    """Gives the probabilities of an image.

    Args:
        models: One model, or several whose probabilities are averaged; they may differ in
            network, 2-D or 3-D, and preprocessing, but not in labels.
        volume: The image.
        settings: How; see `PredictionSettings`.
        progress: Told how far the work is; cancels it.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`. Afterwards the networks are where they
            were.

    Raises:
        ValueError: If the models have different labels, the image does not have their channels or
            holds NaN, MC dropout is asked of a network without dropout, an uncertainty of several
            passes of one pass, or memory runs out for a single window.
        CancelledError: If it was cancelled.
    """
    work = Work(models, volume, settings or PredictionSettings(), progress, device)
    grid = volume.geometry
    whole = np.zeros((len(work.labels), *grid.shape), dtype=np.float32)
    turned = work.turn.apply(whole)
    with work.running():
        for slices in work.slabs():
            work.fill(slices, turned[:, slices.start : slices.stop])
    source = _provenance(models, work.settings)
    prediction = Prediction(whole, work.labels, grid.whole, grid, source)
    return Predicted(prediction, work.maps, work.notes)


def predict_labels(
    models: Sequence[TrainedModel],
    volume: Volume,
    settings: PredictionSettings | None = None,
    progress: Progress | None = None,
    device: str = "auto",
) -> PredictedLabels:
    """Gives the most probable labels of an image, without holding all of its probabilities.

    The labels are those of `predict`; see there for arguments and errors.
    """
    work = Work(models, volume, settings or PredictionSettings(), progress, device)
    values = np.array(work.labels, dtype=np.uint8 if work.labels[-1] < 256 else np.uint16)
    whole = np.zeros(volume.geometry.shape, dtype=values.dtype)
    turned = work.turn.apply(whole)
    with work.running():
        for slices in work.slabs():
            shape = (len(work.labels), len(slices), *turned.shape[1:])
            mean = np.zeros(shape, dtype=np.float32)
            work.fill(slices, mean)
            for k in slices:  # Slice by slice: argmax gives 8 bytes per voxel.
                turned[k] = values[np.argmax(mean[:, k - slices.start], axis=0)]
    source = _provenance(models, work.settings)
    return PredictedLabels(DenseMask(whole, volume.geometry), source, work.maps, work.notes)


def _provenance(models: Sequence[TrainedModel], settings: PredictionSettings) -> Provenance:
    names = [str(m.card.get("name") or f"{m.network_name}-{len(m.patch)}d") for m in models]
    said: dict[str, Any] = asdict(settings) | {"uncertainty": list(settings.uncertainty)}
    return Provenance(" + ".join(names), said, " + ".join(m.weights_hash for m in models))

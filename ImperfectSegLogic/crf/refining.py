"""What all refiners share: checks, hard constraints by prompts, and the answer. Without torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.crf.prompted_voxels import fixed_channels
from ImperfectSegLogic.data import Case, Prediction, Prompt, Provenance

Floats = NDArray[np.float32]
_TOLERANCE = 1e-2
"""How far from 1 probabilities may sum: those stored with 8 or 16 bits are off by less."""
LEAST = 1e-6
"""Probability that stands for 0, whose energy would have no end."""
NEVER = np.float32(1e3)
"""Energy of the labels that a prompted voxel cannot have."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a refiner works on, checked: a prediction's region of one image.

    Attributes:
        image: Gray values in their own units, shape (channel, k, j, i) of the region.
        probabilities: Summing to 1, prompted voxels sure, shape (label, k, j, i).
        fixed: The channel that a prompted voxel keeps, -1 elsewhere, shape (k, j, i).
        spacing: Distance of neighboring voxels in mm along k, j, i.
        prediction: The prediction itself.
        case: The case itself.
        notes: What a person should know about how the prompts were taken.
    """

    image: Floats
    probabilities: Floats
    fixed: NDArray[np.int64]
    spacing: tuple[float, float, float]
    prediction: Prediction
    case: Case
    notes: tuple[str, ...] = ()

    def unary(self, least: float = LEAST, slices: slice = slice(None)) -> Floats:
        """Gives energies: -log of the probabilities (not below `least`) of all or some slices.

        Labels that a prompted voxel cannot have get an energy that no neighbors outweigh. Shape
        (label, k, j, i).
        """
        energies = np.maximum(self.probabilities[:, slices], np.float32(least))
        np.log(energies, out=energies)
        np.negative(energies, out=energies)
        fixed = self.fixed[slices]
        where = fixed >= 0
        at: Any = np.nonzero(where)
        energies[:, where] = NEVER
        energies[(fixed[where], *at)] = 0
        return energies

    def answer(
        self, probabilities: Floats, method: str, settings: Any = None, notes: Sequence[str] = ()
    ) -> Prediction:
        """Makes the answer; prompted voxels are sure of their label.

        Args:
            probabilities: Shape (label, k, j, i) of the region, summing to 1; may be written to.
            method: The refiner's name.
            settings: Its settings.
            notes: What had to be done otherwise than asked.
        """
        assert probabilities.shape == self.probabilities.shape
        set_fixed(probabilities, self.fixed)
        before = self.prediction.provenance
        said = {} if settings is None else dataclasses.asdict(settings)
        what = {**said, "refined": before.method, "refined_settings": dict(before.settings)}
        return dataclasses.replace(
            self.prediction,
            probabilities=probabilities.astype(np.float32, copy=False),
            provenance=Provenance(method, what, before.weights_hash),
            notes=(*self.prediction.notes, *self.notes, *notes),
        )


def given(
    case: Case,
    prediction: Prediction,
    prompts: Sequence[Prompt] = (),
    reads_image: bool = True,
) -> Given:
    """Checks what a refiner was given and makes it ready.

    Args:
        case: The image.
        prediction: What to refine.
        prompts: Clicks, scribbles and lassos whose voxels keep the label they name; a box says
            nothing about single voxels, so it only counts where it is negative.
        reads_image: Whether gray values matter, so that they have to be finite and not all alike.

    Raises:
        ValueError: As `Refiner.refine` says, or if a prompt names a label without probabilities.
    """
    if not prediction.geometry.matches(case.volume.geometry):
        raise ValueError(
            f"{case.volume.name}: got an image of {case.volume.geometry.shape} voxels and"
            f" probabilities on another grid, of {prediction.geometry.shape} voxels. Allowed is"
            " one grid for both: choose the image that was segmented, or resample."
        )
    _check_probabilities(prediction)
    image = _image(case, prediction, reads_image)
    fixed, notes = fixed_channels(prompts, prediction)
    probabilities = prediction.probabilities.astype(np.float32, copy=True)
    probabilities /= probabilities.sum(axis=0)
    set_fixed(probabilities, fixed)
    spacing = prediction.geometry.spacing
    return Given(image, probabilities, fixed, spacing, prediction, case, notes)


def set_fixed(probabilities: Floats, fixed: NDArray[np.int64]) -> None:
    """Makes prompted voxels sure of the channel they keep, in place."""
    where = fixed >= 0
    probabilities[:, where] = 0
    at: Any = np.nonzero(where)
    probabilities[(fixed[where], *at)] = 1


def _check_probabilities(prediction: Prediction) -> None:
    values = prediction.probabilities
    if len(prediction.labels) < 2:
        raise ValueError(
            f"probabilities: got one label only, {list(prediction.labels)}; allowed are the"
            " background and one segment or more. There is nothing to refine."
        )
    sums = values.sum(axis=0)
    bad = int(values[0].size - np.count_nonzero(np.isfinite(sums)))
    if bad:
        raise ValueError(
            f"probabilities: got NaN or infinite values in {bad} voxels, allowed are 0 to 1."
            " Predict again."
        )
    low, high = float(values.min()), float(values.max())
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        raise ValueError(
            f"probabilities: got values from {low:.4g} to {high:.4g}, allowed are 0 to 1. Logits"
            " have to go through a softmax first."
        )
    off = float(np.abs(sums - 1).max())
    if off > _TOLERANCE:
        raise ValueError(
            f"probabilities: got sums over the labels that differ from 1 by up to {off:.4g},"
            f" allowed is {_TOLERANCE:g}. Add the background's probability, or use a softmax."
        )


def _image(case: Case, prediction: Prediction, reads_image: bool) -> Floats:
    volume = case.volume
    array = volume.array if volume.array.ndim == 4 else volume.array[np.newaxis]
    part = array[(slice(None), *prediction.region.slices)]
    if reads_image:
        bad = int(part.size - np.count_nonzero(np.isfinite(part)))
        if bad:
            raise ValueError(
                f"{volume.name}: got {bad} NaN or infinite values of {part.size}, allowed are"
                " finite numbers. Replace them, for example with the background value."
            )
        # A region without contrast may be part of an image with some, as slices of air are.
        if _is_constant(part) and _is_constant(array):
            raise ValueError(
                f"{volume.name}: got the same value in every voxel, which shows no borders to"
                " refine by. Check that the right image was loaded."
            )
    return part.astype(np.float32)


def _is_constant(channels: NDArray[Any]) -> bool:
    return all(channel.min() == channel.max() for channel in channels)

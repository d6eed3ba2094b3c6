"""Alex 2017: histogram matching to one reference."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    Chance,
    RandomTransform,
    augmentation_card,
    with_image,
)
from ImperfectSegLogic.methods.settings import setting

PERCENTS = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
"""Percentiles of a reference that make its landmarks."""
NORMAL = tuple(round(NormalDist().inv_cdf(p / 100), 3) for p in PERCENTS)
_VOXELS = 8_000
"""Enough voxels to tell the percentiles of a channel."""


@dataclass(frozen=True)
class Settings(Chance):
    """What to match, and how closely.

    Attributes:
        least_weight: Least weight of the matched image in the result; it is drawn uniformly from
            here to 1. 1 matches fully.
        landmarks: Gray values of the reference at the percentiles `PERCENTS`: one row for all
            channels, or one row per channel, one after the other. Those of a standard normal
            distribution by default, as normalized images have mean 0 and standard deviation 1.
    """

    least_weight: float = setting(0.0, "least weight of the matched image; 1 is full", 0.0, 1.0)
    landmarks: tuple[float, ...] = setting(
        NORMAL, f"gray values of the reference at {', '.join(map(str, PERCENTS))} %"
    )


class HistogramMatching(RandomTransform):
    """Matches gray values to those of a reference (alex2017semisupervised; survey 4.1.1).

    Values at the percentiles go to the reference's landmarks, linearly in between; beyond the
    outermost they move along. What many voxels share, such as air, keeps one value. A channel of
    one single value has no histogram and stays as it is.

    The paper matches every whole image to an arbitrary one of the training data, before training
    and before testing. A sample transform sees pieces, and only those trained on: so it matches
    some, with a random weight, and the network sees both. `probability` 1 and `least_weight` 1
    match all of them fully.
    """

    card = augmentation_card(
        "histogram-matching-alex2017",
        "alex2017semisupervised",
        "Matching histograms to one reference image makes 3-D MR of brain lesions alike.",
    )
    settings_type = Settings

    def __init__(self, settings: Any = None) -> None:
        """See `Method`.

        Raises:
            ValueError: Also if the landmarks are not whole rows of finite values in ascending
                order.
        """
        super().__init__(settings)
        flat = self.settings.landmarks
        whole = len(flat) > 0 and len(flat) % len(PERCENTS) == 0
        self._rows = np.reshape(flat, (-1, len(PERCENTS))) if whole else np.empty((0, 1))
        if not (whole and np.isfinite(flat).all() and (np.diff(self._rows) >= 0).all()):
            raise ValueError(
                f"{self.card.name}, landmarks: got {flat!r}, allowed are {len(PERCENTS)} finite"
                " values in ascending order, or as many for each channel. Make them with"
                " HistogramMatching.landmarks_of(image)."
            )

    @staticmethod
    def landmarks_of(image: Tensor) -> tuple[float, ...]:
        """Gives the landmarks of a reference, to be used in `Settings`.

        Args:
            image: A normalized image, shape (channel, *space).
        """
        return tuple(float(value) for value in _landmarks(image).ravel())

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Matches the image; the target stays as it is.

        Raises:
            ValueError: If there are landmarks for another number of channels.
        """
        channels = len(sample.image)
        if len(self._rows) not in (1, channels):
            raise ValueError(
                f"{self.card.name}, landmarks: got {len(self._rows)} rows of {len(PERCENTS)},"
                f" allowed are 1 or {channels}, as the images have {channels} channels."
            )
        weight = float(rng.uniform(self.settings.least_weight, 1))
        rows = np.broadcast_to(self._rows, (channels, len(PERCENTS)))
        own = _landmarks(sample.image)
        each = zip(sample.image, own, rows, strict=True)
        matched = torch.stack([_matched(*channel) for channel in each])
        return with_image(sample, torch.lerp(sample.image, matched, weight))


def _landmarks(image: Tensor) -> NDArray[np.float64]:
    """Gives values at `PERCENTS`, shape (channel, percent)."""
    flat = image.flatten(1)
    step = flat.shape[1] // _VOXELS | 1  # odd, so as not to keep to some columns
    shares = torch.tensor(PERCENTS, dtype=image.dtype, device=image.device) / 100
    return torch.quantile(flat[:, ::step], shares, dim=1).T.cpu().double().numpy()


def _matched(values: Tensor, own: NDArray[np.float64], reference: NDArray[np.float64]) -> Tensor:
    """Maps values piecewise linearly, `own` landmarks to those of the reference."""
    knots, index = np.unique(own, return_inverse=True)
    if len(knots) == 1:
        return values
    goals = np.bincount(index, reference) / np.bincount(index)
    x, y = (torch.as_tensor(a, dtype=values.dtype, device=values.device) for a in (knots, goals))
    within = values.clamp(x[0], x[-1])
    piece = torch.searchsorted(x[1:-1].contiguous(), within)
    slopes = (y[1:] - y[:-1]) / (x[1:] - x[:-1])
    return y[piece] + (within - x[piece]) * slopes[piece] + (values - within)

"""Liskowski 2016: gamma correction of saturation and value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.gray_values import with_gamma
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    Chance,
    RandomTransform,
    augmentation_card,
    factors,
    with_image,
)
from ImperfectSegLogic.methods.settings import setting

_COLORS = 3
_TINY = 1e-7


@dataclass(frozen=True)
class Settings(Chance):
    """How much saturation and value change.

    Attributes:
        gamma: Largest exponent; its inverse is the smallest.
        color: Whether three channels are red, green and blue.
    """

    gamma: float = setting(2.0, "largest exponent; its inverse is the smallest", 1.0, 10.0)
    color: bool = setting(True, "whether three channels are red, green and blue")


class SaturationAndValue(RandomTransform):
    """Raises saturation and value to powers (liskowski2016segmenting; survey 4.1.1, appearance).

    Color, taken as 0 to 1 between the darkest and the brightest value of the sample's three
    channels, keeps its hue; saturation and value are raised to two powers between 1 / `gamma` and
    `gamma`. The paper uses powers from 0.25 to 4, on patches of fundus photographs. An image with
    another number of channels, or with `color` off, has no saturation: there each channel is a
    value and is raised to a power of its own.
    """

    card = augmentation_card(
        "hsv-gamma-liskowski2016",
        "liskowski2016segmenting",
        "Gamma correction of saturation and value prepares fundus photographs for retinal vessel"
        " segmentation.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Changes saturation and value; the target stays as it is."""
        if len(sample.image) != _COLORS or not self.settings.color:
            exponents = factors(rng, self.settings.gamma, len(sample.image))
            return with_image(sample, with_gamma(sample.image, exponents))
        saturation, value = factors(rng, self.settings.gamma, 2)
        return with_image(sample, _recolored(sample.image, saturation, value))


def _recolored(image: Tensor, saturation: float, value: float) -> Tensor:
    """Raises saturation and value of a color image to powers; hue and range stay.

    A color is c = V (1 - S f), where f depends on the hue only: so f says all about the hue.
    """
    low, high = image.amin(), image.amax()
    color = (image - low) / (high - low).clamp_min(_TINY)
    v = color.amax(dim=0)
    spread = v - color.amin(dim=0)
    f = (v - color) / spread.clamp_min(_TINY)
    s = spread / v.clamp_min(_TINY)
    changed = torch.pow(v, value) * (1 - torch.pow(s, saturation) * f)
    return low + changed * (high - low)

"""Dong 2017: random brightness, by a power law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True)
class Settings(Chance):
    """How much the brightness changes.

    Attributes:
        gamma: Largest exponent; its inverse is the smallest.
    """

    gamma: float = setting(1.5, "largest exponent; its inverse is the smallest", 1.0, 10.0)


class Brightness(RandomTransform):
    """Makes the image darker or brighter (dong2017automatic; survey 4.1.1, image appearance).

    Gray values, taken as 0 to 1 between the darkest and the brightest of the sample, are raised to
    a power between 1 / `gamma` and `gamma`, drawn for each channel by itself. The darkest and the
    brightest stay as they are, which makes it fit for images of any scale.
    """

    card = augmentation_card(
        "brightness-dong2017",
        "dong2017automatic",
        "Random brightness enriches the training set of brain tumor segmentation in 3-D MR.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Changes the brightness; the target stays as it is."""
        exponents = factors(rng, self.settings.gamma, len(sample.image))
        return with_image(sample, with_gamma(sample.image, exponents))

"""Fu 2017: contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.gray_values import with_contrast
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
    """How much the contrast changes.

    Attributes:
        contrast: Largest factor; its inverse is the smallest.
    """

    contrast: float = setting(1.5, "largest factor; its inverse is the smallest", 1.0, 10.0)


class Contrast(RandomTransform):
    """Makes the image flatter or richer in contrast (fu2017nuclei; survey 4.1.1, appearance).

    Differences from the mean of a channel are multiplied with a factor between 1 / `contrast` and
    `contrast`, drawn for each channel by itself. The survey speaks of a contrast transformation
    function and does not give it; a linear one is the simplest.
    """

    card = augmentation_card(
        "contrast-fu2017",
        "fu2017nuclei",
        "A contrast transformation enriches the training set of nuclei segmentation in"
        " fluorescence microscopy, where illumination is uneven.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Changes the contrast; the target stays as it is."""
        scales = factors(rng, self.settings.contrast, len(sample.image))
        return with_image(sample, with_contrast(sample.image, scales))

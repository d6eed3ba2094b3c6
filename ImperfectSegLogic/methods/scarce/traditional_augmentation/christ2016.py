"""Christ 2016: additive Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.gray_values import with_noise
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    Chance,
    RandomTransform,
    augmentation_card,
    with_image,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings(Chance):
    """How strong the noise is.

    Attributes:
        sd: Largest standard deviation, in standard deviations of the image.
    """

    sd: float = setting(0.3, "largest sd of the noise, in sd of the image", 0.0, 5.0)


class GaussianNoise(RandomTransform):
    """Adds noise to every voxel and channel (christ2016automatic; survey 4.1.1, image quality).

    The standard deviation is drawn anew for each sample, uniformly from 0 to `sd`. The paper adds
    noise to CT slices; the survey tells no strength.
    """

    card = augmentation_card(
        "noise-christ2016",
        "christ2016automatic",
        "Additive Gaussian noise enlarges the training set of liver and lesion segmentation in CT.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Adds noise; the target stays as it is."""
        sd = float(rng.uniform(0, self.settings.sd))
        return with_image(sample, with_noise(sample.image, sd, rng))

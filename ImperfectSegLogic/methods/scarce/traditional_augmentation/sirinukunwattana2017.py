"""Sirinukunwattana 2017: Gaussian blur."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    Chance,
    RandomTransform,
    augmentation_card,
    finest_voxels,
    with_image,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.smoothing import smooth
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings(Chance):
    """How strong the blur is.

    Attributes:
        sigma: Largest standard deviation of the Gaussian, in voxels along the axis with the finest
            spacing; the same distance in mm along the others.
    """

    sigma: float = setting(1.0, "largest sd of the blur, in voxels of the finest axis", 0.0, 20.0)


class GaussianBlur(RandomTransform):
    """Blurs the image (sirinukunwattana2017gland; survey 4.1.1, image quality).

    The standard deviation is drawn anew for each sample, uniformly from 0 to `sigma`. The paper
    blurs histology of colon glands in 2-D; the survey tells no strength. In 3-D the blur reaches
    as far in mm along all axes, so that thick slices hardly mix.
    """

    card = augmentation_card(
        "blur-sirinukunwattana2017",
        "sirinukunwattana2017gland",
        "Gaussian blur enlarges the training set of gland segmentation in colon histology.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Blurs; the target stays as it is."""
        sigmas = finest_voxels(sample, float(rng.uniform(0, self.settings.sigma)))
        return with_image(sample, smooth(sample.image, sigmas))

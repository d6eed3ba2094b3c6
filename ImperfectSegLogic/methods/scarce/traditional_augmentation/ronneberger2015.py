"""Ronneberger 2015, U-Net: elastic deformation from a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    Chance,
    RandomTransform,
    augmentation_card,
    finest_voxels,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.warping import (
    cubic_weights,
    random_displacement,
    warp,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings(Chance):
    """How strong the deformation is.

    Attributes:
        sd: Standard deviation of each component of the displacement at a grid point, in voxels
            along the axis with the finest spacing; the same distance in mm along the others.
        points: Grid points along each axis, the outermost on the border of the sample.
    """

    sd: float = setting(6.0, "sd of the displacement, in voxels of the finest axis", 0.0, 100.0)
    points: int = setting(3, "grid points along each axis", 2, 64)


class CoarseGridDeformation(RandomTransform):
    """Deforms image and target smoothly (ronneberger2015unet, section 3.1; survey 4.1.1, layout).

    Random displacement vectors on a 3 x 3 grid and bicubic interpolation between them. In 3-D the
    grid is 3 x 3 x 3, and vectors are as long in mm along all axes. The paper's standard deviation
    of 10 pixels is for images of 512 pixels, where grid points are far apart; on pieces of 128 it
    draws a heart out to twice its width, so 6 is the default. What is outside is unlabeled.
    """

    card = augmentation_card(
        "elastic-ronneberger2015",
        "ronneberger2015unet",
        "Random elastic deformations are the key to training a segmentation network with very few"
        " annotated images.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Deforms image and target together; see `warp`."""
        weights = [cubic_weights(size, self.settings.points) for size in sample.target.shape]
        sds = finest_voxels(sample, self.settings.sd)
        return warp(sample, random_displacement(rng, weights, sds, sample.image.device))

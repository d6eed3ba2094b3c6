"""Milletari 2016, V-Net: B-spline deformation from a grid of 2 x 2 x 2."""

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
    b_spline_weights,
    random_displacement,
    warp,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings(Chance):
    """How strong the deformation is.

    Attributes:
        sd: Standard deviation of each component of a control point's vector, in voxels along the
            axis with the finest spacing; the same distance in mm along the others. B-splines smooth
            over neighbors: the displacement has about half of it in 2-D, a third in 3-D.
        cells: Meshes of the control point grid along each axis.
    """

    sd: float = setting(15.0, "sd of control points, in voxels of the finest axis", 0.0, 100.0)
    cells: int = setting(2, "meshes of the grid along each axis", 1, 64)


class BSplineDeformation(RandomTransform):
    """Deforms image and target smoothly (milletari2016vnet; survey 4.1.1, layout).

    A dense deformation field from a 2 x 2 x 2 grid with cubic B-splines. As in the code published
    with the paper, 2 counts meshes, and the standard deviation of the coefficients is 15 voxels.
    That code moves nothing across slices, as they are thick; here vectors are as long in mm along
    all axes, which comes to little across thick slices.
    """

    card = augmentation_card(
        "elastic-milletari2016",
        "milletari2016vnet",
        "Dense deformation fields from a coarse grid of control points enlarge a small training"
        " set of prostate MR.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Deforms image and target together; see `warp`."""
        weights = [b_spline_weights(size, self.settings.cells) for size in sample.target.shape]
        sds = finest_voxels(sample, self.settings.sd)
        return warp(sample, random_displacement(rng, weights, sds, sample.image.device))

"""Çiçek 2016, 3D U-Net: B-spline deformation from a grid of 32 voxels."""

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
    b_spline_displacement,
    warp,
)
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Settings(Chance):
    """How strong and how fine the deformation is.

    Attributes:
        sd: Standard deviation of each component of a grid point's vector, in voxels along the axis
            with the finest spacing; the same distance in mm along the others. B-splines smooth over
            neighbors: the displacement has about half of it in 2-D, a third in 3-D.
        grid: Distance of grid points, in the same unit.
    """

    sd: float = setting(4.0, "sd of control points, in voxels of the finest axis", 0.0, 100.0)
    grid: float = setting(32.0, "distance of grid points, in voxels of the finest axis", 2.0, 1000)


class FineGridDeformation(RandomTransform):
    """Deforms image and target smoothly (cicek2016unet, section 3; survey 4.1.1, layout).

    Random vectors on a grid of 32 voxels in each direction, from a normal distribution with
    standard deviation 4, and B-spline interpolation. The vectors are taken as coefficients of the
    B-splines. Where voxels are farther apart along an axis, grid and vectors keep their size in mm.
    """

    card = augmentation_card(
        "elastic-cicek2016",
        "cicek2016unet",
        "Smooth dense deformations of images and of sparse labels make a network learn volumes"
        " from few annotated slices.",
    )
    settings_type = Settings

    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Deforms image and target together; see `warp`."""
        meshes = finest_voxels(sample, self.settings.grid)
        sds = finest_voxels(sample, self.settings.sd)
        return warp(sample, b_spline_displacement(rng, sample, meshes, sds))

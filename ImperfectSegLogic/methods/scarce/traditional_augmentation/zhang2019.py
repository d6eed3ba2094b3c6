"""Zhang 2019: stacked transformations of quality, appearance and layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.base import SampleTransform
from ImperfectSegLogic.methods.scarce.traditional_augmentation.gray_values import (
    per_channel,
    with_gamma,
    with_noise,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    augmentation_card,
    factors,
    finest_voxels,
    with_image,
)
from ImperfectSegLogic.methods.scarce.traditional_augmentation.smoothing import sharpen, smooth
from ImperfectSegLogic.methods.scarce.traditional_augmentation.warping import (
    b_spline_displacement,
    linear_displacement,
    warp,
)
from ImperfectSegLogic.methods.settings import setting

_MESH = 32.0
"""Distance of the deformation's grid points, in voxels of the finest axis."""


@dataclass(frozen=True)
class Settings:
    """How often and how strongly each of the nine transformations acts.

    Attributes:
        probability: Of each one by itself.
        part: All nine, or the three of one image property.
        sharpness: Largest strength of the unsharp mask.
        mask: Standard deviation of the smoothing in the unsharp mask, in voxels along the axis with
            the finest spacing; the same distance in mm along the others.
        blur: Largest standard deviation of the blur, in the same unit.
        noise: Largest standard deviation of the noise, in standard deviations of the image.
        brightness: Largest shift of gray values, in standard deviations of the image.
        gamma: Largest exponent of the contrast; its inverse is the smallest.
        perturbation: Largest share by which gray values are scaled, and largest shift.
        rotation: Largest angle in degrees; in 3-D about each axis.
        scale: Largest factor of the size; its inverse is the smallest.
        deformation: Standard deviation of the deformation's B-spline coefficients on a grid of 32,
            both in voxels of the finest axis.
    """

    probability: float = setting(0.5, "of each transformation by itself", 0.0, 1.0)
    part: str = setting(
        "all", "which transformations", choices=("all", "quality", "appearance", "layout")
    )
    sharpness: float = setting(2.0, "largest strength of the unsharp mask", 0.0, 50.0)
    mask: float = setting(1.0, "sd of the unsharp mask, in voxels of the finest axis", 0.0, 20.0)
    blur: float = setting(1.0, "largest sd of the blur, in voxels of the finest axis", 0.0, 20.0)
    noise: float = setting(0.3, "largest sd of the noise, in sd of the image", 0.0, 5.0)
    brightness: float = setting(0.3, "largest shift, in sd of the image", 0.0, 5.0)
    gamma: float = setting(1.5, "largest exponent; its inverse is the smallest", 1.0, 10.0)
    perturbation: float = setting(0.1, "largest share of scaling, and shift in sd", 0.0, 0.9)
    rotation: float = setting(20.0, "largest angle in degrees", 0.0, 180.0)
    scale: float = setting(1.25, "largest factor; its inverse is the smallest", 1.0, 4.0)
    deformation: float = setting(6.0, "sd of control points, in voxels", 0.0, 100.0)


class StackedTransformations(SampleTransform):
    """Stacks nine transformations (zhang2019unseen; survey 4.1.1, all three image properties).

    Quality: sharpness by an unsharp mask, blur, noise. Appearance: brightness, contrast by a power
    law, intensity perturbation. Layout: rotation, scaling, deformation. Each acts with probability
    0.5. The paper's strengths are made for unseen scanners and are larger: blur to 1.5, unsharp
    masks of 10 to 30 times what a narrow blur takes away, noise to 1, powers of 0.5 to 4.5,
    scaling by 0.4 to 1.6. Here the layout comes first, as one map that is interpolated once, so
    that neither noise nor sharpness is smoothed; the deformation is a B-spline, where the paper
    smooths random vectors.
    """

    card = augmentation_card(
        "stacked-zhang2019",
        "zhang2019unseen",
        "Of image quality, appearance and layout, changing the quality helps most in MR, and most"
        " of it is sharpening with an unsharp mask.",
    )
    settings_type = Settings

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """See `SampleTransform.apply`."""
        if self.settings.part in ("all", "layout"):
            sample = self._layout(sample, rng)
        if self.settings.part in ("all", "appearance"):
            sample = with_image(sample, self._appearance(sample.image, rng))
        if self.settings.part in ("all", "quality"):
            sample = with_image(sample, self._quality(sample, rng))
        return sample

    def _acts(self, rng: np.random.Generator) -> bool:
        return bool(rng.random() < self.settings.probability)

    def _quality(self, sample: Sample, rng: np.random.Generator) -> Tensor:
        settings, image = self.settings, sample.image
        if self._acts(rng):
            sigmas = finest_voxels(sample, settings.mask)
            image = sharpen(image, sigmas, float(rng.uniform(0, settings.sharpness)))
        if self._acts(rng):
            sigmas = finest_voxels(sample, float(rng.uniform(0, settings.blur)))
            image = smooth(image, sigmas)
        if self._acts(rng):
            image = with_noise(image, float(rng.uniform(0, settings.noise)), rng)
        return image

    def _appearance(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        settings, channels = self.settings, len(image)
        if self._acts(rng):
            image = image + per_channel(_shifts(rng, settings.brightness, channels), image)
        if self._acts(rng):
            image = with_gamma(image, factors(rng, settings.gamma, channels))
        if self._acts(rng):
            scales = per_channel(_shifts(rng, settings.perturbation, channels), image)
            shifts = per_channel(_shifts(rng, settings.perturbation, channels), image)
            image = image * (1 + scales) + shifts
        return image

    def _layout(self, sample: Sample, rng: np.random.Generator) -> Sample:
        settings, dims, device = self.settings, sample.dims, sample.image.device
        turns, scales, deforms = (self._acts(rng) for _ in range(3))
        if not (turns or scales or deforms):
            return sample
        matrix = np.eye(dims)
        if turns:
            matrix = _rotation(_shifts(rng, settings.rotation, 3 if dims == 3 else 1))
        if scales:
            matrix = matrix / factors(rng, settings.scale, 1)[0]
        spacing = np.array(sample.spacing)
        in_voxels = matrix * spacing / spacing[:, None]  # turns and scales in mm
        displacement = linear_displacement(sample.target.shape, in_voxels, device)
        if deforms:
            meshes = finest_voxels(sample, _MESH)
            sds = finest_voxels(sample, settings.deformation)
            displacement = displacement + b_spline_displacement(rng, sample, meshes, sds)
        return warp(sample, displacement)


def _shifts(rng: np.random.Generator, largest: float, number: int) -> list[float]:
    return [float(shift) for shift in rng.uniform(-largest, largest, number)]


def _rotation(degrees: list[float]) -> NDArray[np.float64]:
    """Gives a rotation by one angle in 2-D, by one about each axis in 3-D."""
    if len(degrees) == 1:
        return Rotation.from_euler("z", degrees[0], degrees=True).as_matrix()[:2, :2]
    return Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()

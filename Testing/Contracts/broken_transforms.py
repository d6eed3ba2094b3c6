"""Transforms with one planted fault each, and the check that must reject them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.methods.base import SampleTransform
from ImperfectSegLogic.methods.scarce.traditional_augmentation.random_transform import (
    augmentation_card,
)
from ImperfectSegLogic.methods.settings import setting
from Testing.Contracts import transform_checks as checks


@dataclass(frozen=True)
class Settings:
    probability: float = setting(1.0, "share of the samples that are changed", 0.0, 1.0)


class Sound(SampleTransform):
    """Shifts along the last axis by up to 3 voxels and adds noise; cites ronneberger2015unet."""

    card = augmentation_card("planted", "ronneberger2015unet", "Passes all checks.")
    settings_type = Settings

    def apply(self, sample, rng):
        if rng.random() >= self.settings.probability:
            return sample
        by = int(rng.integers(1, 4))
        image = shifted(sample.image, by, border=True)
        image = image + torch.from_numpy(rng.normal(0, 0.1, image.shape)).float()
        return dataclasses.replace(sample, image=image, target=shifted(sample.target, by))


def shifted(values, by, border=False):
    out = values.roll(by, dims=-1)
    out[..., :by] = values[..., :1] if border else UNLABELED
    return out


class ChangesTheImageItIsGiven(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        sample.image.mul_(0.5)
        return out


class ChangesTheTargetItIsGiven(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        sample.target[..., 0] = 0
        return out


class DrawsFromTorch(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        return checks.with_image(out, out.image + 0.1 * torch.rand(1))


class RemembersTheFirstSample(Sound):
    seen = 0.0

    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        self.seen += 1
        return checks.with_image(out, out.image + self.seen)


class IsNeverRandom(Sound):
    def apply(self, sample, rng):
        return super().apply(sample, np.random.default_rng(0))


class LeavesAMetaTensor(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        return checks.with_image(out, MetaTensor(out.image))


class Crops(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        return dataclasses.replace(out, image=out.image[..., 1:], target=out.target[..., 1:])


class MergesChannels(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        return checks.with_image(out, out.image.mean(dim=0, keepdim=True))


class ForgetsTheSpacing(Sound):
    def apply(self, sample, rng):
        return dataclasses.replace(super().apply(sample, rng), spacing=(1.0,) * sample.dims)


class LooksForEverything(Sound):
    def apply(self, sample, rng):
        looked_for = torch.ones_like(sample.looked_for)
        return dataclasses.replace(super().apply(sample, rng), looked_for=looked_for)


class DividesByTheSpread(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        return checks.with_image(out, (sample.image - sample.image.mean()) / sample.image.std())


class InterpolatesLabels(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        return dataclasses.replace(out, target=(sample.target + out.target) // 2)


class FillsWithBackground(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        target = torch.where((out.target == UNLABELED) & (sample.target >= 0), 0, out.target)
        return dataclasses.replace(out, target=target)


class TakesUnlabeledForBackground(Sound):
    def apply(self, sample, rng):
        return super().apply(dataclasses.replace(sample, target=sample.target.clamp_min(0)), rng)


class ForgetsSomeLabels(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        alone = (sample.target == UNLABELED).any()
        return dataclasses.replace(out, target=out.target * 0 - 1) if alone else out


class MovesTheImageOnly(Sound):
    def apply(self, sample, rng):
        return dataclasses.replace(super().apply(sample, rng), target=sample.target)


class MovesTheTargetTheOtherWay(Sound):
    def apply(self, sample, rng):
        out = super().apply(sample, rng)
        by = int((out.target[..., :4] == UNLABELED).sum(dim=-1).max())
        target = shifted(sample.target.flip(-1), by).flip(-1)
        return dataclasses.replace(out, target=target)


class LetsTheTargetsBorderGoOn(Sound):
    def apply(self, sample, rng):
        by = int(rng.integers(1, 4))
        image = shifted(sample.image, by, border=True)
        target = shifted(sample.target, by, border=True)
        return dataclasses.replace(sample, image=image, target=target)


class NeverRests(Sound):
    def apply(self, sample, rng):
        return Sound().apply(sample, rng)


class HasNoProbability(Sound):
    settings_type = dataclasses.make_dataclass("Settings", [], frozen=True)

    def apply(self, sample, rng):
        return Sound().apply(sample, rng)


class TakesAnySetting(Sound):
    def __init__(self, settings=None):
        self.settings = settings or Settings()


class NamesNothing(Sound):
    def __init__(self, settings=None):
        try:
            super().__init__(settings)
        except ValueError:
            raise ValueError("wrong settings") from None


def with_card(**changes):
    card = dataclasses.replace(Sound.card, **changes)
    return type("BadCard", (Sound,), {"card": card, "__doc__": Sound.__doc__})


BROKEN = (
    (ChangesTheImageItIsGiven, checks.changes_nothing_it_is_given),
    (ChangesTheTargetItIsGiven, checks.changes_nothing_it_is_given),
    (DrawsFromTorch, checks.takes_all_chance_from_the_generator),
    (RemembersTheFirstSample, checks.takes_all_chance_from_the_generator),
    (IsNeverRandom, checks.takes_all_chance_from_the_generator),
    (LeavesAMetaTensor, checks.keeps_shape_type_and_device),
    (Crops, checks.keeps_shape_type_and_device),
    (MergesChannels, checks.keeps_shape_type_and_device),
    (ForgetsTheSpacing, checks.keeps_shape_type_and_device),
    (LooksForEverything, checks.keeps_shape_type_and_device),
    (DividesByTheSpread, checks.gives_finite_images),
    (InterpolatesLabels, checks.makes_no_new_labels),
    (FillsWithBackground, checks.makes_no_new_labels),
    (TakesUnlabeledForBackground, checks.keeps_unlabeled_voxels_unlabeled),
    (ForgetsSomeLabels, checks.keeps_unlabeled_voxels_unlabeled),
    (MovesTheImageOnly, checks.moves_image_and_target_together),
    (MovesTheTargetTheOtherWay, checks.moves_image_and_target_together),
    (LetsTheTargetsBorderGoOn, checks.leaves_what_comes_from_outside_unlabeled),
    (NeverRests, checks.does_nothing_at_probability_zero),
    (HasNoProbability, checks.does_nothing_at_probability_zero),
    (TakesAnySetting, checks.refuses_settings_beyond_their_limits),
    (NamesNothing, checks.refuses_settings_beyond_their_limits),
    (with_card(paper=("nobody1900nothing",)), checks.has_a_complete_card),
    (with_card(table_row="Augmentation"), checks.has_a_complete_card),
    (with_card(name="Planted Method"), checks.has_a_complete_card),
    (with_card(accepts=("Masks",)), checks.has_a_complete_card),
    (with_card(dims=(4,)), checks.has_a_complete_card),
    (with_card(claims=""), checks.has_a_complete_card),
)

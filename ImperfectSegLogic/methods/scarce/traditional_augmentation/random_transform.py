"""What the transforms of this folder share: the chance to do nothing, strengths, cards."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.methods.base import SampleTransform
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting


@dataclass(frozen=True)
class Chance:
    """How often a transform acts.

    Attributes:
        probability: Share of the samples that are changed; the others pass as they are.
    """

    probability: float = setting(0.2, "share of the samples that are changed", 0.0, 1.0)


class RandomTransform(SampleTransform):
    """Changes some samples and lets the others pass."""

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """See `SampleTransform.apply`; gives the very same sample if it is not to be changed."""
        if rng.random() >= self.settings.probability:
            return sample
        return self.change(sample, rng)

    @abstractmethod
    def change(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Draws and changes; see `SampleTransform.apply`."""


def augmentation_card(name: str, paper: str, claims: str) -> MethodCard:
    """Gives the card of a traditional augmentation.

    Args:
        name: Of the method.
        paper: A key of the bibliography.
        claims: What it is said to do, in one sentence.
    """
    return MethodCard(
        name=name,
        paper=(paper,),
        table_row="Traditional data augmentation",
        accepts=("DenseMask", "NoisyMask", "SparseMask", "PointGrid", "RecistMarks", "Boxes"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims=claims,
    )


def factors(rng: np.random.Generator, largest: float, number: int) -> list[float]:
    """Draws factors between 1 / `largest` and `largest`, as likely below 1 as above."""
    return [float(f) for f in np.exp(rng.uniform(-1, 1, number) * np.log(largest))]


def with_image(sample: Sample, image: Tensor) -> Sample:
    """Gives the sample with another image; the target stays where it is."""
    return replace(sample, image=image)


def finest_voxels(sample: Sample, length: float) -> tuple[float, ...]:
    """Gives a length as a number of voxels along each axis.

    Args:
        sample: Tells the spacing.
        length: In voxels along the axis with the finest spacing.

    Returns:
        The same distance in mm along every axis, in voxels: fewer where voxels are farther apart.
    """
    finest = min(sample.spacing)
    return tuple(length * finest / along for along in sample.spacing)

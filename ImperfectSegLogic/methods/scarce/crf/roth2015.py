"""Roth 2015: a CRF of neighboring voxels, and 3-D Gaussian smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ImperfectSegLogic.crf.gray_spread import gray_spread
from ImperfectSegLogic.crf.refining import Floats, Given, given
from ImperfectSegLogic.crf.slabs import Slab, slabs
from ImperfectSegLogic.data import Case, Prediction, Prompt
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import setting

PAPER = ("roth2015deeporgan",)
ROW = "CRF-based post segmentation"
_FAST = 1 << 20
"""Probabilities that go through the processor's caches faster than more would."""


@dataclass(frozen=True)
class Settings:
    """The weights that the survey says were found by grid search, and what neighbors are.

    Attributes:
        unary: How much the given probabilities count.
        pairwise: Price of different labels at neighbors of one gray value, 1 mm apart.
        contrast: Difference of gray values from which on neighbors count less, in `contrast_unit`,
            the same for all channels.
        contrast_unit: `percent` of what lies between the 1st and 99th percentile of the image,
            which suits images of any scale, or `gray` values, which suits CT.
        dims: Whether neighbors are those in the same slice, or in space.
        iterations: Of mean field.
        memory: Gigabytes that may be taken; what needs more is refined part by part.
    """

    unary: float = setting(1.0, "weight of the given probabilities", 0.0, 1000.0)
    pairwise: float = setting(1.0, "price of different labels at neighbors, per mm", 0.0, 1000.0)
    contrast: float = setting(15.0, "gray values that differ, in contrast_unit", 1e-6, 1e9)
    contrast_unit: str = setting(
        "percent", "percent of the image's range, or its gray values", choices=("percent", "gray")
    )
    dims: int = setting(2, "2: neighbors in a slice, 3: in space", choices=(2, 3))
    iterations: int = setting(20, "mean field iterations", 1, 1000)
    memory: float = setting(1.0, "gigabytes of memory to take at most", 1e-3, 1e6)


class LocalCRF(Refiner):
    """Refines by a CRF of voxels that share a face (roth2015deeporgan; survey 4.6.1).

    The energy is unary * -log p + sum over neighbors of pairwise / distance *
    exp(-(I_i - I_j)^2 / (2 contrast^2)) where labels differ. With several channels, the exponents
    add up.

    Differs from the paper: it refines any number of labels, not the pancreas alone; what it gives
    are marginals found by mean field, see `crf.local`; in 2-D and 3-D. The survey names neither the
    form of the pairwise term nor the inference: the form is that of `boykov2001interactive`.
    """

    card = MethodCard(
        name="roth2015",
        paper=(*PAPER, "boykov2001interactive"),
        table_row=ROW,
        accepts=("Click", "Scribble", "Lasso", "Box"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Smooths labels between edges; 3.3 points of Dice for the pancreas in CT, with less"
        " spread between patients.",
    )
    settings_type = Settings
    searched = ("unary", "pairwise", "contrast")

    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """See `Refiner.refine`; raises a ValueError too if too little memory is allowed."""
        progress = progress or Progress()
        progress.report(0.0, "reading the image")
        known = given(case, prediction, prompts)
        parts, contrast = self._slabs(known), self._contrast(case)
        refined = np.empty_like(known.probabilities)
        for number, part in enumerate(parts):
            share = progress.part(number / len(parts), (number + 1) / len(parts))
            refined[:, part.inner] = self._refined(known, part, contrast, share)[:, part.kept]
        answer = known.answer(refined, self.card.name, self.settings)
        progress.report(1.0, "done")
        return answer

    def _contrast(self, case: Case) -> tuple[float, ...]:
        """Gives the difference that counts in gray values, one number per channel."""
        own, spread = self.settings, gray_spread(case.volume)
        return tuple(
            own.contrast / 100 * one if own.contrast_unit == "percent" else own.contrast
            for one in spread
        )

    def _slabs(self, known: Given) -> list[Slab]:
        """Gives parts with all slices that they hear of, one more on both sides per iteration."""
        labels, depth, rows, columns = known.probabilities.shape
        # Energies, beliefs, marginals, what is heard and two results on the way; prices and image.
        each = 4 * (6 * labels + 4 + 2 * len(known.image)) * rows * columns
        halo = self.settings.iterations if self.settings.dims == 3 else 0
        most = int(self.settings.memory * 1e9 / each)
        if not halo:
            most = min(most, max(_FAST // (labels * rows * columns), 1))
        return slabs(depth, most, halo, self.card.name, each)

    def _refined(
        self, known: Given, part: Slab, contrast: tuple[float, ...], progress: Progress
    ) -> Floats:
        """Gives probabilities of some slices, shape (label, k, j, i)."""
        from ImperfectSegLogic.crf import local  # 3D Slicer has no torch of its own.

        own = self.settings
        problem = local.Problem(
            known.unary(slices=part.outer) * np.float32(own.unary),
            known.image[:, part.outer],
            known.spacing,
            own.pairwise,
            contrast,
            own.dims == 2,
            own.iterations,
        )
        return local.solved(problem, lambda fraction: progress.report(fraction, "mean field"))


@dataclass(frozen=True)
class SmoothingSettings:
    """How far probabilities are smoothed.

    Attributes:
        width: Standard deviation in mm.
    """

    width: float = setting(1.5, "standard deviation of the Gaussian in mm", 1e-3, 1e3)


class GaussianSmoothing(Refiner):
    """Smooths the probabilities in 3-D, whatever the image shows (roth2015deeporgan; survey 4.6.1).

    Beyond the ends of the region, its last voxels are repeated. In an image of one slice it works
    in 2-D. Axes of a sheared image are smoothed as if they were at right angles.
    """

    card = MethodCard(
        name="roth2015-smoothing",
        paper=PAPER,
        table_row=ROW,
        accepts=("Click", "Scribble", "Lasso", "Box"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Smooths across slices; 6.9 points of Dice for the pancreas in CT, where the network"
        " saw single slices.",
    )
    settings_type = SmoothingSettings

    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """See `Refiner.refine`."""
        report = (progress or Progress()).report
        report(0.0, "reading the prediction")
        known = given(case, prediction, prompts, reads_image=False)
        sigma = [self.settings.width / step for step in known.spacing]
        smooth = np.empty_like(known.probabilities)
        for number, one in enumerate(known.probabilities):
            report(number / len(smooth), "smoothing")
            ndimage.gaussian_filter(one, sigma, output=smooth[number], mode="nearest")
        smooth /= smooth.sum(axis=0)  # What rounding left over.
        answer = known.answer(smooth, self.card.name, self.settings)
        report(1.0, "done")
        return answer

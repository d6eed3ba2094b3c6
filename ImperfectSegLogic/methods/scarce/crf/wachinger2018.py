"""Wachinger 2018: a fully connected CRF that knows where in a shape a voxel is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.crf.gray_spread import gray_spread
from ImperfectSegLogic.crf.refining import Floats, Given, given
from ImperfectSegLogic.crf.slabs import Slab, slabs
from ImperfectSegLogic.crf.spectral import spectral_coordinates
from ImperfectSegLogic.data import Case, Prediction, Prompt
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import setting

NAME = "wachinger2018"
_REACH = 2.0
"""How far, in standard deviations of the widest kernel, slabs look beyond their ends."""


@dataclass(frozen=True)
class Settings:
    """Weights and widths of the kernels.

    Attributes:
        smoothness: Weight of the kernel of positions.
        smoothness_width: Its standard deviation in mm.
        appearance: Weight of the kernel of positions, gray values and spectral coordinates.
        appearance_width: Its standard deviation of positions in mm.
        contrast: Its standard deviation of gray values, in `contrast_unit`, the same for all
            channels.
        contrast_unit: `percent` of what lies between the 1st and 99th percentile of the image,
            which suits images of any scale, or `gray` values, which suits CT.
        spectral_width: Its standard deviation of spectral coordinates in mm.
        coordinates: How many spectral coordinates; 0 for the plain fully connected CRF.
        iterations: Of mean field.
        memory: Gigabytes that may be taken; what needs more is refined in slabs.
    """

    smoothness: float = setting(3.0, "weight of smoothness", 0.0, 1000.0)
    smoothness_width: float = setting(2.0, "width of smoothness in mm", 1e-3, 1e4)
    appearance: float = setting(5.0, "weight of appearance", 0.0, 1000.0)
    appearance_width: float = setting(6.0, "width of appearance in mm", 1e-3, 1e4)
    contrast: float = setting(8.0, "gray values that differ, in contrast_unit", 1e-6, 1e9)
    contrast_unit: str = setting(
        "percent", "percent of the image's range, or its gray values", choices=("percent", "gray")
    )
    spectral_width: float = setting(6.0, "its width in spectral coordinates in mm", 1e-3, 1e4)
    coordinates: int = setting(3, "spectral coordinates", 0, 10)
    iterations: int = setting(5, "mean field iterations", 1, 1000)
    memory: float = setting(4.0, "gigabytes of memory to take at most", 1e-3, 1e6)


class SpectralCRF(Refiner):
    """Refines by a CRF with spectral coordinates (wachinger2018deepnat; survey 4.6.2).

    Two voxels with like gray values are to have one label if they are near in space and near along
    the shape that all segments make up together: two folds that touch, or both sides of a thin
    gap, are near in space only. The shape is where the prediction says anything but background;
    coordinates are those of `crf.spectral`.

    Differs from the paper, whose network is given the coordinates, and whose shape is the brain
    mask: here, as the survey describes it, the CRF has them, beside positions in the kernel of
    gray values. Without anything but background, and for shapes of a few voxels only, there are no
    coordinates; a note says so.
    """

    card = MethodCard(
        name=NAME,
        paper=("wachinger2018deepnat",),
        table_row="CRF-based post segmentation",
        accepts=("Click", "Scribble", "Lasso", "Box"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Makes labels of the brain agree with gray values and with the place in the brain.",
    )
    settings_type = Settings
    searched = ("smoothness", "appearance", "appearance_width", "contrast", "spectral_width")

    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """See `Refiner.refine`."""
        progress = progress or Progress()
        progress.report(0.0, "reading the image")
        known = given(case, prediction, prompts)
        parts = self._slabs(known)
        progress.report(0.05, "finding coordinates")
        coordinates, notes = self._coordinates(known)
        if len(parts) > 1:
            notes += (
                f"{NAME}: refined in {len(parts)} slabs, since {self.settings.memory:g} GB do not"
                " hold the whole; voxels near their borders hear a little less.",
            )
        refined, work = np.empty_like(known.probabilities), progress.part(0.2, 1.0)
        for number, part in enumerate(parts):
            share = work.part(number / len(parts), (number + 1) / len(parts))
            refined[:, part.inner] = self._refined(known, part, coordinates, share)[:, part.kept]
        answer = known.answer(refined, NAME, self.settings, notes)
        progress.report(1.0, "done")
        return answer

    def _slabs(self, known: Given) -> list[Slab]:
        """Gives as few slabs of slices as the memory allows."""
        own = self.settings
        labels, depth, rows, columns = known.probabilities.shape
        compared = len(known.image) + own.coordinates
        # Energies and marginals, and per voxel what the lattice keeps and moves.
        each = 4 * (4 * labels + 10 + 16 * (compared + 4)) * rows * columns
        width = max(own.smoothness_width, own.appearance_width)
        halo = int(np.ceil(_REACH * width / known.spacing[0]))
        return slabs(depth, int(own.memory * 1e9 / each), halo, NAME, each)

    def _coordinates(self, known: Given) -> tuple[Floats, tuple[str, ...]]:
        """Gives spectral coordinates, shape (coordinate, k, j, i), and why there are none."""
        nothing = np.zeros((0, *known.image.shape[1:]), dtype=np.float32)
        if not self.settings.coordinates:
            return nothing, ()
        shape = known.probabilities.argmax(axis=0) > 0
        try:
            return spectral_coordinates(shape, known.spacing, self.settings.coordinates), ()
        except ValueError as error:
            return nothing, (f"{NAME}: refined without coordinates. {error}",)

    def _refined(self, known: Given, part: Slab, coordinates: Floats, progress: Progress) -> Floats:
        """Gives probabilities of some slices by mean field, shape (label, k, j, i)."""
        from ImperfectSegLogic.crf import backends  # 3D Slicer has no torch of its own.
        from ImperfectSegLogic.crf.kernels import Appearance, Smoothness

        own = self.settings
        percent = own.contrast_unit == "percent"
        contrasts = [
            own.contrast / 100 * spread if percent else own.contrast
            for spread in gray_spread(known.case.volume)
        ]
        contrasts += [own.spectral_width] * len(coordinates)
        problem = backends.Problem(
            known.unary(slices=part.outer),
            np.concatenate([known.image[:, part.outer], coordinates[:, part.outer]]),
            known.spacing,
            (
                Smoothness(own.smoothness, own.smoothness_width),
                Appearance(own.appearance, own.appearance_width, tuple(contrasts)),
            ),
            (),
            own.iterations,
        )
        return backends.by_torch(problem, lambda f: progress.report(f, "mean field"))

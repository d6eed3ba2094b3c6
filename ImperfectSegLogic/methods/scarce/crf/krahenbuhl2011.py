"""Krähenbühl 2011: the fully connected CRF, slice by slice or in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ImperfectSegLogic.crf.gray_spread import gray_spread
from ImperfectSegLogic.crf.refining import Floats, Given, given
from ImperfectSegLogic.crf.slabs import Slab, slabs
from ImperfectSegLogic.data import Case, Prediction, Prompt
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import setting

NAME = "dense-crf"
_REACH = 2.0
"""How far, in standard deviations of the widest kernel, slabs look beyond their ends."""


@dataclass(frozen=True)
class Settings:
    """What voxels should agree with their neighbors about, and how much.

    Attributes:
        smoothness: Weight of the kernel of positions.
        smoothness_width: Its standard deviation in mm.
        appearance: Weight of the kernel of positions and gray values.
        appearance_width: Its standard deviation of positions in mm.
        contrast: Its standard deviation of gray values, in `contrast_unit`, the same for all
            channels.
        contrast_unit: `percent` of what lies between the 1st and 99th percentile of the image,
            which suits images of any scale, or `gray` values, which suits CT.
        stretch: What both widths are multiplied with along slice, row and column.
        dims: Whether voxels hear those in their slice, or all.
        iterations: Of mean field.
        compatibility: The price of each label beside each other, row by row of a matrix with the
            background first; the Potts model if empty.
        backend: Our filters, or the package pydensecrf2 where it is installed.
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
    stretch: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0), "factor of the widths along slice, row, column", 1e-3, 1e3
    )
    dims: int = setting(3, "2: slice by slice, 3: in space", choices=(2, 3))
    iterations: int = setting(5, "mean field iterations", 1, 1000)
    compatibility: tuple[float, ...] = setting(
        (), "price of each label beside each other, row by row; Potts if empty", -1e6, 1e6
    )
    backend: str = setting("own", "what computes", choices=("own", "pydensecrf2"))
    memory: float = setting(4.0, "gigabytes of memory to take at most", 1e-6, 1e6)


class DenseCRF(Refiner):
    """Refines by a CRF of all pairs of voxels (krahenbuhl2011efficient, sections 2 and 3).

    With `dims=2` as Fu (2016b) and Gao (2016) use it, with `dims=3` as Kamnitsas (2017) and Christ
    (2016) do (survey 4.6.2). Unary energies are -log of the given probabilities.

    Differs from the paper: widths are in mm; any number of channels; filters are grids that fit the
    kernels better than the lattice there, which is only used where there are several channels (see
    `crf.filters`); voxels hear themselves too, as in the authors' code.
    """

    card = MethodCard(
        name=NAME,
        paper=("krahenbuhl2011efficient", "kamnitsas2017efficient", "christ2016automatic"),
        table_row="CRF-based post segmentation",
        accepts=("Click", "Scribble", "Lasso", "Box"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Removes islands and moves borders to where gray values change; gains of up to 3.7"
        " points of Dice in 3-D, less after a good network.",
    )
    settings_type = Settings
    searched: ClassVar[tuple[str, ...]] = (
        "smoothness",
        "smoothness_width",
        "appearance",
        "appearance_width",
        "contrast",
    )

    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """See `Refiner.refine`.

        Raises:
            ValueError: Also if `stretch` or `compatibility` have the wrong number of numbers, if
                pydensecrf2 is asked for and absent, or if not even slabs fit the memory.
        """
        progress = progress or Progress()
        progress.report(0.0, "reading the image")
        self._check(prediction)
        known = given(case, prediction, prompts, reads_image=self.settings.appearance > 0)
        parts = self._slabs(known)
        notes: tuple[str, ...] = ()
        if self.settings.dims == 3 and len(parts) > 1:
            notes = (
                f"{NAME}: refined in {len(parts)} slabs, since {self.settings.memory:g} GB do not"
                " hold the whole; voxels near their borders hear a little less.",
            )
        refined = np.empty_like(known.probabilities)
        for number, part in enumerate(parts):
            share = progress.part(number / len(parts), (number + 1) / len(parts))
            refined[:, part.inner] = self._refined(known, part, share)[:, part.kept]
        answer = known.answer(refined, NAME, self.settings, notes)
        progress.report(1.0, "done")
        return answer

    def _check(self, prediction: Prediction) -> None:
        own, labels = self.settings, len(prediction.labels)
        if len(own.stretch) != 3:
            raise ValueError(
                f"{NAME}, stretch: got {own.stretch}, allowed are 3 numbers (slice, row, column)."
            )
        if own.compatibility and len(own.compatibility) != labels**2:
            raise ValueError(
                f"{NAME}, compatibility: got {len(own.compatibility)} numbers, allowed are none or"
                f" {labels**2}, {labels} for each of the {labels} labels {list(prediction.labels)}."
            )

    def _slabs(self, known: Given) -> list[Slab]:
        """Gives single slices, or as few slabs of slices as the memory allows."""
        own, shape = self.settings, known.probabilities.shape
        if own.dims == 2:
            return slabs(shape[1], 1, 0, NAME)
        labels, depth, rows, columns = shape
        channels = len(known.image)
        # Energies and marginals, and per voxel what filters keep and move; a lattice keeps more.
        numbers = 4 * labels + 36 + (0 if channels == 1 else 16 * (channels + 4))
        each = 4 * numbers * rows * columns
        width = max(own.smoothness_width, own.appearance_width) * own.stretch[0]
        halo = int(np.ceil(_REACH * width / known.spacing[0]))
        return slabs(depth, int(own.memory * 1e9 / each), halo, NAME, each)

    def _refined(self, known: Given, part: Slab, progress: Progress) -> Floats:
        """Gives probabilities of some slices, shape (label, k, j, i)."""
        from ImperfectSegLogic.crf import backends  # 3D Slicer has no torch of its own.
        from ImperfectSegLogic.crf.kernels import Appearance, Kernel, Smoothness

        own = self.settings
        stretch = tuple(float(s) for s in own.stretch)
        spread = gray_spread(known.case.volume) if own.contrast_unit == "percent" else ()
        contrasts = tuple(own.contrast / 100 * s for s in spread) or own.contrast
        kernels: list[Kernel] = []
        if own.smoothness > 0:
            width = tuple(own.smoothness_width * s for s in stretch)
            kernels.append(Smoothness(own.smoothness, width))
        if own.appearance > 0:
            width = tuple(own.appearance_width * s for s in stretch)
            kernels.append(Appearance(own.appearance, width, contrasts))
        problem = backends.Problem(
            known.unary(slices=part.outer),
            known.image[:, part.outer],
            known.spacing,
            tuple(kernels),
            own.compatibility,
            own.iterations,
        )
        solve = backends.by_pydensecrf if own.backend == "pydensecrf2" else backends.by_torch
        return solve(problem, lambda fraction: progress.report(fraction, "mean field"))

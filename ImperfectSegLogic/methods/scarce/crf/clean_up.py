"""Clean-up as a refiner: largest pieces, small islands, closing and holes. Without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.crf.clean_up import closed, relabeled, without_holes, without_pieces
from ImperfectSegLogic.crf.refining import Given, given
from ImperfectSegLogic.data import Case, Geometry, Prediction, Prompt
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import setting

KEEP, FILL, FILL_IN_SLICES = "keep", "fill", "fill-in-slices"
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Settings:
    """What is cleaned up; nothing by default.

    Attributes:
        segments: Labels to clean; all of them if empty.
        largest: How many pieces of each segment stay, the largest ones; 0 for all.
        smallest: Pieces that are smaller go, in mm^3, or mm^2 in an image of one slice; 0 for none.
        closing: Radius of the ball that closes gaps, in mm; 0 for none.
        holes: Whether to fill what a segment encloses, in space or slice by slice.
    """

    segments: tuple[float, ...] = setting((), "labels to clean, such as 1x3; all if empty", 1)
    largest: int = setting(0, "largest pieces of each segment that stay; 0: all", 0, 1000)
    smallest: float = setting(0.0, "smaller pieces go, mm^3 (one slice: mm^2); 0: none", 0.0, 1e9)
    closing: float = setting(0.0, "radius of the ball that closes gaps, mm; 0: none", 0.0, 1000.0)
    holes: str = setting(
        KEEP, "holes that a segment encloses", choices=(KEEP, FILL, FILL_IN_SLICES)
    )


class CleanUp(Refiner):
    """Makes what is most probable at each voxel simpler, without looking at the image.

    The order is fixed: first pieces go, so that closing does not join them to the rest; then gaps
    are closed, so that what they left open becomes a hole; then holes are filled. A piece that goes
    becomes what is around it; closing and holes only take background. Where a voxel changes its
    label, the two labels swap their probabilities.

    Small isolated regions and ragged borders are what tajbakhsh2020embracing, section 4.6, wants a
    refinement to remove; this does it without a model. A prompted piece stays, as does a hole in
    which background is prompted. Lengths are measured along the axes of the image: in a sheared
    one, the ball is sheared too.
    """

    card = MethodCard(
        name="clean-up",
        paper=("tajbakhsh2020embracing",),
        table_row="CRF-based post segmentation",
        accepts=("Click", "Scribble", "Lasso", "Box"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Removes specks, closes gaps and fills holes, each only if asked for.",
    )
    settings_type = Settings

    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """See `Refiner.refine`; raises a ValueError too if a label to clean is not there."""
        report = (progress or Progress()).report
        report(0.0, "reading the prediction")
        known = given(case, prediction, prompts, reads_image=False)
        channels = self._channels(prediction.labels)
        name, settings = self.card.name, self.settings
        if settings == Settings(segments=settings.segments):
            note = "clean-up: nothing was chosen, so that nothing changed."
            return known.answer(known.probabilities, name, settings, [note])
        before = known.probabilities.argmax(axis=0)
        after = without_pieces(
            before, channels, settings.largest, self._least(prediction.geometry), known.fixed
        )
        report(0.3, "closing gaps")
        after = self._closed(after, channels, known)
        report(0.6, "filling holes")
        if settings.holes != KEEP:
            in_slices = settings.holes == FILL_IN_SLICES
            after = without_holes(after, channels, in_slices, known.fixed)
        report(0.9, "writing the answer")
        answer = known.answer(relabeled(known.probabilities, after), name, settings)
        report(1.0, "done")
        return answer

    def _channels(self, labels: tuple[int, ...]) -> list[int]:
        wanted = self.settings.segments or labels[1:]
        missing = [n for n in wanted if n not in labels[1:]]
        if missing:
            raise ValueError(
                f"clean-up, segments: got {missing[0]:g}, allowed are {list(labels[1:])}, the"
                " labels of the prediction. Leave it out, or leave all out to clean every segment."
            )
        return sorted({labels.index(int(n)) for n in wanted})

    def _least(self, geometry: Geometry) -> float:
        """Gives how many voxels the smallest piece that stays has."""
        axes = geometry.ijk_to_ras[:3, :3]
        flat = geometry.shape[0] == 1
        cell = np.linalg.norm(np.cross(axes[:, 0], axes[:, 1])) if flat else np.linalg.det(axes)
        return float(self.settings.smallest / abs(cell) * (1 - _ROUNDING))

    def _closed(self, labels: np.ndarray, channels: list[int], known: Given) -> np.ndarray:
        radius = self.settings.closing
        if not radius:
            return labels
        likely = known.probabilities[channels]
        return closed(labels, channels, radius, known.spacing, likely, known.fixed)

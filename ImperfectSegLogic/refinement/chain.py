"""Several refiners in a row, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ImperfectSegLogic.data import Case, Prediction, Prompt
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.catalog import refiner
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.refinement.near_segments import cut, pasted, region_near_segments
from ImperfectSegLogic.refinement.profile import Profile, Step

NO_SEGMENTS = "no segment is predicted, so that there is nothing near one to refine."


class Chain:
    """Refiners that are applied one after the other.

    Attributes:
        refiners: In their order, at least one.
        margin: Only what is this near to a segment is refined, in mm; None refines all.
    """

    def __init__(self, refiners: Sequence[Refiner], margin: float | None = None) -> None:
        """Takes the refiners and the margin."""
        assert refiners, "a chain has at least one refiner"
        self.refiners, self.margin = tuple(refiners), margin

    @classmethod
    def of(cls, steps: Sequence[Step], margin: float | None = None) -> Chain:
        """Makes the refiners of a profile's steps; needs torch.

        Raises:
            ValueError: If there is no such refiner, or a setting is not allowed.
        """
        return cls([refiner(step.name, step.settings) for step in steps], margin)

    @property
    def name(self) -> str:
        """Their names, such as `dense-crf+clean-up`."""
        return "+".join(one.card.name for one in self.refiners)

    @property
    def profile(self) -> Profile:
        """What they are, with all of their settings, so that later defaults change nothing."""
        steps = tuple(Step(one.card.name, plain_settings(one.settings)) for one in self.refiners)
        return Profile(steps, self.margin)

    def refine(
        self,
        case: Case,
        prediction: Prediction,
        prompts: Sequence[Prompt] = (),
        progress: Progress | None = None,
    ) -> Prediction:
        """Gives a better prediction for the same region; see `Refiner.refine` for errors.

        Raises:
            ValueError: Also if the margin is below 0.
        """
        progress = progress or Progress()
        if self.margin is None:
            return self._refined(case, prediction, prompts, progress)
        region = region_near_segments(prediction, self.margin, prompts)
        if region is None:
            return replace(prediction, notes=(*prediction.notes, NO_SEGMENTS))
        found = self._refined(case, cut(prediction, region), prompts, progress)
        return pasted(found, prediction)

    def _refined(
        self, case: Case, prediction: Prediction, prompts: Sequence[Prompt], progress: Progress
    ) -> Prediction:
        found = prediction
        for n, one in enumerate(self.refiners):
            part = progress.part(n / len(self.refiners), (n + 1) / len(self.refiners))
            found = one.refine(case, found, prompts, part)
        return found


def plain_settings(settings: Any) -> Mapping[str, Any]:
    """Gives settings as plain JSON values, so that they are equal after reading them again."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(settings).items()}

"""Refiners with one planted fault each, and the check that must reject them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from ImperfectSegLogic.crf.prompted_voxels import KINDS
from ImperfectSegLogic.crf.refining import given
from ImperfectSegLogic.methods.base import Refiner
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.settings import setting
from Testing.Contracts import refiner_checks as checks


@dataclass(frozen=True)
class Settings:
    width: float = setting(1.5, "of the Gaussian, mm", 0.01, 100.0)
    strength: float = setting(0.8, "share of what is smoothed", 0.0, 1.0)
    rounds: int = setting(1, "how often", 1, 10)
    mode: str = setting("nearest", "what lies beyond the ends", choices=("nearest", "mirror"))


class Sound(Refiner):
    """Smooths probabilities in space; cites tajbakhsh2020embracing."""

    card = MethodCard(
        name="planted-smoother",
        paper=("tajbakhsh2020embracing",),
        table_row=checks.ROW,
        accepts=KINDS,
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Passes all checks.",
    )
    settings_type = Settings
    searched = ("width", "strength")

    def refine(self, case, prediction, prompts=(), progress=None):
        report = (progress or Progress()).report
        report(0.0, "smoothing")
        known = given(case, prediction, prompts)
        values = known.probabilities.copy()
        for n in range(self.settings.rounds):
            values = self.smooth(values, known.spacing)
            report((n + 1) / self.settings.rounds, "smoothing")
        values /= values.sum(axis=0)
        return known.answer(values, self.card.name, self.settings)

    def smooth(self, values, spacing):
        sigma = (0, *(self.settings.width / s for s in spacing))
        smoothed = ndimage.gaussian_filter(values, sigma, mode=self.settings.mode)
        share = np.float32(self.settings.strength)
        return share * smoothed + (1 - share) * values


def changed(out, **changes):
    return dataclasses.replace(out, **changes)


class ForgetsTheRegion(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        out = super().refine(case, prediction, prompts, progress)
        return changed(out, probabilities=out.full_probabilities(), region=out.geometry.whole)


class RenumbersLabels(Sound):
    def refine(self, *given, **named):
        return changed(super().refine(*given, **named), labels=(0, 1, 2))


class DoesNotNormalize(Sound):
    def refine(self, *given, **named):
        out = super().refine(*given, **named)
        return changed(out, probabilities=out.probabilities * np.float32(1.1))


class AnswersInDouble(Sound):
    def refine(self, *given, **named):
        out = super().refine(*given, **named)
        return changed(out, probabilities=out.probabilities.astype(np.float64))


class ChangesThePrediction(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        out = super().refine(case, prediction, prompts, progress)
        values = prediction.probabilities.base
        if isinstance(values, np.ndarray) and values.flags.writeable:
            values[:] = out.probabilities
        return out


class ChangesTheImage(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        out = super().refine(case, prediction, prompts, progress)
        values = case.volume.array.base
        if isinstance(values, np.ndarray) and values.flags.writeable:
            values -= values.mean()
        return out


class DrawsFromTorch(Sound):
    def smooth(self, values, spacing):
        return super().smooth(values, spacing) + 0.01 * float(torch.rand(1))


class RemembersTheLastImage(Sound):
    calls = 0

    def smooth(self, values, spacing):
        self.calls += 1
        return super().smooth(values, [s / self.calls for s in spacing])


class IgnoresPrompts(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        return super().refine(case, prediction, (), progress)


class SmoothsAfterThePrompts(Sound):
    def refine(self, *given, **named):
        out = super().refine(*given, **named)
        values = self.smooth(out.probabilities, (1.0, 1.0, 1.0))
        return changed(out, probabilities=values / values.sum(axis=0))


class SmoothsEverythingAway(Sound):
    def smooth(self, values, spacing):
        return np.broadcast_to(values.mean(axis=(1, 2, 3), keepdims=True), values.shape).copy()


class LooksToOneSide(Sound):
    def smooth(self, values, spacing):
        return np.roll(super().smooth(values, spacing), 2, axis=3)


class TakesEverything(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        (progress or Progress()).report(0.0, "")
        return prediction


class TakesNaN(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        values = np.nan_to_num(prediction.probabilities, nan=1 / len(prediction.labels))
        if np.abs(values.sum(axis=0) - 1).max() < 0.9:
            values = values / values.sum(axis=0)
        return super().refine(case, changed(prediction, probabilities=values), prompts, progress)


class DividesByTheSpread(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        out = TakesEverything.refine(self, case, prediction, prompts, progress)
        array = case.volume.array
        with np.errstate(invalid="ignore"):
            gray = (array - array.mean()) / array.std()
        return changed(out, probabilities=out.probabilities + 0 * gray.astype(np.float32))


class RefusesWholeNumbers(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        if case.volume.array.dtype.kind != "f":
            raise ValueError("an image of whole numbers is not what I want")
        return super().refine(case, prediction, prompts, progress)


class NeverTellsHowFar(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        return super().refine(case, prediction, prompts)


class GoesBack(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        out = super().refine(case, prediction, prompts, progress)
        (progress or Progress()).report(0.5, "and again")
        return out


class CannotBeStopped(Sound):
    def refine(self, case, prediction, prompts=(), progress=None):
        if progress is not None and not progress.is_cancelled:
            progress.report(0.5, "smoothing")
        return super().refine(case, prediction, prompts)


class ForgetsWhereItComesFrom(Sound):
    def refine(self, *given, **named):
        out = super().refine(*given, **named)
        source = dataclasses.replace(out.provenance, settings=dataclasses.asdict(self.settings))
        return changed(out, provenance=source)


class ForgetsItsSettings(Sound):
    def refine(self, *given, **named):
        out = super().refine(*given, **named)
        said = {k: v for k, v in out.provenance.settings.items() if k != "width"}
        return changed(out, provenance=dataclasses.replace(out.provenance, settings=said))


class ForgetsNotes(Sound):
    def refine(self, *given, **named):
        return changed(super().refine(*given, **named), notes=())


class TellsWhatJsonCannotHold(Sound):
    def refine(self, *given, **named):
        out = super().refine(*given, **named)
        said = {**out.provenance.settings, "width": np.float32(2)}
        return changed(out, provenance=dataclasses.replace(out.provenance, settings=said))


class TakesAnySetting(Sound):
    def __init__(self, settings=None):
        self.settings = settings or Settings()


class SearchesWhatItLacks(Sound):
    searched = ("width", "contrast")


class SearchesAMode(Sound):
    searched = ("mode",)


def with_card(**changes):
    card = dataclasses.replace(Sound.card, **changes)
    return type("BadCard", (Sound,), {"card": card, "__doc__": Sound.__doc__})


BROKEN = (
    (ForgetsTheRegion, checks.gives_probabilities_of_the_same_region),
    (RenumbersLabels, checks.gives_probabilities_of_the_same_region),
    (DoesNotNormalize, checks.gives_probabilities_of_the_same_region),
    (AnswersInDouble, checks.gives_probabilities_of_the_same_region),
    (ChangesThePrediction, checks.changes_nothing_it_is_given),
    (ChangesTheImage, checks.changes_nothing_it_is_given),
    (DrawsFromTorch, checks.answers_the_same_every_time),
    (RemembersTheLastImage, checks.answers_the_same_every_time),
    (IgnoresPrompts, checks.keeps_what_prompts_say),
    (SmoothsAfterThePrompts, checks.keeps_what_prompts_say),
    (SmoothsEverythingAway, checks.keeps_what_is_certain_where_nothing_speaks_against_it),
    (LooksToOneSide, checks.goes_with_the_axes),
    (TakesEverything, checks.refuses_what_is_no_prediction_of_the_image),
    (TakesNaN, checks.refuses_what_is_no_prediction_of_the_image),
    (DividesByTheSpread, checks.answers_or_refuses_hard_images),
    (RefusesWholeNumbers, checks.answers_or_refuses_hard_images),
    (NeverTellsHowFar, checks.tells_how_far_it_is_and_can_be_cancelled),
    (GoesBack, checks.tells_how_far_it_is_and_can_be_cancelled),
    (CannotBeStopped, checks.tells_how_far_it_is_and_can_be_cancelled),
    (ForgetsWhereItComesFrom, checks.tells_where_the_answer_comes_from),
    (ForgetsItsSettings, checks.tells_where_the_answer_comes_from),
    (ForgetsNotes, checks.tells_where_the_answer_comes_from),
    (TellsWhatJsonCannotHold, checks.answers_can_be_stored),
    (TakesAnySetting, checks.refuses_settings_beyond_their_limits),
    (SearchesWhatItLacks, checks.searches_numbers_that_it_has),
    (SearchesAMode, checks.searches_numbers_that_it_has),
    (with_card(paper=("nobody1900nothing",)), checks.has_a_complete_card),
    (with_card(table_row="CRF"), checks.has_a_complete_card),
    (with_card(name="Planted Refiner"), checks.has_a_complete_card),
    (with_card(accepts=("Masks",)), checks.has_a_complete_card),
    (with_card(dims=(4,)), checks.has_a_complete_card),
    (with_card(claims=""), checks.has_a_complete_card),
)

"""Query strategies with one planted fault each, and the check that must reject them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.measured import (
    MeasuredStrategy,
    falling,
    means,
    ranking,
)
from ImperfectSegLogic.methods.settings import setting
from Testing.Contracts import query_checks as checks


@dataclass(frozen=True)
class Settings:
    budget: float = setting(60.0, "minutes", 0.0, 1e6)
    each: float = setting(0.5, "minutes for each unit", 0.0, 1e4)
    per_mm: float = setting(0.0, "not used", 0.0, 1e4)
    per_part: float = setting(0.0, "not used", 0.0, 1e4)


class Sound(MeasuredStrategy):
    """Takes what is most uncertain until the budget is spent; cites gal2016dropout."""

    card = MethodCard(
        name="planted-query",
        paper=("gal2016dropout",),
        table_row=checks.ROW,
        accepts=("volume", "slice", "patch"),
        requires=Requires.EXPERT,
        dims=(2, 3),
        claims="Passes all checks.",
    )
    settings_type = Settings
    maps = ("variance",)
    keeps_budget = True

    def measure(self, volume, units, segmenter):
        return {"score": means(self.look(volume, segmenter).maps["variance"], units)}

    def select(self, table, known, count, rng):
        count = min(count, int(self.settings.budget / self.settings.each))
        rows = falling(table["score"], rng)[:count]
        own = self.settings.each
        return ranking(table, rows, table["score"][rows], lambda n: f"it costs {own} min")


class GivesOneMore(Sound):
    def select(self, table, known, count, rng):
        return super().select(table, known, count + 1, rng)


class GivesOneTwice(Sound):
    def select(self, table, known, count, rng):
        found = super().select(table, known, count, rng)
        return dataclasses.replace(found, items=(found.items[0], *found.items[:-1]))


class GivesLabeledOnes(Sound):
    measures_labeled = True

    def select(self, table, known, count, rng):
        return super().select(known if len(known) else table, known, count, rng)


class DropsTheRest(Sound):
    keeps_budget = False

    def select(self, table, known, count, rng):
        return super().select(table, known, min(count, 10), rng)


class NeedsSomething(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        self.check(pool, segmenter)
        if not pool.units:
            raise IndexError("no unit")
        return super().rank(pool, segmenter, count, rng, progress)


class TakesAnyCount(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        return super().rank(pool, segmenter, max(count, 1), rng, progress)


class DrawsByItself(Sound):
    def select(self, table, known, count, rng):
        return super().select(table, known, count, np.random.default_rng())


class DrawsFromNumPy(Sound):
    def select(self, table, known, count, rng):
        noise = np.random.rand(len(table))
        table.columns["score"][:] += noise
        return super().select(table, known, count, rng)


class GoesByTheOrder(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        names = tuple(pool.given[:count])
        return Ranking(names, (0.0,) * len(names), ("it comes first",) * len(names))


class FavorsTheFirst(Sound):
    def select(self, table, known, count, rng):
        rows = np.argsort(-table["score"], kind="stable")[:count]
        return ranking(table, rows, table["score"][rows], lambda n: "it costs 0.5 min")


class ScoresUpsideDown(Sound):
    def select(self, table, known, count, rng):
        found = super().select(table, known, count, rng)
        return dataclasses.replace(found, scores=tuple(-score for score in found.scores))


class GivesNaN(Sound):
    def select(self, table, known, count, rng):
        found = super().select(table, known, count, rng)
        return dataclasses.replace(found, scores=(float("nan"),) * len(found.items))


class GivesNoReasons(Sound):
    def select(self, table, known, count, rng):
        return dataclasses.replace(super().select(table, known, count, rng), reasons=())


class AddsUpVoxels(Sound):
    def measure(self, volume, units, segmenter):
        columns = super().measure(volume, units, segmenter)
        shape = volume.geometry.shape
        sizes = [volume.array[unit.slices(shape)].size for unit in units]
        return {"score": columns["score"] * np.array(sizes)}


class HoldsThePool(Sound):
    def measure(self, volume, units, segmenter):
        self.seen = [*getattr(self, "seen", []), volume.array]
        return super().measure(volume, units, segmenter)


class KeepsNothing(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        fresh = type(pool)(pool.images, pool.units, pool.labeled)
        found = super().rank(fresh, segmenter, count, rng, progress)
        pool.problems = fresh.problems
        return found


class CannotBeCancelled(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        return super().rank(pool, segmenter, count, rng)


class ForgetsTheModel(Sound):
    def _key(self, segmenter):
        return "planted-query"


class HidesProblems(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        found = super().rank(pool, segmenter, count, rng, progress)
        pool.problems = {}
        return found


class AnswersWithoutImages(Sound):
    def rank(self, pool, segmenter, count, rng, progress=None):
        try:
            return super().rank(pool, segmenter, count, rng, progress)
        except ValueError as error:
            if "none of" in str(error):
                return Ranking((), ())
            raise


class TakesNoModel(Sound):
    def check(self, pool, segmenter):
        if segmenter is not None:
            super().check(pool, segmenter)

    def measure(self, volume, units, segmenter):
        if segmenter is None:
            return {"score": np.zeros(len(units))}
        return super().measure(volume, units, segmenter)


class TakesAnyLabels(Sound):
    def check(self, pool, segmenter):
        if segmenter is None or segmenter.labels == pool.images.labels:
            super().check(pool, segmenter)


class FindsOutLate(Sound):
    def check(self, pool, segmenter):
        maps, self.maps = self.maps, ()
        super().check(pool, segmenter)
        self.maps = maps


class Overspends(Sound):
    def select(self, table, known, count, rng):
        return (
            super().select(table, known, count, rng)
            if self.settings.budget > 3
            else (self.all_of(table, count, rng))
        )

    def all_of(self, table, count, rng):
        rows = falling(table["score"], rng)[:count]
        return ranking(table, rows, table["score"][rows], lambda n: "it costs 0.25 min")


class BuysNothing(Sound):
    def select(self, table, known, count, rng):
        return Ranking((), ())


class TakesAnySetting(Sound):
    def __init__(self, settings=None):
        self.settings = Settings() if settings is None else settings


class HasNoRow(Sound):
    card = dataclasses.replace(Sound.card, table_row="CRF-based post segmentation")


class NeedsNobody(Sound):
    card = dataclasses.replace(Sound.card, requires=Requires.NOTHING)


class CitesNothing(Sound):
    __doc__ = "Cites nothing."


BROKEN = (
    (GivesOneMore, checks.gives_as_many_as_asked_for),
    (GivesOneTwice, checks.gives_no_unit_twice),
    (GivesLabeledOnes, checks.gives_unlabeled_units_only),
    (DropsTheRest, checks.gives_all_when_more_are_asked_for),
    (NeedsSomething, checks.takes_an_empty_pool),
    (TakesAnyCount, checks.refuses_counts_below_one),
    (DrawsByItself, checks.answers_the_same_for_the_same_seed),
    (DrawsFromNumPy, checks.answers_the_same_for_the_same_seed),
    (GoesByTheOrder, checks.does_not_depend_on_the_order_of_the_pool),
    (FavorsTheFirst, checks.breaks_ties_without_favor),
    (ScoresUpsideDown, checks.scores_never_rise_and_have_reasons),
    (GivesNaN, checks.scores_never_rise_and_have_reasons),
    (GivesNoReasons, checks.scores_never_rise_and_have_reasons),
    (AddsUpVoxels, checks.scores_do_not_depend_on_the_size_of_images),
    (HoldsThePool, checks.holds_one_image_at_a_time),
    (KeepsNothing, checks.goes_on_where_it_stopped),
    (CannotBeCancelled, checks.goes_on_where_it_stopped),
    (ForgetsTheModel, checks.another_model_is_asked_anew),
    (HidesProblems, checks.leaves_out_cases_that_cannot_be_read),
    (AnswersWithoutImages, checks.leaves_out_cases_that_cannot_be_read),
    (TakesNoModel, checks.refuses_what_it_cannot_work_with),
    (TakesAnyLabels, checks.refuses_what_it_cannot_work_with),
    (FindsOutLate, checks.refuses_what_it_cannot_work_with),
    (Overspends, checks.never_exceeds_its_budget),
    (BuysNothing, checks.never_exceeds_its_budget),
    (TakesAnySetting, checks.refuses_settings_beyond_their_limits),
    (HasNoRow, checks.has_a_complete_card),
    (NeedsNobody, checks.has_a_complete_card),
    (CitesNothing, checks.has_a_complete_card),
)

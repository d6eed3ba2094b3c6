"""What every query strategy must keep; each check takes the class and raises AssertionError."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool_units import KINDS
from ImperfectSegLogic.methods.base import QueryStrategy, Ranking
from ImperfectSegLogic.methods.card import Requires
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.settings import fields_of
from Testing.Contracts.query_scenes import CASES, Grays, OtherLabels, Phantoms, pool

ROW = "Active learning"
COUNT = 5
SIZE_TOLERANCE = 0.1
"""Of the highest score: what finer voxels may change, as where an outline runs."""

Kind = type[QueryStrategy]


def gives_as_many_as_asked_for(kind: Kind) -> None:
    for unit in kind.card.accepts:
        for count in (1, COUNT):
            found = len(run(kind, pool(unit=unit), count).items)
            fits = found == count or (kind.keeps_budget and found < count)
            require(kind, fits, f"gave {found} when asked for {count} ({unit})")


def gives_no_unit_twice(kind: Kind) -> None:
    for unit in kind.card.accepts:
        items = run(kind, pool(unit=unit), COUNT).items
        require(kind, len(set(items)) == len(items), f"gave {items}")


def gives_unlabeled_units_only(kind: Kind) -> None:
    for unit in kind.card.accepts:
        given = pool(unit=unit, labeled=3)
        items = run(kind, given, len(given.units)).items
        wrong = set(items) - {one.name() for one in given.units}
        require(kind, not wrong, f"gave {wrong}, which are labeled or unknown")


def gives_all_when_more_are_asked_for(kind: Kind) -> None:
    given = pool()
    items = run(kind, given, 10 * len(given.units)).items
    # With a budget there may be fewer, and units of no worth may be left out.
    right = set(items) == {u.name() for u in given.units} or (kind.keeps_budget and items)
    require(kind, bool(right), f"gave {len(items)} of {len(given.units)}")


def takes_an_empty_pool(kind: Kind) -> None:
    for labeled in (0, 2):
        given = pool(labeled=labeled)
        empty = type(given)(given.images, (), given.labeled)
        try:
            found = run(kind, empty, COUNT).items
        except (ArithmeticError, LookupError, ValueError) as error:
            require(kind, False, f"failed with an empty pool ({error!r})")
        require(kind, found == (), "found something in an empty pool")


def refuses_counts_below_one(kind: Kind) -> None:
    for count in (0, -3):
        for given in (pool(), type(pool())(Phantoms(), ())):
            message = refusal(kind, given, count=count)
            require(kind, str(count) in message, f"took {count}, or did not name it ({message})")


def answers_the_same_for_the_same_seed(kind: Kind) -> None:
    for images in (Phantoms(), Phantoms(alike=True)):
        one = run(kind, pool(images), COUNT)
        np.random.seed(3)
        require(kind, run(kind, pool(images), COUNT) == one, "gave another answer")


def does_not_depend_on_the_order_of_the_pool(kind: Kind) -> None:
    for alike in (False, True):
        one = run(kind, pool(Phantoms(alike=alike)), COUNT)
        other = run(kind, pool(Phantoms(alike=alike), backward=True), COUNT)
        require(kind, one == other, f"gave {one.items}, and of a pool turned around {other.items}")


def breaks_ties_without_favor(kind: Kind) -> None:
    """Among units that are all alike, other seeds choose others: not always the first cases."""
    given = pool(Phantoms(alike=True), unit="volume")
    first = {run(kind, given, 1, seed=seed).items for seed in range(12)}
    require(kind, len(first) > 1, f"chose {first} of units that are all alike, whatever the seed")


def scores_never_rise_and_have_reasons(kind: Kind) -> None:
    for unit in kind.card.accepts:
        found = run(kind, pool(unit=unit), COUNT)
        scores = np.array(found.scores)
        require(kind, len(scores) == len(found.items), f"gave {len(scores)} scores")
        require(kind, bool(np.isfinite(scores).all()), f"gave scores {scores}")
        require(kind, bool((np.diff(scores) <= 0).all()), f"gave rising scores {scores}")
        told = len(found.reasons) == len(found.items) and all(found.reasons)
        require(kind, told, f"gave reasons {found.reasons}")


def scores_do_not_depend_on_the_size_of_images(kind: Kind) -> None:
    """The same picture with voxels of half the size gets the same scores."""
    coarse, fine = (run(kind, pool(Phantoms(zoom)), 10) for zoom in (1, 2))
    one, other = np.array(coarse.scores), np.array(fine.scores)
    near = len(one) == len(other) and np.allclose(one, other, atol=SIZE_TOLERANCE * one.max())
    require(kind, bool(near), f"scored {one}, and at half the voxel size {other}")


def holds_one_image_at_a_time(kind: Kind) -> None:
    images = Phantoms()
    run(kind, pool(images), COUNT)
    require(kind, images.most <= 1, f"held {images.most} images at a time")


def goes_on_where_it_stopped(kind: Kind, folder: Path) -> None:
    if not images_read(kind):
        return
    wanted = run(kind, pool(), COUNT)

    def stop(fraction: float, _: str) -> None:
        if fraction >= 0.5:
            progress.cancel()

    images, progress = Phantoms(), Progress(stop)
    try:
        run(kind, pool(images, folder=folder), COUNT, progress=progress)
    except CancelledError:
        before = images.reads
        require(kind, 0 < before < len(CASES), f"had read {before} images when it was cancelled")
    else:
        require(kind, False, "went on when it was cancelled")
    found = run(kind, pool(images, folder=folder), COUNT)
    require(kind, found == wanted, "gave another answer than without a break")
    require(kind, images.reads == images_read(kind), f"read {images.reads} images in all")
    run(kind, pool(images, folder=folder), COUNT)
    require(kind, images.reads == images_read(kind), "read images that it had measured")


def another_model_is_asked_anew(kind: Kind, folder: Path) -> None:
    if not kind.needs_segmenter:
        return

    class Unsure(Grays):
        identity = "unsure"

        def look(self, volume, maps, samples):
            look = super().look(volume, maps, samples)
            for values in look.maps.values():
                values[:] = 0.5 * values[::-1]
            return look

    images = Phantoms()
    run(kind, pool(images, folder=folder), COUNT)
    before = images.reads
    run(kind, pool(images, folder=folder), COUNT, segmenter=Unsure())
    require(kind, images.reads == 2 * before, "took what another model had measured")


def leaves_out_cases_that_cannot_be_read(kind: Kind) -> None:
    if not images_read(kind):
        return
    given = pool(Phantoms(missing={"case1"}))
    items = run(kind, given, 100).items
    require(kind, list(given.problems) == ["case1"], f"told of problems {given.problems}")
    wrong = [name for name in items if name.startswith("case1@")]
    require(kind, bool(items) and not wrong, f"ranked {wrong or 'nothing'}")
    message = refusal(kind, pool(Phantoms(missing=CASES)))
    require(kind, "case0" in message, "gave an answer though no image could be read")


def refuses_what_it_cannot_work_with(kind: Kind) -> None:
    if not kind.needs_segmenter:
        run(kind, pool(), COUNT, segmenter=None)
        return
    message = refusal(kind, pool(), segmenter=None)
    require(kind, kind.card.name in message, f"took no model for one ({message})")
    message = refusal(kind, pool(), segmenter=OtherLabels())
    require(kind, "kidney" in message, f"took a model of other labels ({message})")

    class OnePass(Grays):
        def check(self, maps, samples):
            if samples or set(maps) & {"variance", "mutual_information"}:
                raise ValueError("one pass cannot differ")

    if kind.maps not in ((), ("entropy",)) or "passes" in settings_of(kind):  # type: ignore[attr-defined]
        images = Phantoms()
        message = refusal(kind, pool(images), segmenter=OnePass())
        require(kind, "one pass" in message and not images.reads, "asked one pass for its spread")


def never_exceeds_its_budget(kind: Kind) -> None:
    if not kind.keeps_budget:
        return
    require(kind, "budget" in settings_of(kind), "has no setting that names its budget")
    for budget in (0.0, 0.3, 1.0, 2.5, 10.0):
        own = kind(kind.settings_type(budget=budget, each=0.25, per_mm=0.002, per_part=0.01))
        found = own.rank(pool(), Grays(), 12, np.random.default_rng(0))
        spent = sum(float(re.findall(r"([0-9.]+) min", reason)[0]) for reason in found.reasons)
        rounding = 0.05 * len(found.items)
        require(kind, spent <= budget + rounding, f"spent {spent} of {budget} minutes")
        require(kind, bool(found.items) or budget < 1, f"bought nothing for {budget} minutes")


def refuses_settings_beyond_their_limits(kind: Kind) -> None:
    for one in fields_of(kind.settings_type):
        for value in [b + by for b, by in ((one.low, -1), (one.high, 1)) if b is not None]:
            message = ""
            try:
                kind(kind.settings_type(**{one.name: value}))
            except ValueError as error:
                message = str(error)
            told = kind.card.name in message and one.name in message
            require(kind, told, f"took {one.name}={value!r}, or did not name method and field")


def has_a_complete_card(kind: Kind) -> None:
    card = kind.card
    require(kind, bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)), "name in upper case")
    require(kind, card.table_row == ROW, f"table row {card.table_row!r}, must be {ROW!r}")
    require(kind, card.requires is Requires.EXPERT, "does not say that it needs an expert")
    wrong = set(card.accepts) - set(KINDS)
    require(kind, bool(card.accepts) and not wrong, f"accepts {wrong}, no kinds of unit")
    require(kind, bool(card.dims) and set(card.dims) <= {2, 3}, f"dims {card.dims}")
    require(kind, card.claims.endswith("."), "claims no sentence")
    cited = bool(card.paper) and any(key in (kind.__doc__ or "") for key in card.paper)
    require(kind, cited, "cites nothing")


CHECKS = (
    gives_as_many_as_asked_for,
    gives_no_unit_twice,
    gives_unlabeled_units_only,
    gives_all_when_more_are_asked_for,
    takes_an_empty_pool,
    refuses_counts_below_one,
    answers_the_same_for_the_same_seed,
    does_not_depend_on_the_order_of_the_pool,
    breaks_ties_without_favor,
    scores_never_rise_and_have_reasons,
    scores_do_not_depend_on_the_size_of_images,
    holds_one_image_at_a_time,
    goes_on_where_it_stopped,
    another_model_is_asked_anew,
    leaves_out_cases_that_cannot_be_read,
    refuses_what_it_cannot_work_with,
    never_exceeds_its_budget,
    refuses_settings_beyond_their_limits,
    has_a_complete_card,
)


def require(kind: Kind, holds: bool, said: str) -> None:
    assert holds, f"{kind.card.name}: {said}."


GRAYS = Grays()


def run(kind, given, count, seed=0, segmenter=GRAYS, progress=None) -> Ranking:
    return kind().rank(given, segmenter, count, np.random.default_rng(seed), progress)


def refusal(kind, given, count=COUNT, segmenter=GRAYS) -> str:
    try:
        run(kind, given, count, segmenter=segmenter)
    except ValueError as error:
        return str(error)
    return ""


def images_read(kind: Kind) -> int:
    images = Phantoms()
    run(kind, pool(images), COUNT)
    return images.reads


def settings_of(kind: Kind) -> set[str]:
    return {one.name for one in fields_of(kind.settings_type)}

"""In which order `imperfectseg queue build` lends units: as a file or a query strategy says."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.annotation_times import timed_masks
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.queue_contents import QueueContents
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.active_learning.kuo2018 import CostSensitive

COSTS = frozenset({"each", "per_mm", "per_part"})
"""Settings of kuo2018 that recorded times can teach."""


def order_of_file(path: Path) -> Ranking:
    """Reads an order: a unit per line, then its score and its reason if known, with tabs between.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not of this form.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Check the path, or use `random`.")
    names, scores, reasons = [], [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, score, reason = ([part.strip() for part in line.split("\t", 2)] + ["", ""])[:3]
        try:
            scores.append(float(score or 0))
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: got the score {score!r}, allowed is a number. Put tabs"
                " between unit, score and reason."
            ) from None
        names.append(name)
        reasons.append(reason or f"line {number} of {path.name}")
    return Ranking(tuple(names), tuple(scores), tuple(reasons))


def order_of_strategy(
    pool: Pool,
    text: str,
    segmenter: Segmenter | None,
    count: int | None,
    seed: int,
    progress: Progress | None = None,
    queue: QueueContents | None = None,
    tell: Callable[[str], None] | None = None,
) -> Ranking:
    """Has a query strategy choose unlabeled units.

    Args:
        pool: The units.
        text: The strategy, as NAME or NAME:key=value,key=value.
        segmenter: The model at hand; None only for strategies that need none.
        count: How many units; None for all.
        seed: The same one gives the same order.
        progress: Told how far the work is; cancels it.
        queue: That of the data set, if there is one: strategies learn from what it recorded.
        tell: Told what they learned, for people.

    Raises:
        ValueError: If there is no such strategy or setting, it needs a model, or nothing is left
            to label.
    """
    name, _, settings = text.partition(":")
    pairs = [pair.partition("=")[::2] for pair in settings.split(",") if pair]
    strategy = query_strategy(name, dict(pairs))
    if strategy.needs_segmenter and segmenter is None:
        raise ValueError(f"{name}: got no model, but it asks one. Name it with --model.")
    if not pool.units:
        raise ValueError("queue: in all units something is labeled already. Choose other cases.")
    if isinstance(strategy, CostSensitive):
        kinds = {unit.kind for unit in pool.units}
        strategy, said = with_costs(strategy, queue, kinds, dict(pairs))
        if tell:
            tell(said)
    wanted = count or len(pool.units)
    return strategy.rank(pool, segmenter, wanted, np.random.default_rng(seed), progress)


def with_costs(
    strategy: CostSensitive,
    queue: QueueContents | None,
    kinds: Collection[str],
    named: Collection[str] = (),
) -> tuple[CostSensitive, str]:
    """Gives a strategy that knows what annotating costs, and a sentence that says where from.

    Args:
        strategy: With the costs that count if nothing better is known.
        queue: With recorded times; None if there is none yet.
        kinds: Of the units to choose from; times of others do not count.
        named: Settings that somebody has decided; if costs are among them, nothing is fitted.
    """
    if COSTS & set(named):
        return strategy, f"costs: {_told(strategy)}, as asked for"
    every = timed_masks(queue) if queue else []
    done = [one for one in every if one.unit.kind in kinds]
    if fitted := strategy.taught(done):
        return fitted, f"costs: {_told(fitted)}, fitted to {len(done)} recorded times"
    enough = strategy.settings.times
    why = f"{len(done)} such units have a recorded time, of {enough} that a fit needs"
    return strategy, f"costs: {_told(strategy)}, the default, as {why}"


def _told(strategy: CostSensitive) -> str:
    own = strategy.costs
    return (
        f"{own.each:.3g} min a unit, {own.per_mm:.3g} min a mm of outline,"
        f" {own.per_part:.3g} min a part"
    )

"""In which order `imperfectseg queue build` lends units: as a file or a query strategy says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.segmenter import Segmenter
from ImperfectSegLogic.methods.base import Ranking
from ImperfectSegLogic.methods.catalog import query_strategy
from ImperfectSegLogic.methods.progress import Progress


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
) -> Ranking:
    """Has a query strategy choose unlabeled units.

    Args:
        pool: The units.
        text: The strategy, as NAME or NAME:key=value,key=value.
        segmenter: The model at hand; None only for strategies that need none.
        count: How many units; None for all.
        seed: The same one gives the same order.
        progress: Told how far the work is; cancels it.

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
    wanted = count or len(pool.units)
    return strategy.rank(pool, segmenter, wanted, np.random.default_rng(seed), progress)

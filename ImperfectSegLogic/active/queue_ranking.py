"""The rankings of a queue: what to annotate, most wanted first. The newest one counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ImperfectSegLogic.active.queue_files import RANKING_FORMAT, VERSION, publish
from ImperfectSegLogic.active.unit import Unit, parse
from ImperfectSegLogic.data.datasets.files import read_json, visible
from ImperfectSegLogic.methods.base import Ranking


@dataclass(frozen=True)
class StoredRanking:
    """A ranking in the data set folder.

    Attributes:
        number: From 1, rising.
        ranked: Each unit with its score and reason, most wanted first.
        readings: How many annotators shall read each unit.
        about: Where it comes from, such as the strategy and its settings.
    """

    number: int
    ranked: Mapping[Unit, tuple[float, str]]
    readings: int
    about: Mapping[str, Any] = field(default_factory=dict)


def add_ranking(
    folder: Path, ranking: Ranking, readings: int, about: Mapping[str, Any], known: set[str]
) -> int:
    """Writes a ranking.

    Args:
        folder: Where rankings are.
        ranking: Names of units, with scores; reasons may be missing.
        readings: How many annotators shall read each unit.
        about: Where it comes from; what JSON can hold.
        known: The data set's cases.

    Returns:
        Its number.

    Raises:
        ValueError: If a unit is there twice or of an unknown case, or a score is not finite.
        OSError: If it cannot be written.
    """
    _check(ranking, readings, known)
    content = {
        "format": RANKING_FORMAT,
        "version": VERSION,
        "readings": readings,
        "about": dict(about),
        "items": ranking.items,
        "scores": [float(score) for score in ranking.scores],
        "reasons": ranking.reasons or [""] * len(ranking.items),
    }
    number = newest(folder) + 1
    while not publish(folder / f"{number:04d}", "ranking.json", content):
        number += 1
    return number


def newest(folder: Path) -> int:
    """Gives the number of the newest ranking; 0 if there is none."""
    return max((int(name) for name in visible(folder) if name.isdigit()), default=0)


def read_ranking(folder: Path, number: int) -> StoredRanking:
    """Reads a ranking.

    Raises:
        FileNotFoundError: If there is none of this number.
        ValueError: If it is damaged.
    """
    path = folder / f"{number:04d}" / "ranking.json"
    said = read_json(path, RANKING_FORMAT, VERSION)
    try:
        three = zip(said["items"], said["scores"], said["reasons"], strict=True)
        ranked = {parse(name): (float(score), str(reason)) for name, score, reason in three}
        return StoredRanking(number, ranked, int(said["readings"]), dict(said["about"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: got a damaged ranking ({type(error).__name__}: {error}). Make a new one with"
            " `imperfectseg queue build`; what is done stays done."
        ) from error


def _check(ranking: Ranking, readings: int, known: set[str]) -> None:
    if readings < 1:
        raise ValueError(f"readings: got {readings}, allowed are whole numbers from 1.")
    count = len(ranking.items)
    if not (len(ranking.scores) == count and len(ranking.reasons) in (0, count)):
        raise ValueError(
            f"ranking: got {count} units, {len(ranking.scores)} scores and {len(ranking.reasons)}"
            " reasons, allowed are as many of each."
        )
    seen: set[str] = set()
    for name, score in zip(ranking.items, ranking.scores, strict=True):
        if parse(name).case not in known:
            raise ValueError(f"ranking: got {name!r}, but the data set has no such case.")
        if name in seen:
            raise ValueError(f"ranking: got {name!r} twice. Leave one out.")
        if not math.isfinite(score):
            raise ValueError(f"ranking: got the score {score} for {name!r}, allowed are numbers.")
        seen.add(name)

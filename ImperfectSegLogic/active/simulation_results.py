"""What simulated campaigns found: learning curves, and what they say in few numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import trapezoid

from ImperfectSegLogic.data.datasets.files import write_json
from ImperfectSegLogic.data.safe_writing import replacing

GOALS = (0.95, 1.0)
"""Shares of the Dice with all units that campaigns are to reach."""
Dice = Mapping[int, float | None]
"""By label; None where neither the truth nor the prediction has it."""


@dataclass(frozen=True)
class Round:
    """What one training gave.

    Attributes:
        number: Of the round, from 0; -1 for the training on all units.
        units: How many were revealed by then.
        voxels: How many were labeled by then.
        dice: Mean over test cases by label; None where no test case has the label.
        new: Names of the units that were revealed before this round.
        reasons: Why they were asked for.
        cases: Dice of each test case.
    """

    number: int
    units: int
    voxels: int
    dice: Dice
    new: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    cases: Mapping[str, Dice] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean Dice over labels."""
        return mean_dice(self.dice)


@dataclass(frozen=True)
class Campaign:
    """A learning curve.

    Attributes:
        strategy: What was asked.
        seed: Of all chance.
        full: The training on all units.
        rounds: At least one.
        total: How many units there are.
    """

    strategy: str
    seed: int
    full: Round
    rounds: tuple[Round, ...] = field(default=())
    total: int = 1

    @property
    def area(self) -> float:
        """Mean height of the curve of Dice against units; of one round alone its Dice."""
        return mean_height([r.units for r in self.rounds], [r.mean for r in self.rounds])

    def share_to(self, goal: float) -> float | None:
        """Gives the share of units of the first round that reaches a share of the full Dice.

        None if no round does. Nothing is interpolated between rounds.
        """
        reached = first_with(
            goal * self.full.mean,
            [r.units for r in self.rounds],
            [r.mean for r in self.rounds],
        )
        return None if reached is None else reached / self.total


def mean_height(units: Sequence[float], dice: Sequence[float]) -> float:
    """Gives the mean height of a curve of Dice against units; of one point alone its Dice."""
    width = units[-1] - units[0]
    return float(trapezoid(dice, units)) / width if width else float(dice[0])


def first_with(wanted: float, units: Sequence[float], dice: Sequence[float]) -> float | None:
    """Gives the units of the first point of a curve with that Dice; None if there is none."""
    return next((n for n, found in zip(units, dice, strict=True) if found >= wanted), None)


def mean_dice(dice: Dice) -> float:
    """Gives the mean over the labels that are there.

    Raises:
        ValueError: If there is none.
    """
    known = [value for value in dice.values() if value is not None]
    if not known:
        raise ValueError(
            f"simulation: no case to score on has any of the labels {list(dice)}. Choose another"
            " split to score on."
        )
    return float(np.mean(known))


def over_cases(cases: Mapping[str, Dice], labels: Iterable[int]) -> dict[int, float | None]:
    """Gives the mean over cases by label; None where no case has the label.

    Args:
        cases: At least one.
        labels: Which ones.
    """
    each = {n: [one.get(n) for one in cases.values()] for n in labels}
    known = {n: [one for one in values if one is not None] for n, values in each.items()}
    return {n: float(np.mean(values)) if values else None for n, values in known.items()}


def summary(campaigns: Sequence[Campaign]) -> dict[str, dict[str, Any]]:
    """Gives by strategy the mean and the standard deviation over seeds of area and last Dice.

    Shares of units to each goal are one per seed, None where it was not reached.
    """
    found = {}
    for name in dict.fromkeys(one.strategy for one in campaigns):
        own = [one for one in campaigns if one.strategy == name]
        found[name] = {
            "seeds": [one.seed for one in own],
            "area": _mean([one.area for one in own]),
            "last_dice": _mean([one.rounds[-1].mean for one in own]),
            "full_dice": _mean([one.full.mean for one in own]),
            "share_to": {f"{goal:g}": [one.share_to(goal) for one in own] for goal in GOALS},
        }
    return found


def write_csv_results(campaigns: Sequence[Campaign], labels: Mapping[int, str], path: Path) -> None:
    """Writes one row per strategy, seed and round; `all` are the trainings on all units.

    Dice is empty where no test case has the label.

    Raises:
        OSError: If it cannot be written; an earlier file is replaced.
    """
    head = ["strategy", "seed", "round", "units", "share", "voxels", "dice"]
    each = [(one.strategy, one, r) for one in campaigns for r in one.rounds]
    full = {one.seed: ("all", one, one.full) for one in campaigns}
    with (
        replacing(path, (".csv",), overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow([*head, *(f"dice of {n} {name}" for n, name in labels.items())])
        for name, one, r in (*each, *full.values()):
            by_label = [_shown(r.dice[label]) for label in labels]
            number = "" if r.number < 0 else r.number
            share = f"{r.units / one.total:.6g}"
            known = [name, one.seed, number, r.units, share, r.voxels, _shown(r.mean)]
            writer.writerow([*known, *by_label])


def write_json_results(campaigns: Sequence[Campaign], about: Mapping[str, Any], path: Path) -> None:
    """Writes the summary and all campaigns with the units they asked for.

    Raises:
        OSError: If it cannot be written; an earlier file is replaced.
    """
    each = []
    for one in campaigns:
        rounds = [_content(r) for r in one.rounds]
        numbers = {"area": one.area, "full": _content(one.full), "rounds": rounds}
        known = {"strategy": one.strategy, "seed": one.seed, "units": one.total}
        each.append(known | numbers)
    content = {"about": about, "summary": summary(campaigns), "campaigns": each}
    write_json(path, content, overwrite=True)


def _content(r: Round) -> dict[str, Any]:
    said = {"round": r.number, "units": r.units, "voxels": r.voxels, "dice": r.mean}
    return said | {"dice_by_label": dict(r.dice), "new": r.new, "reasons": r.reasons}


def _mean(values: Sequence[float]) -> dict[str, float]:
    """Gives mean and standard deviation; of one value the latter is 0."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": sd}


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"

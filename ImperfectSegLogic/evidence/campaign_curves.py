"""Learning curves of campaigns, and what they say in few numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ImperfectSegLogic.active.simulation_results import first_with, mean_height
from ImperfectSegLogic.evidence.statistics import by_subject
from ImperfectSegLogic.evidence.trainings import CaseScores


@dataclass(frozen=True)
class Curve:
    """Dice against annotated units, of one campaign or the mean of several.

    Attributes:
        units: Annotated by each round, rising.
        dice: Mean over test subjects after each round.
        full: The same with all units annotated.
        total: How many units there are.
    """

    units: tuple[float, ...]
    dice: tuple[float, ...]
    full: float
    total: int

    def share_to(self, goal: float) -> float | None:
        """Gives the share of units of the first round that reaches a share of the full Dice.

        None if no round does. Nothing is interpolated between rounds.
        """
        reached = first_with(goal * self.full, self.units, self.dice)
        return None if reached is None else reached / self.total


def curve_of(said: Mapping[str, Any], subjects: Mapping[str, str]) -> Curve:
    """Gives the curve of a campaign.

    Args:
        said: Content of its file, see `campaign_jobs`.
        subjects: Who was imaged, by case.
    """
    units = tuple(float(one["units"]) for one in said["rounds"])
    dice = tuple(_mean(one["cases"], subjects) for one in said["rounds"])
    return Curve(units, dice, _mean(said["full"]["cases"], subjects), int(said["total"]))


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Gives the mean over campaigns, round by round; one that ended early stays as it was."""
    rounds = max(len(one.units) for one in curves)
    units, dice = (
        np.mean([[*each, *[each[-1]] * (rounds - len(each))] for each in values], axis=0)
        for values in ([one.units for one in curves], [one.dice for one in curves])
    )
    full = float(np.mean([one.full for one in curves]))
    return Curve(tuple(map(float, units)), tuple(map(float, dice)), full, curves[0].total)


def areas(
    said: Mapping[str, Any], subjects: Mapping[str, str], end: int, label: str | None = None
) -> dict[str, float]:
    """Gives the mean height of each test subject's own curve from the start to `end` units.

    As heights are linear in Dice, their mean over subjects is that of the curve of the mean. A
    campaign that ended early has the Dice of its last round from there on: it asked for no more.

    Args:
        said: Content of a campaign's file.
        subjects: Who was imaged, by case.
        end: Units.
        label: Only this one.
    """
    units = [one["units"] for one in said["rounds"]]
    each = [by_subject(one["cases"], subjects, label) for one in said["rounds"]]
    known = sorted(set(each[0]).intersection(*each[1:])) if each else []
    return {who: area(units, [one[who] for one in each], end) for who in known}


def area(units: Sequence[float], dice: Sequence[float], end: float) -> float:
    """Gives the mean height of a curve, which stays as it is after its last point."""
    if units[-1] < end:
        units, dice = [*units, end], [*dice, dice[-1]]
    return mean_height(units, dice)


def _mean(cases: Mapping[str, CaseScores], subjects: Mapping[str, str]) -> float:
    return float(np.mean(list(by_subject(cases, subjects).values())))

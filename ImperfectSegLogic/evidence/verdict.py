"""Whether what was expected came out, by the rule that was declared before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ImperfectSegLogic.evidence.spec import Evidence, Target
from ImperfectSegLogic.evidence.statistics import gain_of, rounded

REPRODUCED, PARTIAL, NOT_REPRODUCED = "reproduced", "partial", "not reproduced"


def judged(
    evidence: Evidence, arms: Mapping[str, Mapping[str, Any]]
) -> tuple[str, list[dict[str, Any]]]:
    """Gives the verdict, and what became of each target.

    Args:
        evidence: Declares the targets.
        arms: What was found, by the arm's name.

    Returns:
        `reproduced` if all targets are met, `partial` if some are, `not reproduced` if none is;
        empty if there are no targets.
    """
    told = [_target(target, arms) for target in evidence.targets]
    met = [one["met"] for one in told]
    if not met:
        return "", told
    return REPRODUCED if all(met) else PARTIAL if any(met) else NOT_REPRODUCED, told


def _target(target: Target, arms: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if target.goal:
        return _share(target, arms[target.arm])
    if not target.over:
        found, met = arms[target.arm]["mean"], arms[target.arm]["mean"] >= target.at_least
        return {"text": target.text, "at_least": target.at_least, "found": found, "met": met}
    gain = gain_of(arms[target.arm], arms[target.over])
    met = gain["mean"] >= target.at_least
    met = met and (not target.interval or gain["low"] > target.at_least)
    interval = [gain["low"], gain["high"]]
    return {
        "text": target.text,
        "at_least": target.at_least,
        "found": gain["mean"],
        "interval": interval,
        "met": met,
    }


def _share(target: Target, arm: Mapping[str, Any]) -> dict[str, Any]:
    """Looks for the goal on the mean curve over seeds: single ones reach it by chance."""
    each = zip(arm["curve"]["units"], arm["curve"]["dice"], strict=True)
    wanted = target.goal * arm["curve"]["full_dice"]
    units = next((n for n, dice in each if dice >= wanted), None)
    found = None if units is None else rounded(units / arm["curve"]["in_all"])
    met = found is not None and found <= target.at_most
    return {
        "text": target.text,
        "goal": target.goal,
        "at_most": target.at_most,
        "found": found,
        "met": met,
    }

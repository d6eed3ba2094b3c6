"""Reads what an Evidence of query strategies declares besides what each Evidence does."""

from __future__ import annotations

from dataclasses import replace

from ImperfectSegLogic.evidence.campaign_plan import BASELINES, UNITS, CampaignPlan
from ImperfectSegLogic.evidence.spec import Arm, Evidence
from ImperfectSegLogic.evidence.toml_table import Table

QUERY = ("query", "query_settings", "flips", "survey")
"""Fields of an arm that say what is asked."""
OWN = ("series", "baseline", "training", "methods", "rounds", *QUERY)
"""Fields of an arm that mean something in a campaign."""


def read_plan(table: Table) -> CampaignPlan:
    """Reads the table `campaign`.

    Raises:
        ValueError: If something in it is not allowed.
    """
    default = CampaignPlan()
    found = CampaignPlan(
        table.choice("units", UNITS, default.units),
        table.whole("axis", default.axis),
        table.whole("start", default.start),
        table.whole("per_round", default.per_round),
        table.whole("rounds", default.rounds),
        table.whole("models", default.models),
    )
    table.done()
    return found


def read_query(table: Table, arm: Arm) -> Arm:
    """Reads which strategy an arm asks; it is called like the strategy unless a name is given.

    Raises:
        ValueError: If something in it is not allowed.
    """
    return replace(
        arm,
        query=table.text("query", ""),
        query_settings=table.mapping("query_settings"),
        flips=table.flag("flips", False),
        survey=table.text("survey", ""),
    )


def check_campaign(found: Evidence, where: str) -> None:
    """Checks that arms are query strategies where there is a campaign, and nowhere else.

    Raises:
        ValueError: If not, a baseline is not there, arms differ in more than what they ask, or a
            target is none that there is.
    """
    for arm in found.arms:
        if bool(arm.query) != bool(found.campaign):
            there = "a table" if found.campaign else "no table"
            raise ValueError(
                f"{where}, arm {arm.name!r}: got query {arm.query!r} with {there} `campaign`;"
                " allowed are both or neither, for all arms."
            )
        if found.campaign:
            _check_arm(found, arm, where)
    for target in found.targets:
        if target.goal and not found.campaign:
            raise ValueError(
                f"{where}, target {target.text!r}: got `goal`, allowed is `at_least`; only"
                " campaigns have learning curves. Add a table `campaign`, or take it out."
            )
    names = {arm.name for arm in found.arms if arm.query == arm.name}
    missing = [name for name in BASELINES if found.campaign and name not in names]
    if missing:
        raise ValueError(
            f"{where}: got no arm {' and no arm '.join(missing)}, allowed are campaigns with both"
            f" of {', '.join(BASELINES)}. Add them."
        )


def _check_arm(found: Evidence, arm: Arm, where: str) -> None:
    plain = Arm(**{name: getattr(arm, name) for name in OWN})
    if arm != plain:
        differs = sorted(
            name for name in Arm.__dataclass_fields__ if getattr(arm, name) != getattr(plain, name)
        )
        raise ValueError(
            f"{where}, arm {arm.name!r}: got {', '.join(differs)}; allowed in a campaign are"
            f" {', '.join(OWN[1:])}. Take them out."
        )
    if arm.training != found.arms[0].training:
        raise ValueError(
            f"{where}, arm {arm.name!r}: got another `training` than {found.arms[0].name!r};"
            " allowed is one for all strategies. Declare it before the arms."
        )

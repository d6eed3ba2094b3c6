"""Reads what Evidences declare: `NAME.toml`, and `data/NAME.toml` for their data sets."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from ImperfectSegLogic.evidence.campaign_reading import (
    QUERY,
    check_campaign,
    read_plan,
    read_query,
)
from ImperfectSegLogic.evidence.spec import (
    ANNOTATIONS,
    FOLDER,
    METRICS,
    Arm,
    Choice,
    DataRecipe,
    Evidence,
    Target,
)
from ImperfectSegLogic.evidence.toml_table import Table

VARIED = ("patients", "share", "clicks", "stride")
WHOLE = ("patients", "clicks", "stride")
SETUP = (
    *("patients", "annotation", "share", "unlabeled", "validation"),
    *("stride", "padding"),
    *("methods", "augment", "transforms", "training", "rounds"),
    *("clicks", "adapt", "refine", "calibrate", "margin"),
)
"""What the file can say for all arms, and each arm for itself."""


def evidence_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Gives the names of all Evidences, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def read_evidence(name: str, folder: Path = FOLDER) -> Evidence:
    """Reads what an Evidence declares.

    Args:
        name: Of the file, without `.toml`.
        folder: Where it is.

    Raises:
        ValueError: If there is none of that name, or something in it is not allowed.
    """
    known = evidence_names(folder)
    if name not in known:
        told = ", ".join(known) or f"none in {folder}"
        raise ValueError(f"evidence: got {name!r}, allowed are {told}.")
    table = _read(folder / f"{name}.toml")
    default = _setup(table.only(SETUP), Arm(""))
    arms = tuple(arm for one in table.tables("arms") for arm in _arms(one, default))
    found = Evidence(
        name,
        table.text("title"),
        table.text("claim"),
        table.text("survey"),
        table.texts("about"),
        read_data(table.text("data"), folder),
        table.choice("metric", tuple(METRICS), "dice"),
        tuple(table.numbers("seeds", whole=True)),
        arms,
        table.text("headline"),
        tuple(_target(one) for one in table.tables("targets")),
        campaign=read_plan(table.table("campaign")) if "campaign" in table else None,
    )
    table.done()
    return _checked(found, table)


def read_data(name: str, folder: Path = FOLDER) -> DataRecipe:
    """Reads how a data set is made.

    Raises:
        ValueError: If there is none of that name, or something in it is not allowed.
    """
    path = folder / "data" / f"{name}.toml"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml")))
        raise ValueError(f"evidence data: got {name!r}, allowed are {there or 'none'}.")
    table = _read(path)
    found = DataRecipe(
        name,
        table.text("images"),
        table.text("label_maps"),
        table.text("scribbles", ""),
        int(table.number("unlabeled", 255)),
        table.labels("labels"),
        table.text("subject"),
        table.text("splits", ""),
        table.text("train", "train"),
        table.text("validation", "val"),
        table.text("test", "test"),
        table.text("hdf5", ""),
        table.numbers("spacing") if "spacing" in table else (),
        _split(table.table("split")),
    )
    table.done()
    if bool(found.splits) == bool(found.split) or (found.hdf5 and len(found.spacing) != 3):
        raise ValueError(
            f"{path}: got splits {found.splits!r}, a table `split` of {len(found.split)} and"
            f" spacing {list(found.spacing)}; allowed are either `splits` or `split`, and with"
            " `hdf5` a spacing of three numbers."
        )
    return found


def _split(table: Table) -> dict[str, tuple[str, ...]]:
    said = {name: Table({name: each}, table.where) for name, each in table.rest().items()}
    return {name: one.texts(name) for name, one in said.items()}


def _read(path: Path) -> Table:
    try:
        return Table(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: got a file that is no TOML ({error}).") from error


def _setup(table: Table, default: Arm) -> Arm:
    return replace(
        default,
        patients=int(table.number("patients", default.patients)),
        annotation=table.choice("annotation", ANNOTATIONS, default.annotation),
        share=table.number("share", default.share),
        stride=_whole(table, "stride", default.stride),
        padding=_whole(table, "padding", default.padding),
        unlabeled=table.flag("unlabeled", default.unlabeled),
        validation=table.flag("validation", default.validation),
        methods=_choices(table, "methods", default.methods),
        augment=table.text("augment", default.augment),
        transforms=_choices(table, "transforms", default.transforms),
        training={**default.training, **table.mapping("training")},
        rounds=_whole(table, "rounds", default.rounds),
        clicks=int(table.number("clicks", default.clicks)),
        adapt={**default.adapt, **table.mapping("adapt")},
        refine=_choices(table, "refine", default.refine),
        calibrate=int(table.number("calibrate", default.calibrate)),
        margin=table.number("margin", default.margin),
    )


def _whole(table: Table, key: str, default: int) -> int:
    found = table.number(key, default)
    if not found.is_integer():
        raise ValueError(f"{table.where}: got {key} {found:g}, allowed are whole numbers.")
    return int(found)


def _choices(table: Table, key: str, default: tuple[Choice, ...]) -> tuple[Choice, ...]:
    if key not in table:
        return default
    return tuple(Choice(one.text("name"), one.rest()) for one in table.tables(key))


def _arms(table: Table, default: Arm) -> list[Arm]:
    own = read_query(table, Arm("", baseline=table.text("baseline", "")))
    name = table.text("name", own.query) if own.query else table.text("name")
    said = {key: getattr(own, key) for key in ("baseline", *QUERY)}
    base = replace(default, series=name, **said)
    each = table.table("each")
    arm = _setup(table, base)
    table.done()
    made = [arm]
    for key in VARIED:
        if key in each:
            values = each.numbers(key, whole=key in WHOLE)
            made = [replace(arm, vary=key, **_varied(key, value)) for value in values]
            break
    each.done()
    return made


def _varied(key: str, value: float) -> dict[str, Any]:
    return {key: int(value) if key in WHOLE else float(value)}


def _target(table: Table) -> Target:
    of_curve = "goal" in table
    found = Target(
        table.text("text"),
        table.text("arm"),
        table.text("over", ""),
        0.0 if of_curve else table.number("at_least"),
        table.flag("interval", False),
        table.number("goal", 0.0),
        table.number("at_most") if of_curve else 0.0,
    )
    table.done()
    if of_curve and (found.over or not (0 < found.goal <= 1 and 0 < found.at_most <= 1)):
        raise ValueError(
            f"{table.where}, target {found.text!r}: got goal {found.goal:g}, at_most"
            f" {found.at_most:g} and over {found.over!r}; allowed are shares of more than 0 to 1,"
            " and no `over`."
        )
    if found.interval and not found.over:
        raise ValueError(
            f"{table.where}, target {found.text!r}: got `interval` without `over`; an interval is"
            " that of a gain. Name the arm that it is over."
        )
    return found


def _checked(found: Evidence, table: Table) -> Evidence:
    """Finds the baselines of arms that vary, and checks what can be checked without training."""
    names = {arm.name for arm in found.arms}
    if len(names) < len(found.arms) or not found.arms or not found.seeds:
        raise ValueError(
            f"{table.where}: got {len(found.arms)} arms with {len(names)} names and"
            f" {len(found.seeds)} seeds; allowed are one or more of each, each arm with a name of"
            " its own."
        )
    check_campaign(found, table.where)
    for arm in found.arms:
        if arm.patients < 0 or not 0 < arm.share <= 1 or arm.clicks < 0:
            raise ValueError(
                f"{table.where}, arm {arm.name!r}: got {arm.patients} patients, share {arm.share}"
                f" and {arm.clicks} clicks; allowed are 0 (all) or more, more than 0 to 1, and 0"
                " (no prompts) or more."
            )
        _check_grid(arm, table)
        _check_refined(arm, table)
    arms = tuple(replace(arm, baseline=_baseline(arm, found.arms)) for arm in found.arms)
    found = replace(found, arms=arms)
    named = [found.headline, *(arm.baseline for arm in arms if arm.baseline)]
    for target in found.targets:
        named += [target.arm, target.over] if target.over else [target.arm]
    for name in named:
        found.arm(name)
    return found


def _check_grid(arm: Arm, table: Table) -> None:
    """Checks grid and rounds; a stride may stand there for all arms, also for those of masks."""
    least = 2 if arm.annotation == "grid" else 0
    if arm.stride < least or arm.padding < 0 or arm.rounds < 1:
        raise ValueError(
            f"{table.where}, arm {arm.name!r}: got stride {arm.stride}, padding {arm.padding} and"
            f" {arm.rounds} rounds; allowed are {least} voxels or more, 0 or more, and 1 or more."
        )


def _check_refined(arm: Arm, table: Table) -> None:
    """Checks what an arm says about refiners; a margin or trials may stand there for all arms."""
    if arm.calibrate < 0 or not 0 <= arm.margin < math.inf or (arm.refine and arm.clicks):
        raise ValueError(
            f"{table.where}, arm {arm.name!r}: got calibrate {arm.calibrate}, margin"
            f" {arm.margin:g}, {len(arm.refine)} refiners and {arm.clicks} clicks; allowed are"
            " trials and mm from 0, and refiners only without clicks."
        )


def _baseline(arm: Arm, arms: tuple[Arm, ...]) -> str:
    """Gives the arm of the baseline's series with the same number; none if the series lacks it."""
    same = replace(arm, series=arm.baseline).name
    series = [one for one in arms if one.series == arm.baseline and one.vary]
    return arm.baseline if not series else same if same in {one.name for one in series} else ""

"""The tables that `imperfectseg evaluate` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from ImperfectSegLogic.commands.terminal import plain
from ImperfectSegLogic.evaluation import Comparison, Score, Summary
from ImperfectSegLogic.metrics.measures import METRICS

WORST = 3
"""How many of the worst cases are listed per label."""


def name_of(label: int, names: Mapping[int, str]) -> str:
    """Gives a label's number and name, for people."""
    return plain(f"{label} {names.get(label, '')}".strip())


def summary_table(
    model: str, label: int, names: Mapping[int, str], summaries: Sequence[Summary]
) -> Table:
    """Makes the table of one label: a row per metric."""
    title = f"{plain(model)}: {name_of(label, names)}"
    table = Table("metric", "mean", "sd", "median", "95 % CI of mean", "defined", title=title)
    for s in summaries:
        if s.label != label:
            continue
        shown = [_number(value, s.metric) for value in (s.mean, s.sd, s.median)]
        defined = f"{s.defined} of {s.cases} cases"
        if s.infinite:
            defined += f", {s.infinite} infinite"
        interval = _interval(s.low, s.high, s.metric)
        table.add_row(METRICS[s.metric].title, *shown, interval, defined)
    return table


def comparison_table(
    model: str, against: str, names: Mapping[int, str], found: Sequence[Comparison]
) -> Table:
    """Makes the table of two models: a row per label and metric."""
    heads = ("label", "metric", "mean difference", "95 % CI", "wins/ties/losses", "p", "p (Holm)")
    table = Table(*heads, "subjects", title=f"{plain(model)} minus {plain(against)}, by subject")
    for c in found:
        count = f"{c.wins}/{c.ties}/{c.losses}"
        title = METRICS[c.metric].title
        if c.metric.startswith("volume"):
            title = f"|{title.replace(' (', '| (', 1)}"
        table.add_row(
            name_of(c.label, names),
            title,
            _number(c.difference, c.metric, "+"),
            _interval(c.low, c.high, c.metric, "+"),
            count,
            *("-" if np.isnan(p) else f"{p:.3g}" for p in (c.p, c.corrected)),
            f"{c.finite} of {c.subjects}",
        )
    return table


def worst_cases(label: int, names: Mapping[int, str], scores: Sequence[Score]) -> str:
    """Tells the cases with the lowest Dice of a label; of equal ones, with the largest HD95."""
    own = [s for s in scores if s.label == label and not np.isnan(s.metrics["dice"])]
    own.sort(key=lambda s: (s.metrics["dice"], -np.nan_to_num(s.metrics["hd95"])))
    told = [
        f"{plain(s.case)} (Dice {s.metrics['dice']:.3f}, HD95 {_number(s.metrics['hd95'], 'hd95')})"
        for s in own[:WORST]
    ]
    return f"worst of {name_of(label, names)}: {', '.join(told) or 'not defined in any case'}"


def _number(value: float, metric: str, sign: str = "") -> str:
    return "-" if np.isnan(value) else f"{value:{sign}.{METRICS[metric].digits}f}"


def _interval(low: float, high: float, metric: str, sign: str = "") -> str:
    if np.isnan(low):
        return "-"
    return f"{_number(low, metric, sign)} to {_number(high, metric, sign)}"

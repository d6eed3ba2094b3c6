"""The plot of an Evidence of query strategies: a panel with the learning curve of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.evaluation.plot import need_matplotlib
from ImperfectSegLogic.evidence.campaign_plan import BASELINES
from ImperfectSegLogic.evidence.plot import what_is_drawn
from ImperfectSegLogic.evidence.results import Result

COLUMNS = 4
STYLES = dict(zip(BASELINES, ("-", "--"), strict=True))


def write_campaign_plot(result: Result, path: Path) -> None:
    """Draws a small panel per strategy, each with both baselines in gray.

    The band is the standard deviation over seeds, the dotted line the Dice with all annotations.

    Args:
        result: What was found.
        path: A `.png` file, which is replaced if it is there.

    Raises:
        ValueError: If matplotlib is not installed.
        OSError: If it cannot be written.
    """
    figure_type, canvas = need_matplotlib()
    arms, plan = result["arms"], result["campaign"]
    shown = [arm for name, arm in arms.items() if name not in BASELINES] or list(arms.values())
    rows = math.ceil(len(shown) / COLUMNS)
    figure = figure_type(figsize=(2.5 * COLUMNS, 2.1 * rows + 0.9), layout="constrained")
    canvas(figure)
    panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, arm in zip(panels, shown, strict=False):
        _panel(panel, arm, arms)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    for n, panel in enumerate(panels[: len(shown)]):
        if n + COLUMNS >= len(shown):
            panel.tick_params(labelbottom=True)
            panel.set_xlabel(f"annotated {plan['units']}s, % of {plan['in_all']}", fontsize=8)
    figure.suptitle(result["title"], fontsize=10)
    figure.supylabel(what_is_drawn(result), fontsize=8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles[1:], labels[1:], loc="outside lower center", ncols=len(labels), fontsize=8
    )
    with replacing(path, (".png",), overwrite=True) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def _panel(panel: Any, arm: Mapping[str, Any], arms: Mapping[str, Mapping[str, Any]]) -> None:
    x, y, spread = _line(arm)
    panel.fill_between(x, y - spread, y + spread, color="C0", alpha=0.2, linewidth=0)
    panel.plot(x, y, "o-", color="C0", markersize=3, linewidth=1.5, zorder=3, label=arm["name"])
    for name in BASELINES:
        if name in arms:
            panel.plot(*_line(arms[name])[:2], STYLES[name], color="gray", label=name)
    full = arm["full_dice"]["mean"]
    panel.axhline(full, linestyle=":", color="black", linewidth=1, label="all annotations")
    panel.set_title(arm["name"], fontsize=8)
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3)


def _line(arm: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Gives shares in %, mean and standard deviation; the latter over seeds that got so far."""
    curve = arm["curve"]
    share = 100 * np.array(curve["units"]) / curve["in_all"]
    each = [one["dice"] for one in arm["curves"]]
    rounds = [[dice[n] for dice in each if n < len(dice)] for n in range(len(share))]
    spread = [float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for values in rounds]
    return share, np.array(curve["dice"]), np.array(spread)

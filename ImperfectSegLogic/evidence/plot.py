"""The plot of what an Evidence found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.evaluation.plot import need_matplotlib
from ImperfectSegLogic.evidence.results import Result
from ImperfectSegLogic.evidence.spec import METRICS

AXES = {
    "patients": "training patients",
    "share": "annotated share of {}",
    "clicks": "simulated clicks on each object",
    "stride": "voxels between points",
}

ROOM = 60
"""Letters below the plot that stand beside each other without running into one another."""


def write_plot(result: Result, path: Path) -> None:
    """Draws lines with the standard deviation over seeds where arms vary, else dots per seed.

    Args:
        result: What was found.
        path: A `.png` file, which is replaced if it is there.

    Raises:
        ValueError: If matplotlib is not installed.
        OSError: If it cannot be written.
    """
    figure_type, canvas = need_matplotlib()
    figure = figure_type(figsize=(6.4, 4.2), layout="constrained")
    canvas(figure)
    axes = figure.add_subplot()
    arms = list(result["arms"].values())
    if any(arm["vary"] for arm in arms):
        _lines(axes, arms)
    else:
        _dots(axes, arms)
    axes.set_title(result["title"], fontsize=10, wrap=True)
    axes.set_ylabel(what_is_drawn(result), fontsize=8)
    axes.grid(alpha=0.3)
    with replacing(path, (".png",), overwrite=True) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def what_is_drawn(result: Result) -> str:
    """Gives the text beside the axis of scores."""
    patients = result["data"]["splits"][result["data"]["test"]]["patients"]
    seeds = len(result["seeds"])
    metric = METRICS[result["metric"]]
    return f"{metric} on {patients} test patients (mean, sd over {seeds} seeds)"


def _lines(axes: Any, arms: list[Mapping[str, Any]]) -> None:
    varied = [arm for arm in arms if arm["vary"]]
    for n, series in enumerate(dict.fromkeys(arm["series"] for arm in varied)):
        own = sorted((a for a in varied if a["series"] == series), key=lambda a: a["varied"])
        x, y = [a["varied"] for a in own], [a["mean"] for a in own]
        marker = "osD^v"[n % 5]
        axes.errorbar(x, y, [a["sd"] for a in own], marker=marker, capsize=3, label=series)
    for arm in arms:
        if not arm["vary"]:
            axes.axhline(arm["mean"], linestyle="--", color="gray", label=arm["name"])
    values = sorted({arm["varied"] for arm in varied})
    if values[0] > 0 and values[-1] / values[0] > 5:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xlabel(AXES[varied[0]["vary"]].format(varied[0]["annotation"]))
    axes.legend(fontsize=8)


def _dots(axes: Any, arms: list[Mapping[str, Any]]) -> None:
    for n, arm in enumerate(arms):
        axes.plot([n] * len(arm["by_seed"]), arm["by_seed"], "o", color="lightgray", zorder=1)
        axes.errorbar([n], [arm["mean"]], [arm["sd"]], fmt="s", capsize=4, zorder=2)
    names = [arm["name"] for arm in arms]
    slanted = {"rotation": 25, "ha": "right"} if sum(map(len, names)) > ROOM else {}
    axes.set_xticks(range(len(arms)), names, **slanted)
    axes.set_xlim(-0.5, len(arms) - 0.5)

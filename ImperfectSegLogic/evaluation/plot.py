"""The plot of scores: boxes and dots per label, models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.evaluation.score import Score, labels_of
from ImperfectSegLogic.metrics.measures import METRICS

COLORS = ("#1f77b4", "#ff7f0e")


def write_plot(
    scores: Mapping[str, Sequence[Score]],
    names: Mapping[int, str],
    path: Path,
    tolerance: float,
    overwrite: bool = False,
) -> None:
    """Draws one panel per metric, with a box and a dot per case for every label and model.

    Cases without a finite value cannot be drawn; how many they are is written at the bottom.

    Args:
        scores: By model, of the same labels.
        names: Of labels.
        path: A `.png` file.
        tolerance: Of the surface Dice, in mm.
        overwrite: Whether it may replace a file that is there.

    Raises:
        ValueError: If matplotlib is not installed, or the extension is not allowed.
        OSError: If it cannot be written.
    """
    figure_type, canvas = need_matplotlib()
    labels = labels_of([s for own in scores.values() for s in own])
    width = max(4.0, 1.2 + 0.55 * len(labels) * len(scores))
    figure = figure_type(figsize=(min(3 * width, 24.0), 7.5), layout="constrained")
    canvas(figure)
    for panel, (name, metric) in zip(figure.subplots(2, 3).flat, METRICS.items(), strict=True):
        _draw(panel, scores, labels, name)
        title = f"{metric.title} at {tolerance:g} mm" if name == "surface_dice" else metric.title
        panel.set_title(title, fontsize=10)
        turned = {"rotation": 30, "ha": "right"} if len(labels) > 3 else {}
        shown = [names.get(n, f"label {n}") for n in labels]
        panel.set_xticks(range(len(labels)), shown, fontsize=8, **turned)
    handles = [
        figure.axes[0].plot([], [], "s", color=color, label=model)[0]
        for model, color in zip(scores, COLORS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
    with replacing(path, (".png",), overwrite) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def need_matplotlib() -> tuple[Any, Any]:
    """Gives what draws, without any window.

    Raises:
        ValueError: If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "matplotlib: not installed, but the plot needs it. Install it with:"
            " pip install 'imperfectseg[train]'"
        ) from error
    return Figure, FigureCanvasAgg


def _draw(
    panel: Any, scores: Mapping[str, Sequence[Score]], labels: Sequence[int], name: str
) -> None:
    step = 0.8 / len(scores)
    scatter = np.random.default_rng(0)
    for m, (own, color) in enumerate(zip(scores.values(), COLORS, strict=False)):
        for n, label in enumerate(labels):
            values = np.array([s.metrics[name] for s in own if s.label == label])
            finite = values[np.isfinite(values)]
            x = n + (m - (len(scores) - 1) / 2) * step
            if len(finite):
                box = panel.boxplot(
                    [finite], positions=[x], widths=0.7 * step, showfliers=False, manage_ticks=False
                )
                for part in (line for lines in box.values() for line in lines):
                    part.set_color(color)
                spread = scatter.uniform(-0.2, 0.2, len(finite)) * step
                panel.plot(x + spread, finite, "o", color=color, alpha=0.5, markersize=3)
            if len(finite) < len(values):
                told = f"{len(values) - len(finite)} not\nfinite"
                # x in data, y in the panel's own units: in room that is made below all values.
                where = panel.get_xaxis_transform()
                panel.text(x, 0.02, told, transform=where, ha="center", fontsize=7, color=color)
    if any(not np.isfinite(s.metrics[name]) for own in scores.values() for s in own):
        low, high = panel.get_ylim()
        panel.set_ylim(low - 0.15 * (high - low), high)
    panel.set_xlim(-0.5, len(labels) - 0.5)
    panel.grid(axis="y", alpha=0.3)

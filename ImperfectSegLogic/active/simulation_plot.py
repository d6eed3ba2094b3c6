"""The plot of simulated campaigns: learning curves of all strategies in one panel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ImperfectSegLogic.active.simulation_results import Campaign
from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.evaluation.plot import need_matplotlib


def write_curves(campaigns: Sequence[Campaign], title: str, path: Path) -> None:
    """Draws Dice against units, mean and standard deviation over the seeds that got so far.

    A dashed line is the mean Dice with all units.

    Args:
        campaigns: At least one.
        title: Of the plot.
        path: A `.png` file, which is replaced if it is there.

    Raises:
        ValueError: If matplotlib is not installed, or the extension is not allowed.
        OSError: If it cannot be written.
    """
    figure_type, canvas = need_matplotlib()
    figure = figure_type(figsize=(6.4, 4.2), layout="constrained")
    canvas(figure)
    axes = figure.add_subplot()
    for n, name in enumerate(dict.fromkeys(one.strategy for one in campaigns)):
        own = [r for one in campaigns if one.strategy == name for r in one.rounds]
        units = sorted({r.units for r in own})
        each = [[r.mean for r in own if r.units == x] for x in units]
        spread = [float(np.std(y, ddof=1)) if len(y) > 1 else 0.0 for y in each]
        means = [float(np.mean(y)) for y in each]
        axes.errorbar(units, means, spread, marker="osD^v"[n % 5], capsize=3, label=name)
    full = {one.seed: one.full.mean for one in campaigns}
    line = float(np.mean(list(full.values())))
    text = f"all {campaigns[0].total} units"
    axes.axhline(line, linestyle="--", color="gray", label=text)
    axes.set_title(title, fontsize=10, wrap=True)
    axes.set_xlabel("annotated units")
    axes.set_ylabel(f"Dice of test cases (mean, sd over {len(full)} seeds)", fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    with replacing(path, (".png",), overwrite=True) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})

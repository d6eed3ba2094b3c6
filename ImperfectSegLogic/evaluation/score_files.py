"""Scores as files for other programs: CSV, and JSON with what they say together."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.evaluation.comparison import compare
from ImperfectSegLogic.evaluation.score import Score
from ImperfectSegLogic.evaluation.summaries import summary
from ImperfectSegLogic.metrics.measures import METRICS

Scores = Mapping[str, Sequence[Score]]
"""Scores by model."""


def write_csv(
    scores: Scores, names: Mapping[int, str], path: Path, overwrite: bool = False
) -> None:
    """Writes one row per model, case and label; `nan` is not defined, `inf` a distance to nothing.

    Args:
        scores: By model.
        names: Of labels.
        path: A `.csv` file.
        overwrite: Whether it may replace a file that is there.

    Raises:
        ValueError: If the extension is not allowed.
        OSError: If it cannot be written.
    """
    with (
        replacing(path, (".csv",), overwrite) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(["model", "case", "subject", "label", "name", "truth", *METRICS])
        for model, own in scores.items():
            for s in own:
                values = [f"{s.metrics[name]:.6g}" for name in METRICS]
                about = [model, s.case, s.subject, s.label, names.get(s.label, ""), s.truth]
                writer.writerow([*about, *values])


def write_json(
    scores: Scores,
    names: Mapping[int, str],
    path: Path,
    tolerance: float,
    overwrite: bool = False,
) -> None:
    """Writes scores, their summaries and, of two models, the comparison.

    JSON knows neither: not defined is null, infinite is the text `inf` or `-inf`.

    Args:
        scores: By model; the first is compared with the second.
        names: Of labels.
        path: A `.json` file.
        tolerance: Of the surface Dice, in mm.
        overwrite: Whether it may replace a file that is there.

    Raises:
        ValueError: If the extension is not allowed.
        OSError: If it cannot be written.
    """
    content: dict[str, Any] = {"labels": dict(names), "tolerance": tolerance, "models": {}}
    for model, own in scores.items():
        summaries = [asdict(one) for one in summary(own)]
        content["models"][model] = {"summary": summaries, "scores": [asdict(s) for s in own]}
    if len(scores) == 2:
        one, other = scores
        found = [asdict(c) for c in compare(scores[one], scores[other])]
        content["comparison"] = {"first": one, "second": other, "results": found}
    with replacing(path, (".json",), overwrite) as temporary:
        text = json.dumps(_allowed(content), indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _allowed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _allowed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_allowed(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value

"""Measurements as rows with units in their names, and as files for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ImperfectSegLogic.data.safe_writing import extension_of, replacing
from ImperfectSegLogic.data.slices import AXIS_NAMES
from ImperfectSegLogic.measurement.change import MEANING, Changes, percent
from ImperfectSegLogic.measurement.lesions import Lesion

TARGETS = (".csv", ".json")
MEASURES = {"volume_ml": "volume_ml", "long_mm": "long_mm", "short_mm": "short_mm"}
"""Column and attribute of what a lesion measures."""

Row = dict[str, Any]


def lesion_row(lesion: Lesion) -> Row:
    """Gives what a lesion measures; ends of the diameters are RAS in mm."""
    row: Row = {"label": lesion.label, "name": lesion.name, "voxels": lesion.voxels}
    row |= {column: getattr(lesion, name) for column, name in MEASURES.items()}
    sizes = lesion.diameters
    row["slice"] = f"{AXIS_NAMES[sizes.axis]}={sizes.index}" if sizes else ""
    for name in ("long_axis", "short_axis"):
        row[f"{name}_ras_mm"] = getattr(sizes, name).round(3).tolist() if sizes else None
    return row


def change_rows(changes: Changes) -> list[Row]:
    """Gives a row per lesion with what it measures now, then, and the change."""
    rows = []
    for one in changes.lesions:
        there = one.now or one.prior
        assert there is not None
        nothing = Lesion(there.label, there.name, 0, 0.0, None)
        row = lesion_row(one.now or nothing)
        prior = one.prior or nothing
        for column, name in MEASURES.items():
            stem, unit = column.rsplit("_", 1)
            now, then = row[column], getattr(prior, name)
            row[f"prior_{column}"] = then
            row[f"{stem}_change_{unit}"] = now - then
            row[f"{stem}_change_percent"] = percent(now, then)
        row |= {"node": one.is_node, "target": one.is_target, "new": one.is_new}
        rows.append(row)
    return rows


def response_row(changes: Changes) -> Row:
    """Gives the sums of diameters and the RECIST 1.1 category."""
    return {
        "sum_mm": changes.sum_mm,
        "prior_sum_mm": changes.prior_sum_mm,
        "sum_change_mm": changes.sum_mm - changes.prior_sum_mm,
        "sum_change_percent": percent(changes.sum_mm, changes.prior_sum_mm),
        "response": changes.response,
        "meaning": MEANING[changes.response],
        "reason": changes.reason,
    }


def write_measurements(
    rows: Sequence[Row], path: Path, response: Row | None = None, overwrite: bool = False
) -> None:
    """Writes measurements.

    Args:
        rows: One per lesion, all with the same columns.
        path: A `.csv` file, one line per lesion; or a `.json` file, which also holds the response.
        response: Of `response_row`.
        overwrite: Whether it may replace a file that is there.

    Raises:
        ValueError: If the extension is not allowed.
        OSError: If it cannot be written.
    """
    with replacing(path, TARGETS, overwrite) as temporary:
        if extension_of(path, TARGETS) == ".json":
            content: Row = {"lesions": list(rows)}
            if response:
                content["recist_1_1"] = response
            text = json.dumps(content, indent=1, allow_nan=False) + "\n"
            temporary.write_text(text, encoding="utf-8")
            return
        with temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]) if rows else ["label", "name"])
            writer.writeheader()
            writer.writerows(rows)

"""The table of Evidences in README.md."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ImperfectSegLogic.data.safe_writing import replacing
from ImperfectSegLogic.evidence.spec import METRICS
from ImperfectSegLogic.evidence.standing import EvidenceStanding

BEGIN, END = "<!-- evidence -->", "<!-- /evidence -->"
PLACE = re.compile(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)


def with_table(text: str, each: Sequence[EvidenceStanding], links: str) -> str:
    """Gives a document with the table of today between its two markers.

    Args:
        text: The document, with `<!-- evidence -->` and `<!-- /evidence -->` on lines of their own.
        each: How the Evidences stand.
        links: Where they are, seen from the document's folder.

    Raises:
        ValueError: If the markers are not there, or more than once.
    """
    if len(PLACE.findall(text)) != 1:
        raise ValueError(
            f"markers: got {len(PLACE.findall(text))} pairs, allowed is one. Write {BEGIN} and"
            f" {END} on lines of their own where the table is to be."
        )
    return PLACE.sub(lambda _: f"{BEGIN}\n{_table(each, links)}{END}", text)


def write_table(path: Path, each: Sequence[EvidenceStanding], folder: Path) -> None:
    """Puts the table of today into a document; all else stays as it is.

    Raises:
        ValueError: If the document has no markers.
        OSError: If it cannot be read or written.
    """
    links = Path(os.path.relpath(folder.resolve(), path.resolve().parent)).as_posix()
    try:
        text = with_table(path.read_text(encoding="utf-8"), each, links)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.") from None
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from error
    with replacing(path, (path.suffix,), overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _table(each: Sequence[EvidenceStanding], links: str) -> str:
    lines = [
        "| Evidence | arm | metric | ours | baseline | gain (95 %) | survey | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in each:
        name = one.evidence.name
        link = f"[{name}]({links}/{name}.toml)"
        if one.result is not None:
            link += f" ([plot]({links}/{name}.png))"
        metric = METRICS[one.evidence.metric]
        metric = f"mean {metric} of the curve" if one.evidence.campaign else metric
        for row in one.rows:
            cells = (link, row.arm, metric, *row[1:])
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"

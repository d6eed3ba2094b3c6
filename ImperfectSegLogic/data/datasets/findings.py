"""What a check of a data set finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that somebody should know about a data set.

    Attributes:
        severity: `problem` if somebody has to mend it, `note` if it may be as it should.
        kind: What sort of thing, such as `geometry` or `leakage`.
        case: Which case it is about; empty if about all.
        text: What was found and what to do.
    """

    severity: Literal["problem", "note"]
    kind: str
    case: str
    text: str


def problem(kind: str, case: str, text: str) -> Finding:
    """Makes a finding that somebody has to mend."""
    return Finding("problem", kind, case, text)


def note(kind: str, case: str, text: str) -> Finding:
    """Makes a finding that may be as it should."""
    return Finding("note", kind, case, text)

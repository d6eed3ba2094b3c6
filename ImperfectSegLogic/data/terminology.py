"""What a segment is, in codes, as 3D Slicer writes it down and DICOM wants it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """A coded concept: coding scheme such as SCT, value, and meaning for people."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Terminology:
    """What a segment is: category and type, and where it is; None where nothing is said."""

    category: Code
    kind: Code
    modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None


def terminology_of(entry: str) -> Terminology:
    """Reads 3D Slicer's terminology entry of a segment.

    Args:
        entry: Seven parts between `~`: name of the terminology, category, type, its modifier; name
            of the anatomic codes, region, its modifier. A code is `scheme^value^meaning`.

    Raises:
        ValueError: If category or type is missing, or a code is not of this form.
    """
    parts = entry.split("~") + [""] * 7
    category, kind, modifier = (_code(part, entry) for part in parts[1:4])
    region, region_modifier = (_code(part, entry) for part in parts[5:7])
    if category is None or kind is None:
        raise ValueError(
            f"got terminology {entry!r} without a category and a type. Choose one in 3D Slicer's"
            " Segment Editor (double click on the segment's color)."
        )
    return Terminology(category, kind, modifier, region, region_modifier)


def _code(part: str, entry: str) -> Code | None:
    if part.strip(" ^") == "":
        return None
    words = [word.strip() for word in part.split("^")]
    if len(words) != 3 or not all(words):
        raise ValueError(
            f"got terminology {entry!r} with the code {part!r}, allowed is scheme^value^meaning."
            " Choose the terminology again in 3D Slicer's Segment Editor."
        )
    return Code(words[0], words[1], words[2])

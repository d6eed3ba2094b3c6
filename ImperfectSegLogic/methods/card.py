"""What a method tells about itself, for the catalog, the README and the panels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Requires(Enum):
    """What a method needs beyond the annotations at hand (the colors of the survey's tables)."""

    NOTHING = "nothing"
    UNLABELED = "unlabeled images"
    OTHER_DOMAIN = "images of another domain"
    EXPERT = "an expert"


class Status(Enum):
    """How far a method is: built when its contract tests pass, proven when Evidence shows it."""

    BUILT = "built"
    PROVEN = "proven"


@dataclass(frozen=True)
class MethodCard:
    """What a method is.

    Attributes:
        name: Unique, lower case with hyphens; what `--engine` and the like take.
        paper: Keys of `Resources/references.bib`.
        table_row: Row of the survey's Table 7.
        accepts: Names of the annotation or prompt kinds it takes.
        requires: What it needs beyond them.
        dims: Numbers of image dimensions it works in.
        claims: What it is said to do, in one sentence.
        status: Built or proven.
    """

    name: str
    paper: tuple[str, ...]
    table_row: str
    accepts: tuple[str, ...]
    requires: Requires
    dims: tuple[int, ...]
    claims: str
    status: Status = Status.BUILT

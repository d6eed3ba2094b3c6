"""What completing sparse annotations needs and gives, and what does it; touches no node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ImperfectSegLib.SparseTaken import MASK, POINTS, RECIST
from ImperfectSegLogic.completion.completed import Completed
from ImperfectSegLogic.data import Case
from ImperfectSegLogic.methods.progress import Progress

SOURCES = {"scribbles": MASK, "slices": MASK, "grid": POINTS, "recist": RECIST}
"""From which marks a mask can be completed, as `complete` names them."""


class Completer(Protocol):
    """Completes the annotation of a case; may run in any one thread."""

    def __call__(self, case: Case, kind: str, *, progress: Progress) -> Completed:
        """Completes; `kind` is one of `SOURCES`.

        Raises:
            ValueError: If the marks or the image do not suit.
            CancelledError: If it was cancelled.
        """


@dataclass(frozen=True, eq=False)
class SparseRequest:
    """All that completing needs, taken out of the scene in the GUI thread."""

    case: Case
    kind: str
    volumeId: str
    volumeState: tuple[Any, ...]
    segmentationId: str
    segmentIds: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class SparseResponse:
    """What came of it, and how long it took."""

    request: SparseRequest
    completed: Completed
    seconds: float


def completeMarks(case: Case, kind: str, *, progress: Progress) -> Completed:
    """Completes with what the logic layer has for the kind of marks."""
    from ImperfectSegLogic.completion.complete import complete  # Takes a while to import.

    return complete(case, kind, progress=progress)

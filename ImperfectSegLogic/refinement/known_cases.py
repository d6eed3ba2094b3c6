"""Predictions whose truth is known, and how good they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Case, DenseMask, Prediction, SparseMask
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.refinement.chain import Chain

KEPT_BYTES = 2 * 2**30
"""How much of what was read is kept in memory; the rest is read again for each trial."""


@dataclass(frozen=True, eq=False)
class KnownCase:
    """A prediction whose truth is known.

    Attributes:
        case: The image.
        prediction: Its probabilities.
        truth: Dense or sparse, on the same grid; unlabeled voxels do not count.
        labels: Those that were looked for.
    """

    case: Case
    prediction: Prediction
    truth: DenseMask | SparseMask
    labels: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Memory that its arrays take."""
        arrays = (self.case.volume.array, self.prediction.probabilities, self.truth.labels)
        return sum(array.nbytes for array in arrays)


class ReadCases(Sequence[KnownCase]):
    """Cases that are read when they are needed, and kept as long as there is room."""

    def __init__(
        self, names: Sequence[str], read: Callable[[str], KnownCase], room: int = KEPT_BYTES
    ) -> None:
        """Takes the names, what reads a case by its name, and the bytes that may be kept."""
        self._names, self._read, self._room = tuple(names), read, room
        self._kept: dict[int, KnownCase] = {}

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[KnownCase]:
        return (self[n] for n in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if index not in self._kept:
            found = self._read(self._names[index])
            if found.bytes > self._room:
                return found
            self._room -= found.bytes
            self._kept[index] = found
        return self._kept[index]


def mean_dice(
    cases: Sequence[KnownCase], chain: Chain | None, progress: Progress, text: str
) -> float:
    """Gives the Dice, mean over labels and then cases, of refined predictions.

    A label that neither the truth nor the prediction has does not count.

    Args:
        cases: At least one.
        chain: Refines; None scores the predictions as they are.
        progress: Told how far the cases are.
        text: What it tells.

    Raises:
        ValueError: If nothing can be scored, or a prediction does not suit the refiner.
    """
    means = []
    for n, one in enumerate(cases):
        part = _Told(progress.part(n / len(cases), (n + 1) / len(cases)), text)
        part.report(0.0)
        found = one.prediction
        if chain is not None:
            found = chain.refine(one.case, found, (), part)
        each = case_dice(found.full_labels(), one.truth, one.labels)
        scores = [score for score in each.values() if score is not None]
        if scores:
            means.append(float(np.mean(scores)))
    if not means:
        raise ValueError(
            f"calibration: got {len(cases)} cases without a voxel of any label, allowed are cases"
            " that show something. Choose others."
        )
    return round(float(np.mean(means)), 6)


def case_dice(
    found: NDArray[Any], truth: DenseMask | SparseMask, labels: Sequence[int]
) -> Mapping[int, float | None]:
    """Gives the Dice of each label; None where neither has a voxel of it."""
    there = truth.labels
    if isinstance(truth, SparseMask):
        found, there = found[truth.labeled], there[truth.labeled]
    return {n: _dice(found == n, there == n) for n in labels}


def _dice(found: NDArray[np.bool_], there: NDArray[np.bool_]) -> float | None:
    return dice(found, there) if found.any() or there.any() else None


class _Told(Progress):
    """Passes on how far a part is, with the text of the whole."""

    def __init__(self, part: Progress, text: str) -> None:
        super().__init__()
        self._part, self._text = part, text

    def cancel(self) -> None:
        self._part.cancel()

    @property
    def is_cancelled(self) -> bool:
        return self._part.is_cancelled

    def report(self, fraction: float, message: str = "") -> None:
        self._part.report(fraction, self._text)

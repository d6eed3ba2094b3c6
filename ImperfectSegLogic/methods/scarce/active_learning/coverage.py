"""Units that stand for the others: greedy max-cover, and k-center."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
CHUNK = 4096


def cosine(rows: NDArray[np.floating]) -> Rows:
    """Gives rows of length 1, whose products are cosines; rows of 0 stay."""
    long = np.linalg.norm(rows.astype(np.float32), axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(long, 1e-12), dtype=np.float32)


def max_cover(candidates: Rows, references: Rows, count: int) -> tuple[list[int], list[float]]:
    """Chooses candidates that are most similar to as many references as can be.

    Greedy (within 1 - 1/e of the best), and lazy: a gain is computed anew only where it could
    still be the highest one, which changes nothing as gains never rise. Nothing grows with
    candidates times references.

    Args:
        candidates: Of length 1, shape (candidate, feature); of equal ones the first is chosen.
        references: Of length 1, shape (reference, feature).
        count: How many, at most all.

    Returns:
        Their rows, and by how much each raised the mean similarity of a reference to the nearest
        chosen one; similarities below 0 count as 0.
    """
    covered = np.zeros(len(references), dtype=np.float32)

    def similarity(row: int) -> Rows:
        return np.maximum(references @ candidates[row], 0)

    def gain(similar: Rows) -> float:
        return float(np.maximum(similar - covered, 0).mean(dtype=np.float64))

    waiting = [(-gain(similarity(row)), row) for row in range(len(candidates))]
    heapq.heapify(waiting)
    chosen: list[int] = []
    gains: list[float] = []
    while len(chosen) < count:
        _, row = heapq.heappop(waiting)
        similar = similarity(row)
        new = gain(similar)
        if waiting and (-new, row) > waiting[0]:
            heapq.heappush(waiting, (-new, row))
            continue
        chosen.append(row)
        gains.append(min(new, gains[-1]) if gains else new)  # Else rounding could make it rise.
        np.maximum(covered, similar, out=covered)
    return chosen, gains


def farthest_first(rows: Rows, known: Rows, count: int) -> tuple[list[int], list[float]]:
    """Chooses rows, each the farthest from known and chosen ones (k-center, within twice the best).

    Args:
        rows: Shape (row, feature); of equally far ones, and where nothing is known, the first one
            is chosen.
        known: What is there already, shape (known, feature).
        count: How many, at most all.

    Returns:
        Their numbers, and how far each was when it was chosen; the first one, where nothing is
        known, as far as the second.
    """
    distances = nearest(rows, known)
    chosen: list[int] = []
    far: list[float] = []
    for _ in range(count):
        row = int(np.argmax(distances))
        chosen.append(row)
        far.append(float(distances[row]))
        np.minimum(distances, np.linalg.norm(rows - rows[row], axis=1), out=distances)
        distances[chosen] = -1  # Nearer than all others, also where these are all the same.
    if not len(known):
        far[0] = far[1] if len(far) > 1 else 0.0
    return chosen, far


def nearest(rows: Rows, known: Rows, apart: bool = False) -> Rows:
    """Gives the distance of each row to the nearest known one; infinite where nothing is known.

    Args:
        rows: Shape (row, feature).
        known: Shape (known, feature).
        apart: Whether row n is known row n itself, which does not count.
    """
    found = np.full(len(rows), np.inf, dtype=np.float32)
    for n in range(0, len(rows) if len(known) else 0, CHUNK):
        part = rows[n : n + CHUNK]
        square = (part**2).sum(1)[:, None] + (known**2).sum(1) - 2 * part @ known.T
        if apart:
            square[np.arange(len(part)), n + np.arange(len(part))] = np.inf
        found[n : n + CHUNK] = np.sqrt(np.maximum(square.min(axis=1), 0))
    return found


def drawn(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    """Gives all rows, or as many as allowed, drawn at random."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.choice(len(rows), most, replace=False))]

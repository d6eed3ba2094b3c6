"""What the annotated slices before and after say about one label on the slices between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ImperfectSegLogic.completion.signed_distance import FAR, log_odds, moved, signed_distance
from ImperfectSegLogic.completion.slice_motion import NOBODY, SliceMotion

Floats = NDArray[np.float32]
GRAY = 0.25
"""Weight of gray values beside shapes (chosen on left atrium and ACDC train)."""
GRAY_MOST = 4.0
"""What gray values say at most, as log odds."""
GRAY_WIDTH = 6.0
"""mm within which gray values inside and outside are averaged."""
SHRINKING = 0.7
"""mm by which a shape shrinks per mm beyond the last annotated slice."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices, some of them annotated.

    Attributes:
        gray: Gray values, about 0 to 1, shape (slice, row, column).
        labels: -1 where unlabeled, the same shape.
        known: The annotated slices.
        spacing: mm along slice, row, column.
        motion: From every slice to the annotated ones.
    """

    gray: Floats
    labels: NDArray[np.int64]
    known: tuple[int, ...]
    spacing: tuple[float, float, float]
    motion: SliceMotion


def label_odds(stack: Stack, label: int) -> Floats:
    """Gives the log odds of a label against all others, shape (slice, row, column)."""
    shapes = {k: _Shape.of(stack, k, label) for k in stack.known}
    spread = _spread(stack, shapes)
    found = np.empty(stack.gray.shape, dtype=np.float32)
    for k in range(len(found)):
        sides = [
            _side(stack, shapes[int(source)], offsets[k], k)
            for source, offsets in zip(
                stack.motion.sources[:, k], (stack.motion.before, stack.motion.after), strict=True
            )
            if source != NOBODY
        ]
        found[k] = _joined(stack, k, label, sides, spread)
    return found


@dataclass(frozen=True, eq=False)
class _Shape:
    """A label on an annotated slice: signed distance in mm, gray values inside and outside."""

    at: int
    mask: NDArray[np.bool_]
    distance: Floats
    inside: Floats
    outside: Floats

    @classmethod
    def of(cls, stack: Stack, k: int, label: int) -> _Shape:
        mask, gray = stack.labels[k] == label, stack.gray[k]
        width = [GRAY_WIDTH / s for s in stack.spacing[1:]]
        distance = signed_distance(mask, stack.spacing[1:])
        return cls(k, mask, distance, _mean(gray, mask, width), _mean(gray, ~mask, width))


@dataclass(frozen=True, eq=False)
class _Side:
    """What an annotated slice says about another one: its shape as moved there, `away` mm off."""

    shape: _Shape
    distance: Floats
    inside: Floats
    outside: Floats
    away: float


def _mean(gray: Floats, mask: NDArray[np.bool_], width: list[float]) -> Floats:
    """Gives the mean of gray values in a mask around each pixel; of all where it is far away."""
    inside = mask.astype(np.float32)
    everywhere = float(gray[mask].mean()) if mask.any() else 0.0
    weight = gaussian_filter(inside, width) + np.float32(1e-3)
    summed = gaussian_filter(gray * inside, width) + np.float32(1e-3 * everywhere)
    return np.asarray(summed / weight, dtype=np.float32)


def _spread(stack: Stack, shapes: dict[int, _Shape]) -> float:
    """Gives the variance of gray values around their local means, near the structures."""
    squares = []
    for shape in shapes.values():
        if shape.mask.any() and not shape.mask.all():
            near = np.abs(shape.distance) < 3 * GRAY_WIDTH
            mean = np.where(shape.mask, shape.inside, shape.outside)
            squares.append(float(np.mean(np.square(stack.gray[shape.at] - mean)[near])))
    return max(float(np.mean(squares)) if squares else 1.0, 1e-4)


def _side(stack: Stack, shape: _Shape, offsets: Floats, k: int) -> _Side:
    parts = (shape.distance, shape.inside, shape.outside)
    distance, inside, outside = (moved(part, offsets) for part in parts)
    away = abs(k - shape.at) * stack.spacing[0]
    return _Side(shape, distance, inside, outside, away)


def _joined(stack: Stack, k: int, label: int, sides: list[_Side], spread: float) -> Floats:
    there = [side for side in sides if side.shape.mask.any()]
    if not there:
        return np.full(stack.gray.shape[1:], -FAR, dtype=np.float32)
    away = min(side.away for side in sides)
    distances = [_distance(side, sides, label) for side in sides]
    weights = _weights(sides)
    distance = sum(w * d for w, d in zip(weights, distances, strict=True))
    apart = distances[0] - distances[-1]
    if len(sides) == 1:  # Nobody says where it ends: as uncertain as the way is long.
        apart = np.full_like(apart, 2 * away)
    odds = log_odds(np.asarray(distance), apart, away, min(stack.spacing[1:]))
    if away == 0:
        return odds
    shares = _weights(there)
    inside = sum(w * side.inside for w, side in zip(shares, there, strict=True))
    outside = sum(w * side.outside for w, side in zip(shares, there, strict=True))
    gray = np.square(stack.gray[k] - outside) - np.square(stack.gray[k] - inside)
    said = np.clip(gray / np.float32(2 * spread), -GRAY_MOST, GRAY_MOST)
    return np.asarray(odds + np.float32(GRAY) * said, dtype=np.float32)


def _distance(side: _Side, sides: list[_Side], label: int) -> Floats:
    """Gives the signed distance that one side expects.

    Where a structure is on one side only, it ends between the two, halfway; so does a hole.
    """
    if len(sides) == 1:
        change = np.float32(SHRINKING * side.away)
        return side.distance - change if label else side.distance + change
    other = sides[1] if side is sides[0] else sides[0]
    bordered = other.shape.mask.any() and not other.shape.mask.all()
    if bordered and not side.shape.mask.any():
        return other.distance - np.float32(2 * other.shape.distance.max())
    if bordered and side.shape.mask.all():
        return other.distance - np.float32(2 * other.shape.distance.min())
    return side.distance


def _weights(sides: list[_Side]) -> list[float]:
    """Gives the nearer one more, in proportion."""
    if len(sides) == 1:
        return [1.0]
    total = sides[0].away + sides[1].away
    return [0.5, 0.5] if total == 0 else [sides[1].away / total, sides[0].away / total]

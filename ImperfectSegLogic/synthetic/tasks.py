"""A synthetic image with one object to segment in it; a pure function of its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.synthetic.appearance import painted
from ImperfectSegLogic.synthetic.fields import Shape
from ImperfectSegLogic.synthetic.shapes import (
    BACKGROUNDS,
    OBJECTS,
    ORGANS,
    Canvas,
    Drawing,
    Parts,
    canvas,
    many,
    one_part,
)

FEWEST = 40
"""Objects have at least so many voxels."""
LARGEST = 0.55
"""Objects fill at most this part of the image."""


@dataclass(frozen=True)
class Style:
    """What kind of images are drawn.

    Attributes:
        objects: What is drawn on a background, with equal chance.
        roughness: How uneven surfaces are at most.
        shells: Numbers of shells that solids have, drawn with equal chance.
        one_part: Share of targets that are one connected part.
        spotted: Share of targets in which there are spots that look different.
    """

    objects: tuple[Drawing, ...] = OBJECTS
    roughness: float = 0.25
    shells: tuple[int, ...] = (1, 1, 2, 3)
    one_part: float = 0.75
    spotted: float = 0.0


STYLES = {
    "anything": Style(),
    "organs": Style(ORGANS, 0.08, (1, 2, 2, 3), 0.93, 0.5),
}
"""By name. Organs are smooth, mostly one part, often a shell, and hold what looks different."""


@dataclass(frozen=True, eq=False)
class SyntheticTask:
    """An image and the object to segment.

    Attributes:
        volume: One slice for 2-D; spacing 1 along the finest axis.
        truth: The object, bool, shape (k, j, i).
    """

    volume: Volume
    truth: NDArray[np.bool_]


def synthetic_task(dims: int, seed: Sequence[int], style: str = "anything") -> SyntheticTask:
    """Draws an image with an object.

    Args:
        dims: 2 (one slice of 112 to 224 voxels a side) or 3 (36 to 60 a side, or thick slices).
        seed: Numbers that fix all chance.
        style: One of `STYLES`.
    """
    rng, chosen = np.random.default_rng([*seed, dims]), STYLES[style]
    while True:
        shape, spacing = _grid(dims, rng)
        where = canvas(rng, shape, spacing, chosen.roughness, chosen.shells)
        labels, objects = _label_map(where, chosen)
        target = _target(labels, objects, chosen, rng)
        if target is None:
            continue
        spots = _spots(where, target) if rng.random() < chosen.spotted else None
        image = painted(labels, target, spacing, rng, spots)
        k, j, i = spacing
        return SyntheticTask(Volume(image, np.diag([i, j, k, 1.0]), "synthetic image"), target)


def _grid(dims: int, rng: np.random.Generator) -> tuple[Shape, tuple[float, float, float]]:
    if dims == 2:
        j, i = rng.integers(112, 225, 2)
        return (1, int(j), int(i)), (1.0, 1.0, 1.0)
    k, j, i = (int(n) for n in rng.integers(36, 61, 3))
    if rng.random() < 0.3:
        thick = float(rng.uniform(1.5, 5.0))
        return (max(8, round(k / thick)), j, i), (thick, 1.0, 1.0)
    return (k, j, i), (1.0, 1.0, 1.0)


def _label_map(where: Canvas, style: Style) -> tuple[Parts, list[int]]:
    """Draws a background and shapes on it; gives part numbers and which are a shape's."""
    rng = where.rng
    labels = np.zeros(where.shape, dtype=np.int16)
    if rng.random() < 0.75:
        draw = BACKGROUNDS[rng.integers(len(BACKGROUNDS))]
        labels = draw(where)
    first = int(labels.max()) + 1
    for _ in range(int(rng.integers(0 if first > 1 else 1, 6))):
        parts = style.objects[rng.integers(len(style.objects))](where)
        new = int(labels.max())
        labels = np.where(parts > 0, parts + np.int16(new), labels)
    last = int(labels.max()) + 1
    objects = range(first, last) if last > first and rng.random() < 0.8 else range(last)
    return labels.astype(np.int16), list(objects)


def _target(
    labels: Parts, objects: list[int], style: Style, rng: np.random.Generator
) -> NDArray[np.bool_] | None:
    """Draws what to segment: a part, one piece of it, or two parts that touch as one object."""
    counts = np.bincount(labels.ravel(), minlength=int(labels.max()) + 1)
    known = [n for n in objects if counts[n] >= FEWEST]
    if not known:
        return None
    chosen = int(rng.choice(known))
    mask = labels == chosen
    if rng.random() < 0.25 and chosen + 1 in known:
        mask = mask | (labels == chosen + 1)
    if rng.random() < style.one_part:
        mask = one_part(mask, rng)
    size = int(np.count_nonzero(mask))
    return mask if FEWEST <= size <= LARGEST * mask.size else None


def _spots(where: Canvas, target: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Draws spots inside a target, a third of it at most; they may touch its surface."""
    spots = np.asarray((many(where) > 0) & target)
    small = np.count_nonzero(spots) <= np.count_nonzero(target) / 3
    return spots if small else np.zeros_like(spots)

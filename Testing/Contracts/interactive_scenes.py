"""Small images with two objects and prompts for them, which interactive segmenters must answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ImperfectSegLogic.data import (
    Box,
    Case,
    Click,
    Geometry,
    Lasso,
    Prediction,
    Prompt,
    Scribble,
    Volume,
)
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.progress import Progress
from Testing.Logic.methods.phantoms import ball, click, grid, picture

LABELS = (1, 3)
"""Labels of the two objects; not in a row, so that channels and labels differ."""


@dataclass(frozen=True)
class Subject:
    """An engine to check.

    Attributes:
        kind: Its class.
        make: Gives a new one, with a model for 2 or 3 dimensions if it needs one.
    """

    kind: type[InteractiveSegmenter]
    make: Callable[[int], InteractiveSegmenter]

    @property
    def name(self) -> str:
        return self.kind.card.name


@dataclass(frozen=True)
class Scene:
    """An image with two balls in it, and where they are, as indices (k, j, i)."""

    dims: int
    volume: Volume
    first: tuple[int, int, int]
    second: tuple[int, int, int]
    truth: dict[int, np.ndarray]

    @property
    def geometry(self) -> Geometry:
        return self.volume.geometry

    @property
    def case(self) -> Case:
        return Case(self.volume, "scene")


def scene(dims: int, seed: int = 0, columns: int = 0) -> Scene:
    if dims == 2:
        geometry = grid((1, 40, columns or 44))
        first, second, radius = (0, 13, 14), (0, 27, 30), 8.0
    else:
        geometry = grid((10, 24, columns or 28), spacing=(2.0, 1.0, 1.1))
        first, second, radius = (5, 8, 8), (5, 16, 19), 6.0
    balls = [ball(geometry, center, radius) for center in (first, second)]
    volume = picture(geometry, [(balls[0], 150.0), (balls[1], 190.0)], seed=seed)
    return Scene(dims, volume, first, second, dict(zip(LABELS, balls, strict=True)))


def scenes(subject: Subject) -> list[Scene]:
    return [scene(dims) for dims in subject.kind.card.dims]


def prompts_of(subject: Subject, shown: Scene) -> list[Prompt]:
    """Gives prompts of all kinds that an engine takes, about both objects and the background."""
    geometry, (k, j, i), (_, b, c) = shown.geometry, shown.first, shown.second
    last = [n - 1 for n in geometry.shape]
    # Along rows: halfway between two rows it is chance which of them a voxel counts to.
    line = geometry.to_ras([(k, b + 1, c - 3), (k, b + 1, c + 3)])
    edge = geometry.to_ras([(k, last[1] - 2, 1), (k, last[1] - 2, 5)])
    around = [(k, b - 7, c - 6), (k, b - 7, c + 6), (k, b + 7, c + 6), (k, b + 7, c - 6)]
    size = (17.3, 17.7, 0.0 if shown.dims == 2 else 17.1)
    given = [
        click(geometry, shown.first, 1),
        click(geometry, shown.second, 3),
        click(geometry, (k, 1, last[2] - 1), 1, positive=False),
        click(geometry, (k, last[1] - 1, last[2] - 1), 0),
        Scribble(points=line, label=3, radius=0.7),
        Scribble(points=edge, label=0),
        Box(center=geometry.to_ras(shown.first), size=size, label=1),
        Lasso(points=geometry.to_ras(around), label=3),
        click(geometry, (k, j + 2, i - 1), 1),
    ]
    return [prompt for prompt in given if type(prompt).__name__ in subject.kind.card.accepts]


def ready(subject: Subject, shown: Scene) -> InteractiveSegmenter:
    engine = subject.make(shown.dims)
    engine.set_case(shown.case)
    return engine


def probability(prediction: Prediction, prompt: Click) -> float:
    """Gives how probable the label is that a click names; of a negative one, that it is not."""
    index = tuple(prediction.geometry.to_index(prompt.position))
    chances = prediction.full_probabilities()[(slice(None), *index)]
    if prompt.label not in prediction.labels:
        return 1.0
    own = float(chances[prediction.labels.index(prompt.label)])
    return own if prompt.positive else 1 - own


def differ(one: Prediction, other: Prediction) -> float:
    """Gives by how much two answers differ at most; infinite if in labels or region."""
    if (one.labels, one.region) != (other.labels, other.region):
        return float("inf")
    return float(np.abs(one.probabilities - other.probabilities).max())


def dice(one: np.ndarray, other: np.ndarray) -> float:
    total = int(one.sum() + other.sum())
    return 1.0 if not total else float(2 * (one & other).sum() / total)


class CancelAt(Progress):
    """Counts reports, and cancels before one of them."""

    def __init__(self, number: int = 0) -> None:
        super().__init__()
        self.count, self._number = 0, number

    def report(self, fraction: float, message: str = "") -> None:
        self.count += 1
        if self.count == self._number:
            self.cancel()
        super().report(fraction, message)


def moved(prompt: Prompt, matrix: np.ndarray) -> Prompt:
    """Gives a prompt after a rigid motion of the world."""

    def to(points: np.ndarray) -> np.ndarray:
        return points @ matrix[:3, :3].T + matrix[:3, 3]

    if isinstance(prompt, Click):
        return replace(prompt, position=to(prompt.position))
    if isinstance(prompt, Box):
        return replace(prompt, center=to(prompt.center), axes=matrix[:3, :3] @ prompt.axes)
    return replace(prompt, points=to(prompt.points))


def turned(volume: Volume, axes: tuple[int, ...], flipped: tuple[int, ...]) -> Volume:
    """Gives the same image in the same place with its voxels stored in another order."""
    array = np.flip(volume.array.transpose(axes), flipped)
    matrix, corner = np.eye(4), np.zeros(3)
    for to, axis in enumerate(axes):
        sign = -1 if to in flipped else 1
        matrix[:3, 2 - to] = sign * volume.ijk_to_ras[:3, 2 - axis]
        corner[axis] = volume.geometry.shape[axis] - 1 if to in flipped else 0
    matrix[:3, 3] = volume.geometry.to_ras(corner)
    return Volume(np.ascontiguousarray(array), matrix, volume.name)

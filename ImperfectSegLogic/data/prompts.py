"""What the user points at: clicks, scribbles, boxes, lassos and RECIST diameters, in RAS mm.

A prompt belongs to a label: 0 is background, 1 and up are the segments. A negative prompt says
"this is not that label". The order of prompts is the order in which the user gave them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _points(name: str, values: ArrayLike, count: int | None, least: int = 1) -> NDArray[np.float64]:
    points = np.array(values, dtype=np.float64)
    shaped = points.ndim == 2 and points.shape[1] == 3 and len(points) >= least
    if not shaped or (count is not None and len(points) != count) or not np.isfinite(points).all():
        wanted = f"exactly {count}" if count is not None else f"{least} or more"
        raise ValueError(
            f"{name}: got {np.asarray(values).tolist()}, allowed are {wanted} finite RAS positions"
            " (R, A, S) in mm."
        )
    points.setflags(write=False)
    return points


@dataclass(frozen=True, eq=False, kw_only=True)
class Prompt:
    """What all prompts share.

    Attributes:
        label: 0 for background, 1 and up for a segment.
        positive: False when the prompt says "not this label". Background is always positive.

    Raises:
        ValueError: If the label is negative or not a whole number, if background is negative, or
            if a position is not three finite numbers.
    """

    label: int = 1
    positive: bool = True

    def __post_init__(self) -> None:
        if int(self.label) != self.label or self.label < 0:
            raise ValueError(
                f"prompt label: got {self.label}, allowed are 0 (background) and positive whole"
                " numbers. Say 'not label 2' with label=2, positive=False."
            )
        object.__setattr__(self, "label", int(self.label))
        if self.label == 0 and not self.positive:
            raise ValueError(
                "negative background prompt: 'not background' names no segment. Use a positive"
                " prompt with the label of the segment that is there."
            )


@dataclass(frozen=True, eq=False)
class Click(Prompt):
    """One position, shape (3,), RAS in mm."""

    position: NDArray[np.float64]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "position", _points("click", [self.position], 1)[0])


@dataclass(frozen=True, eq=False)
class Scribble(Prompt):
    """A stroke: the line through `points`, shape (N, 3), RAS in mm.

    Attributes:
        radius: Half of the stroke's width in mm; 0 marks just the voxels the line runs through.
    """

    points: NDArray[np.float64]
    radius: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "points", _points("scribble", self.points, None))
        if not (np.isfinite(self.radius) and self.radius >= 0):
            raise ValueError(f"scribble radius: got {self.radius}, allowed are 0 mm and more.")


@dataclass(frozen=True, eq=False)
class Box(Prompt):
    """A box that holds the whole object, free to be rotated.

    Attributes:
        center: RAS in mm, shape (3,).
        size: Edge lengths in mm along the box's own axes, shape (3,).
        axes: 3x3 rotation whose columns are the box's axes in RAS; identity by default.
    """

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    axes: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "center", _points("box center", [self.center], 1)[0])
        size = _points("box size", [self.size], 1)[0]
        if (size < 0).any():
            raise ValueError(
                f"box size: got {size.tolist()}, allowed are lengths of 0 mm and more."
            )
        object.__setattr__(self, "size", size)
        axes = _points("box axes", self.axes, 3)
        if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
            raise ValueError(f"box axes: got {axes.tolist()}, allowed is a rotation matrix.")
        object.__setattr__(self, "axes", axes)

    @property
    def corners(self) -> NDArray[np.float64]:
        """The eight corners, shape (8, 3), RAS in mm."""
        signs = np.array(np.meshgrid((-0.5, 0.5), (-0.5, 0.5), (-0.5, 0.5))).reshape(3, -1).T
        return self.center + (signs * self.size) @ self.axes.T


@dataclass(frozen=True, eq=False)
class Lasso(Prompt):
    """A closed outline around the object on one slice: corner points, shape (N >= 3, 3), RAS mm."""

    points: NDArray[np.float64]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "points", _points("lasso", self.points, None, least=3))


@dataclass(frozen=True, eq=False)
class Recist(Prompt):
    """Longest diameter of a lesion on its largest slice and the longest one at a right angle to it.

    Attributes:
        long_axis: The two ends, shape (2, 3), RAS in mm.
        short_axis: The two ends, shape (2, 3), RAS in mm.
    """

    long_axis: NDArray[np.float64]
    short_axis: NDArray[np.float64]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "long_axis", _points("RECIST long axis", self.long_axis, 2))
        object.__setattr__(self, "short_axis", _points("RECIST short axis", self.short_axis, 2))

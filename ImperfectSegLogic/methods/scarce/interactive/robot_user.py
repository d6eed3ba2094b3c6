"""A simulated user, who points at what is most wrong: by clicks, lines, boxes and outlines.

For training and for measuring. What it says is always true: positive prompts hold voxels of the
truth only, negative ones none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Click, Geometry, Prompt, Scribble
from ImperfectSegLogic.methods.scarce.interactive.robot_errors import (
    VOLUME,
    Error,
    check_masks,
    deepest,
    largest_error,
    near_the_middle,
    piece_on_slice,
)
from ImperfectSegLogic.methods.scarce.interactive.robot_outlines import (
    box_around,
    box_within,
    lasso_around,
    lasso_within,
)
from ImperfectSegLogic.methods.scarce.interactive.robot_scribbles import (
    center_line,
    freehand_line,
    inner_contour,
    outer_contour,
    part_of,
    stroke_within,
)
from ImperfectSegLogic.methods.scarce.interactive.robot_slices import Points, picture_of
from ImperfectSegLogic.methods.settings import check_settings, setting

LINES = ("center-line", "contour", "freehand")
KINDS = ("click", *LINES, "box", "lasso")


@dataclass(frozen=True)
class Settings:
    """How `RobotUser` prompts."""

    first: str = setting("click", "the first prompt", choices=(*KINDS, "mixed"))
    correction: str = setting("click", "prompts that correct", choices=(*KINDS, "mixed"))
    axis: int = setting(VOLUME, "axis of the slices it looks at, 0 to 2; -1 for 3-D", -1, 2)
    background: bool = setting(False, "the first prompt comes with a line around the object")
    off_middle: float = setting(0.0, "how far off the middle clicks are; 1 for anywhere", 0, 1)
    length: float = setting(0.7, "part of a line that is drawn", 0.05, 1)
    depth: float = setting(0.3, "how deep inside contours run, of the greatest depth", 0, 0.95)
    wobble: float = setting(0.4, "how far freehand lines waver, of the depth there", 0, 1)
    radius: float = setting(0.0, "half of the width of lines in mm", 0, 100)
    distance: float = setting(3.0, "how far outside the line around the object is, in mm", 0, 100)
    looseness: float = setting(0.1, "how much larger boxes are at most, per side", 0, 2)
    jitter: float = setting(1.0, "how uneven lassos are, in pixels", 0, 4)


class RobotUser:
    """Prompts like a person who knows the truth.

    `mixed` draws one of the kinds each time. In 2-D images the slices are that one slice. Where a
    kind does not fit, it clicks instead, as a person would: where there is no room for a line, for
    a lasso around a ring, for a box where something was missed, since a box speaks of the whole
    object.
    """

    def __init__(self, settings: Settings | None = None, seed: int = 0) -> None:
        """Takes settings and what all chance is drawn from; the same seed prompts the same.

        Raises:
            ValueError: If a setting is not within its limits.
        """
        self.settings = settings or Settings()
        check_settings(self.settings, "robot user")
        self._rng = np.random.default_rng(seed)

    def first(self, truth: NDArray[np.bool_], geometry: Geometry, label: int = 1) -> list[Prompt]:
        """Gives what the user begins with, positive first.

        Args:
            truth: What is to be segmented, shape (slice, row, column).
            geometry: Its grid.
            label: The label that it is about, from 1.

        Raises:
            ValueError: If the mask is not on the grid or has no voxel.
        """
        check_masks(geometry, truth=truth)
        if not truth.any():
            raise ValueError("truth: got no voxel, so there is nothing to point at. Leave it out.")
        error = largest_error(np.zeros_like(truth), truth, self._axis(geometry))
        assert error is not None
        prompts = [self._prompt(self.settings.first, error, truth, geometry, label, True)]
        around = self._around(error, truth, geometry, label) if self.settings.background else None
        return prompts + ([around] if around else [])

    def correct(
        self,
        prediction: NDArray[np.bool_],
        truth: NDArray[np.bool_],
        geometry: Geometry,
        label: int = 1,
    ) -> Prompt | None:
        """Gives what corrects the largest error; None if nothing is wrong.

        Args:
            prediction: The mask so far, shape (slice, row, column).
            truth: What it should be, same shape.
            geometry: Their grid.
            label: The label that both masks are about, from 1.

        Raises:
            ValueError: If the masks are not on the grid.
        """
        check_masks(geometry, prediction=prediction, truth=truth)
        error = largest_error(prediction, truth, self._axis(geometry))
        if error is None:
            return None
        return self._prompt(self.settings.correction, error, truth, geometry, label, False)

    def _axis(self, geometry: Geometry) -> int:
        return VOLUME if 1 in geometry.shape else self.settings.axis

    def _prompt(
        self,
        kind: str,
        error: Error,
        truth: NDArray[np.bool_],
        geometry: Geometry,
        label: int,
        is_first: bool,
    ) -> Prompt:
        if kind == "mixed":
            kind = KINDS[self._rng.integers(len(KINDS))]
        made: Prompt | None = None
        if kind in LINES:
            made = self._stroke(kind, error, geometry, label)
        elif kind == "lasso":
            made = self._lasso(error, truth, geometry, label)
        elif kind == "box" and is_first:
            made = box_around(truth, geometry, self.settings.looseness, self._rng, label)
        elif kind == "box" and not error.missed:
            made = box_within(error, truth, geometry, label)
        return made or self._click(error, geometry, label)

    def _click(self, error: Error, geometry: Geometry, label: int) -> Click:
        at = near_the_middle(error, geometry, self.settings.off_middle, self._rng)
        return Click(position=geometry.to_ras(at), label=label, positive=error.missed)

    def _stroke(self, kind: str, error: Error, geometry: Geometry, label: int) -> Scribble | None:
        said, rng = self.settings, self._rng
        lines: dict[str, Callable[[], Points]] = {
            "center-line": lambda: center_line(error, geometry),
            "contour": lambda: inner_contour(error, geometry, said.depth, rng),
            "freehand": lambda: freehand_line(error, geometry, said.wobble, rng),
        }
        line = part_of(lines[kind](), said.length, rng)
        allowed = np.zeros(geometry.shape, dtype=bool)
        allowed[error.region.slices] = error.mask
        return stroke_within(line, allowed, geometry, said.radius, label, error.missed)

    def _lasso(
        self, error: Error, truth: NDArray[np.bool_], geometry: Geometry, label: int
    ) -> Prompt | None:
        if not error.missed:
            return lasso_within(error, truth, geometry, label)
        # The line goes around the object, what was found of it included.
        picture = picture_of(error, geometry)
        pixel = picture.to_index(np.argwhere(picture.mask)[:1])[0].astype(np.int64)
        whole = piece_on_slice(truth, picture.axis, picture.number, pixel)
        return lasso_around(whole, truth, geometry, self.settings.jitter, self._rng, label)

    def _around(
        self, error: Error, truth: NDArray[np.bool_], geometry: Geometry, label: int
    ) -> Scribble | None:
        """Gives a line around the object that says "not this label"; None without room for one."""
        line = outer_contour(picture_of(error, geometry), self.settings.distance, self._rng)
        line = part_of(line, self.settings.length, self._rng)
        return stroke_within(line, ~truth, geometry, self.settings.radius, label, False)


def next_click(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], geometry: Geometry, label: int = 1
) -> Click | None:
    """Gives the click that corrects the largest connected error at its deepest voxel.

    Depth is measured in mm and the image's border counts as the error's border. Of errors or
    voxels that are alike, the first in raster order is taken, missed voxels before wrong ones.

    Args:
        prediction: The mask so far, shape (slice, row, column).
        truth: What it should be, same shape.
        geometry: Their grid.
        label: The label that both masks are about.

    Returns:
        A positive click on missed voxels, a negative one on wrong ones; None if nothing is wrong.

    Raises:
        ValueError: If the masks are not on the grid.
    """
    check_masks(geometry, prediction=prediction, truth=truth)
    error = largest_error(prediction, truth)
    if error is None:
        return None
    position = geometry.to_ras(deepest(error, geometry))
    return Click(position=position, label=label, positive=error.missed)

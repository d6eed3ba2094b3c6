"""What is annotated at a time: a volume, a slice of it, or a patch of a slice; and its name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ImperfectSegLogic.data.datasets.files import check_name

PLACE = re.compile(r"([012]):([0-9]+)(?:\+([0-9]+),([0-9]+):([0-9]+)x([0-9]+))?")


@dataclass(frozen=True, order=True)
class Unit:
    """What is annotated at a time.

    Attributes:
        case: The case's id.
        axis: The array axis that a slice lies across, 0 for (row, column) slices; -1 for the
            whole volume.
        index: The slice's number along the axis, from 0; -1 for the whole volume.
        start: Of a patch, its first voxel in the slice's two axes, in the array's order; empty
            for the whole slice.
        size: Of a patch, its voxels along these two axes; empty for the whole slice.

    Raises:
        ValueError: If it is none of the three, or the case's id is not allowed.
    """

    case: str
    axis: int = -1
    index: int = -1
    start: tuple[int, ...] = ()
    size: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_name("case", self.case)
        volume = (self.axis, self.index, self.start, self.size) == (-1, -1, (), ())
        whole_slice = self.axis in (0, 1, 2) and self.index >= 0
        patch = len(self.start) == len(self.size) == 2
        patch = patch and min(self.start) >= 0 and min(self.size) >= 1
        if not (volume or (whole_slice and (patch or self.start == self.size == ()))):
            raise ValueError(
                f"unit of case {self.case}: got axis {self.axis}, index {self.index}, start"
                f" {self.start}, size {self.size}, allowed are a volume (-1, -1, (), ()), a slice"
                " (axis 0 to 2, index from 0), or a patch of a slice (start from 0, size from 1)."
            )

    def name(self) -> str:
        """Gives its name: `case`, `case@0:12` for a slice, `case@0:12+32,64:48x48` for a patch."""
        if self.axis < 0:
            return self.case
        whole = f"{self.case}@{self.axis}:{self.index}"
        if not self.start:
            return whole
        return f"{whole}+{self.start[0]},{self.start[1]}:{self.size[0]}x{self.size[1]}"

    @property
    def kind(self) -> str:
        """What it is, for people: volume, slice or patch."""
        return "volume" if self.axis < 0 else "patch" if self.start else "slice"

    def slices(self, shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """Gives where it is in an array of (slice, row, column).

        Raises:
            ValueError: If it reaches out of the array.
        """
        ranges = [(0, n) for n in shape]
        if self.axis >= 0:
            ranges[self.axis] = (self.index, self.index + 1)
            within = [axis for axis in range(3) if axis != self.axis]
            for axis, first, count in zip(within, self.start, self.size, strict=False):
                ranges[axis] = (first, first + count)
        if any(stop > n for (_, stop), n in zip(ranges, shape, strict=True)):
            raise ValueError(
                f"unit {self.name()}: reaches out of its image of {shape} voxels. Make the queue"
                " anew for this image."
            )
        k, j, i = (slice(*r) for r in ranges)
        return k, j, i


def parse(name: str) -> Unit:
    """Gives the unit of a name; the inverse of `Unit.name`.

    Raises:
        ValueError: If it is no name of a unit.
    """
    case, at, place = name.partition("@")
    found = PLACE.fullmatch(place)
    if at and not found:
        raise ValueError(
            f"unit: got {name!r}, allowed are CASE, CASE@AXIS:INDEX, and"
            " CASE@AXIS:INDEX+ROW,COLUMN:ROWSxCOLUMNS. Correct it, such as patient1@0:12."
        )
    if not found:
        return Unit(case)
    axis, index, *patch = (int(text) if text else -1 for text in found.groups())
    start, size = ((), ()) if patch[0] < 0 else (tuple(patch[:2]), tuple(patch[2:]))
    unit = Unit(case, axis, index, start, size)
    if unit.name() != name:  # Else one unit would have several names, such as with 012 for 12.
        raise ValueError(f"unit: got {name!r}, allowed is {unit.name()!r}. Correct it.")
    return unit

"""Turns images so that all look the same to a network, however their voxels are ordered on disk."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry

SAME = 1.01
"""Spacings that differ by less than this factor count as the same."""


@dataclass(frozen=True)
class Turn:
    """How the axes of an image are ordered and flipped.

    Attributes:
        order: For each axis after the turn, which of the image's axes (slice, row, column) it is.
        flipped: For each axis after the turn, whether it runs the other way.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turns an array (..., slice, row, column) of the image; gives a view."""
        return np.flip(array.transpose(self._places(array, self.order)), self._axes)

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turns an array (..., slice, row, column) back; gives a view."""
        back = tuple(self.order.index(axis) for axis in range(3))
        return np.flip(array, self._axes).transpose(self._places(array, back))

    def of(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Gives values of the image's three axes, such as its spacing, in the order of the turn."""
        k, j, i = (values[axis] for axis in self.order)
        return k, j, i

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(axis - 3 for axis in range(3) if self.flipped[axis])

    @staticmethod
    def _places(array: NDArray[Any], order: Sequence[int]) -> tuple[int, ...]:
        more = array.ndim - 3
        return (*range(more), *(more + axis for axis in order))


def canonical_turn(geometry: Geometry, dims: int = 3) -> Turn:
    """Gives the turn after which slice, row and column run as close as can be to S, A and R.

    Args:
        geometry: The image's grid.
        dims: For 2-D networks the axis across the slices comes first instead, see `slice_axis`;
            the two others keep their order.
    """
    axes = geometry.ijk_to_ras[:3, :3] / np.linalg.norm(geometry.ijk_to_ras[:3, :3], axis=0)
    cosines = axes[::-1, ::-1].T  # Of the image's axis (slice, row, column) with S, A and R.
    fits = {
        order: round(sum(abs(cosines[axis, to]) for to, axis in enumerate(order)), 6)
        for order in itertools.permutations(range(3))
    }
    order = max(fits, key=lambda one: fits[one])  # The first of equals: always the same.
    flipped = [bool(cosines[axis, to] < 0) for to, axis in enumerate(order)]
    turn = Turn((order[0], order[1], order[2]), (flipped[0], flipped[1], flipped[2]))
    if dims == 3:
        return turn
    first = slice_axis(turn.of(geometry.shape), turn.of(geometry.spacing))
    places = [first, *(axis for axis in range(3) if axis != first)]
    k, j, i = ((turn.order[place], turn.flipped[place]) for place in places)
    return Turn((k[0], j[0], i[0]), (k[1], j[1], i[1]))


def slice_axis(shape: Sequence[int], spacing: Sequence[float]) -> int:
    """Gives which axis of a canonical grid runs across the slices of a 2-D network.

    Args:
        shape: Number of voxels per axis after the canonical turn.
        spacing: In mm, per axis after the canonical turn.

    Returns:
        The only axis with one voxel if there is just one; else the axis whose voxels are farthest
        apart, the first where several are alike.
    """
    flat = [axis for axis in range(3) if shape[axis] == 1]
    if len(flat) == 1:
        return flat[0]
    return next(axis for axis in range(3) if spacing[axis] * SAME >= max(spacing))


def canonical_grid(geometry: Geometry, dims: int = 3) -> Geometry:
    """Gives the grid of an image after `canonical_turn`."""
    turn = canonical_turn(geometry, dims)
    shape = turn.of(geometry.shape)
    corner = np.zeros(3)
    matrix = np.eye(4)
    for to, axis in enumerate(turn.order):
        sign = -1 if turn.flipped[to] else 1
        matrix[:3, 2 - to] = sign * geometry.ijk_to_ras[:3, 2 - axis]
        corner[axis] = geometry.shape[axis] - 1 if turn.flipped[to] else 0
    matrix[:3, 3] = geometry.to_ras(corner)
    return Geometry(shape, matrix)

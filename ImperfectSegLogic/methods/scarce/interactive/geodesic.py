"""Geodesic distance: how far it is to the nearest seed when some voxels are hard to cross."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Report = Callable[[float], None]
"""Takes the fraction done of a piece of work; raises `CancelledError`."""

_CHUNK = 2_000_000
"""Distances that are updated between two reports."""


def geodesic_distance(
    start: Floats,
    cost: Floats,
    spacing: tuple[float, float, float],
    report: Report,
    passes: int = 1,
) -> Floats:
    """Gives the length of the cheapest path from the seeds to every voxel.

    Raster-scan sweeps, plane by plane along every axis, forth and back (Criminisi 2008), so that
    every step is one NumPy operation on a plane. One pass follows paths with few turns.

    Args:
        start: Distance to begin with, 0 at seeds, infinite elsewhere; shape (label, k, j, i).
        cost: Price of a unit of length in each voxel, same shape, above 0.
        spacing: Distance of neighboring voxels along k, j, i.
        report: Told how far it is, between planes.
        passes: How often all axes are swept.

    Returns:
        The distances, same shape.
    """
    distance = start.copy()
    axes = [axis for axis in range(3) if start.shape[1 + axis] > 1]
    todo = axes * passes
    for done, axis in enumerate(todo):
        _sweep(distance, cost, spacing, axis, lambda: report(done / len(todo)))  # noqa: B023
    return distance


def _sweep(
    distance: Floats,
    cost: Floats,
    spacing: tuple[float, float, float],
    axis: int,
    report: Callable[[], None],
) -> None:
    """Sweeps along one axis, forth and back; writes into `distance`."""
    aligned = np.moveaxis(distance, 1 + axis, 0)
    count, labels, *across = aligned.shape
    sides = [int(n > 1) for n in across]
    padding = [(0, 0), (0, 0), *[(side, side) for side in sides]]
    planes = np.pad(aligned, padding, constant_values=np.inf)
    inner = (slice(None), *[slice(s, s + n) for s, n in zip(sides, across, strict=True)])
    costs = np.ascontiguousarray(np.moveaxis(cost, 1 + axis, 0))
    groups = [
        (sources, costs * np.float32(length))
        for length, sources in _moves(spacing, axis, sides, across)
    ]
    best = np.empty((labels, *across), dtype=np.float32)
    chunk = max(1, _CHUNK // best.size)
    order = [(n, n - 1) for n in range(1, count)] + [(n, n + 1) for n in range(count - 2, -1, -1)]
    for number, (here, before) in enumerate(order):
        if number % chunk == 0:
            report()
        target, source = planes[here][inner], planes[before]
        for (first, *others), price in groups:
            if not others:
                np.add(source[first], price[here], out=best)
            else:
                np.minimum(source[first], source[others[0]], out=best)
                for other in others[1:]:
                    np.minimum(best, source[other], out=best)
                np.add(best, price[here], out=best)
            np.minimum(target, best, out=target)
    distance[...] = np.moveaxis(planes[(slice(None), *inner)], 0, 1 + axis)


Cut = tuple[slice, ...]


def _moves(
    spacing: tuple[float, float, float], axis: int, sides: list[int], across: list[int]
) -> list[tuple[float, list[Cut]]]:
    """Lists the ways from plane to plane, by their length, as cuts of the padded plane before."""
    widths = [s for a, s in enumerate(spacing) if a != axis]
    groups: dict[tuple[int, int], list[Cut]] = {}
    for shift in product(*[range(-side, side + 1) for side in sides]):
        cuts = [
            slice(side + s, side + s + n) for side, s, n in zip(sides, shift, across, strict=True)
        ]
        groups.setdefault((abs(shift[0]), abs(shift[1])), []).append((slice(None), *cuts))
    return [
        (float(np.linalg.norm([spacing[axis], a * widths[0], b * widths[1]])), cuts)
        for (a, b), cuts in groups.items()
    ]

"""Random shapes: blobs, rings, crescents, tubes, trees, cells, bands; each gives part numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ImperfectSegLogic.synthetic.fields import Field, Shape, smooth_noise

Parts = NDArray[np.int16]
"""0 where the shape is not, 1 and up for its parts, shape (k, j, i)."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where shapes are drawn.

    Attributes:
        coordinates: Bent positions of voxels along k, j, i, in voxels of the finest axis, shape
            (3, k, j, i): what is straight in them is bent in the image.
        spacing: Distance of neighboring voxels along k, j, i; the shortest is 1.
        rng: All chance.
        roughness: How uneven surfaces are at most.
        shells: Numbers of shells that solids have, drawn with equal chance.
    """

    coordinates: Field
    spacing: tuple[float, float, float]
    rng: np.random.Generator
    roughness: float = 0.25
    shells: tuple[int, ...] = (1, 1, 2, 3)

    @property
    def shape(self) -> Shape:
        """Number of voxels along k, j, i."""
        k, j, i = self.coordinates.shape[1:]
        return k, j, i

    @property
    def size(self) -> float:
        """Length of the longest side, in voxels of the finest axis."""
        return float(max(n * s for n, s in zip(self.shape, self.spacing, strict=True)))

    @property
    def is_flat(self) -> bool:
        """Whether there is one slice only."""
        return self.shape[0] == 1

    def somewhere(self) -> Field:
        """Draws a position in bent coordinates, more likely in the middle."""
        place = self.rng.beta(2, 2, 3) * np.array(self.shape)
        at = tuple(np.minimum(place.astype(int), np.array(self.shape) - 1))
        return self.coordinates[(slice(None), *at)].copy()


def canvas(
    rng: np.random.Generator,
    shape: Shape,
    spacing: tuple[float, float, float],
    roughness: float = 0.25,
    shells: tuple[int, ...] = (1, 1, 2, 3),
) -> Canvas:
    """Makes a canvas whose coordinates are bent by random hills of one or two sizes."""
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij"))
    grid *= np.array(spacing, dtype=np.float32)[:, None, None, None]
    longest = max(n * s for n, s in zip(shape, spacing, strict=True))
    for _ in range(rng.integers(1, 3)):
        length = longest * rng.uniform(0.08, 0.6)
        height = rng.uniform(0.0, 0.22) * length
        for axis in range(3):
            if shape[axis] > 1:
                hills = smooth_noise(rng, shape, [length / s for s in spacing])
                grid[axis] += np.float32(height) * hills
    return Canvas(grid, spacing, rng, roughness, shells)


def blob(where: Canvas) -> Parts:
    """Draws a solid with one to three shells: a bent ellipsoid whose surface may be rough."""
    rng = where.rng
    radius = _radius(where) * (1 + rng.uniform(0, where.roughness) * _roughness(where))
    parts = np.zeros(where.shape, dtype=np.int16)
    shells = int(rng.choice(where.shells))
    limits = np.sort(rng.uniform(0.35, 0.9, shells - 1)) if shells > 1 else np.zeros(0)
    parts[radius < 1] = 1
    for number, limit in enumerate(limits[::-1], start=2):
        parts[radius < limit] = number
    return parts


def crescent(where: Canvas) -> Parts:
    """Draws an ellipsoid with a bite taken out by another one, which may be there too."""
    rng = where.rng
    radii, turn, center = _radii(where), _turn(where), where.somewhere()
    outer = _distance(where, center, radii, turn)
    shift = turn[:, 1 if where.is_flat else 0] * radii.max() * rng.uniform(0.3, 0.8)
    inner = _distance(where, center + shift, radii * rng.uniform(0.6, 1.0), turn)
    parts = (outer < 1).astype(np.int16)
    parts[inner < 1] = 2 if rng.random() < 0.5 else 0
    return parts


def tubes(where: Canvas) -> Parts:
    """Draws tubes that branch, like vessels; their width shrinks with each branching."""
    rng = where.rng
    width = rng.uniform(0.6, 0.035 * where.size + 1.2)
    depth = int(rng.integers(0, 4))
    points: list[NDArray[np.float64]] = []
    start, direction = where.somewhere().astype(float), _direction(where)
    _grow(where, start, direction, width, depth, points)
    marks = np.concatenate(points)
    near, _ = cKDTree(marks[:, :3]).query(
        where.coordinates.reshape(3, -1).T, k=1, distance_upper_bound=8 + 2 * width
    )
    nearest = np.where(np.isfinite(near), near, 1e3).reshape(where.shape)
    return (nearest < np.maximum(width, 0.6)).astype(np.int16)


def cells(where: Canvas) -> Parts:
    """Draws cells side by side: 1 is their walls, 2 and up are what they hold."""
    rng = where.rng
    count = int(rng.integers(6, 60))
    seeds = rng.uniform(0, 1, (count, 3)) * np.array(where.shape) * np.array(where.spacing)
    distance, which = cKDTree(seeds).query(where.coordinates.reshape(3, -1).T, k=2)
    wall = rng.uniform(1.0, 5.0)
    kinds = rng.integers(2, rng.integers(3, 7), count)
    parts = np.where(distance[:, 1] - distance[:, 0] < wall, 1, kinds[which[:, 0]])
    return parts.reshape(where.shape).astype(np.int16)


def bands(where: Canvas) -> Parts:
    """Draws layers, like those of a retina."""
    rng = where.rng
    along = np.tensordot(_direction(where), where.coordinates, 1)
    low, high = float(along.min()), float(along.max())
    limits = np.sort(rng.uniform(low, high, int(rng.integers(2, 9))))
    parts = np.digitize(along, limits).astype(np.int16)
    return parts


def islands(where: Canvas) -> Parts:
    """Draws what random hills rise above a sea: patches of any form."""
    rng = where.rng
    length = where.size * rng.uniform(0.06, 0.4)
    hills = smooth_noise(rng, where.shape, [length / s for s in where.spacing])
    return (hills > np.quantile(hills, rng.uniform(0.6, 0.95))).astype(np.int16)


def regions(where: Canvas) -> Parts:
    """Draws a patchwork: each voxel belongs to the highest of several random hills."""
    rng = where.rng
    length = where.size * rng.uniform(0.12, 0.6)
    lengths = [length / s for s in where.spacing]
    hills = [smooth_noise(rng, where.shape, lengths) for _ in range(rng.integers(3, 7))]
    return np.argmax(hills, axis=0).astype(np.int16) + 1


def many(where: Canvas) -> Parts:
    """Draws several blobs of one kind, like nuclei."""
    rng = where.rng
    size = where.size * rng.uniform(0.02, 0.08) + 1.5
    parts = np.zeros(where.shape, dtype=np.int16)
    for _ in range(int(rng.integers(3, 25))):
        radii = size * rng.uniform(0.7, 1.3, 3)
        parts[_distance(where, where.somewhere(), radii, _turn(where)) < 1] = 1
    return parts


Drawing = Callable[[Canvas], Parts]
BACKGROUNDS: tuple[Drawing, ...] = (regions, bands, cells, blob)
OBJECTS: tuple[Drawing, ...] = (blob, blob, crescent, tubes, islands, many)
ORGANS: tuple[Drawing, ...] = (blob, blob, blob, blob, crescent, crescent, tubes, many)


def _radius(where: Canvas) -> Field:
    return _distance(where, where.somewhere(), _radii(where), _turn(where))


def _radii(where: Canvas) -> NDArray[np.float64]:
    rng = where.rng
    size = where.size * np.exp(rng.uniform(np.log(0.04), np.log(0.35)))
    return np.asarray(np.maximum(size * rng.uniform(0.5, 1.5, 3), 1.5))


def _roughness(where: Canvas) -> Field:
    length = where.size * where.rng.uniform(0.03, 0.2)
    return smooth_noise(where.rng, where.shape, [length / s for s in where.spacing])


def _distance(where: Canvas, center: Field, radii: NDArray[np.float64], turn: Field) -> Field:
    matrix = (turn / radii[:, None]).astype(np.float32)
    if where.is_flat:
        matrix[:, 0] = 0
    offset = matrix @ center.astype(np.float32)
    local = np.tensordot(matrix, where.coordinates, 1) - offset[:, None, None, None]
    return np.asarray(np.sqrt(np.square(local).sum(axis=0)), dtype=np.float32)


def _turn(where: Canvas) -> Field:
    """Draws a rotation; in one slice, about the axis across it."""
    rng = where.rng
    if where.is_flat:
        angle = rng.uniform(0, 2 * np.pi)
        c, s = np.cos(angle), np.sin(angle)
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], dtype=np.float32)
    return np.linalg.qr(rng.standard_normal((3, 3)))[0].astype(np.float32)


def _direction(where: Canvas) -> NDArray[np.float64]:
    direction = where.rng.standard_normal(3)
    if where.is_flat:
        direction[0] = 0
    return np.asarray(direction / np.linalg.norm(direction))


def _grow(
    where: Canvas,
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    width: float,
    depth: int,
    points: list[NDArray[np.float64]],
) -> None:
    rng = where.rng
    steps = int(where.size * rng.uniform(0.2, 0.6))
    turns = np.cumsum(rng.normal(0, rng.uniform(0.02, 0.15), (steps, 3)), axis=0)
    if where.is_flat:
        turns[:, 0] = 0
    path = start + np.cumsum(direction + turns, axis=0)
    points.append(path)
    for _ in range(int(rng.integers(1, 4)) if depth else 0):
        at = int(rng.integers(0, steps))
        _grow(where, path[at], direction + 1.2 * _direction(where), width, depth - 1, points)


def one_part(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Gives one connected part of a mask, drawn by size."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(parts.ravel())[1:]
    return np.asarray(parts == 1 + rng.choice(count, p=sizes / sizes.sum()))

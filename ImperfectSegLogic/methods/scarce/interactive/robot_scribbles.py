"""Lines that a simulated user draws in an error, in the styles people have.

Center lines, lines along the contour and freehand lines are the styles of ScribblePrompt
(wong2024scribbleprompt, section 4.2); unlike there, a line never leaves the error: whatever of it
would is not drawn.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from skimage.graph import route_through_array
from skimage.measure import find_contours
from skimage.morphology import skeletonize

from ImperfectSegLogic.data import Geometry, Scribble
from ImperfectSegLogic.methods.scarce.interactive.rasterize import scribble_voxels
from ImperfectSegLogic.methods.scarce.interactive.robot_errors import Error
from ImperfectSegLogic.methods.scarce.interactive.robot_slices import Picture, Points, picture_of


def center_line(error: Error, geometry: Geometry) -> Points:
    """Gives the longest way along the error's skeleton, in 3-D if it is 3-D; shape (N, 3), index.

    Empty if the skeleton is one voxel.
    """
    mask = np.pad(error.mask, 1)
    flat = [axis for axis in range(3) if error.mask.shape[axis] == 1]
    bones = np.zeros_like(mask)
    if flat:
        middle = tuple(1 if axis == flat[0] else slice(None) for axis in range(3))
        bones[middle] = skeletonize(mask[middle])
    else:
        bones = np.asarray(skeletonize(mask)) > 0
    return _longest_way(np.argwhere(bones) - 1, geometry) + np.array(error.region.start)


def inner_contour(
    error: Error, geometry: Geometry, part: float, rng: np.random.Generator
) -> Points:
    """Gives a line along the error's contour on a slice, inside of it; shape (N, 3), index.

    Args:
        error: The error.
        geometry: Its grid.
        part: How deep inside, as part of the greatest depth there.
        rng: Where the line, which is closed, begins.
    """
    picture = picture_of(error, geometry)
    depth = picture.depth()
    # At least through the middle of the outermost pixels, where the line still is inside.
    level = max(part * depth.max(), 0.5 * min(picture.spacing))
    return picture.to_index(_rolled(longest_contour(depth, level, picture), rng))


def freehand_line(
    error: Error, geometry: Geometry, wobble: float, rng: np.random.Generator
) -> Points:
    """Gives a smooth line across the error on a slice that wavers; shape (N, 3), index.

    It runs between two pixels drawn far from each other, keeps off the border, and wavers by
    smooth noise.

    Args:
        error: The error.
        geometry: Its grid.
        wobble: How far it wavers, as part of the depth there.
        rng: All chance.
    """
    picture = picture_of(error, geometry)
    depth = picture.depth()
    pixels = np.argwhere(picture.mask)
    start = pixels[rng.integers(len(pixels))]
    away = np.linalg.norm((pixels - start) * picture.spacing, axis=1)
    far = pixels[away >= 0.7 * away.max()]
    stop = far[rng.integers(len(far))]
    cost = np.where(picture.mask, 1 / (0.2 + depth / depth.max()) ** 2, -1)
    way = np.array(route_through_array(cost, start, stop, geometric=True)[0], dtype=np.float64)
    if len(way) < 3:
        return picture.to_index(way)
    here = ndimage.map_coordinates(depth, way.T, order=1)
    width = max(len(way) / 6, 1.0)
    noise = ndimage.gaussian_filter1d(rng.normal(size=way.shape), width, axis=0, mode="nearest")
    noise *= wobble / max(float(np.abs(noise).max()), 1e-9)
    smooth = ndimage.gaussian_filter1d(way, min(width, 2.0), axis=0, mode="nearest")
    return picture.to_index(smooth + noise * here[:, np.newaxis] / np.array(picture.spacing))


def outer_contour(around: Picture, off: float, rng: np.random.Generator) -> Points:
    """Gives a closed line around a mask on its slice; shape (N, 3), index.

    Args:
        around: The mask.
        off: How far outside, in mm; at least a pixel, at most what room there is.
        rng: Where it begins.
    """
    level = float(np.clip(off, around.pixel, 5 * min(around.spacing)))
    line = longest_contour(-around.outside(), -level, around)
    return around.to_index(_rolled(line, rng))


def longest_contour(field: NDArray[np.float64], level: float, picture: Picture) -> Points:
    """Gives the longest line, in mm, on which a field has a value; shape (N, 2), (row, column)."""
    lines = find_contours(field, level)
    if not lines:
        return np.zeros((0, 2))
    step = np.array(picture.spacing)
    return max(lines, key=lambda line: np.linalg.norm(np.diff(line * step, axis=0), axis=1).sum())


def part_of(line: Points, part: float, rng: np.random.Generator) -> Points:
    """Gives a piece of a line with that part of its points, at a place drawn by `rng`."""
    count = max(2, round(part * len(line)))
    if count >= len(line):
        return line
    start = int(rng.integers(len(line) - count + 1))
    return line[start : start + count]


def stroke_within(
    line: Points,
    allowed: NDArray[np.bool_],
    geometry: Geometry,
    radius: float,
    label: int,
    positive: bool,
) -> Scribble | None:
    """Makes a stroke of the longest part of a line that covers nothing but allowed voxels.

    Args:
        line: Indices (k, j, i), shape (N, 3).
        allowed: The voxels that it may cover, shape of the grid.
        geometry: The grid.
        radius: Of the stroke, in mm; halved, and then 0, where no part is allowed otherwise.
        label: Of the prompt.
        positive: Of the prompt.

    Returns:
        None if no two points of the line can be joined.
    """
    if len(line) < 2:
        return None
    ras = geometry.to_ras(line)
    inside = geometry.contains(geometry.to_index(ras))

    def fits(points: Points, wide: float) -> bool:
        voxels = scribble_voxels(Scribble(points=points, radius=wide), geometry)
        return len(voxels) > 0 and bool(allowed[tuple(voxels.T)].all())

    for wide in dict.fromkeys((radius, radius / 2, 0.0)):
        pieces = [True] * (len(ras) - 1)
        if not inside.all() or not fits(ras, wide):
            pieces = [
                bool(inside[n : n + 2].all()) and fits(ras[n : n + 2], wide)
                for n in range(len(pieces))
            ]
        start, stop = _longest_run(pieces)
        if stop > start:
            points = ras[start : stop + 1]
            return Scribble(points=points, radius=wide, label=label, positive=positive)
    return None


def _longest_run(fits: list[bool]) -> tuple[int, int]:
    """Gives the start and stop of the longest run of segments that fit."""
    edges = np.flatnonzero(np.diff([False, *fits, False]))
    runs = list(pairwise(edges.tolist()))[::2]
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _rolled(line: Points, rng: np.random.Generator) -> Points:
    """Lets a closed line begin elsewhere; others are left as they are."""
    if len(line) < 3 or not np.allclose(line[0], line[-1]):
        return line
    turned = np.roll(line[:-1], int(rng.integers(len(line) - 1)), axis=0)
    return np.concatenate([turned, turned[:1]])


def _longest_way(bones: NDArray[np.int64], geometry: Geometry) -> Points:
    """Gives the longest shortest way between two voxels of a skeleton, approximately."""
    if len(bones) < 2:
        return np.zeros((0, 3))
    pairs = cKDTree(bones).query_pairs(1.8, output_type="ndarray")
    step = np.array(geometry.spacing)
    lengths = np.linalg.norm((bones[pairs[:, 0]] - bones[pairs[:, 1]]) * step, axis=1)
    graph = coo_matrix((lengths, pairs.T), shape=(len(bones), len(bones))).tocsr()
    start = 0
    for _ in range(2):  # From anywhere to the farthest end, and from there to the farthest.
        reached, before = dijkstra(graph, False, start, return_predecessors=True)
        reached[~np.isfinite(reached)] = -1
        start, origin = int(np.argmax(reached)), start
    way = [start]
    while way[-1] != origin:
        way.append(int(before[way[-1]]))
    return bones[way].astype(np.float64)

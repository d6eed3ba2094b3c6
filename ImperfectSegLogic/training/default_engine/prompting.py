"""How people who teach the default engine point: clicks, strokes and boxes, not always neatly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import route_through_array

from ImperfectSegLogic.data import Box, Click, Geometry, Prompt, Region, Scribble

Mask = NDArray[np.bool_]
NEAT = 0.6
"""A click that is not exactly in the middle is at least this part of the greatest depth inside."""


def first_prompts(truth: Mask, geometry: Geometry, rng: np.random.Generator) -> list[Prompt]:
    """Draws how somebody begins: a click, some strokes, a box, or a box and a click.

    Args:
        truth: The object, shape (k, j, i).
        geometry: Its grid.
        rng: All chance.
    """
    kind = rng.choice(["click", "strokes", "box", "both"], p=[0.65, 0.2, 0.08, 0.07])
    if kind == "strokes":
        strokes: list[Prompt] = [
            _stroke(truth, geometry, True, rng) for _ in range(rng.integers(1, 4))
        ]
        around = ndimage.binary_dilation(truth, iterations=int(rng.integers(6, 25))) & ~truth
        if around.any():
            many = rng.integers(0, 4)
            strokes += [_stroke(around, geometry, False, rng) for _ in range(many)]
        return strokes
    box: list[Prompt] = [_box(truth, geometry, rng)] if kind in ("box", "both") else []
    return box if kind == "box" else [*box, _click(largest(truth), geometry, True, rng)]


def correction(
    mask: Mask, truth: Mask, geometry: Geometry, rng: np.random.Generator
) -> Prompt | None:
    """Draws how somebody corrects the largest error; None if there is none.

    Args:
        mask: The answer so far, shape (k, j, i).
        truth: The object, same shape.
        geometry: Their grid.
        rng: All chance.
    """
    missed, wrong = largest(truth & ~mask), largest(mask & ~truth)
    positive = np.count_nonzero(missed) >= np.count_nonzero(wrong)
    error = missed if positive else wrong
    if not error.any():
        return None
    point = _stroke if rng.random() < 0.25 else _click
    return point(error, geometry, bool(positive), rng)


def largest(mask: Mask) -> Mask:
    """Gives the largest connected part."""
    parts, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def _click(mask: Mask, geometry: Geometry, positive: bool, rng: np.random.Generator) -> Click:
    depth, start = _depth(mask, geometry)
    neat = depth.max() if rng.random() < 0.5 else NEAT * depth.max()
    places = np.argwhere(depth >= neat)
    at = places[rng.integers(len(places))] + start
    return Click(position=geometry.to_ras(at), positive=positive)


def _stroke(mask: Mask, geometry: Geometry, positive: bool, rng: np.random.Generator) -> Scribble:
    """Draws a line in one slice from anywhere in a mask to anywhere else, along its middle."""
    axis = int(rng.choice([a for a in range(3) if mask.shape[a] == 1] or [0, 1, 2]))
    areas = mask.sum(axis=tuple(a for a in range(3) if a != axis))
    number = int(rng.choice(np.flatnonzero(areas >= areas.max() * 0.5)))
    slices = tuple(slice(number, number + 1) if a == axis else slice(None) for a in range(3))
    flat = np.zeros_like(mask)
    flat[slices] = largest(mask[slices])
    depth, start = _depth(flat, geometry)
    inside = np.argwhere(depth > 0)
    a, b = (tuple(inside[n]) for n in rng.integers(len(inside), size=2))
    cost = np.where(depth > 0, 1 / (depth + 0.5), -1)  # Below 0: no way through.
    path, _ = route_through_array(cost, a, b, fully_connected=False)
    share = rng.uniform(0.4, 1.0)
    kept = np.array(path[: max(2, round(share * len(path)))])
    return Scribble(points=geometry.to_ras(kept + start), label=int(positive))


def _box(truth: Mask, geometry: Geometry, rng: np.random.Generator) -> Box:
    """Draws a box around a mask, up to a sixth too wide at each side."""
    region = Region.around(np.argwhere(truth))
    low, high = np.array(region.start) - 0.5, np.array(region.stop) - 0.5
    more = (high - low) / 6 * (np.array(truth.shape) > 1)
    low, high = low - rng.uniform(0, 1, 3) * more, high + rng.uniform(0, 1, 3) * more
    ends = geometry.to_ras(np.stack([low, high]))
    return Box(center=ends.mean(axis=0), size=np.abs(ends[1] - ends[0]))


def _depth(mask: Mask, geometry: Geometry) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Gives how deep in a mask its voxels are, in the region around it, and where that begins."""
    region = Region.around(np.argwhere(mask))
    part = np.pad(mask[region.slices], [(0, 0) if n == 1 else (1, 1) for n in region.shape])
    depth = ndimage.distance_transform_edt(part, sampling=geometry.spacing)
    inner = tuple(slice(None) if n == 1 else slice(1, -1) for n in region.shape)
    return np.asarray(depth[inner]), np.array(region.start)

"""The part of an image that a segmenter works in, and what it has to know of the image there."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Region, Volume
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.diffusion import Spacing, smoothed
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats
from ImperfectSegLogic.methods.scarce.interactive.rasterize import Voxels, box_voxels
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds

_KEPT = 4
"""Windows that are remembered, so that the next response need not look at the image again."""
_PAD = 4
"""Voxels around a window that smoothing looks at."""


@dataclass(frozen=True, eq=False)
class Window:
    """A region of an image, perhaps at lower resolution.

    Attributes:
        region: The voxels of the image that it covers.
        step: Every how many voxels one is taken, along k, j, i.
        spacing: Distance of neighboring voxels, in units of the shortest one of the image.
        gray: Smoothed gray values, about 0 to 1, shape (k, j, i).
        edges: Length of the gradient of `gray`.
        bins: `gray` in 256 steps from `BIN_RANGE[0]` to `BIN_RANGE[1]`.
    """

    region: Region
    step: Index
    spacing: Spacing
    gray: Floats
    edges: Floats
    bins: NDArray[np.uint8]

    def places(self, voxels: Voxels) -> Voxels:
        """Gives the voxels of the window that hold voxels of the image."""
        inside = (voxels - np.array(self.region.start)) // np.array(self.step)
        return np.clip(inside, 0, np.array(self.gray.shape) - 1)


BIN_RANGE = (-0.5, 1.5)


class Windows:
    """Makes windows of one image and remembers the last few."""

    def __init__(self, volume: Volume, smoothing: float, most_voxels: int) -> None:
        self._volume = volume
        self._smoothing = smoothing
        self._most_voxels = most_voxels
        self._kept: OrderedDict[Region, Window] = OrderedDict()

    def at(self, region: Region) -> Window:
        """Gives the window of a region."""
        window = self._kept.pop(region, None) or self._make(region)
        self._kept[region] = window
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return window

    def _make(self, region: Region) -> Window:
        step = self._step(region.shape)
        padded = region.grown((_PAD, _PAD, _PAD), self._volume.geometry.shape)
        raw = self._volume.array[padded.slices]
        spacing = relative_spacing(self._volume.geometry)
        inner = tuple(
            slice(a - b, a - b + n, s)
            for a, b, n, s in zip(region.start, padded.start, region.shape, step, strict=True)
        )
        sample = raw[inner]
        low, high = np.percentile(sample, (1, 99))
        if high <= low:
            low, high = float(sample.min()), float(max(sample.max(), sample.min() + 1))
        values = (raw.astype(np.float32) - np.float32(low)) / np.float32(high - low)
        gray = np.ascontiguousarray(smoothed(values, spacing, self._smoothing * max(step))[inner])
        np.clip(gray, *BIN_RANGE, out=gray)
        stepped = (spacing[0] * step[0], spacing[1] * step[1], spacing[2] * step[2])
        scale = 255 / (BIN_RANGE[1] - BIN_RANGE[0])
        bins = ((gray - BIN_RANGE[0]) * scale + 0.5).astype(np.uint8)
        return Window(region, step, stepped, gray, _gradient(gray, stepped), bins)

    def _step(self, shape: Index) -> Index:
        """Gives the smallest steps that keep the window small, finest axes first."""
        step, spacing = [1, 1, 1], relative_spacing(self._volume.geometry)
        while np.prod([-(-n // s) for n, s in zip(shape, step, strict=True)]) > self._most_voxels:
            finest = min(
                (a for a in range(3) if shape[a] > step[a]), key=lambda a: spacing[a] * step[a]
            )
            step[finest] += 1
        return step[0], step[1], step[2]


def relative_spacing(geometry: Geometry) -> Spacing:
    """Gives the spacing in units of the shortest one, along axes with more than one voxel."""
    axes = [s for s, n in zip(geometry.spacing, geometry.shape, strict=True) if n > 1]
    unit = min(axes, default=1.0)
    k, j, i = (s / unit for s in geometry.spacing)
    return k, j, i


def _gradient(gray: Floats, spacing: Spacing) -> Floats:
    total = np.zeros_like(gray)
    for axis, step in enumerate(spacing):
        if gray.shape[axis] > 1:
            total += np.square(np.gradient(gray, np.float32(step), axis=axis))
    return np.asarray(np.sqrt(total), dtype=np.float32)


def first_region(seeds: Seeds, geometry: Geometry, margin: Index) -> Region:
    """Gives the region to start with: seeds and boxes, and a margin around what has no box."""
    around = [Region.around(seeds.voxels)] if len(seeds.voxels) else []
    if set(seeds.segments) - set(seeds.boxes):
        around = [region.grown(margin, geometry.shape) for region in around]
    for boxes in seeds.boxes.values():
        for box in boxes:
            around.append(Region.around(box_voxels(box, geometry)).grown((2, 2, 2), geometry.shape))
    region = around[0]
    for other in around[1:]:
        region = region.united(other)
    return region


def cut_faces(region: Region, shape: Index) -> list[tuple[int, bool]]:
    """Lists the faces (axis, is the far one) of a region that cut through the image."""
    near = [(axis, False) for axis in range(3) if region.start[axis] > 0]
    far = [(axis, True) for axis in range(3) if region.stop[axis] < shape[axis]]
    return near + far


def grown_at(region: Region, faces: list[tuple[int, bool]], by: Index, shape: Index) -> Region:
    """Gives the region moved outwards at some faces."""
    start, stop = list(region.start), list(region.stop)
    for axis, far in faces:
        if far:
            stop[axis] = min(stop[axis] + by[axis], shape[axis])
        else:
            start[axis] = max(start[axis] - by[axis], 0)
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def face(axis: int, far: bool, thickness: int = 1) -> tuple[slice, ...]:
    """Gives the index of the voxels at a face."""
    cut = [slice(None)] * 3
    cut[axis] = slice(-thickness, None) if far else slice(0, thickness)
    return tuple(cut)

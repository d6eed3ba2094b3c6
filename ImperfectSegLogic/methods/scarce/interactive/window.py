"""The part of an image that a segmenter works in, and what it has to know of the image there."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry, Region, Volume
from ImperfectSegLogic.data.geometry import Index
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.rasterize import Voxels, box_region
from ImperfectSegLogic.methods.scarce.interactive.resolution import averaged, pooled
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.smoothing import (
    Spacing,
    gradient_length,
    noise_of,
    without_noise,
)

_KEPT = 4
"""Windows that are remembered, so that the next response need not look at the image again."""
_SIDE = 100
"""Noise is measured in that many voxels along each axis."""


@dataclass(frozen=True, eq=False)
class Window:
    """A region of an image, perhaps at lower resolution.

    Attributes:
        region: The voxels of the image that it covers.
        step: How many voxels of the image are one of the window, along k, j, i.
        spacing: Distance of neighboring voxels, in units of the shortest one of the image.
        gray: Gray values without noise, about 0 to 1, shape (k, j, i).
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

    def radius(self, length: float) -> tuple[int, ...]:
        """Gives the number of voxels in a length, in units of the spacing, along k, j, i."""
        return tuple(int(length / s + 0.25) for s in self.spacing)

    def coarser(self, most_voxels: int) -> Window:
        """Gives the same window with as few voxels as wanted, means over blocks of its voxels."""
        factor = steps_for(self.gray.shape, self.spacing, most_voxels)
        if factor == (1, 1, 1):
            return self
        k, j, i = (s * f for s, f in zip(self.step, factor, strict=True))
        return Window(
            self.region,
            (k, j, i),
            (self.spacing[0] * factor[0], self.spacing[1] * factor[1], self.spacing[2] * factor[2]),
            pooled(self.gray, factor),
            pooled(self.edges, factor),
            self.bins[tuple(slice(None, None, f) for f in factor)],
        )


BIN_RANGE = (-0.5, 1.5)


class Windows:
    """Makes windows of one image and remembers the last few."""

    def __init__(self, volume: Volume, settings: Settings) -> None:
        self._volume = volume
        self._smoothing = settings.smoothing
        self._crispness = settings.crispness
        self._most_voxels = settings.most_voxels
        self._kept: OrderedDict[tuple[Region, Region], Window] = OrderedDict()

    def at(self, region: Region, reference: Region, report: Report) -> Window:
        """Gives the window of a region.

        Args:
            region: The voxels to work on.
            reference: Where gray values and noise are measured. It depends on the first prompts
                only, so that a correction does not change what black and white are.
            report: Told how far it is.
        """
        window = self._kept.pop((region, reference), None)
        window = window or self._make(region, reference, report)
        self._kept[region, reference] = window
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return window

    def _make(self, region: Region, reference: Region, report: Report) -> Window:
        step = self._step(region.shape)
        unit = relative_spacing(self._volume.geometry)
        spacing = (unit[0] * step[0], unit[1] * step[1], unit[2] * step[2])
        low, high, noise = self._range(reference, step, lambda f: report(0.2 * f))
        raw = self._volume.array[region.slices]
        values = averaged(raw, step, lambda f: report(0.2 + 0.4 * f))
        values -= np.float32(low)
        values *= np.float32(1 / (high - low))
        width = self._smoothing * min(
            s for s, n in zip(spacing, values.shape, strict=True) if n > 1
        )
        gray = without_noise(
            values, spacing, width, self._crispness * noise, lambda f: report(0.6 + 0.4 * f)
        )
        np.clip(gray, *BIN_RANGE, out=gray)
        scale = 255 / (BIN_RANGE[1] - BIN_RANGE[0])
        bins = ((gray - BIN_RANGE[0]) * scale + 0.5).astype(np.uint8)
        return Window(region, step, spacing, gray, gradient_length(gray, spacing), bins)

    def _range(self, reference: Region, step: Index, report: Report) -> tuple[float, float, float]:
        """Gives the gray values of black and white, and the noise as part of their difference."""
        raw = self._volume.array[reference.slices]
        sample = raw[tuple(slice(None, None, s) for s in self._step(reference.shape))]
        low, high = (float(p) for p in np.percentile(sample, (1, 99)))
        if high <= low:
            low, high = float(sample.min()), float(max(sample.max(), sample.min() + 1))
        middle = tuple(
            slice((n - min(n, _SIDE * s)) // 2, (n + min(n, _SIDE * s)) // 2)
            for n, s in zip(raw.shape, step, strict=True)
        )
        noise = noise_of(averaged(raw[middle], step, report) / np.float32(high - low))
        return low, high, noise

    def _step(self, shape: Index) -> Index:
        """Gives the smallest steps that keep the window small, finest axes first."""
        return steps_for(shape, relative_spacing(self._volume.geometry), self._most_voxels)


def steps_for(shape: tuple[int, ...], spacing: Spacing, most_voxels: int) -> Index:
    """Gives the smallest steps along k, j, i that leave few voxels, finest axes first."""
    step = [1, 1, 1]
    while np.prod([-(-n // s) for n, s in zip(shape, step, strict=True)]) > most_voxels:
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


def margin_of(settings: Settings, geometry: Geometry) -> Index:
    """Gives how far a region reaches beyond the prompts, in voxels along k, j, i."""
    k, j, i = (
        int(min(np.ceil(settings.margin / s), settings.margin_voxels)) for s in geometry.spacing
    )
    return k, j, i


def first_region(seeds: Seeds, geometry: Geometry, margin: Index) -> Region:
    """Gives the region to start with: seeds and boxes, and a margin around what has no box."""
    around = [Region.around(seeds.voxels)] if len(seeds.voxels) else []
    if set(seeds.segments) - set(seeds.boxes):
        around = [region.grown(margin, geometry.shape) for region in around]
    for boxes in seeds.boxes.values():
        for box in boxes:
            inside = box_region(box, geometry)
            assert inside is not None
            around.append(inside.grown((2, 2, 2), geometry.shape))
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

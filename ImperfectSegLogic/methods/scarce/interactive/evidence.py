"""What the image and the seeds together say about every voxel of a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Geometry
from ImperfectSegLogic.methods.scarce.interactive.diffusion import diffuse
from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, geodesic_distance
from ImperfectSegLogic.methods.scarce.interactive.rasterize import Voxels, box_holds, box_voxels
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.window import BIN_RANGE, Window, face

_SAMPLES = 24
"""Seeds of a label whose gray values are looked at, evenly among all of them."""
_CERTAIN = np.float32(1e3)
"""Trust in a seed."""
_WALL = np.float32(10)
"""Gray value that parts what is inside boxes from what is outside."""
_FAR = np.float32(1e4)
"""A distance longer than any in a window."""


@dataclass(frozen=True)
class Settings:
    """How `GeodesicWalker` works; lengths in units of the image's shortest spacing if not in mm.

    Attributes:
        margin: How far in mm the region reaches beyond the prompts.
        margin_voxels: How far it reaches at most, in voxels of each axis.
        growths: How often the region grows where an object touches its border.
        most_voxels: Regions with more voxels are worked on at lower resolution.
        smoothing: Width of the Gaussian that the image is smoothed with.
        likeness: Difference of gray values (1 is black to white) that still counts as alike.
        reach: How far around a seed its gray value counts.
        doubt: Weight of "neither"; higher trusts gray values less.
        length_price: Price of a unit of length where gray values are alike.
        edge_price: Price of crossing an edge from black to white.
        border: Distance at which the border of the region counts as background.
        trust: Weight of the distances against smoothness.
        contrast: How much a difference of gray values separates two neighbors.
    """

    margin: float = 60.0
    margin_voxels: int = 40
    growths: int = 3
    most_voxels: int = 1_500_000
    smoothing: float = 1.0
    likeness: float = 0.12
    reach: float = 40.0
    doubt: float = 0.2
    length_price: float = 0.05
    edge_price: float = 3.0
    border: float = 6.0
    trust: float = 0.001
    contrast: float = 80.0

    @classmethod
    def for_one_slice(cls) -> Settings:
        """Gives what suits 2-D images: thin walls matter, noise and size matter less."""
        return cls(likeness=0.05, reach=15.0, doubt=0.3, border=3.0)


class Evidence:
    """Distances, prior and answer in one window."""

    def __init__(
        self, window: Window, seeds: Seeds, geometry: Geometry, settings: Settings
    ) -> None:
        self._window = window
        self._seeds = seeds
        self._geometry = geometry
        self._settings = settings
        self._shape = window.gray.shape
        self._labels = (0, *seeds.segments)
        self._soft = {n: self._soft_seeds(n) for n in range(len(self._labels))}
        self._allowed = {
            n: self._inside_boxes(label)
            for n, label in enumerate(self._labels)
            if label in seeds.boxes
        }

        self._forbidden = np.zeros(self._shape, dtype=bool)
        if self._allowed and len(self._allowed) == len(seeds.segments):
            self._forbidden = ~np.any(list(self._allowed.values()), axis=0)

    def probabilities(self, report: Callable[[float, str], None]) -> Floats:
        """Gives the probability of every label in every voxel of the window's region."""
        cost = self._cost(lambda f: report(0.2 * f, "learning gray values"))
        start = self._start()
        distance = geodesic_distance(
            start,
            cost,
            self._window.spacing,
            lambda f: report(0.2 + 0.3 * f, "measuring distances"),
        )
        prior = self._prior(distance)
        trust = np.full(self._shape, self._settings.trust, dtype=np.float32)
        self._pin(prior, trust)
        answer = self._diffused(prior, trust, lambda f: report(0.5 + 0.5 * f, "smoothing"))
        return self._finished(answer)

    def _soft_seeds(self, channel: int) -> Voxels:
        """Gives the places of a label's seeds; of its boxes' centers if it has no seeds."""
        label = self._labels[channel]
        own = self._seeds.voxels[self._seeds.labels == label]
        if len(own) or not label:
            return self._window.places(own)
        found = []
        for box in self._seeds.boxes[label]:
            voxels = box_voxels(box, self._geometry)
            local = (self._geometry.to_ras(voxels) - box.center) @ box.axes
            radius = np.linalg.norm(local / np.maximum(box.size / 2, 1e-6), axis=1)
            found.append(voxels[(radius <= 0.3) | (radius == radius.min())])
        return self._window.places(np.concatenate(found))

    def _inside_boxes(self, label: int) -> NDArray[np.bool_]:
        """Tells which voxels of the window are in a box of a label."""
        window = self._window
        index = np.indices(self._shape).reshape(3, -1).T * np.array(window.step)
        ras = self._geometry.to_ras(index + np.array(window.region.start))
        inside = np.zeros(len(ras), dtype=bool)
        for box in self._seeds.boxes[label]:
            inside |= box_holds(box, ras)
        return inside.reshape(self._shape)

    def _cost(self, report: Callable[[float], None]) -> Floats:
        """Gives the price of a unit of length for every label, shape (label, k, j, i)."""
        settings = self._settings
        density = np.zeros((len(self._labels), *self._shape), dtype=np.float32)
        for channel in range(len(self._labels)):
            self._add_density(density[channel], self._soft[channel], report)
        total = density.sum(axis=0) + np.float32(settings.doubt)
        alike = density * np.float32(1 + settings.doubt) / total
        np.minimum(alike, 1.0, out=alike)
        alike[0] = 1 - alike[1:].max(axis=0)
        cost = 1 - alike
        cost += np.float32(settings.length_price)
        cost += np.float32(settings.edge_price) * self._window.edges
        for channel, allowed in self._allowed.items():
            cost[channel][~allowed] = _FAR
        return cost

    def _add_density(self, density: Floats, seeds: Voxels, report: Callable[[float], None]) -> None:
        """Adds how much gray values and places are like those of seeds."""
        if not len(seeds):
            return
        every = np.linspace(0, len(seeds) - 1, min(len(seeds), _SAMPLES)).round().astype(int)
        gray = np.linspace(*BIN_RANGE, 256, dtype=np.float32)
        reach = self._settings.reach
        for place in seeds[every]:
            report(0.5)
            value = self._gray_around(place)
            table = np.exp(-np.square((gray - value) / self._settings.likeness) / 2)
            near = [
                np.exp(-np.square((np.arange(n) - p) * s / reach) / 2).astype(np.float32)
                for n, p, s in zip(self._shape, place, self._window.spacing, strict=True)
            ]
            term = table.astype(np.float32)[self._window.bins]
            term *= near[0][:, None, None] * np.float32(1 / len(every))
            term *= near[1][:, None] * near[2]
            density += term

    def _gray_around(self, place: NDArray[np.int64]) -> float:
        cut = tuple(
            slice(max(p - r, 0), p + r + 1)
            for p, r in zip(place.tolist(), self._radius(2.0), strict=True)
        )
        return float(np.median(self._window.gray[cut]))

    def _radius(self, length: float) -> tuple[int, ...]:
        return tuple(int(length / s + 0.25) for s in self._window.spacing)

    def _start(self) -> Floats:
        """Gives the distances to begin with: 0 at and beside seeds, some at the border."""
        start = np.full((len(self._labels), *self._shape), np.inf, dtype=np.float32)
        for axis in range(3):
            if self._is_bounded(axis):
                for is_far in (False, True):
                    start[0][face(axis, is_far)] = self._settings.border
        last = np.array(self._shape) - 1
        for channel, seeds in self._soft.items():
            for shift in product(*[range(-r, r + 1) for r in self._radius(1.0)]):
                at = np.clip(seeds + np.array(shift), 0, last)
                start[(channel, *at.T)] = 0
        start[0][self._forbidden] = 0
        return start

    def _is_bounded(self, axis: int) -> bool:
        """Whether the ends of an axis are background; objects often fill a short stack of slices.

        Where the window ends and the image does not, they are, and also along long axes.
        """
        region, whole = self._window.region, self._geometry.shape
        cut = region.shape[axis] < whole[axis]
        return cut or 2 * region.shape[axis] >= max(region.shape)

    def _prior(self, distance: Floats) -> Floats:
        """Turns distances into probabilities: half the distance is twice as likely."""
        nearness = 1 / (np.minimum(distance, _FAR) + np.float32(1e-3))
        for channel, allowed in self._allowed.items():
            nearness[channel][~allowed] = 0
        return nearness / nearness.sum(axis=0)

    def _pin(self, prior: Floats, trust: Floats) -> None:
        """Makes seeds certain."""
        for channel, label in enumerate(self._labels):
            at = tuple(self._window.places(self._seeds.voxels[self._seeds.labels == label]).T)
            prior[(slice(None), *at)] = 0
            prior[(channel, *at)] = 1
            trust[at] = _CERTAIN

    def _diffused(self, prior: Floats, trust: Floats, report: Callable[[float], None]) -> Floats:
        window = self._window
        answer = np.empty_like(prior)
        walled: Floats = window.gray + _WALL * self._forbidden.astype(np.float32)
        answer[1:] = diffuse(
            prior[1:], trust, walled, window.spacing, self._settings.contrast, report
        )
        for channel, allowed in self._allowed.items():
            answer[channel][~allowed] = 0
        answer[0] = np.maximum(1 - answer[1:].sum(axis=0), 0)
        return answer

    def _finished(self, answer: Floats) -> Floats:
        """Brings the answer to the resolution of the image, sums to 1, seeds certain."""
        region, step = self._window.region, self._window.step
        for axis in range(3):
            if step[axis] > 1:
                answer = _stretched(answer, 1 + axis, region.shape[axis], step[axis])
        answer /= answer.sum(axis=0)
        at = tuple((self._seeds.voxels - np.array(region.start)).T)
        answer[(slice(None), *at)] = 0
        answer[(np.searchsorted(self._labels, self._seeds.labels), *at)] = 1
        return answer


def _stretched(values: Floats, axis: int, length: int, step: int) -> Floats:
    """Interpolates values that were taken every `step` voxels."""
    position = np.arange(length) / step
    low = position.astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    share = (position - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(4)])
    return np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share

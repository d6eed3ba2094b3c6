"""What the image and the seeds together say about every voxel of a window."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Geometry
from ImperfectSegLogic.methods.scarce.interactive.box_limits import allowed_by_boxes
from ImperfectSegLogic.methods.scarce.interactive.diffusion import diffuse
from ImperfectSegLogic.methods.scarce.interactive.geodesic import (
    Floats,
    Report,
    geodesic_distance,
)
from ImperfectSegLogic.methods.scarce.interactive.likeness import likeness
from ImperfectSegLogic.methods.scarce.interactive.rasterize import Voxels, box_coordinates
from ImperfectSegLogic.methods.scarce.interactive.seeds import Seeds
from ImperfectSegLogic.methods.scarce.interactive.settings import Settings
from ImperfectSegLogic.methods.scarce.interactive.snapping import with_seeds
from ImperfectSegLogic.methods.scarce.interactive.window import Window, face

_CERTAIN = np.float32(1e3)
"""Trust in a seed."""
_WALL = np.float32(10)
"""Gray value that parts what is inside boxes from what is outside."""
_FAR = np.float32(1e4)
"""A distance longer than any in a window."""


class Evidence:
    """Distances, prior and answer in one window.

    Attributes:
        allowed: Which voxels of the window each label may have, by boxes, shape (label, k, j, i).
    """

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
        self.allowed = allowed_by_boxes(
            seeds, geometry, window.region.start, self._shape, window.step
        )
        boxed = [n for n, label in enumerate(self._labels) if label in seeds.boxes]
        self._allowed = {n: self.allowed[n] for n in boxed}
        self._forbidden = np.zeros(self._shape, dtype=bool)
        if self._allowed and len(self._allowed) == len(seeds.segments):
            self._forbidden = ~np.any(list(self._allowed.values()), axis=0)

    def answer(self, report: Callable[[float, str], None]) -> Floats:
        """Gives the probability of every label, shape (label, k, j, i) of the window."""
        prior = self.prior(lambda f, message: report(0.6 * f, message))
        trust = np.full(self._shape, self._settings.trust, dtype=np.float32)
        self._pin(prior, trust)
        return self._diffused(prior, trust, lambda f: report(0.6 + 0.4 * f, "smoothing"))

    def prior(self, report: Callable[[float, str], None]) -> Floats:
        """Gives what distances alone say, for every label, at the window's resolution."""
        cost = self._cost(lambda f: report(0.4 * f, "learning gray values"))
        start = self._start()
        distance = geodesic_distance(
            start,
            cost,
            self._window.spacing,
            lambda f: report(0.4 + 0.6 * f, "measuring distances"),
        )
        return self._prior(distance)

    def _soft_seeds(self, channel: int) -> tuple[Voxels, NDArray[np.int64]]:
        """Gives places and ranks of a label's seeds; of its boxes' centers if it has no seeds."""
        label = self._labels[channel]
        own = self._seeds.labels == label
        if own.any() or not label:
            return self._window.places(self._seeds.voxels[own]), self._seeds.ranks[own]
        found = []
        for box in self._seeds.boxes[label]:
            radius = np.sqrt(sum(np.square(part) for part in self._in_box(box)))
            found.append(np.argwhere(radius <= max(0.3, float(radius.min()))))
        places = np.concatenate(found)
        return places, np.zeros(len(places), dtype=np.int64)

    def _in_box(self, box: Box) -> tuple[Floats, ...]:
        """Gives positions in a box, -1 to 1 inside, of all voxels of the window."""
        window = self._window
        return box_coordinates(box, self._geometry, window.region.start, self._shape, window.step)

    def _cost(self, report: Callable[[float], None]) -> Floats:
        """Gives the price of a unit of length for every label, shape (label, k, j, i)."""
        settings = self._settings
        density = np.stack(
            [
                likeness(self._window, *self._soft[n], settings, lambda: report(0.5))
                for n in range(len(self._labels))
            ]
        )
        for channel, allowed in self._allowed.items():
            density[channel][~allowed] = 0  # There, its gray values are background's.
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

    def _start(self) -> Floats:
        """Gives the distances to begin with: 0 at and beside seeds, some at the border."""
        start = np.full((len(self._labels), *self._shape), np.inf, dtype=np.float32)
        for axis in range(3):
            if self._is_bounded(axis):
                for is_far in (False, True):
                    start[0][face(axis, is_far)] = self._settings.border
        last = np.array(self._shape) - 1
        for channel, (seeds, _) in self._soft.items():
            for shift in product(*[range(-r, r + 1) for r in self._window.radius(1.0)]):
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
        answer[0] = np.maximum(1 - answer[1:].sum(axis=0), 0)
        # What a label loses outside its box goes to all others alike, not to background alone.
        for channel, allowed in self._allowed.items():
            answer[channel][~allowed] = 0
        total = answer.sum(axis=0)
        answer[0][total == 0] = total[total == 0] = 1
        answer /= total
        return answer

    def finished(self, answer: Floats, report: Report) -> Floats:
        """Brings an answer to the resolution of the image, sums to 1, seeds certain."""
        window = self._window
        return with_seeds(answer, self._labels, self._seeds, window.region, window.step, report)

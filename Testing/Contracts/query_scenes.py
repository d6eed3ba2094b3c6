"""Pools of phantoms, and a segmenter without a network, for the contracts of query strategies."""

from __future__ import annotations

import weakref

import numpy as np

from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.pool_units import Division
from ImperfectSegLogic.active.segmenter import Look
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.prediction.statistics import PassStatistics

LABELS = {1: "liver", 3: "spleen"}
OTHER = {1: "kidney"}
SHAPE = (3, 20, 24)
CASES = tuple(f"case{n}" for n in range(6))


def phantom(seed: int, zoom: int = 1) -> Volume:
    """Two blobs; zoomed, the same picture of smaller voxels."""
    rng = np.random.default_rng(seed)
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    gray = rng.uniform(0, 0.3) + rng.normal(0, 0.05, SHAPE)
    for height in (1.0, 2.0):
        center = rng.uniform(5, 15, 2)
        radius = rng.uniform(3, 6) - abs(k - 1)
        blob = 1 / (1 + np.exp((np.hypot(j - center[0], i - center[1]) - radius) * 2))
        gray = np.maximum(gray, height * blob)
    gray = gray.repeat(zoom, 1).repeat(zoom, 2).astype(np.float32)
    return Volume(gray, np.diag([1 / zoom, 1 / zoom, 3, 1]), f"phantom {seed}")


class Phantoms:
    """Images that are made when they are asked for; knows how many are held at a time."""

    labels = LABELS

    def __init__(self, zoom=1, alike=False, missing=()):
        self.zoom, self.alike, self.missing = zoom, alike, set(missing)
        self.reads, self.most = 0, 0
        self._held = []

    def image(self, case):
        self.stamp(case)
        self.reads += 1
        made = phantom(0 if self.alike else int(case[4:]), self.zoom)
        self._held.append(weakref.ref(made.array.base))
        self.most = max(self.most, sum(one() is not None for one in self._held))
        return made

    def stamp(self, case):
        if case in self.missing:
            raise FileNotFoundError(f"{case}: there is no such file. Bring it back.")
        return "1"


class Grays:
    """Tells labels by gray values; passes differ a little, and unlike in each image."""

    labels = LABELS
    identity = "grays"

    def check(self, maps, samples):
        pass

    def look(self, volume, maps, samples):
        shape = volume.geometry.shape
        mean = np.zeros((3, *shape), np.float32)
        made = {name: np.zeros(shape, np.float32) for name in maps}
        statistics = PassStatistics(mean, made)
        for n in range(samples or 4):
            shifted = volume.array + 0.2 * np.sin(n + 7 * volume.array)
            logits = np.stack([-4 * (shifted - level) ** 2 for level in range(3)])
            odds = np.exp(logits - logits.max(axis=0))
            statistics.add((odds / odds.sum(axis=0)).astype(np.float32))
        statistics.finish()
        return Look(mean, made)

    def noise(self, volume):
        return None

    def latent(self, volume, units):
        shape = volume.geometry.shape
        parts = [volume.array[unit.slices(shape)] for unit in units]
        levels = (5, 25, 50, 75, 95)
        return np.stack([[p.mean(), p.std(), *np.percentile(p, levels)] for p in parts])

    def gradients(self, volume, units, draws, by_layer):
        features = self.latent(volume, units)
        turns = np.cos(np.arange(draws)[:, None] + np.arange(features.shape[1]))
        return (features[:, None] * turns).astype(np.float32)


class OtherLabels(Grays):
    labels = OTHER


def pool(images=None, unit="slice", labeled=1, folder=None, backward=False) -> Pool:
    """The units of all cases; those of the last ones are labeled."""
    images = images or Phantoms()
    size = (8 * images.zoom, 8 * images.zoom)
    shape = (SHAPE[0], SHAPE[1] * images.zoom, SHAPE[2] * images.zoom)
    division = Division(unit, 0, size)
    by_case = [division.units(case, shape) for case in CASES]
    first = len(CASES) - labeled
    units = [unit for own in by_case[:first] for unit in own]
    known = [unit for own in by_case[first:] for unit in own]
    given = units[::-1] if backward else units
    made = Pool(images, given, known, folder)
    made.given = [unit.name() for unit in given]  # For a planted fault only: pools are sorted.
    return made

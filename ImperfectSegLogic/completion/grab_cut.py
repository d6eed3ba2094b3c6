"""GrabCut: what two mixtures of gray values and the borders of the image make of a rough guess.

Rother 2004 starts from a box, learns a Gaussian mixture of what is inside and one of what is
outside, cuts the graph, and learns again. Here (Cai 2018 starts from diameters) the guess is a
probability per voxel that keeps counting, mixtures are learned from probabilities instead of hard
components on a histogram of gray values (images have one channel), and the cut is the one that
the engines have (`graph_cut.cut_labels`), 4 or 6 neighbors instead of 8. Cai's paper was read as
abstract and introduction only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ImperfectSegLogic.methods.scarce.interactive.geodesic import Floats, Report
from ImperfectSegLogic.methods.scarce.interactive.graph_cut import cut_labels
from ImperfectSegLogic.methods.scarce.interactive.smoothing import Spacing

_BINS = 128
_LOW, _HIGH = -0.25, 1.25
"""Gray values that the histogram tells apart; what is beyond counts as these."""
_LEAST_WIDTH = 0.02
"""Least standard deviation of a Gaussian, so that none shrinks to one gray value."""
_LEARNING = 25
_FAINT = 1e-3
"""Density of gray values that nobody has seen."""
_SURE = 0.99


@dataclass(frozen=True)
class GrabCutSettings:
    """How `grab_cut` works.

    Attributes:
        components: Gaussians of each of the two mixtures.
        rounds: How often it learns and cuts.
        trust: How much the log ratio of the two mixtures counts beside the guess.
        most: How large this ratio is at most.
        smoothness: The price of a border.
        contrast: Difference of gray values (1 is black to white) at which a border gets cheap.
    """

    components: int = 3
    rounds: int = 4
    trust: float = 0.8
    most: float = 3.0
    smoothness: float = 2.0
    contrast: float = 0.1


def grab_cut(
    gray: Floats,
    guess: Floats,
    seeds: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    taught: NDArray[np.bool_],
    spacing: Spacing,
    settings: GrabCutSettings,
    report: Report,
) -> Floats:
    """Separates an object from what is around it.

    Args:
        gray: Gray values, about 0 to 1, shape (k, j, i); one slice or a block.
        guess: Logit of the probability that a voxel is the object's, by all but gray values.
        seeds: 1 where it is for certain, 0 where it is not, -1 elsewhere.
        allowed: Where the object may be.
        taught: Where the mixtures are learned: the object and its surroundings.
        spacing: Distance of neighboring voxels along k, j, i.
        settings: How.
        report: Told how far it is.

    Returns:
        Probability of the object, shape (k, j, i), 0 where not allowed and at seeds of 0, 1 at
        those of 1; above 0.5 exactly where the last cut says so.
    """
    bins = ((gray - _LOW) * (_BINS / (_HIGH - _LOW))).astype(np.int64)
    np.clip(bins, 0, _BINS - 1, out=bins)
    every = np.ones_like(allowed)
    belief = np.where(allowed & (seeds != 0), expit(guess), 0).astype(np.float64)
    belief[seeds == 1] = 1
    for number in range(settings.rounds):
        share = belief[taught]
        ratio = _log_density(bins[taught], share, settings.components)
        ratio -= _log_density(bins[taught], 1 - share, settings.components)
        np.clip(ratio, -settings.most, settings.most, out=ratio)
        chance = np.where(allowed, expit(guess + settings.trust * ratio[bins]), 0)
        chance = np.clip(chance, 1 - _SURE, _SURE).astype(np.float32)
        cut = cut_labels(
            np.stack([1 - chance, chance]),
            seeds,
            np.stack([every, allowed | (seeds == 1)]),
            gray,
            spacing,
            settings.smoothness,
            settings.contrast,
            lambda f, n=number: report((n + f) / settings.rounds),  # type: ignore[misc]
            tolerance=1e-2,
            most=200,
        )
        belief = np.asarray(cut, dtype=np.float64)
    answer = np.asarray(0.5 * (chance + cut), dtype=np.float32)
    answer[(~allowed & (seeds != 1)) | (seeds == 0)] = 0
    answer[seeds == 1] = 1
    return answer


def _log_density(
    bins: NDArray[np.int64], weight: NDArray[np.float64], components: int
) -> NDArray[np.float64]:
    """Learns a Gaussian mixture of weighted gray values; gives its logarithm for every bin."""
    counts = np.bincount(bins, weight, _BINS)
    total = counts.sum()
    if total <= 0:
        return np.full(_BINS, np.log(_FAINT))
    at = np.linspace(_LOW, _HIGH, _BINS, endpoint=False) + (_HIGH - _LOW) / _BINS / 2
    ranks = (np.arange(components) + 0.5) / components
    means = np.interp(ranks, np.cumsum(counts) / total, at)
    spread = np.sqrt(counts @ np.square(at - counts @ at / total) / total)
    widths = np.full(components, max(float(spread) / components, _LEAST_WIDTH))
    shares = np.full(components, 1 / components)
    for _ in range(_LEARNING):
        parts = _parts(at, means, widths, shares)
        owned = parts / (parts.sum(axis=1, keepdims=True) + 1e-30) * counts[:, np.newaxis]
        mass = owned.sum(axis=0) + 1e-6 * total
        shares, means = mass / mass.sum(), (at @ owned) / mass
        variance = (np.square(at[:, np.newaxis] - means) * owned).sum(axis=0) / mass
        widths = np.sqrt(variance + _LEAST_WIDTH**2)
    return np.asarray(np.log(_parts(at, means, widths, shares).sum(axis=1) + _FAINT))


def _parts(
    at: NDArray[np.float64],
    means: NDArray[np.float64],
    widths: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gives the density of each Gaussian at each gray value, shape (bin, component)."""
    away = (at[:, np.newaxis] - means) / widths
    return np.asarray(shares * np.exp(-0.5 * np.square(away)) / widths)

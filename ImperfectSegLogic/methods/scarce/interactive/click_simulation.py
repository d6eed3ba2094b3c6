"""A simulated user for training: clicks and strokes of pixels where a network is wrong.

The robot user (`robot_user`) sees one image on its own grid; this one sees batches of samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from torch import Tensor

Found = NDArray[np.bool_]
Target = NDArray[np.int64]


@dataclass(frozen=True)
class SimulatedClick:
    """A click on a sample.

    Attributes:
        place: Its voxel, one index per spatial axis.
        positive: Whether it says that the object is there, or that it is not.
    """

    place: tuple[int, ...]
    positive: bool


def torch_rng() -> np.random.Generator:
    """Makes a NumPy generator from torch's, which `fit` seeds before each step."""
    import torch

    return np.random.default_rng(int(torch.randint(2**62, (1,)).item()))


def clicks_on_errors(
    logits: Tensor, target: Tensor, rng: np.random.Generator
) -> list[SimulatedClick | None]:
    """Gives each sample a click that corrects an error; larger errors are likelier.

    Of the connected errors one is drawn with probability by its size, and in it a voxel with
    probability by exp(depth) - 1, so that most clicks are in the middle of large errors, as a
    user's are (sakinis2019interactive, in the form of MONAI's deepgrow).

    Args:
        logits: A network's answer, shape (sample, 2, *space), background first.
        target: 1 is the object, 0 background, below 0 unlabeled; shape (sample, *space).
        rng: All chance.

    Returns:
        One per sample; None where nothing labeled is wrong.
    """
    found = (logits[:, 1] > logits[:, 0]).detach().cpu().numpy()
    return [click_on_error(f, t, rng) for f, t in zip(found, target.cpu().numpy(), strict=True)]


def click_on_error(found: Found, target: Target, rng: np.random.Generator) -> SimulatedClick | None:
    """Gives a click on an error of one sample, see `clicks_on_errors`.

    Args:
        found: What the network takes for the object, shape (*space).
        target: As there, shape (*space).
        rng: All chance.
    """
    missed, wrong = _errors(found, target)
    parts, count = ndimage.label(missed)
    more, others = ndimage.label(wrong)
    sizes = np.concatenate(
        [np.bincount(parts.ravel(), minlength=1)[1:], np.bincount(more.ravel(), minlength=1)[1:]]
    )
    if not count + others:
        return None
    chosen = int(rng.choice(len(sizes), p=sizes / sizes.sum()))
    positive = chosen < count
    region = parts == chosen + 1 if positive else more == chosen - count + 1
    return SimulatedClick(_deep_voxel(region, rng), positive)


def pixels_on_errors(
    found: Found, target: Target, rng: np.random.Generator, least: int, per: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws pixels from every connected error that is not too small.

    One pixel per so many of the error's, at least one (wang2018deepigeos, implementation details).

    Args:
        found: What the network takes for the object, shape (*space).
        target: 1 is the object, 0 background, below 0 unlabeled; shape (*space).
        rng: All chance.
        least: Errors with fewer pixels get none.
        per: How many pixels of an error get one.

    Returns:
        Indices of pixels of the object that were missed, and of background that was taken for the
        object; each of shape (N, axis).
    """
    drawn = []
    for errors in _errors(found, target):
        parts, _ = ndimage.label(errors)
        sizes = np.bincount(parts.ravel())
        places = [np.zeros((0, found.ndim), dtype=np.int64)]
        for part in np.flatnonzero(sizes >= max(least, 1)):
            if part:
                inside = np.argwhere(parts == part)
                number = -(-len(inside) // per)
                places.append(inside[rng.choice(len(inside), number, replace=False)])
        drawn.append(np.concatenate(places).astype(np.int64))
    return drawn[0], drawn[1]


def _errors(found: Found, target: Target) -> tuple[Any, Any]:
    return (target == 1) & ~found, (target == 0) & found


def _deep_voxel(region: Found, rng: np.random.Generator) -> tuple[int, ...]:
    """Draws a voxel of a region; the border of the sample is no border of the region."""
    places = np.argwhere(region)
    whole = len(places) == region.size  # Then there is no border to be far from.
    depth = np.ones(len(places)) if whole else _depth(region, places)
    # Depths of 700 and more would overflow; only differences matter for them.
    weight = np.exp(depth - depth.max()) - np.exp(-depth.max())
    weight = weight + 1e-12
    place = places[rng.choice(len(places), p=weight / weight.sum())]
    return tuple(int(n) for n in place)


def _depth(region: Found, places: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(region)[tuple(places.T)])

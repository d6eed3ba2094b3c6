"""What a network that starts from one click is taught and asked: an object and its middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.scarce.interactive.clicked_objects import (
    middle_of,
    object_in_middle,
    parts_with,
    pixels_around_middle,
)
from ImperfectSegLogic.methods.scarce.interactive.ray_patches import (
    RayGrid,
    put_together,
    sampled,
    spread_out,
)
from ImperfectSegLogic.training.prepared import PreparedCase

DENSE = ("DenseMask", "NoisyMask")
"""Kinds of annotations in which all that is not labeled otherwise is background."""
SLICES = 8
"""Slices of each case and label that are looked at for validation, evenly spread."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """Objects with a click each.

    Attributes:
        samples: Which samples of a batch they are in, shape (object,); always on the CPU.
        inside: 1 inside the object, 0 outside, `UNLABELED` elsewhere, shape (object, row, column).
        centers: Row and column of the clicks, shape (object, 2).
    """

    samples: Tensor
    inside: Tensor
    centers: Tensor


def drawn_lesson(batch: Batch, jitter: float) -> Lesson | None:
    """Draws a label of each sample among those that are there, and a click near its middle.

    All chance is that of torch's global generator. Samples without any label teach nothing.

    Args:
        batch: Samples of slices.
        jitter: How far the click is from the deepest pixel at most, as part of its depth.

    Returns:
        None if no sample has a label.
    """
    samples, objects, centers = [], [], []
    for number, target in enumerate(batch.target.cpu().numpy()):
        looked_for = batch.looked_for[number].tolist()
        present = [n for n in np.unique(target) if n > 0 and looked_for[n]]
        if not present:
            continue
        label = present[int(torch.randint(len(present), ()))]
        meant, depth = object_in_middle(target == label, batch.kinds[number] in DENSE)
        places = pixels_around_middle(depth, jitter)
        samples.append(number)
        objects.append(_inside(meant, target))
        centers.append(places[int(torch.randint(len(places), ()))])
    if not samples:
        return None
    inside = torch.from_numpy(np.stack(objects)).to(batch.image.device)
    at = torch.from_numpy(np.stack(centers)).to(batch.image)
    return Lesson(torch.tensor(samples), inside, at)


@torch.no_grad()
def canvases(network: nn.Module, grid: RayGrid, images: Tensor, centers: Tensor) -> Tensor:
    """Gives the probability of being inside around each center, shape (object, canvas, canvas).

    Args:
        network: From patches to logits.
        grid: Where the patches are.
        images: Shape (object, channel, row, column).
        centers: Row and column, shape (object, 2).
    """
    offsets = grid.offsets(grid.turns(torch.zeros(1)).to(images.device)[0])
    patches = sampled(images, centers[:, None, None, None, None] + offsets)
    inside = torch.softmax(network(patches).float(), dim=1)[:, 1]
    by_object = inside.reshape(len(images), grid.rays, *inside.shape[1:])
    return put_together(by_object, offsets, grid)


def dice_of_cases(
    network: nn.Module, grid: RayGrid, cases: Sequence[PreparedCase], labels: Sequence[int]
) -> dict[str, float]:
    """Gives the Dice after one click in the middle of each object, over all cases together.

    Only annotated pixels count, and only labels that somebody looked for.

    Args:
        network: In evaluation mode.
        grid: Where the patches are.
        cases: Prepared for the network.
        labels: The number of each label index from 1.

    Returns:
        `dice` and `dice LABEL` for each label that is annotated.
    """
    device = next(network.parameters()).device
    common, sizes = np.zeros(len(labels) + 1), np.zeros(len(labels) + 1)
    for case in cases:
        for label, image, inside, center in _clicked(case):
            at = torch.tensor([center], dtype=torch.float32, device=device)
            said = canvases(network, grid, torch.from_numpy(image)[None].to(device), at)[0]
            rows, columns = (torch.arange(n, device=device) for n in inside.shape)
            chance = spread_out(said, rows - at[0, 0], columns - at[0, 1]).cpu().numpy()
            found = parts_with(chance > 0.5, np.array([center])) & (inside != UNLABELED)
            common[label] += np.count_nonzero(found & (inside == 1))
            sizes[label] += np.count_nonzero(found) + np.count_nonzero(inside == 1)
    each = {
        f"dice {label}": float(2 * common[n] / sizes[n])
        for n, label in enumerate(labels, start=1)
        if sizes[n]
    }
    return {"dice": float(np.mean(list(each.values()))) if each else 0.0, **each}


def _clicked(
    case: PreparedCase,
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.int64], tuple[int, int]]]:
    """Gives label index, image, inside and click of slices of a case that hold a label."""
    target = np.asarray(case.target())
    for label in range(1, len(case.looked_for)):
        there = np.flatnonzero((target == label).any(axis=(1, 2)))
        if not case.looked_for[label] or not len(there):
            continue
        chosen = np.unique(np.linspace(0, len(there) - 1, SLICES).round().astype(int))
        for k in there[chosen]:
            meant, depth = object_in_middle(target[k] == label, case.kind in DENSE)
            image = np.array(case.image()[:, k])
            yield label, image, _inside(meant, target[k]), middle_of(depth)


def _inside(meant: NDArray[np.bool_], target: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.where(target == UNLABELED, UNLABELED, meant.astype(np.int64))

"""Which sample comes when: a pure function of the seed, so that a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Sample
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.prepared import PreparedCase

JITTER = 0.25
"""How far a sample's center may be from the voxel that it is cut around, as share of the patch."""


class PatchSamples(TorchDataset[Sample]):
    """Samples by number: each a patch of a prepared case, cut where annotations are.

    Cases take turns in an order drawn anew for each turn, so that all are seen equally often. A
    part of each batch is cut from unannotated cases if there are any.
    """

    def __init__(
        self,
        labeled: Sequence[PreparedCase],
        unlabeled: Sequence[PreparedCase],
        plan: TrainingPlan,
        seed: Sequence[int],
        numbers: range,
    ) -> None:
        """Takes what to cut from.

        Args:
            labeled: Cases with annotations, at least one.
            unlabeled: Cases without; may be none.
            plan: Patch, batch and shares.
            seed: Numbers that fix all chance.
            numbers: Which samples these are, counted from the beginning of the run.
        """
        self._labeled, self._unlabeled = list(labeled), list(unlabeled)
        self._plan, self._seed, self._numbers = plan, list(seed), numbers
        share = plan.unlabeled_share if unlabeled else 0.0
        # At least one annotated sample per batch: without it there is nothing to supervise.
        self._unlabeled_per_batch = min(round(share * plan.batch), plan.batch - 1)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Sample:
        number = self._numbers[index]
        batch, place = divmod(number, self._plan.batch)
        rng = np.random.default_rng([*self._seed, number])
        few = self._unlabeled_per_batch
        if place < few:
            case = self._turn(self._unlabeled, batch * few + place, 1)
            start = rng.integers(0, np.maximum(np.array(case.shape), 1))
        else:
            many = self._plan.batch - few
            case = self._turn(self._labeled, batch * many + place - few, 0)
            start = self._annotated_voxel(case, rng)
        return cut(case, start, self._plan, rng)

    def _turn(self, cases: list[PreparedCase], number: int, stream: int) -> PreparedCase:
        turn, place = divmod(number, len(cases))
        order = np.random.default_rng([*self._seed, stream, turn]).permutation(len(cases))
        return cases[order[place]]

    def _annotated_voxel(self, case: PreparedCase, rng: np.random.Generator) -> NDArray[np.int64]:
        counts = np.array(case.counts)
        present = np.flatnonzero(counts[1:]) + 1
        if len(present) and rng.random() < self._plan.foreground_share:
            label = int(rng.choice(present))
        else:
            label = int(rng.choice(len(counts), p=counts / counts.sum()))
        positions = case.positions(label)
        flat = int(positions[rng.integers(len(positions))])
        return np.array(np.unravel_index(flat, case.shape))


def cut(
    case: PreparedCase, voxel: NDArray[np.int64], plan: TrainingPlan, rng: np.random.Generator
) -> Sample:
    """Cuts a patch that holds a voxel, as far inside the image as the image is large.

    Beyond the image, gray values are 0 (the mean) and the target is unlabeled.
    """
    size = np.array(plan.patch if plan.dims == 3 else (1, *plan.patch))
    moved = np.floor(rng.uniform(-JITTER, JITTER, 3) * size).astype(np.int64)
    shape = np.array(case.shape)
    room = shape - size
    start = np.clip(voxel - size // 2 + moved, np.minimum(room, 0), np.maximum(room, 0))
    if plan.dims == 2:
        start[0] = voxel[0]
    low, high = np.maximum(start, 0), np.minimum(start + size, shape)
    inside = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    place = tuple(slice(int(a), int(b)) for a, b in zip(low - start, high - start, strict=True))
    image = np.zeros((plan.channels, *size), dtype=np.float32)
    target = np.full(size, UNLABELED, dtype=np.int64)
    image[(slice(None), *place)] = case.image()[(slice(None), *inside)]
    target[place] = case.target()[inside]
    first = 3 - plan.dims
    return Sample(
        torch.from_numpy(image.reshape(plan.channels, *size[first:])),
        torch.from_numpy(target.reshape(tuple(size[first:]))),
        torch.tensor(case.looked_for),
        case.kind,
        case.spacing[first:],
        case.case,
    )

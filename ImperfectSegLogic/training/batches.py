"""Batches by number, on the device, transformed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import DataLoader

from ImperfectSegLogic.data.sample import Batch, Sample
from ImperfectSegLogic.methods.base import SampleTransform
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.sampling import PatchSamples
from ImperfectSegLogic.training.setting_up import RunData

TRANSFORMS = 7
"""Tells the chance of transforms apart from that of sampling."""


def batches(
    data: RunData,
    plan: TrainingPlan,
    seed: Sequence[int],
    first: int,
    transforms: Sequence[SampleTransform],
    optimizing: Optimizing,
) -> Iterator[Batch]:
    """Gives the batches of a round from number `first` on; each depends on nothing but its number.

    Samples are read beside the training where there is a GPU to be kept busy, and transformed on
    the device.
    """
    numbers = range(first * plan.batch, plan.steps * plan.batch)
    samples = PatchSamples(data.labeled, data.unlabeled, plan, seed, numbers)
    on_gpu = optimizing.device.type == "cuda"
    loader = DataLoader(
        samples,
        batch_size=plan.batch,
        collate_fn=Batch.of,
        num_workers=min(8, (os.cpu_count() or 2) - 1) if on_gpu else 0,
        pin_memory=on_gpu,
    )
    for number, batch in enumerate(loader, start=first):
        batch = batch.to(optimizing.device)
        if transforms:
            rngs = [
                np.random.default_rng([*seed, TRANSFORMS, number * plan.batch + n])
                for n in range(len(batch))
            ]
            batch = Batch.of(
                [_changed(s, transforms, r) for s, r in zip(batch.samples(), rngs, strict=True)]
            )
        yield batch


def _changed(
    sample: Sample, transforms: Sequence[SampleTransform], rng: np.random.Generator
) -> Sample:
    for transform in transforms:
        sample = transform.apply(sample, rng)
    return sample

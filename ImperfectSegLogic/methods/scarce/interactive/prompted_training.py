"""What methods share that train a network to answer prompts: one object a sample, and its score.

They know no organs: for each sample one of its labels is the object, and all else background.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch, Sample
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.prepared import PreparedCase
from ImperfectSegLogic.training.sampling import cut

VALIDATION_PATCHES = 2
"""How many patches of each case and label a validation looks at."""
VALIDATION_CLICKS = 3
"""How many simulated clicks are made before the answer is scored."""
AT_ONCE = 8
"""Patches that are answered at once in a validation."""


@dataclass(frozen=True, eq=False)
class Objects:
    """One object for each sample that has one.

    Attributes:
        image: Shape (sample, channel, *space).
        target: 1 is the object, 0 background, `UNLABELED` where nobody said anything; int64, shape
            (sample, *space).
        labels: The index of each object's label.
        samples: The place of each sample in the batch.
    """

    image: Tensor
    target: Tensor
    labels: tuple[int, ...]
    samples: tuple[int, ...]


def draw_objects(batch: Batch, rng: np.random.Generator) -> Objects:
    """Draws one label of each sample that has one; the others are left out.

    A label that nobody looked for is in no target, so that it is neither drawn nor taken for
    absent: to a network that learns about one object, another one is background in truth.
    """
    samples, labels = [], []
    for n, target in enumerate(batch.target):
        present = [int(label) for label in torch.unique(target) if label > 0]
        if present:
            samples.append(n)
            labels.append(int(rng.choice(present)))
    if not samples:
        return Objects(batch.image[:0], batch.target[:0], (), ())
    target = torch.stack(
        [object_target(batch.target[n], label) for n, label in zip(samples, labels, strict=True)]
    )
    return Objects(batch.image[samples], target, tuple(labels), tuple(samples))


def object_target(target: Tensor, label: int) -> Tensor:
    """Gives 1 where a label is, 0 where another one or background is, `UNLABELED` elsewhere."""
    return torch.where(target == UNLABELED, UNLABELED, (target == label).to(target.dtype))


def binary_dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Gives 1 - soft Dice of the object over labeled voxels, mean over samples.

    Args:
        logits: Shape (sample, 2, *space), background first.
        target: As in `Objects`.
    """
    object_ = torch.softmax(logits.float(), dim=1)[:, 1].flatten(1)
    known = (target != UNLABELED).flatten(1)
    truth = (target == 1).flatten(1).to(object_.dtype)
    object_ = object_ * known
    common = (object_ * truth).sum(dim=1)
    total = object_.sum(dim=1) + truth.sum(dim=1)
    return (1 - (2 * common + 1e-5) / (total + 1e-5)).mean()


Answer = Callable[[Tensor, Tensor, int, int, np.random.Generator], Sequence[Tensor]]
"""Takes images (sample, channel, *space), targets (sample, *space) of objects, the index of their
label, a number of clicks to simulate, and chance; gives logits (sample, 2, *space) after each
number of clicks from 1."""


@torch.no_grad()
def scores_after_clicks(
    network: nn.Module, cases: Sequence[PreparedCase], plan: TrainingPlan, answer: Answer
) -> dict[str, float]:
    """Gives the Dice of each label after simulated clicks, always the same ones at first.

    Patches as in training are cut around objects of validation cases, so that how windows grow
    around large objects is not part of the score.

    Args:
        network: On its device.
        cases: Annotated cases.
        plan: Tells the size of patches.
        answer: Simulates clicks on one object per sample.

    Returns:
        `dice`, the mean over labels after `VALIDATION_CLICKS` clicks; `dice LABEL` for each label
        that is annotated; `dice after 1 click`.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    common = np.zeros((VALIDATION_CLICKS, len(plan.labels) + 1))
    sizes = np.zeros_like(common)
    for label in range(1, len(plan.labels) + 1):
        patches = _patches(cases, plan, label)
        for start in range(0, len(patches), AT_ONCE):
            batch = Batch.of(patches[start : start + AT_ONCE]).to(device)
            target = torch.stack([object_target(one, label) for one in batch.target])
            rng = np.random.default_rng([label, start])
            for n, logits in enumerate(answer(batch.image, target, label, VALIDATION_CLICKS, rng)):
                found = (logits[:, 1] > logits[:, 0]) & (target != UNLABELED)
                common[n, label] += float((found & (target == 1)).sum())
                sizes[n, label] += float(found.sum() + (target == 1).sum())
    network.train(was_training)
    there = np.flatnonzero(sizes[-1])
    if not len(there):
        return {"dice": 0.0}
    each = 2 * common[:, there] / sizes[:, there]
    by_label = {
        f"dice {plan.labels[n - 1]}": float(d) for n, d in zip(there, each[-1], strict=True)
    }
    return {
        "dice": float(each[-1].mean()),
        **by_label,
        "dice after 1 click": float(each[0].mean()),
    }


def _patches(cases: Sequence[PreparedCase], plan: TrainingPlan, label: int) -> list[Sample]:
    """Cuts patches around voxels of a label, the same ones in every validation."""
    found: list[Sample] = []
    for n, case in enumerate(cases):
        places = case.positions(label)
        if not len(places):
            continue
        rng = np.random.default_rng([label, n])
        for _ in range(VALIDATION_PATCHES):
            flat = int(places[rng.integers(len(places))])
            voxel = np.array(np.unravel_index(flat, case.shape))
            found.append(cut(case, voxel, plan, rng))
    return found

"""How good a network in training is on the validation cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import nn

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players
from ImperfectSegLogic.training.prepared import PreparedCase

if TYPE_CHECKING:
    from ImperfectSegLogic.methods.base import TrainingMethod

SLICES_AT_ONCE = 8


def scores_of(
    players: Players,
    methods: Sequence[TrainingMethod],
    cases: Sequence[PreparedCase],
    device: torch.device,
) -> dict[str, float]:
    """Gives the scores of a run's segmenter, `dice` among them.

    A method whose segmenter does not answer an image by itself says how good it is; else see
    `validate`.
    """
    for method in methods:
        found = method.validate(players, cases)
        if found is not None:
            assert "dice" in found, f"{method.card.name}: {found}"
            return found
    return validate(players.segmenter, cases, players.plan, device)


@torch.no_grad()
def validate(
    network: nn.Module, cases: Sequence[PreparedCase], plan: TrainingPlan, device: torch.device
) -> dict[str, float]:
    """Gives the Dice of each label over the annotated voxels of all cases together, and the mean.

    Labels that nobody looked for in a case are not counted there. Dice over all cases together is
    steadier than the mean over cases, which a case without a label would spoil.

    Returns:
        `dice` and `dice LABEL` for each label that is annotated or predicted.
    """
    was_training = network.training
    network.eval()
    common, sizes = np.zeros(len(plan.labels) + 1), np.zeros(len(plan.labels) + 1)
    for case in cases:
        found = label_indices(network, case.image(), plan, device)
        target = np.asarray(case.target())
        annotated = target != UNLABELED
        for label in range(1, len(plan.labels) + 1):
            if case.looked_for[label]:
                ours, truth = (found == label) & annotated, target == label
                common[label] += np.count_nonzero(ours & truth)
                sizes[label] += np.count_nonzero(ours) + np.count_nonzero(truth)
    network.train(was_training)
    each = {
        f"dice {label}": float(2 * common[n] / sizes[n])
        for n, label in enumerate(plan.labels, start=1)
        if sizes[n]
    }
    return {"dice": float(np.mean(list(each.values()))) if each else 0.0, **each}


def label_indices(
    network: nn.Module, image: NDArray[np.float32], plan: TrainingPlan, device: torch.device
) -> NDArray[np.uint8]:
    """Gives the most probable label's index for each voxel of a prepared image.

    Args:
        network: The segmenter, in evaluation mode.
        image: Shape (channel, slice, row, column); read as it is needed.
        plan: Tells the size of windows.
        device: Where the network is.
    """
    # Windows as in training, also in 2-D: instance normalization sees other statistics in larger
    # ones, which costs Dice.
    if plan.dims == 3:
        return _windows(network, torch.from_numpy(np.array(image))[None], plan.patch, device)[0]
    parts = []
    for start in range(0, image.shape[1], SLICES_AT_ONCE):
        slices = np.array(image[:, start : start + SLICES_AT_ONCE]).swapaxes(0, 1)
        parts.append(_windows(network, torch.from_numpy(slices), plan.patch, device))
    return np.concatenate(parts)


def _windows(
    network: nn.Module, images: torch.Tensor, size: tuple[int, ...], device: torch.device
) -> NDArray[np.uint8]:
    answer = sliding_window_inference(
        images,
        size,
        SLICES_AT_ONCE,
        network,
        overlap=0.25,
        mode="gaussian",
        sw_device=device,
        device="cpu",
    )
    assert isinstance(answer, torch.Tensor)
    return answer.argmax(dim=1).to(torch.uint8).numpy()

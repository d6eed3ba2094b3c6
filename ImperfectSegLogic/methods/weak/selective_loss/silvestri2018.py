"""Silvestri 2018: loss at the labeled points of a hexagonal grid, which may be padded to discs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ImperfectSegLogic.data.annotations import UNLABELED
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.training.players import Players


@dataclass(frozen=True)
class Settings:
    """How far labels of points reach.

    Attributes:
        padding: Radius of the disc that each point stands for, in voxels of the sample's slices;
            0 teaches at the points only.
    """

    padding: int = setting(0, "radius in voxels that labeled points are padded to", 0, 64)


class PointGridTraining(TrainingMethod):
    """Learns from labeled points, with cross-entropy there and nowhere else.

    silvestri2018stereology, read as told by the survey (5.2.2) only. Points lie on a hexagonal
    grid (`completion.hexagonal_grid`); any labeled voxels do. Padding labels a disc around each
    point on its slice: a voxel gets the label of the nearest point, none where two points equally
    near differ, and labeled voxels keep their labels. The survey tells neither the shape of the
    blocks nor whether their labels are the points' or the mask's; here they are the points', which
    is what one has without a mask. At the border of an image discs may reach beyond it.
    """

    card = MethodCard(
        name="sparse-silvestri2018",
        paper=("silvestri2018stereology",),
        table_row="Selective loss w/ and w/o mask completion",
        accepts=("PointGrid", "SparseMask", "DenseMask"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Points 9 voxels apart teach as well as points 3 voxels apart.",
    )
    settings_type = Settings
    supervises = True

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the cross-entropy of the points, or of the discs around them."""
        logits = players.logits(batch)
        log = label_log_probabilities(logits, batch.looked_for)
        target = padded_target(batch.target, logits.shape[1], self.settings.padding)
        return (Term("cross_entropy", partial_cross_entropy(log, target)),)


def padded_target(target: Tensor, labels: int, radius: int) -> Tensor:
    """Gives unlabeled voxels the label of the nearest labeled one on their slice.

    Args:
        target: Label indices and `UNLABELED`, shape (sample, *space).
        labels: How many labels there are, background included.
        radius: Farthest distance in voxels.

    Returns:
        The same shape; unlabeled where nothing is near, or what is nearest differs.
    """
    if not radius or not bool((target == UNLABELED).any()):
        return target
    slices = target.reshape(-1, *target.shape[-2:])
    places = torch.stack([slices == label for label in range(labels)], dim=1)
    rings = _rings(radius).to(target.device)
    flat = places.flatten(0, 1).unsqueeze(1).float()
    hit = functional.conv2d(flat, rings, padding=radius) > 0.5
    # The ring that holds a label first, or one more than there are.
    nowhere = hit.new_ones(len(hit), 1, *hit.shape[2:])
    away = (
        torch.cat([hit, nowhere], dim=1)
        .int()
        .argmax(dim=1)
        .view(len(slices), labels, *hit.shape[2:])
    )
    nearest, label = away.min(dim=1)
    is_clear = (nearest < len(rings)) & ((away == nearest.unsqueeze(1)).sum(dim=1) == 1)
    return torch.where(is_clear, label, UNLABELED).view_as(target)


def _rings(radius: int) -> Tensor:
    """Gives the voxels at each distance up to the radius, nearest first, shape (ring, 1, n, n)."""
    along = torch.arange(-radius, radius + 1) ** 2
    squared = along[:, None] + along
    known = [d for d in torch.unique(squared).tolist() if d <= radius**2]
    return torch.stack([(squared == d).float() for d in known]).unsqueeze(1)

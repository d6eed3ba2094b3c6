"""Ozdemir 2018, in training: features at the deepest layer that carry as much as they can."""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.measured import ROW
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.networks.deepest import answer_of, deepest_layer
from ImperfectSegLogic.training.players import Players

TINY = 1e-12
"""Squared variance below which features count as constant."""


@dataclass(frozen=True)
class Settings:
    """How much the term counts.

    Attributes:
        weight: Of the term, which is 0 to 1, beside the supervised ones.
    """

    weight: float = setting(0.1, "weight of the entropy term, which is 0 to 1", 0.0, 100.0)


class FeatureEntropy(TrainingMethod):
    """Makes the entropy of the deepest features high, so that distances in them tell more apart.

    ozdemir2018active, read as abstract and by the survey (4.3.1): besides the segmentation loss
    the information at the network's abstraction layer is maximized. The query strategy
    `ozdemir2018` then measures how far units are apart in these features, with a model that was
    trained with this method. The term needs no labels and leaves the labels' terms as they are.

    Differs from the paper: the entropy is the matrix-based one of order 2 (Renyi's) of the
    features' covariance, over samples and places of a batch, as a share of the most that there can
    be: 1 where all directions carry as much, 0 where one carries all. Neither the scale of features
    nor their number changes it, so that a network cannot make it high by growing. It costs one more
    pass through the layers up to the deepest one.
    """

    card = MethodCard(
        name="ozdemir2018-entropy",
        paper=("ozdemir2018active",),
        table_row=ROW,
        accepts=("DenseMask", "NoisyMask", "SparseMask", "PointGrid", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Makes latent distances of ozdemir2018 tell units apart.",
    )
    settings_type = Settings

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._layers: WeakKeyDictionary[nn.Module, nn.Module] = WeakKeyDictionary()

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives what the entropy lacks to the most that there can be."""
        network = players.segmenter
        if network not in self._layers:
            self._layers[network] = deepest_layer(network, batch.image)
        features = answer_of(network, self._layers[network], batch.image)
        return (Term("feature_entropy", 1 - entropy(features), self.settings.weight),)


def entropy(features: Tensor) -> Tensor:
    """Gives the entropy of features as a share of the most that there can be, 0 to 1.

    Args:
        features: Shape (sample, feature, *space); each place of each sample is one of them.
    """
    # Squares of small numbers: half precision would lose them.
    with torch.autocast(features.device.type, enabled=False):
        rows = features.float().movedim(1, -1).flatten(0, -2)
        rows = rows - rows.mean(dim=0)
        # The smaller one of two matrices of the same eigenvalues but for zeros.
        matrix = rows.T @ rows if rows.shape[1] < len(rows) else rows @ rows.T
        matrix = matrix / len(rows)
        most = min(rows.shape[1], max(len(rows) - 1, 1))
        if most < 2:
            return rows.sum() * 0 + 1  # One direction only: there is nothing to spread.
        purity = ((matrix**2).sum() + TINY) / (matrix.trace() ** 2 + TINY)
        return -purity.log() / math.log(most)

"""Mahapatra 2018, in training: a network that tells noise in the image from what it never saw."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.methods.base import LossTerms, TrainingMethod
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.active_learning.measured import ROW
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Settings as SupervisedSettings
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.networks.noisy_logits import NoisyLogits
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players


@dataclass(frozen=True)
class Settings:
    """How noise is learned.

    Attributes:
        draws: Of the noise of the logits, for each step.
        dice: Weight of the Dice loss of densely labeled samples; 0 leaves it out.
    """

    draws: int = setting(10, "draws of the noise, for each step", 2, 1000)
    dice: float = setting(1.0, "weight of the Dice loss of dense masks", 0.0, 100.0)


class ImageNoise(TrainingMethod):
    """Learns how noisy each logit is, besides the logits (mahapatra2018efficient; survey 4.3.1).

    The plan's network gets a second output for each label, the logarithm of the variance of its
    logit, as in kendall2017uncertainties; see `networks.noisy_logits`. Nobody labels noise: it is
    learned from how often labels are not what the image suggests. The query strategy
    `mahapatra2018` reads the aleatoric uncertainty from it.

    Read as told by the survey. The loss is the supervised one, of the probabilities' mean over
    draws of the noise.
    """

    card = MethodCard(
        name="mahapatra2018-noise",
        paper=("mahapatra2018efficient", "kendall2017uncertainties"),
        table_row=ROW,
        accepts=("DenseMask", "NoisyMask", "SparseMask", "PointGrid", "RecistMarks"),
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="Tells noise in the image from what the network never saw.",
    )
    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._supervised = Supervised(SupervisedSettings(dice=self.settings.dice))

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the plan's network with a variance for each logit."""
        outputs = 2 * (len(plan.labels) + 1)
        backbone = build_network(
            plan.network, plan.dims, plan.channels, outputs, dict(plan.network_settings)
        )
        return NoisyLogits(backbone, self.settings.draws)

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the supervised terms; in training the segmenter's answer has the noise in it."""
        return self._supervised.loss(players, batch)

"""What methods share that train a network and the CRF behind it together."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.recurrent import RecurrentCRF, RefinedNetwork
from ImperfectSegLogic.data.sample import Batch
from ImperfectSegLogic.losses.label_probabilities import label_log_probabilities
from ImperfectSegLogic.losses.partial_cross_entropy import partial_cross_entropy
from ImperfectSegLogic.methods.base import LossTerms, Term, TrainingMethod
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.methods.supervised import Settings as SupervisedSettings
from ImperfectSegLogic.methods.supervised import Supervised
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.players import Players

ROW = "CRF-based post segmentation"
SUPERVISION = ("DenseMask", "NoisyMask", "SparseMask", "PointGrid", "RecistMarks")


@dataclass(frozen=True)
class Settings:
    """Kernels, how long mean field goes on, and what the loss is made of.

    Attributes:
        smoothness: How much the kernel of positions counts before training.
        smoothness_width: Its standard deviation in mm.
        appearance: How much the kernel of positions and gray values counts before training.
        appearance_width: Its standard deviation of positions in mm.
        contrast: Its standard deviation of gray values, where 1 is that of the image, or of the
            data set for CT.
        iterations: Of mean field in training.
        iterations_after: Of mean field in prediction.
        own: Weight of the cross-entropy of what the network says before the CRF.
        dice: Weight of the Dice loss beside cross-entropy, of densely labeled samples.
    """

    smoothness: float = setting(1.0, "weight of the smoothness kernel at first", 0.0, 1000.0)
    smoothness_width: float = setting(3.0, "width of the smoothness kernel in mm", 1e-3, 1e4)
    appearance: float = setting(1.0, "weight of the appearance kernel at first", 0.0, 1000.0)
    appearance_width: float = setting(20.0, "width of the appearance kernel in mm", 1e-3, 1e4)
    contrast: float = setting(0.5, "its width in gray values; the image's sd is 1", 1e-3, 1e4)
    iterations: int = setting(5, "mean field iterations in training", 1, 100)
    iterations_after: int = setting(10, "mean field iterations in prediction", 1, 100)
    own: float = setting(1.0, "weight of the loss of the network without the CRF", 0.0, 100.0)
    dice: float = setting(1.0, "weight of the Dice loss of dense masks", 0.0, 100.0)


class LearnedCRF(TrainingMethod):
    """Puts a CRF behind the plan's network and trains both end to end.

    The loss is the supervised one after the CRF, and cross-entropy before it. In prediction the
    CRF works within each window that the network sees.
    """

    settings_type = Settings
    supervises = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Takes the settings; the defaults if there are none."""
        super().__init__(settings)
        self._supervised = Supervised(SupervisedSettings(dice=self.settings.dice))

    @abstractmethod
    def crf(self, plan: TrainingPlan) -> RecurrentCRF:
        """Makes the CRF as it is before training."""

    def network(self, plan: TrainingPlan) -> nn.Module:
        """Makes what gives the CRF its unary logits; the plan's network."""
        labels, settings = len(plan.labels) + 1, dict(plan.network_settings)
        return build_network(plan.network, plan.dims, plan.channels, labels, settings)

    def segmenter(self, plan: TrainingPlan) -> nn.Module:
        """Makes the network with the CRF behind it."""
        return RefinedNetwork(self.network(plan), self.crf(plan))

    def loss(self, players: Players, batch: Batch) -> LossTerms:
        """Gives the supervised terms after the CRF, and what `own_terms` says before it."""
        terms = self._supervised.loss(players, batch)
        if not isinstance(players.segmenter, RefinedNetwork):
            return terms  # Somebody looks what the loss is with another network.
        return (*terms, *self.own_terms(players.segmenter.before(batch.image), batch))

    def own_terms(self, answers: tuple[Tensor, ...], batch: Batch) -> LossTerms:
        """Gives the terms of the network before the CRF.

        Args:
            answers: Logits, shape (sample, label, *space); first those that the CRF was given.
            batch: With labels.
        """
        if not self.settings.own:
            return ()
        log = label_log_probabilities(answers[0], batch.looked_for)
        value = partial_cross_entropy(log, batch.target)
        return (Term("cross_entropy before the CRF", value, self.settings.own),)


def kernels_of(settings: Settings) -> tuple[Smoothness, Appearance]:
    """Gives the two kernels of zheng2015conditional, section 3."""
    return (
        Smoothness(settings.smoothness, settings.smoothness_width),
        Appearance(settings.appearance, settings.appearance_width, settings.contrast),
    )


def spacing_of(plan: TrainingPlan) -> tuple[float, ...]:
    """Gives the distance of neighboring voxels of samples in mm, one number per axis."""
    return plan.spacing[3 - plan.dims :]

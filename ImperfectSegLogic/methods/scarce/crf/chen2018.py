"""Chen and de Bruijne 2018, Posterior-CRF: a CRF that compares what the network says of voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.linalg import helmert
from torch import Tensor, nn

from ImperfectSegLogic.crf.filters import Filter
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness
from ImperfectSegLogic.crf.learned_kernels import learned_filter
from ImperfectSegLogic.crf.recurrent import RecurrentCRF
from ImperfectSegLogic.methods.card import MethodCard, Requires
from ImperfectSegLogic.methods.scarce.crf.learned import (
    ROW,
    SUPERVISION,
    LearnedCRF,
    kernels_of,
    spacing_of,
)
from ImperfectSegLogic.methods.scarce.crf.learned import Settings as LearnedSettings
from ImperfectSegLogic.methods.settings import setting
from ImperfectSegLogic.training.plan import TrainingPlan


class PosteriorCRF(RecurrentCRF):
    """A recurrent CRF whose appearance kernel compares probabilities, not gray values.

    The loss reaches the network through what is refined and through what is compared, and it
    reaches the kernels' widths.

    Attributes:
        log_widths: Logarithms of the smoothness and the appearance kernel's widths in mm and of
            the standard deviation of probabilities.
    """

    _flat: Tensor

    def __init__(
        self,
        labels: int,
        kernels: tuple[Smoothness, Appearance],
        spacing: Sequence[float],
        iterations: int,
        iterations_after: int,
    ) -> None:
        """Takes kernels as they are before training, one number a width; see `RecurrentCRF`."""
        super().__init__(labels, kernels, spacing, iterations, iterations_after)
        near, alike = kernels
        widths = torch.tensor([near.width, alike.width, alike.contrast], dtype=torch.float32)
        self.log_widths = nn.Parameter(widths.log())
        # Probabilities sum to 1: with one number fewer a voxel, distances are the same.
        flat = torch.as_tensor(helmert(labels), dtype=torch.float32)
        self.register_buffer("_flat", flat, persistent=False)

    def filters(self, logits: Tensor, image: Tensor) -> list[Filter]:
        """See `RecurrentCRF.filters`; the image is not looked at."""
        near, alike, contrast = self.log_widths.exp()
        posterior = torch.tensordot(self._flat, torch.softmax(logits, dim=0), dims=1)
        return [
            learned_filter(near, self.spacing, None, posterior),
            learned_filter(alike, self.spacing, posterior / contrast, posterior),
        ]


@dataclass(frozen=True)
class Settings(LearnedSettings):
    """As of zheng2015, but for what is compared.

    Attributes:
        contrast: The appearance kernel's standard deviation of probabilities before training.
        iterations_after: Of mean field in prediction.
    """

    contrast: float = setting(0.5, "its width in probabilities, at first", 1e-3, 1e4)
    iterations_after: int = setting(5, "mean field iterations in prediction", 1, 100)


class PosteriorCRFTraining(LearnedCRF):
    """Trains the plan's network with a CRF on its probabilities (chen2018endtoend; survey 4.6.3).

    Gray values are noisy, and structures of different labels share them; what the network has
    learned to say of a voxel is not. Weights, compatibility and widths of the CRF are all learned.

    Differs from the paper: the network is the plan's, in 2-D too; it has a loss of its own before
    the CRF (`own`).
    """

    card = MethodCard(
        name="chen2018",
        paper=("chen2018endtoend",),
        table_row=ROW,
        accepts=SUPERVISION,
        requires=Requires.NOTHING,
        dims=(2, 3),
        claims="A CRF on what the network has learned beats CRFs on gray values, by six to seven"
        " points of Dice for brain lesions.",
    )
    settings_type = Settings

    def crf(self, plan: TrainingPlan) -> RecurrentCRF:
        """Makes the CRF as it is before training."""
        known = self.settings
        labels, spacing = len(plan.labels) + 1, spacing_of(plan)
        kernels, after = kernels_of(known), known.iterations_after
        return PosteriorCRF(labels, kernels, spacing, known.iterations, after)

"""A network with a mask and a boundary branch, and a CRF of neighbors that joins what they say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ImperfectSegLogic.crf.local import mean_field_of_neighbors

FEATURES = 16
"""Channels that the backbone hands to both branches."""
FIRST = {"contrast": 1.0, "boundary": 2.0, "doubt": 0.0, "price": 1.0}
"""Weights of the CRF before training: both gray values and boundaries separate neighbors."""


class DecisionFusion(nn.Module):
    """Asks a backbone for masks and boundaries and joins them (cai2016pancreas).

    The CRF's unary energies are those of the mask branch, times a learned number. The price of
    different labels at two neighbors is softplus(bias - weights . features) per mm, all learned;
    the features are the difference of each gray value, the smaller of the two probabilities of a
    boundary, as voxels on both sides are of it, and how far the masks of the two differ (half of
    the sum over labels).
    """

    def __init__(
        self,
        backbone: nn.Module,
        channels: int,
        labels: int,
        spacing: Sequence[float],
        iterations: int,
    ) -> None:
        """Makes both branches.

        Args:
            backbone: From (sample, channel, *space) to `FEATURES` channels.
            channels: Gray values per voxel.
            labels: How many there are, background included.
            spacing: Of the voxels that it is shown in mm, one number per spatial axis.
            iterations: Of mean field.
        """
        super().__init__()
        self.backbone, self.spacing, self.iterations = backbone, tuple(spacing), iterations
        self.mask, self.boundary = (_branch(len(self.spacing), n) for n in (labels, 1))
        self.scale = nn.Parameter(torch.ones(1))
        first = [FIRST["contrast"]] * channels + [FIRST["boundary"], FIRST["doubt"]]
        self.weights = nn.Parameter(torch.tensor(first))
        self.bias = nn.Parameter(torch.tensor([FIRST["price"]]))
        self._said: tuple[Tensor, tuple[Tensor, Tensor]] | None = None

    def forward(self, image: Tensor) -> Tensor:
        """Gives logits after the CRF, shape (sample, label, *space)."""
        answers = self._answers(image)
        if self.training:
            self._said = (image, answers)
        mask, boundary = (one.float() for one in answers)
        # Many small changes add up: half precision would lose them.
        with torch.autocast(image.device.type, enabled=False):
            unary = -self.scale * torch.log_softmax(mask, dim=1)
            prices = self.prices(image.float(), mask, boundary)
            return mean_field_of_neighbors(unary, prices, self.iterations)

    def before(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Gives logits of masks, (sample, label, *space), and of boundaries, (sample, 1, *space).

        Those of the last image in training are remembered, so that they are computed once.
        """
        said, self._said = self._said, None
        return said[1] if said is not None and said[0] is image else self._answers(image)

    def prices(self, image: Tensor, mask: Tensor, boundary: Tensor) -> list[Tensor]:
        """Gives the price of different labels at neighbors, per axis, (sample, *space) less one."""
        sure, edges = torch.softmax(mask, dim=1), torch.sigmoid(boundary)
        prices = []
        for axis, distance in enumerate(self.spacing, start=2):
            some = image.shape[axis] - 1
            both = torch.minimum(edges.narrow(axis, 0, some), edges.narrow(axis, 1, some))
            doubt = torch.diff(sure, dim=axis).abs().sum(dim=1, keepdim=True) / 2
            features = torch.cat([torch.diff(image, dim=axis).abs(), both, doubt], dim=1)
            weighed = torch.tensordot(features.movedim(1, -1), self.weights, dims=1)
            prices.append(functional.softplus(self.bias - weighed) / distance)
        return prices

    def _answers(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.backbone(image)
        return self.mask(features), self.boundary(features)


def _branch(dims: int, channels: int) -> nn.Module:
    convolution = nn.Conv2d if dims == 2 else nn.Conv3d
    return nn.Sequential(
        convolution(FEATURES, FEATURES, kernel_size=3, padding=1),
        nn.LeakyReLU(0.01),
        convolution(FEATURES, channels, kernel_size=1),
    )

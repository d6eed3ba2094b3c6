"""A CRF as the last layer of a network: mean field inference whose weights are learned with it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ImperfectSegLogic.crf.filters import Filter, make_filter
from ImperfectSegLogic.crf.kernels import Kernel
from ImperfectSegLogic.crf.mean_field import mean_field_logits
from ImperfectSegLogic.crf.side_outputs import SideOutputs


class RecurrentCRF(nn.Module):
    """Mean field inference of a fully connected CRF as a recurrent layer (zheng2015conditional).

    One iteration filters the marginals with each kernel, weighs what comes out by kernel and label,
    mixes labels by the compatibility matrix, and takes it from the unary logits (section 4). The
    weights and the matrix are learned, the kernels' widths are not.

    Attributes:
        weights: How much each kernel counts for each label, shape (kernel, label).
        compatibility: What label of row and column side by side cost, shape (label, label).
    """

    def __init__(
        self,
        labels: int,
        kernels: Sequence[Kernel],
        spacing: Sequence[float],
        iterations: int,
        iterations_after: int | None = None,
    ) -> None:
        """Makes a CRF that weighs kernels as they say, and any two different labels alike (Potts).

        Args:
            labels: How many there are, background included.
            kernels: Their widths are kept, their weights are learned from there on.
            spacing: Of the voxels that it is shown in mm, one number per spatial axis.
            iterations: Of mean field in training.
            iterations_after: Of mean field in prediction; as many as in training by default.
        """
        super().__init__()
        self.kernels, self.spacing = tuple(kernels), tuple(spacing)
        self.iterations = iterations
        self.iterations_after = iterations_after or iterations
        first = torch.tensor([[float(kernel.weight)] for kernel in kernels])
        self.weights = nn.Parameter(first.repeat(1, labels))
        self.compatibility = nn.Parameter(1 - torch.eye(labels))

    def forward(self, logits: Tensor, image: Tensor) -> Tensor:
        """Gives refined logits; their softmax are the marginals after the last iteration.

        Args:
            logits: Unary ones, shape (sample, label, *space).
            image: What the kernels compare, shape (sample, channel, *space).
        """
        # Filters add many small numbers: half precision would lose them.
        with torch.autocast(logits.device.type, enabled=False):
            kind = self.weights.dtype
            pairs = zip(logits.to(kind), image.to(kind), strict=True)
            return torch.stack([self._refined(one, self.filters(one, seen)) for one, seen in pairs])

    def filters(self, logits: Tensor, image: Tensor) -> list[Filter]:
        """Makes the filter of each kernel for one sample, logits and image without sample axis."""
        return [make_filter(kernel, image, self.spacing) for kernel in self.kernels]

    def _refined(self, logits: Tensor, filters: Sequence[Filter]) -> Tensor:
        count = self.iterations if self.training else self.iterations_after
        return mean_field_logits(-logits, filters, tuple(self.weights), self.compatibility, count)


class RefinedNetwork(nn.Module):
    """A network with a CRF behind it; from (sample, channel, *space) to logits of the same grid."""

    def __init__(self, network: nn.Module, crf: RecurrentCRF) -> None:
        """Takes both; a `SideOutputs` hands its fused answer to the CRF."""
        super().__init__()
        self.network, self.crf = network, crf
        self._said: tuple[Tensor, tuple[Tensor, ...]] | None = None

    def forward(self, image: Tensor) -> Tensor:
        """Gives logits after the CRF, shape (sample, label, *space)."""
        answers = self._answers(image)
        if self.training:
            self._said = (image, answers)
        return self.crf(answers[0], image)

    def before(self, image: Tensor) -> tuple[Tensor, ...]:
        """Gives the network's own logits: what the CRF was given, then those of side outputs.

        Those of the last image in training are remembered, so that they are computed once.
        """
        said, self._said = self._said, None
        return said[1] if said is not None and said[0] is image else self._answers(image)

    def _answers(self, image: Tensor) -> tuple[Tensor, ...]:
        if isinstance(self.network, SideOutputs):
            return self.network.answers(image)
        return (self.network(image),)

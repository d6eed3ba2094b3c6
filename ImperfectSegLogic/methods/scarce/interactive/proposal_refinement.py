"""Two networks in one: a proposal from the image alone, and its refinement."""

from __future__ import annotations

from torch import Tensor, nn


class ProposalAndRefinement(nn.Module):
    """Proposes where it is shown the image alone, refines where it is shown more."""

    def __init__(self, proposal: nn.Module, refinement: nn.Module, channels: int) -> None:
        """Takes both networks and the number of the image's channels."""
        super().__init__()
        self.proposal, self.refinement, self.channels = proposal, refinement, channels

    def forward(self, x: Tensor) -> Tensor:
        """Gives logits, background first.

        Args:
            x: The image, shape (sample, channel, *space); or the image, a mask, and maps of
                corrections inside and outside, as three more channels.

        Returns:
            Shape (sample, label, *space) of the proposal for all labels; or (sample, 2, *space) of
            the refinement of one object.
        """
        alone = x.shape[1] == self.channels
        return self.proposal(x) if alone else self.refinement(x)

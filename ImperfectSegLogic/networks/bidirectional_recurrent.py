"""A U-Net whose features remember: it reads a sequence of patches from both ends (Sun 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

DIVISOR = 4
"""Patches are halved twice."""


class GatedMemory(nn.Module):
    """Carries what it has seen from patch to patch (sun2018interactive, gated memory propagation).

    A gate says which features of the memory are of use for the patch at hand; the next memory is
    made of patch and gated memory. The hyperbolic tangent instead of the paper's ReLU keeps the
    memory bounded however long a sequence is.
    """

    def __init__(self, features: int) -> None:
        """Args: `features` are the channels of patches and of memory."""
        super().__init__()
        self.seen = nn.Conv2d(features, 2 * features, kernel_size=3, padding=1)
        self.gate = nn.Conv2d(features, features, kernel_size=1, bias=False)
        self.recall = nn.Conv2d(features, features, kernel_size=3, padding=1, bias=False)

    def forward(self, patches: Tensor) -> Tensor:
        """Gives the memory after each patch.

        Args:
            patches: Shape (patch, sequence, feature, row, column), in the order of reading.
        """
        # What depends on the patches alone is worked out for all of them at once.
        seen = _parted(self.seen(patches.flatten(0, 1)), patches.shape[0])
        memory = torch.zeros_like(patches[0])
        after = []
        for one in seen:
            for_gate, for_memory = one.chunk(2, dim=1)
            gate = torch.sigmoid(for_gate + self.gate(memory))
            memory = torch.tanh(for_memory + self.recall(gate * memory))
            after.append(memory)
        return _parted(torch.cat(after), patches.shape[0])


class BothWays(nn.Module):
    """Joins the memories of a sequence that is read from inside to outside and back."""

    def __init__(self, features: int) -> None:
        """Args: `features` are the channels that come in and go out."""
        super().__init__()
        self.outward, self.inward = GatedMemory(features), GatedMemory(features)
        self.join = nn.Conv2d(2 * features, features, kernel_size=1)

    def forward(self, patches: Tensor) -> Tensor:
        """Gives features of the shape it is given, (patch, sequence, feature, row, column)."""
        inward = self.inward(patches.flip(0)).flip(0)
        both = torch.cat([self.outward(patches), inward], dim=2)
        return _parted(functional.relu(self.join(both.flatten(0, 1))), patches.shape[0])


class SequenceNorm(nn.Module):
    """Normalizes each feature over all patches and pixels of a sequence."""

    def __init__(self, features: int) -> None:
        """Args: `features` are the channels."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features, 1, 1))
        self.bias = nn.Parameter(torch.zeros(features, 1, 1))

    def forward(self, flat: Tensor, length: int) -> Tensor:
        """Gives features of the shape it is given, (patch * sequence, feature, row, column)."""
        patches = _parted(flat, length)
        variance, mean = torch.var_mean(patches, dim=(0, 3, 4), keepdim=True, correction=0)
        scale = self.weight * torch.rsqrt(variance + 1e-5)
        return ((patches - mean) * scale + self.bias).flatten(0, 1)


class Twice(nn.Module):
    """Two convolutions of each patch by itself."""

    def __init__(self, channels: int, features: int) -> None:
        """Args: `channels` come in, `features` go out."""
        super().__init__()
        self.first = nn.Conv2d(channels, features, kernel_size=3, padding=1)
        self.second = nn.Conv2d(features, features, kernel_size=3, padding=1)
        self.norm = SequenceNorm(features)

    def forward(self, flat: Tensor, length: int) -> Tensor:
        """Gives features, shape (patch * sequence, feature, row, column)."""
        return functional.relu(self.norm(self.second(functional.relu(self.first(flat))), length))


class BidirectionalUNet(nn.Module):
    """Tells for each pixel of each patch of a sequence whether it is inside (Sun 2018).

    Two levels down and up with skip connections, each patch by itself; on each of the three levels
    on the way up, the memories of both directions. Unlike the paper's it normalizes features, over
    a sequence as a whole: it learns faster so, and in a patch normalized by itself, all inside
    would look as all outside does.
    """

    def __init__(self, channels: int, features: Sequence[int] = (8, 16, 32)) -> None:
        """Makes random weights.

        Args:
            channels: Values per pixel.
            features: Of the three levels, from the finest; the paper has 32, 64 and 128.
        """
        super().__init__()
        fine, middle, coarse = features
        self.down1, self.down2 = Twice(channels, fine), Twice(fine, middle)
        self.down3 = Twice(middle, coarse)
        self.memory3, self.memory2 = BothWays(coarse), BothWays(middle)
        self.memory1 = BothWays(fine)
        self.up2 = nn.ConvTranspose2d(coarse, middle, kernel_size=2, stride=2)
        self.up1 = nn.ConvTranspose2d(middle, fine, kernel_size=2, stride=2)
        self.join2, self.join1 = Twice(2 * middle, middle), Twice(2 * fine, fine)
        self.answer = nn.Conv2d(fine, 2, kernel_size=1)
        # Convolutions of few features are faster on the CPU with the features of a pixel together.
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, patches: Tensor) -> Tensor:
        """Gives logits of being outside and of being inside.

        Args:
            patches: Shape (sequence, channel, patch, row, column), patches from inside to outside,
                as many as there are; rows and columns are multiples of 4.

        Returns:
            Shape (sequence, 2, patch, row, column).
        """
        length = patches.shape[2]

        def remembered(memory: nn.Module, features: Tensor) -> Tensor:
            together: Tensor = memory(_parted(features, length))
            return together.flatten(0, 1)

        flat = patches.movedim(2, 0).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        one = self.down1(flat, length)
        two = self.down2(functional.max_pool2d(one, 2), length)
        three = remembered(self.memory3, self.down3(functional.max_pool2d(two, 2), length))
        up = self.join2(torch.cat([two, self.up2(three)], dim=1), length)
        up = remembered(self.memory2, up)
        up = self.join1(torch.cat([one, self.up1(up)], dim=1), length)
        up = remembered(self.memory1, up)
        return _parted(self.answer(up), length).movedim(0, 2)


def _parted(flat: Tensor, length: int) -> Tensor:
    """Gives (patch * sequence, ...) as (patch, sequence, ...)."""
    return flat.reshape(length, -1, *flat.shape[1:])

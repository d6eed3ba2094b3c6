"""Filters: what every voxel hears from all others, by a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ImperfectSegLogic.crf.bilateral_grid import BilateralGridSums, grid_cells
from ImperfectSegLogic.crf.kernels import Appearance, Kernel, per_axis
from ImperfectSegLogic.crf.permutohedral import PermutohedralSums
from ImperfectSegLogic.crf.separable import SeparableSums

KernelSums = Callable[[Tensor], Tensor]
"""Gives sum_j k(i, j) v_j for values of shape (label, *space); linear and self-adjoint."""
SumsInParts = Callable[[Tensor, Callable[[slice, Tensor], None]], None]
"""Hands out the sums as ranges of voxels with values of shape (voxel, label)."""

_CELLS = 2
"""Most cells that a grid may have per voxel before the lattice takes less time and memory."""
_FEW = 1 << 18
"""Number of cells that is small for any image."""


class Filter:
    """A kernel made ready for one image: D^-1/2 K D^-1/2, where D holds the sums of K's rows.

    Linear, self-adjoint, differentiable in the values. The normalization is that of the authors'
    code of Krähenbühl and Koltun (2011), "symmetric".

    Attributes:
        shape: Voxels per axis.
        kernel_sums: The kernel without the normalization.
    """

    def __init__(
        self,
        shape: Sequence[int],
        kernel_sums: KernelSums,
        like: Tensor,
        in_parts: SumsInParts | None = None,
    ) -> None:
        """Measures the kernel.

        Args:
            shape: Voxels per axis.
            kernel_sums: The kernel.
            like: Says type and device.
            in_parts: The same, where its answer can be had part by part, which takes less memory.
        """
        self.shape = tuple(shape)
        self.kernel_sums = kernel_sums
        self._in_parts = in_parts
        sums = kernel_sums(like.new_ones((1, *self.shape)))[0]
        tiny = torch.finfo(sums.dtype).tiny
        keeps = sums.requires_grad  # Only what no gradient needs may be overwritten.
        self._scale = (sums.clamp_min(tiny) if keeps else sums.clamp_min_(tiny)).rsqrt()

    @property
    def of_ones(self) -> Tensor:
        """What it makes of ones, shape (*shape)."""
        return self.kernel_sums(self._scale[None])[0] * self._scale

    def __call__(self, values: Tensor) -> Tensor:
        """Filters values, shape (label, *shape), each label by itself; gives the same shape."""
        assert values.shape[1:] == self.shape, (values.shape, self.shape)
        sums = self.kernel_sums(values * self._scale)
        return sums * self._scale if sums.requires_grad else sums.mul_(self._scale)

    def hear(self, marginals: Tensor, weight: float, heard: Tensor) -> None:
        """Adds weight * (F q_l + sum_m F q_m) of each label l to what it heard, in place.

        Args:
            marginals: q of all labels but one, shape (label, *shape).
            weight: What the filter's answer F q is multiplied with.
            heard: Same shape; changed.
        """
        scale = self._scale.reshape(-1)
        flat = heard.view(len(heard), -1)

        def use(voxels: slice, sums: Tensor) -> None:
            sums += sums.sum(dim=1, keepdim=True)
            flat[:, voxels] += sums.mul_(scale[voxels, None]).T.mul_(weight)

        if self._in_parts is not None:
            self._in_parts(marginals * self._scale, use)
            return
        total = torch.zeros_like(heard[0])
        for number in range(len(marginals)):
            filtered = self(marginals[number : number + 1])[0]
            heard[number].add_(filtered, alpha=weight)
            total.add_(filtered, alpha=weight)
        heard.add_(total)


class _SelfAdjoint(torch.autograd.Function):
    """Gradients of a self-adjoint filter are the filtered gradients: nothing has to be kept."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, sums: KernelSums) -> Tensor:
        ctx.sums = sums
        return sums(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        filtered: Tensor = _SelfAdjoint.apply(gradients[0], ctx.sums)  # type: ignore[no-untyped-call]
        return filtered, None


def differentiable(sums: KernelSums) -> KernelSums:
    """Gives the same sums with gradients in the values, of any order."""

    def apply(values: Tensor) -> Tensor:
        if torch.is_grad_enabled() and values.requires_grad:
            return _SelfAdjoint.apply(values, sums)  # type: ignore[no-untyped-call]
        return sums(values)

    return apply


def make_filter(kernel: Kernel, image: Tensor, spacing: Sequence[float]) -> Filter:
    """Makes a kernel ready for an image, by whatever is fastest and exact enough.

    `Smoothness` is a product over axes and all but exact. `Appearance` with one channel takes a
    bilateral grid, with several channels, or where the grid would be too large, a permutohedral
    lattice.

    Args:
        kernel: Which voxels hear each other.
        image: Gray values, shape (channel, *space); `Smoothness` only reads its shape, type and
            device. Its gradient is not followed.
        spacing: Distance of neighboring voxels in mm, one per axis of space.

    Raises:
        ValueError: If widths are neither one nor one per axis, or contrasts neither one nor one
            per channel.
    """
    image = image.detach()
    shape = tuple(image.shape[1:])
    widths = per_axis(kernel.width, len(shape), "kernel, width")
    steps = tuple(s / w for s, w in zip(spacing, widths, strict=True))
    sums: KernelSums
    if not isinstance(kernel, Appearance):
        sums = SeparableSums(shape, steps, image)
    else:
        contrasts = per_axis(kernel.contrast, len(image), "appearance, contrast")
        if len(image) == 1 and _grid_fits(image[0], steps, contrasts[0]):
            sums = BilateralGridSums(image[0], steps, contrasts[0])
            return Filter(shape, differentiable(sums), image, sums.each)
        else:
            sums = PermutohedralSums(features(image, steps, contrasts))
    return Filter(shape, differentiable(sums), image)


def features(image: Tensor, steps: Sequence[float], contrasts: Sequence[float]) -> Tensor:
    """Gives positions and gray values in standard deviations, shape (voxel, axis + channel)."""
    axes = [
        torch.arange(n, dtype=image.dtype, device=image.device) * step
        for n, step in zip(image.shape[1:], steps, strict=True)
    ]
    parts = list(torch.meshgrid(*axes, indexing="ij"))
    parts += [channel / c for channel, c in zip(image, contrasts, strict=True)]
    return torch.stack([part.reshape(-1) for part in parts], dim=1)


def _grid_fits(image: Tensor, steps: Sequence[float], contrast: float) -> bool:
    fits = grid_cells(image, steps, contrast) <= max(_CELLS * image.numel(), _FEW)
    return image.ndim <= 3 and fits

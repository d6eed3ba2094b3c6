"""Kernels whose widths and features are learned: filters that are differentiable in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ImperfectSegLogic.crf.filters import Filter, make_filter
from ImperfectSegLogic.crf.kernels import Appearance, Smoothness

Sums = Callable[[Tensor], Tensor]


def learned_filter(
    width: Tensor, spacing: Sequence[float], compared: Tensor | None, like: Tensor
) -> Filter:
    """Makes a filter that is differentiable in the kernel's width and in what it compares.

    The kernel is exp(-|p_i - p_j|^2 / (2 width^2) - |c_i - c_j|^2 / 2).

    Args:
        width: Of positions in mm, one number above 0.
        spacing: Distance of neighboring voxels in mm, one per axis of space.
        compared: What near voxels are compared by, in units of its own standard deviation, shape
            (channel, *space); None to compare positions alone.
        like: Anything of shape (channel, *space), for size, type and device.
    """
    shape = like.shape[1:]
    given = [like.new_tensor(range(n)) * step for n, step in zip(shape, spacing, strict=True)]
    features = torch.stack(torch.meshgrid(*given, indexing="ij")) / width
    scaled = [step / float(width.detach()) for step in spacing]
    if compared is None:
        made = make_filter(Smoothness(1.0, 1.0), like.detach(), scaled)
    else:
        features = torch.cat([features, compared])
        made = make_filter(Appearance(1.0, 1.0, 1.0), compared.detach(), scaled)

    def sums(values: Tensor) -> Tensor:
        summed: Tensor = _KernelSums.apply(values, features, made.kernel_sums)  # type: ignore[no-untyped-call]
        return summed

    return Filter(shape, sums, like.new_ones(()))


class _KernelSums(torch.autograd.Function):
    """Kernel sums of values, with the gradient in the features found by more of the same sums.

    For a Gaussian kernel, the derivative of sum_ij g_i K_ij v_j in feature f_i is
    sum_j K_ij (g_i v_j + v_i g_j) (f_j - f_i): sums of v, g, v f and g f.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, features: Tensor, kernel_sums: Sums) -> Tensor:
        """Sums values, shape (label, *space), by a kernel of features, shape (feature, *space)."""
        ctx.save_for_backward(values, features)
        ctx.kernel_sums = kernel_sums
        return kernel_sums(values)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """Gives the gradients in values and, if asked for, in features."""
        values, features = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return ctx.kernel_sums(gradient), None, None
        both = torch.stack([values, gradient])
        moved = both[:, :, None] * features
        summed = ctx.kernel_sums(torch.cat([both.flatten(0, 1), moved.flatten(0, 2)]))
        sums = summed[: 2 * len(values)].view_as(both)
        pulls = summed[2 * len(values) :].view_as(moved) - sums[:, :, None] * features
        in_features = (both.flip(0)[:, :, None] * pulls).sum(dim=(0, 1))
        return sums[1], in_features, None

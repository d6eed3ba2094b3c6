"""Gaussian kernels on positions: one matrix per axis, banded where the kernel is narrow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_REACH = 4.5
"""Standard deviations after which a kernel is 0; it is below 5e-5 there."""
_BLOCK = 24
"""Fewest rows of a band that are worth a matrix product of their own."""


class SeparableSums:
    """Gives sum_j exp(-|p_i - p_j|^2 / 2) v_j on a grid, in time linear in the voxels.

    The kernel is a product over axes, so that one axis after the other is multiplied with its
    matrix. Nothing is approximated but values below 5e-5, which are left out.
    """

    def __init__(self, shape: Sequence[int], steps: Sequence[float], like: Tensor) -> None:
        """Makes the matrices.

        Args:
            shape: Voxels per axis.
            steps: Distance of neighboring voxels in standard deviations, per axis.
            like: Says type and device.
        """
        self._axes = [
            (axis, _gaussian(n, step, like), int(_REACH / step) + 1)
            for axis, (n, step) in enumerate(zip(shape, steps, strict=True), start=1)
            if n > 1
        ]

    def __call__(self, values: Tensor) -> Tensor:
        """Filters values of shape (label, *space)."""
        for axis, matrix, reach in self._axes:
            values = multiplied(matrix, values, axis, reach)
        return values


def _gaussian(count: int, step: float, like: Tensor) -> Tensor:
    places = torch.arange(count, dtype=torch.float64) * step
    matrix = torch.exp(-0.5 * (places[:, None] - places[None]).square())
    return matrix.to(dtype=like.dtype, device=like.device)


def multiplied(matrix: Tensor, values: Tensor, axis: int, reach: int) -> Tensor:
    """Multiplies an axis with a symmetric matrix, all but 0 farther than `reach` from its diagonal.

    Args:
        matrix: Shape (n, n).
        values: Of any shape, n along the axis.
        axis: Which one.
        reach: What is farther from the diagonal is left out.
    """
    count, shape = len(matrix), values.shape
    is_last = axis == values.ndim - 1
    flat = values.reshape(-1, count) if is_last else values.reshape(*_three(shape, axis))
    block = max(_BLOCK, reach)
    if 2 * reach + block >= count:
        product = flat @ matrix if is_last else torch.matmul(matrix, flat)
        return product.reshape(shape)
    product = torch.empty_like(flat)
    for start in range(0, count, block):
        stop = min(start + block, count)
        low, high = max(start - reach, 0), min(stop + reach, count)
        band = matrix[start:stop, low:high]
        if is_last:
            product[:, start:stop] = flat[:, low:high] @ band.T
        else:
            product[:, start:stop] = torch.matmul(band, flat[:, low:high])
    return product.reshape(shape)


def _three(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    before, after = 1, 1
    for n in shape[:axis]:
        before *= n
    for n in shape[axis + 1 :]:
        after *= n
    return before, shape[axis], after

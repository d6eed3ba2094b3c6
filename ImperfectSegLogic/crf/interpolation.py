"""Values at places between the nodes of a grid: read from the nodes, or spread over them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor


class Interpolation:
    """A sparse matrix with as many numbers in each row: the nodes around a place, and their parts.

    On a CPU by SciPy, whose products are several times as fast there as torch's and need no second
    copy of the matrix for the transpose; elsewhere by gathering and adding.
    """

    def __init__(self, nodes: Tensor, parts: Tensor, count: int) -> None:
        """Makes the matrix.

        Args:
            nodes: Nodes around each place, int32, shape (place, corner).
            parts: What each of them contributes, same shape.
            count: How many nodes there are.
        """
        self._nodes, self._parts, self._count = nodes, parts, count
        self._matrix = None
        if nodes.device.type == "cpu":
            places, corners = nodes.shape
            starts = _starts(places.bit_length(), corners)[: places + 1]
            filled = (parts.reshape(-1).numpy(), nodes.reshape(-1).numpy(), starts)
            self._matrix = sparse.csr_matrix(filled, (places, count), copy=False)

    def read(self, grid: Tensor) -> Tensor:
        """Gives values of places, shape (place, label), from those of nodes, (node, label)."""
        if self._matrix is not None:
            return torch.from_numpy(self._matrix @ grid.numpy())
        found = grid.new_zeros(len(self._nodes), grid.shape[1])
        for nodes, parts in zip(self._nodes.T, self._parts.T, strict=True):
            found += grid[nodes] * parts[:, None]
        return found

    def spread(self, values: Tensor) -> Tensor:
        """Gives values of nodes, shape (node, label), by the transpose of `read`."""
        if self._matrix is not None:
            return torch.from_numpy(self._matrix.T @ values.numpy())
        grid = values.new_zeros(self._count, values.shape[1])
        for nodes, parts in zip(self._nodes.T, self._parts.T, strict=True):
            grid.index_add_(0, nodes, values * parts[:, None])
        return grid


@functools.lru_cache(maxsize=16)
def _starts(bits: int, corners: int) -> NDArray[Any]:
    """Gives where rows start, for fewer than 2 ** bits rows; all matrices share them."""
    return np.arange(0, (1 << bits) * corners + 1, corners, dtype=np.int32)

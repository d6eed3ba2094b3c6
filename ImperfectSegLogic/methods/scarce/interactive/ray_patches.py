"""Patches along rays from a point outwards, and one mask of what is said about all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

FEWEST = 2
"""Patches of a ray; with one there would be nothing to compare."""


@dataclass(frozen=True)
class RayGrid:
    """Where patches lie around a center; all lengths in pixels of the prepared image.

    Attributes:
        rays: In a full turn.
        patches: On each ray; the first one's middle is one step from the center (Sun 2018).
        step: From the middle of one patch to that of the next.
        size: Rows and columns of a patch. Columns run outwards along the ray, rows across it.
    """

    rays: int
    patches: int
    step: int
    size: int

    @classmethod
    def of(cls, window: Sequence[int], rays: int, size: int, reach: int) -> RayGrid:
        """Gives the grid for a network.

        Args:
            window: Rows and columns of the windows that it is trained on; rays end where the
                window would end for a click in its middle.
            rays: The least number; there are more where patches would leave gaps at the ends.
            size: Of a patch, a multiple of 4.
            reach: How far from the center a ray goes at most.
        """
        reach = min(reach, math.ceil(max(window) / 2))
        step = size // 4
        patches = max(math.ceil((reach - size / 2) / step), FEWEST)
        far = patches * step + size / 2
        return cls(max(rays, math.ceil(2 * math.pi * far / size)), patches, step, size)

    @property
    def reach(self) -> float:
        """How far from the center patches cover every pixel."""
        return self.patches * self.step + self.size / 2

    @property
    def canvas(self) -> int:
        """Rows and columns of the square that holds all patches, the center in its middle."""
        return 2 * math.ceil(math.hypot(self.reach, self.size / 2)) + 3

    def turns(self, start: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Gives the angles of rays in radians, shape (sample, ray).

        Args:
            start: Angle of the first ray of each sample, shape (sample,).
            chosen: Which rays, shape (sample, ray); all by default.
        """
        each = torch.arange(self.rays, dtype=torch.float32) if chosen is None else chosen.float()
        return start[:, None] + each * (2 * math.pi / self.rays)

    def offsets(self, angles: Tensor) -> Tensor:
        """Gives where the pixels of all patches are, seen from the center.

        Args:
            angles: Of the rays, any shape (...).

        Returns:
            Row and column, shape (..., patch, size, size, 2).
        """
        inside = torch.arange(self.size, dtype=torch.float32, device=angles.device)
        inside = inside - (self.size - 1) / 2
        middles = self.step * torch.arange(1, self.patches + 1, device=angles.device)
        outwards = middles[:, None, None] + inside[None, None, :]
        across = inside[None, :, None]
        cosine, sine = (f(angles)[..., None, None, None] for f in (torch.cos, torch.sin))
        rows = sine * outwards + cosine * across
        columns = cosine * outwards - sine * across
        return torch.stack([rows, columns], dim=-1)


def sampled(images: Tensor, positions: Tensor, nearest: bool = False) -> Tensor:
    """Gives gray values or labels at positions; 0 outside the image.

    Args:
        images: Shape (sample, channel, row, column).
        positions: Row and column, shape (sample, ray, patch, size, size, 2).
        nearest: Whether to take the nearest pixel's value instead of interpolating.

    Returns:
        Shape (sample * ray, channel, patch, size, size), as the network takes them.
    """
    count, rays, patches, size = positions.shape[:4]
    found = _looked_up(images, positions.flatten(1, 3), "nearest" if nearest else "bilinear")
    parts = found.reshape(count, images.shape[1], rays, patches, size, size).transpose(1, 2)
    return parts.flatten(0, 1)


def put_together(inside: Tensor, offsets: Tensor, grid: RayGrid) -> Tensor:
    """Gives the mean of what overlapping patches say about each pixel (Sun 2018, fusion).

    The paper adds binary masks of patches that are parallel to the image. Here patches turn with
    their ray and say probabilities, which are shared out among the four pixels around a position.

    Args:
        inside: Probabilities, shape (sample, ray, patch, size, size).
        offsets: Of `RayGrid.offsets`, with rays first or samples before them.
        grid: That the patches are on.

    Returns:
        Shape (sample, canvas, canvas); 0 where no patch is.
    """
    middle = grid.canvas // 2
    place = (offsets + middle).expand(*inside.shape, 2).flatten(1, 4)
    corner = place.floor()
    share = place - corner
    values = inside.flatten(1)
    total = values.new_zeros(len(values), grid.canvas**2)
    weight = values.new_zeros(len(values), grid.canvas**2)
    for down in (0, 1):
        for right in (0, 1):
            rows, columns = corner[..., 0].long() + down, corner[..., 1].long() + right
            part = (share[..., 0] if down else 1 - share[..., 0]) * (
                share[..., 1] if right else 1 - share[..., 1]
            )
            index = rows * grid.canvas + columns
            total = total.scatter_add(1, index, part * values)
            weight = weight.scatter_add(1, index, part)
    mean = total / weight.clamp_min(1e-6)
    return mean.reshape(len(values), grid.canvas, grid.canvas)


def spread_out(canvas: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Gives what a canvas says on a grid of pixels; 0 outside the canvas.

    Args:
        canvas: One of `put_together`, shape (canvas, canvas).
        rows: Of the pixels, seen from the center, in the canvas's pixels; shape (R,).
        columns: Likewise, shape (C,).

    Returns:
        Shape (R, C).
    """
    middle = canvas.shape[-1] // 2
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1) + middle
    return _looked_up(canvas[None, None], places[None].to(canvas), "bilinear")[0, 0]


def _looked_up(images: Tensor, positions: Tensor, mode: str) -> Tensor:
    """Gives values (sample, channel, A, B) at rows and columns (sample, A, B, 2)."""
    size = torch.tensor(images.shape[-2:], dtype=torch.float32, device=images.device)
    places = (2 * positions + 1) / size - 1
    return functional.grid_sample(
        images, places.flip(-1).to(images.dtype), mode, padding_mode="zeros", align_corners=False
    )

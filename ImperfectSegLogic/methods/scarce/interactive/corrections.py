"""A user's corrections of a proposed segmentation, as a refinement network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.methods.scarce.interactive.click_simulation import click_on_error
from ImperfectSegLogic.methods.scarce.interactive.geodesic_maps import geodesic_maps

if TYPE_CHECKING:  # 3D Slicer has no torch of its own.
    from torch import Tensor

Places = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For each sample, voxels of corrections inside and outside."""


def refinement_input(image: Tensor, mask: Tensor, places: Places) -> Tensor:
    """Gives what the refinement network sees, shape (sample, channel + 3, *space).

    Args:
        image: Shape (sample, channel, *space).
        mask: What was proposed, bool, shape (sample, *space).
        places: Corrections inside and outside.
    """
    import torch

    maps = torch.from_numpy(geodesic_maps(image.cpu().numpy(), places)).to(image.device)
    return torch.cat([image, mask[:, None].to(image.dtype), maps.to(image.dtype)], dim=1)


def with_clicks(places: Places, found: Tensor, target: Tensor, rng: np.random.Generator) -> Places:
    """Adds a click on an error to each sample's corrections, where something is wrong."""
    made: Places = []
    both = zip(places, found.cpu().numpy(), target.cpu().numpy(), strict=True)
    for (inside, outside), mask, truth in both:
        click = click_on_error(mask, truth, rng)
        if click is not None:
            place = np.array([click.place], dtype=np.int64)
            inside = np.concatenate([inside, place]) if click.positive else inside
            outside = outside if click.positive else np.concatenate([outside, place])
        made.append((inside, outside))
    return made

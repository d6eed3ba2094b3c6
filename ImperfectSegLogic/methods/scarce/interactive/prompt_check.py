"""Whether prompts can be worked on, with messages that say what to do if not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ImperfectSegLogic.data import Box, Geometry, Prompt
from ImperfectSegLogic.methods.scarce.interactive.rasterize import box_holds_any, given_positions


def check_prompts(prompts: Sequence[Prompt], geometry: Geometry, accepts: tuple[str, ...]) -> None:
    """Checks that there are prompts, all of kinds that are accepted, and in the image.

    Raises:
        ValueError: If not; the message says which prompt, and what to do.
    """
    if not prompts:
        raise ValueError("prompts: got none, allowed are one or more. Click on the structure.")
    for number, prompt in enumerate(prompts, start=1):
        kind = type(prompt).__name__
        if kind not in accepts:
            raise ValueError(
                f"prompt {number}: got a {kind}, allowed are {', '.join(accepts)}. Use one of these"
                " or another method."
            )
        given = given_positions(prompt)
        outside = ~geometry.contains(geometry.to_index(given))
        if outside.any():
            raise ValueError(
                f"prompt {number} ({kind}): got {place(given[outside][0])}, which is outside the"
                f" image; {_extent(geometry)}. Place it inside, or choose the image it belongs to."
            )
        if isinstance(prompt, Box) and not box_holds_any(prompt, geometry):
            raise ValueError(
                f"prompt {number} (Box): got a box around {place(prompt.center)} of size"
                f" {[round(float(v), 2) for v in prompt.size]} mm that holds no voxel center;"
                f" {_extent(geometry)}. Move it into the image or make it larger."
            )


def place(ras: NDArray[np.float64]) -> str:
    """Names a position, for messages."""
    r, a, s = (float(v) for v in ras)
    return f"RAS ({r:.1f}, {a:.1f}, {s:.1f}) mm"


def _extent(geometry: Geometry) -> str:
    edges = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in geometry.shape])).reshape(3, -1).T
    corners = geometry.to_ras(edges)
    return f"it reaches from {place(corners.min(axis=0))} to {place(corners.max(axis=0))}"

"""Which methods there are."""

from __future__ import annotations

from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.methods.scarce.interactive.geodesic_walker import GeodesicWalker

INTERACTIVE_SEGMENTERS: tuple[type[InteractiveSegmenter], ...] = (GeodesicWalker,)
"""All interactive segmenters, the one to use by default first."""


def interactive_segmenter(name: str) -> InteractiveSegmenter:
    """Makes an interactive segmenter.

    Args:
        name: As on its card.

    Raises:
        ValueError: If there is none of that name.
    """
    for kind in INTERACTIVE_SEGMENTERS:
        if kind.card.name == name:
            return kind()
    allowed = ", ".join(kind.card.name for kind in INTERACTIVE_SEGMENTERS)
    raise ValueError(f"interactive segmenter: got {name!r}, allowed are {allowed}.")

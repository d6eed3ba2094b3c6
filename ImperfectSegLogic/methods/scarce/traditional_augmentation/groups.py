"""Transforms by the image property that they change, with strengths for few training cases."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Choice = tuple[str, Mapping[str, float | str]]
"""The name of a transform, and those of its settings that are not the defaults."""

_LAYOUT: tuple[Choice, ...] = (
    # Rotation and scaling; the deformations have their own lines.
    ("stacked-zhang2019", {"part": "layout", "deformation": 0.0}),
    ("elastic-ronneberger2015", {}),
    ("elastic-milletari2016", {}),
    ("elastic-cicek2016", {}),
)
_APPEARANCE: tuple[Choice, ...] = (
    ("brightness-dong2017", {}),
    ("contrast-fu2017", {}),
    ("histogram-matching-alex2017", {}),
    # A second, stronger brightness where images are gray.
    ("hsv-gamma-liskowski2016", {"probability": 0.1}),
)
_QUALITY: tuple[Choice, ...] = (
    ("blur-sirinukunwattana2017", {}),
    # Sharpness alone.
    ("stacked-zhang2019", {"part": "quality", "probability": 0.2, "blur": 0.0, "noise": 0.0}),
    ("noise-christ2016", {}),
)

GROUPS: Mapping[str, tuple[Choice, ...]] = MappingProxyType(
    {
        "quality": _QUALITY,
        "appearance": _APPEARANCE,
        "layout": _LAYOUT,
        # Noise last, so that no interpolation smooths it.
        "all": _LAYOUT + _APPEARANCE + _QUALITY,
    }
)
"""By the name of the image property, as the survey's section 4.1.1 has them, and all of them."""


def augmentation_group(name: str) -> tuple[Choice, ...]:
    """Gives the transforms of a group, in the order in which they are to be applied.

    Raises:
        ValueError: If there is no such group.
    """
    if name not in GROUPS:
        raise ValueError(f"augmentation: got {name!r}, allowed are {', '.join(GROUPS)}.")
    return GROUPS[name]

"""What sizes of patches a network can work on, and what suits a size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ImperfectSegLogic.networks.settings import network_settings, strides_of

BOTTOM = 4
"""A patch should have this many voxels per axis where the network is coarsest."""


def divisors(name: str, dims: int, settings: Mapping[str, Any] | None = None) -> tuple[int, ...]:
    """Gives by what each axis of a patch must be divisible.

    Raises:
        ValueError: If there is no such network, or a setting is not allowed.
    """
    strides = strides_of(name, dims, network_settings(name, dims, settings))
    return tuple(math.prod(one[axis] for one in strides) for axis in range(dims))


def divisor(name: str, dims: int, settings: Mapping[str, Any] | None = None) -> int:
    """Gives by what a patch must be divisible along every axis.

    Raises:
        ValueError: If there is no such network, or a setting is not allowed.
    """
    return max(divisors(name, dims, settings))


def check_patch(
    name: str, dims: int, settings: Mapping[str, Any] | None, patch: Sequence[int]
) -> None:
    """Checks that a network can work on patches of a size.

    Raises:
        ValueError: If it cannot, or there is no such network or setting.
    """
    by = divisors(name, dims, settings)
    told = " x ".join(map(str, patch))
    if len(patch) != dims or any(n < 1 or n % d for n, d in zip(patch, by, strict=True)):
        raise ValueError(
            f"patch: got {told}, allowed are multiples of {' x '.join(map(str, by))} for {name}."
            " Choose others, or fewer levels of the network."
        )
    if all(n == d for n, d in zip(patch, by, strict=True)):
        raise ValueError(
            f"patch: got {told}, of which {name} makes a single voxel at its coarsest level;"
            " allowed are larger ones. Choose a larger patch, or fewer levels of the network."
        )


def suited_settings(name: str, dims: int, patch: Sequence[int]) -> dict[str, Any]:
    """Gives settings that suit a patch: fewer levels for small ones, flat levels for flat ones.

    Args:
        name: Of the network.
        dims: 2 or 3.
        patch: About how many voxels per axis.

    Returns:
        What differs from the defaults; nothing for large patches, and for V-Net, which is as it is.

    Raises:
        ValueError: If there is no such network.
    """
    default = network_settings(name, dims)
    most = len(strides_of(name, dims, default))
    # How often an axis can be halved so that enough is left.
    room = [max(int(math.log2(max(n / BOTTOM, 1))), 0) for n in patch]
    halvings = max(1, min(most, *(room if name == "segresnet" else room[-2:])))
    suited: dict[str, Any] = {}
    if name == "segresnet" and halvings < most:
        suited["blocks"] = default.blocks[: halvings + 1]
    if name in ("unet", "dynunet"):
        halvings = max(halvings, 2) if name == "dynunet" else halvings
        if halvings < most:
            suited["features"] = default.features[: halvings + 1]
            suited["strides"] = default.strides[:halvings]
        if dims == 3 and room[0] < halvings:
            suited["flat_levels"] = halvings - room[0]
    return suited

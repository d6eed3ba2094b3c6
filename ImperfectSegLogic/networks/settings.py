"""What can be set in each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ImperfectSegLogic.methods.settings import make_settings, setting

DROPOUT = "share of features set to 0 at random; MC dropout needs more than 0"
FLAT = "how many of the first halvings leave the slice axis as it is; for thick slices in 3-D"


@dataclass(frozen=True)
class UNetSettings:
    """Settings of MONAI's `UNet`.

    Attributes:
        features: Per level, from the finest. The first level works at half the resolution; only
            the last layer at the full one, which makes this U-Net fast.
        strides: Between levels, one fewer than there are levels; a 1 at the beginning makes the
            first level work at full resolution.
        residual_units: Residual convolutions per level; 0 for plain ones.
        flat_levels: How many of the first strides leave the slice axis as it is.
        dropout: From 0 to less than 1.
    """

    features: tuple[float, ...] = setting((16, 32, 64, 128), "features per level", 1, 2048)
    strides: tuple[float, ...] = setting((2, 2, 2), "strides between levels, 1 or 2", 1, 2)
    residual_units: int = setting(0, "residual convolutions per level, 0 for plain ones", 0, 8)
    flat_levels: int = setting(0, FLAT, 0, 8)
    dropout: float = setting(0.0, DROPOUT, 0.0, 0.95)


@dataclass(frozen=True)
class DynUNetSettings:
    """Settings of MONAI's `DynUNet`, the U-Net of nnU-Net.

    Attributes:
        features: Per level, from full resolution, at least three levels.
        strides: Between levels, one fewer than there are levels.
        residual: Whether its blocks are residual.
        flat_levels: How many of the first strides leave the slice axis as it is.
        dropout: From 0 to less than 1.
    """

    features: tuple[float, ...] = setting((16, 32, 64, 128), "features per level", 1, 2048)
    strides: tuple[float, ...] = setting((2, 2, 2), "strides between levels, 1 or 2", 1, 2)
    residual: bool = setting(False, "whether blocks are residual")
    flat_levels: int = setting(0, FLAT, 0, 8)
    dropout: float = setting(0.0, DROPOUT, 0.0, 0.95)


@dataclass(frozen=True)
class SegResNetSettings:
    """Settings of MONAI's `SegResNet`.

    Attributes:
        features: At full resolution; doubled at each level.
        blocks: Residual blocks on each level's way down; on the way up there is one.
        dropout: From 0 to less than 1; after the first convolution only.
    """

    features: int = setting(16, "features at full resolution, doubled at each level", 1, 512)
    blocks: tuple[float, ...] = setting((1, 2, 2, 4), "residual blocks per level", 1, 16)
    dropout: float = setting(0.0, DROPOUT, 0.0, 0.95)


@dataclass(frozen=True)
class VNetSettings:
    """Settings of MONAI's `VNet`, which has 16 to 256 features on five levels.

    Attributes:
        dropout: From 0 to less than 1.
    """

    dropout: float = setting(0.0, DROPOUT, 0.0, 0.95)


SETTINGS: Mapping[str, type] = {
    "unet": UNetSettings,
    "dynunet": DynUNetSettings,
    "segresnet": SegResNetSettings,
    "vnet": VNetSettings,
}
"""The settings of each network, for forms; the network to use by default first."""
NETWORKS = tuple(SETTINGS)
VNET_STRIDES = 4


def network_settings(name: str, dims: int, values: Mapping[str, Any] | None = None) -> Any:
    """Gives the settings of a network, checked.

    Args:
        name: Of the network.
        dims: 2 or 3.
        values: What differs from the defaults.

    Raises:
        ValueError: If there is no such network, or a setting is not allowed.
    """
    if name not in SETTINGS:
        raise ValueError(f"network: got {name!r}, allowed are {', '.join(NETWORKS)}.")
    if dims not in (2, 3):
        raise ValueError(f"{name}: got {dims}-D, allowed are 2-D and 3-D.")
    chosen = make_settings(SETTINGS[name], values or {}, name)
    if name in ("unet", "dynunet"):
        _check_levels(name, dims, chosen)
    if name == "segresnet" and len(chosen.blocks) < 2:
        raise ValueError(f"{name}, blocks: got {chosen.blocks}, allowed are two levels or more.")
    return chosen


def strides_of(name: str, dims: int, chosen: Any) -> list[tuple[int, ...]]:
    """Gives by how much each level is coarser than the one before, per axis."""
    if name in ("segresnet", "vnet"):
        halvings = len(chosen.blocks) - 1 if name == "segresnet" else VNET_STRIDES
        return [(2,) * dims] * halvings
    strides = []
    flat = chosen.flat_levels
    for stride in map(int, chosen.strides):
        is_flat = stride > 1 and flat > 0
        flat -= is_flat
        strides.append((1 if is_flat else stride, *(stride,) * (dims - 1)))
    return strides


def _check_levels(name: str, dims: int, chosen: Any) -> None:
    levels, least = len(chosen.features), 3 if name == "dynunet" else 2
    if levels < least or len(chosen.strides) != levels - 1:
        raise ValueError(
            f"{name}: got {levels} features and {len(chosen.strides)} strides, allowed are"
            f" {least} features or more, and one stride fewer than features."
        )
    if chosen.flat_levels and dims == 2:
        raise ValueError(f"{name}, flat_levels: got {chosen.flat_levels}, allowed is 0 in 2-D.")

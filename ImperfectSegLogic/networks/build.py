"""Segmentation networks by name: MONAI's U-Net, DynUNet, SegResNet and V-Net, in 2-D and 3-D.

All normalize each sample by itself (instance normalization), so that a batch worked on in parts
has the gradients of the whole, and a prediction does not depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.unet import UNet
from monai.networks.nets.vnet import VNet
from torch import nn

from ImperfectSegLogic.networks.patches import check_patch, divisor, divisors, suited_settings
from ImperfectSegLogic.networks.settings import NETWORKS, network_settings, strides_of

__all__ = (
    "NETWORKS",
    "build_network",
    "check_patch",
    "divisor",
    "divisors",
    "parameter_count",
    "suited_settings",
)
NORM = ("instance", {"affine": True})
VNET_FEATURES = 16
"""V-Net repeats its input to this many channels, whose number must divide it."""


def build_network(
    name: str, dims: int, channels: int, labels: int, settings: Mapping[str, Any] | None = None
) -> nn.Module:
    """Makes a network with random weights, drawn from torch's global generator.

    Args:
        name: `unet`, `dynunet`, `segresnet` or `vnet`.
        dims: 2 or 3.
        channels: Values per voxel of its input, shape (sample, channel, *space).
        labels: Channels of its output, shape (sample, label, *space): logits, background first.
        settings: What differs from the defaults, see `networks.settings`.

    Raises:
        ValueError: If there is no such network, or a setting is not allowed.
    """
    chosen = network_settings(name, dims, settings)
    if min(channels, labels) < 1:
        raise ValueError(
            f"{name}: got {channels} channels and {labels} labels, allowed is 1 or more of each."
        )
    make = {"unet": _unet, "dynunet": _dynunet, "segresnet": _segresnet, "vnet": _vnet}[name]
    return make(chosen, dims, channels, labels)


def parameter_count(network: nn.Module) -> int:
    """Gives how many numbers a network learns."""
    return sum(one.numel() for one in network.parameters() if one.requires_grad)


def _unet(chosen: Any, dims: int, channels: int, labels: int) -> nn.Module:
    strides: Any = [list(one) for one in strides_of("unet", dims, chosen)]
    return UNet(
        spatial_dims=dims,
        in_channels=channels,
        out_channels=labels,
        channels=[int(n) for n in chosen.features],
        strides=strides,
        num_res_units=chosen.residual_units,
        norm=NORM,
        dropout=chosen.dropout,
    )


def _dynunet(chosen: Any, dims: int, channels: int, labels: int) -> nn.Module:
    strides = [list(one) for one in strides_of("dynunet", dims, chosen)]
    network = DynUNet(
        spatial_dims=dims,
        in_channels=channels,
        out_channels=labels,
        kernel_size=[[3] * dims] * (len(strides) + 1),
        strides=[[1] * dims, *strides],
        upsample_kernel_size=strides,
        filters=[int(n) for n in chosen.features],
        dropout=chosen.dropout,
        norm_name=NORM,
        res_block=chosen.residual,
    )
    _set_dropout(network.output_block, 0.0)  # MONAI would set logits to 0 at random.
    return network


def _segresnet(chosen: Any, dims: int, channels: int, labels: int) -> nn.Module:
    blocks = tuple(int(n) for n in chosen.blocks)
    return SegResNet(
        spatial_dims=dims,
        in_channels=channels,
        out_channels=labels,
        init_filters=chosen.features,
        dropout_prob=chosen.dropout,
        norm=NORM,
        blocks_down=blocks,
        blocks_up=(1,) * (len(blocks) - 1),
    )


def _vnet(chosen: Any, dims: int, channels: int, labels: int) -> nn.Module:
    fits = VNET_FEATURES % channels == 0
    network = VNet(
        spatial_dims=dims,
        in_channels=channels if fits else VNET_FEATURES,
        out_channels=labels,
        dropout_dim=dims,
    )
    # MONAI's V-Net knows batch normalization only, and has dropout of 0.5 that nobody can set.
    _normalize_each(network, dims)
    _set_dropout(network, chosen.dropout)
    if fits:
        return network
    convolution = nn.Conv2d if dims == 2 else nn.Conv3d
    return nn.Sequential(convolution(channels, VNET_FEATURES, kernel_size=1), network)


def _set_dropout(part: nn.Module, share: float) -> None:
    for module in part.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = share


def _normalize_each(part: nn.Module, dims: int) -> None:
    norm = nn.InstanceNorm2d if dims == 2 else nn.InstanceNorm3d
    for name, child in part.named_children():
        if isinstance(child, nn.BatchNorm2d | nn.BatchNorm3d):
            setattr(part, name, norm(child.num_features, affine=True))
        else:
            _normalize_each(child, dims)

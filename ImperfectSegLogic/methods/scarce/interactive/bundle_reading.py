"""Reads a MONAI bundle: its network, weights, labels and preprocessing; runs nothing of it."""

from __future__ import annotations

import hashlib
import inspect
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.networks import nets
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.methods.scarce.interactive.bundle_config import (
    BundleConfig,
    read_json_or_yaml,
)
from ImperfectSegLogic.methods.scarce.interactive.bundle_preprocessing import understood
from ImperfectSegLogic.methods.scarce.interactive.network_description import (
    PATCH,
    PLACE,
    NetworkDescription,
)
from ImperfectSegLogic.methods.scarce.interactive.torchscript_file import read_torchscript

_UNREADABLE = (
    pickle.UnpicklingError,
    SafetensorError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
WEIGHTS = ("model.safetensors", "model.pt", "model.pth")


def read_bundle(folder: Path) -> BroughtNetwork:
    """Reads the bundle in a folder.

    Raises:
        FileNotFoundError: If there is no such folder, or something is not in it.
        ValueError: If it is no bundle, damaged, or needs what would have to be run.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder. Check the path.")
    metadata, where = read_json_or_yaml(folder / "configs", "metadata")
    said, place = read_json_or_yaml(folder / "configs", "inference")
    config = BundleConfig(said, str(place))
    network, fingerprint = _network(folder, config)
    name = str(metadata.get("name") or folder.name)
    try:
        description = _described(metadata, config, network, str(where))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{where}: got a damaged description ({type(error).__name__}: {error})."
        ) from error
    return description.brought(network, name, fingerprint)


def _network(folder: Path, config: BundleConfig) -> tuple[nn.Module, str]:
    script = folder / "models" / "model.ts"
    weights = [folder / "models" / file for file in WEIGHTS]
    found = next((path for path in weights if path.is_file()), None)
    if found is None or "network_def" not in config:
        if script.is_file():
            network, _, fingerprint = read_torchscript(script)
            return network, fingerprint
        raise FileNotFoundError(
            f"{folder}: got no models/{', models/'.join(WEIGHTS)} with a network_def, and no"
            " models/model.ts. Download the bundle's weights too."
        )
    tensors = _tensors(found)
    network = _made(config)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        told = str(error).strip().splitlines()[-1].strip()[:200]
        raise ValueError(
            f"{found}: got weights of another network than network_def names ({told}). Copy the"
            " bundle again."
        ) from error
    return network.eval(), hashlib.sha256(found.read_bytes()).hexdigest()


def _made(config: BundleConfig) -> nn.Module:
    """Makes the network that stands in the configuration, with random weights."""
    said = config.get("network_def")
    target = str(said.get("_target_", "")) if isinstance(said, Mapping) else repr(said)
    module, _, name = target.rpartition(".")
    kind: Any = getattr(nets, name, None)
    known = isinstance(kind, type) and issubclass(kind, nn.Module)
    if not known or not (module == "" or f"{module}.".startswith("monai.networks.nets.")):
        raise ValueError(
            f"network_def: got {target}, allowed are the networks of monai.networks.nets; others"
            " would have to be run. Save the network as TorchScript in models/model.ts."
        )
    assert isinstance(said, Mapping)
    given = {key: one for key, one in said.items() if not key.startswith("_")}
    values = config.literal(given, "network_def")
    if "pretrained" in inspect.signature(kind).parameters:
        values["pretrained"] = False  # The bundle's weights follow; others need not be downloaded.
    try:
        made: nn.Module = kind(**values)
    except Exception as error:  # MONAI's networks raise what they like.
        raise ValueError(
            f"network_def: {target} cannot be made ({type(error).__name__}: {error}). Copy the"
            " bundle again, or install another version of MONAI."
        ) from error
    return made


def _tensors(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Of other kinds of pickle.
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        told = str(error).strip().splitlines()[0][:200] if str(error).strip() else "empty"
        raise ValueError(
            f"{path}: got a file that is cut short, or holds more than weights, which could run"
            f" any program ({told}). Copy the bundle again, or ask for model.safetensors."
        ) from error
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = isinstance(content, Mapping) and all(torch.is_tensor(v) for v in content.values())
    if not tensors:
        raise ValueError(f"{path}: got a {type(content).__name__}, allowed are weights by name.")
    return dict(content)


def _described(
    metadata: Mapping[str, Any], config: BundleConfig, network: nn.Module, name: str
) -> NetworkDescription:
    formats = metadata["network_data_format"]
    image = next(iter(formats["inputs"].values()))
    answer = next(iter(formats["outputs"].values()))
    kernel = next((p for p in network.parameters() if p.ndim in (4, 5)), None)
    if kernel is None:
        raise ValueError(f"{name}: got a network without convolutions, which cannot segment.")
    dims = kernel.ndim - 2
    found = understood(config, dims, name)
    exclusive = not _is_sigmoid(config)
    count, given = int(answer["num_channels"]), answer.get("channel_def") or {}
    names = {int(channel): str(text) for channel, text in given.items()}
    # Without softmax there is no background: channel 0 is the first label.
    shift = 1 if not exclusive or count == 1 else 0
    channels = range(1 - shift, count)
    labels = {c + shift: names.get(c, f"label {c + shift}") for c in channels}
    if count == 1 and 1 in names:
        labels = {1: names[1]}
    return NetworkDescription(
        dims,
        int(image["num_channels"]),
        labels,
        _spacing(found.spacing, found.axes),
        _patch(config, image, dims),
        found.axes,
        tuple(found.steps),
        exclusive=exclusive or count == 1,
    )


def _is_sigmoid(config: BundleConfig) -> bool:
    said = config.get("postprocessing")
    steps = said.get("transforms", []) if isinstance(said, Mapping) else said or []
    return any(isinstance(one, Mapping) and one.get("sigmoid") is True for one in steps)


def _spacing(given: tuple[float, ...] | None, axes: str) -> tuple[float, float, float] | None:
    """Gives the spacing along (slice, row, column) of the canonical grid."""
    if given is None:
        return None
    by_place = {PLACE[letter]: value for letter, value in zip(axes, given, strict=False)}
    return by_place.get(0, 1.0), by_place[1], by_place[2]


def _patch(config: BundleConfig, image: Mapping[str, Any], dims: int) -> tuple[int, ...]:
    inferer = config.get("inferer")
    roi: Any = inferer.get("roi_size") if isinstance(inferer, Mapping) else None
    asked = image.get("spatial_shape") if roi is None else config.literal(roi, "roi_size")
    sizes = [asked] * dims if isinstance(asked, int) else list(asked or ())
    plain = len(sizes) == dims and all(isinstance(n, int) and n > 0 for n in sizes)
    return tuple(sizes) if plain else PATCH[dims]

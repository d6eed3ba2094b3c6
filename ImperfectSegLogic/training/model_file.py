"""Trained models as safetensors files, with all that is needed to predict; never pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing
from ImperfectSegLogic.networks.build import build_network, check_patch
from ImperfectSegLogic.training.preprocessing import Preprocessing

EXTENSIONS = (".safetensors",)
KEY = "ImperfectSeg"
FORMAT, VERSION = "ImperfectSeg model", 1
PICKLES = (b"PK", b"\x80", b"\x1f\x8b")
"""How files of `torch.save`, pickle and their compressed kin begin."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network and all that is needed to predict with it.

    Attributes:
        network: From (sample, channel, *space) to logits (sample, label, *space), background first.
        network_name: As in `networks.build`.
        network_settings: What differs from the network's defaults.
        preprocessing: What is done to an image first.
        patch: Voxels per axis of the windows that it was trained on, 2 or 3 numbers.
        labels: The name of every label but 0, in the order of the network's output.
        card: What else there is to know, in plain JSON values: methods, data set, plan, scores.
    """

    network: nn.Module
    network_name: str
    network_settings: Mapping[str, Any]
    preprocessing: Preprocessing
    patch: tuple[int, ...]
    labels: Mapping[int, str]
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert list(self.labels) == sorted(self.labels), self.labels
        assert 0 not in self.labels
        check_patch(self.network_name, self.preprocessing.dims, self.network_settings, self.patch)

    @property
    def channels(self) -> int:
        """Values per voxel of the images that it segments."""
        return len(self.preprocessing.intensity)

    @property
    def weights_hash(self) -> str:
        """SHA-256 of all weights with their names, as they are now."""
        return hash_of(tensors_of(self.network))


def save_model(model: TrainedModel, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Writes a model.

    Args:
        model: The model.
        path: A `.safetensors` file.
        overwrite: Whether it may replace a file that is there.

    Raises:
        FileExistsError: If the file is there and must not be replaced.
        ValueError: If the extension is not allowed.
        TypeError: If the card or settings hold something that JSON cannot.
        OSError: If it cannot be written, as on a full disk; an earlier file stays as it was.
    """
    check_target(path, EXTENSIONS, overwrite)
    tensors = tensors_of(model.network)
    said = {
        "format": FORMAT,
        "version": VERSION,
        "network": {"name": model.network_name, "settings": dict(model.network_settings)},
        "preprocessing": model.preprocessing.to_json(),
        "patch": list(model.patch),
        "labels": {str(label): name for label, name in model.labels.items()},
        "card": dict(model.card),
        "weights_hash": hash_of(tensors),
    }
    content = save(tensors, {KEY: json.dumps(said)})
    with replacing(path, EXTENSIONS, overwrite) as temporary:
        temporary.write_bytes(content)


def load_model(path: str | os.PathLike[str], device: str | torch.device = "cpu") -> TrainedModel:
    """Reads what `save_model` wrote, and checks that the weights are those that were written.

    Args:
        path: The file.
        device: Where the network is to be.

    Returns:
        The model, its network ready to predict (`eval`).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, is cut short, damaged, of a newer version, or its weights
            do not fit the network that it names.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such model. Check the path.")
    extension_of(path, EXTENSIONS)
    said, tensors = _read(path)
    if said.get("format") != FORMAT:
        raise ValueError(f"{path}: got {said.get('format')!r}, allowed is {FORMAT!r}.")
    if said.get("version") != VERSION:
        raise ValueError(
            f"{path}: got version {said.get('version')} of the model format, allowed is {VERSION}."
            " Install a newer ImperfectSeg."
        )
    if hash_of(tensors) != said.get("weights_hash"):
        raise ValueError(
            f"{path}: got weights that are not those that were saved. Copy the file again, or"
            " train anew."
        )
    try:
        model = _model(said, tensors)
    except (KeyError, TypeError, AttributeError, AssertionError, ValueError) as error:
        raise ValueError(
            f"{path}: got a damaged model ({type(error).__name__}: {error})."
        ) from error
    model.network.to(torch.device(device)).eval()
    return model


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """Gives all weights of a network by name, on the CPU; each once, under its first name.

    MONAI's DynUNet has its layers under two names each.
    """
    named = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: one.detach().cpu().contiguous() for name, one in named.items()}


def hash_of(tensors: Mapping[str, Tensor]) -> str:
    """Gives the SHA-256 of tensors with their names, kinds and shapes."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        one = tensors[name]
        whole.update(f"{name} {one.dtype} {tuple(one.shape)}\n".encode())
        whole.update(one.reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            said = json.loads((file.metadata() or {}).get(KEY, "{}"))
            return dict(said), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError) as error:
        with path.open("rb") as file:
            start = file.read(2)
        if start.startswith(PICKLES):
            raise ValueError(
                f"{path}: got a file of torch.save or pickle, which can run any program when it is"
                " opened; allowed is what `imperfectseg train` writes as model.safetensors."
            ) from error
        raise ValueError(
            f"{path}: got a file that is no safetensors file or is cut short ({error}). Copy it"
            " again, or train anew."
        ) from error


def _model(said: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> TrainedModel:
    preprocessing = Preprocessing.of_json(said["preprocessing"])
    labels = {int(label): str(name) for label, name in said["labels"].items()}
    name, settings = said["network"]["name"], said["network"]["settings"]
    channels = len(preprocessing.intensity)
    network = build_network(name, preprocessing.dims, channels, len(labels) + 1, settings)
    _put(tensors, network, f"{name} with {settings}")
    patch = tuple(int(n) for n in said["patch"])
    return TrainedModel(network, name, settings, preprocessing, patch, labels, said["card"])


def _put(tensors: Mapping[str, Tensor], network: nn.Module, told: str) -> None:
    there = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    fits = set(there) == set(tensors) and all(
        one.shape == tensors[name].shape and one.dtype == tensors[name].dtype
        for name, one in there.items()
    )
    if not fits:
        raise ValueError(f"its weights are of another network than {told}")
    with torch.no_grad():
        for name, one in there.items():
            one.copy_(tensors[name])

"""Trained models as safetensors files, with all that is needed to predict; never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ImperfectSegLogic.data.safe_writing import check_target, extension_of, replacing
from ImperfectSegLogic.methods.base import TrainingMethod
from ImperfectSegLogic.methods.catalog import training_method
from ImperfectSegLogic.networks.build import build_network, check_patch
from ImperfectSegLogic.training.plan import TrainingPlan
from ImperfectSegLogic.training.preprocessing import Preprocessing
from ImperfectSegLogic.training.weight_files import hash_of, put_tensors, read_tensors, tensors_of

EXTENSIONS = (".safetensors",)
KEY = "ImperfectSeg"
FORMAT = "ImperfectSeg model"
VERSION, MADE_BY_METHOD = 1, 2
"""A model whose network was made by a method is of version 2, which older programs refuse."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network and all that is needed to predict with it.

    Attributes:
        network: From (sample, channel, *space) to logits (sample, label, *space), background first;
            if a method made it, what that method says.
        network_name: As in `networks.build`; what it is made from, if a method made it.
        network_settings: What differs from the network's defaults.
        preprocessing: What is done to an image first.
        patch: Voxels per axis of the windows that it was trained on, 2 or 3 numbers.
        labels: The name of every label but 0, in the order of the network's output.
        card: What else there is to know, in plain JSON values: methods, data set, plan, scores.
        made_by: Name and settings of the training method that made the network; None if it is
            `network_name` as it is.
        engine: Name of the interactive segmenter that asks the network, which needs prompts; empty
            if it answers an image by itself.
    """

    network: nn.Module
    network_name: str
    network_settings: Mapping[str, Any]
    preprocessing: Preprocessing
    patch: tuple[int, ...]
    labels: Mapping[int, str]
    card: Mapping[str, Any] = field(default_factory=dict)
    made_by: tuple[str, Mapping[str, Any]] | None = None
    engine: str = ""

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
        "version": MADE_BY_METHOD if model.made_by else VERSION,
        "network": {"name": model.network_name, "settings": dict(model.network_settings)},
        "preprocessing": model.preprocessing.to_json(),
        "patch": list(model.patch),
        "labels": {str(label): name for label, name in model.labels.items()},
        "card": dict(model.card),
        "weights_hash": hash_of(tensors),
    }
    if model.made_by:
        said["method"] = {"name": model.made_by[0], "settings": dict(model.made_by[1])}
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
    said, tensors = read_tensors(path, KEY)
    if said.get("format") != FORMAT:
        raise ValueError(f"{path}: got {said.get('format')!r}, allowed is {FORMAT!r}.")
    if said.get("version") not in (VERSION, MADE_BY_METHOD):
        raise ValueError(
            f"{path}: got version {said.get('version')} of the model format, allowed are {VERSION}"
            f" and {MADE_BY_METHOD}. Install a newer ImperfectSeg."
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


def _model(said: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> TrainedModel:
    preprocessing = Preprocessing.of_json(said["preprocessing"])
    labels = {int(label): str(name) for label, name in said["labels"].items()}
    name, settings = said["network"]["name"], said["network"]["settings"]
    patch = tuple(int(n) for n in said["patch"])
    rest = (name, settings, preprocessing, patch, labels, said["card"])
    if "method" in said:
        method = training_method(said["method"]["name"], said["method"]["settings"])
        network = _made_by(method, said["card"], preprocessing, patch)
        put_tensors(tensors, network, f"{method.card.name} with {method.settings} makes of {name}")
        made_by = (method.card.name, dict(said["method"]["settings"]))
        return TrainedModel(network, *rest, made_by, method.engine)
    channels = len(preprocessing.intensity)
    network = build_network(name, preprocessing.dims, channels, len(labels) + 1, settings)
    put_tensors(tensors, network, f"{name} with {settings}")
    return TrainedModel(network, *rest)


def _made_by(
    method: TrainingMethod,
    card: Mapping[str, Any],
    preprocessing: Preprocessing,
    patch: tuple[int, ...],
) -> nn.Module:
    """Has a method make its network again, by the plan that stands in the card."""
    plan = TrainingPlan.of_json(card["plan"])
    if (plan.preprocessing, plan.patch) != (preprocessing, patch):
        raise ValueError("its plan is of another model")
    network = method.segmenter(plan)
    if network is None:
        raise ValueError(f"{method.card.name} makes no network")
    return network

"""A tiny model for every engine of the catalog that needs one."""

from __future__ import annotations

import dataclasses
import json
import warnings
from pathlib import Path

import torch
from monai.networks.nets import UNet

from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.methods.base import InteractiveSegmenter
from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.intensity import ChannelIntensity
from ImperfectSegLogic.training.model_file import TrainedModel, save_model
from ImperfectSegLogic.training.plan import TrainingPlan
from Testing.Contracts import nninteractive_look_alike
from Testing.Contracts.interactive_scenes import Subject

LABELS = {1: "first", 3: "second"}


def subject_of(kind: type[InteractiveSegmenter], folder: Path) -> Subject:
    """Gives an engine of the catalog with what it needs."""

    def make(dims: int) -> InteractiveSegmenter:
        model = model_for(kind, dims, folder) if kind.needs_model else None
        return catalog.interactive_segmenter(kind.card.name, model)

    return Subject(kind, make)


def model_for(kind: type[InteractiveSegmenter], dims: int, folder: Path, channels: int = 1) -> Path:
    """Gives a model with random weights for an engine; made once for a folder."""
    path = folder / f"{kind.card.name}-{dims}d-{channels}"
    make = MAKERS.get(kind.card.name) or _trained
    return make(path, kind, dims, channels)


def _trained(path: Path, kind: type[InteractiveSegmenter], dims: int, channels: int) -> Path:
    """A model as `imperfectseg train` writes it, of the method that trains for the engine."""
    path = path.with_suffix(".safetensors")
    if path.exists():
        return path
    trainer = next((m for m in catalog.training_methods() if m.engine == kind.card.name), None)
    if trainer is not None and dims not in trainer.card.dims:
        dims = trainer.card.dims[0]  # An engine may show volumes to a network for slices.
    plan = plan_of(dims, channels)
    torch.manual_seed(0)
    if trainer is None:
        assert kind.card.name == "trained-model", f"{kind.card.name}: add how to make a model"
        network = network_of(dims, channels)
        made_by, engine = None, ""
    else:
        method = trainer()
        network = method.segmenter(plan)
        made_by, engine = (method.card.name, dataclasses.asdict(method.settings)), method.engine
    card = {"name": "tiny", "plan": plan.to_json()}
    settings, prepared = dict(plan.network_settings), plan.preprocessing
    model = TrainedModel(
        network, plan.network, settings, prepared, plan.patch, LABELS, card, made_by, engine
    )
    save_model(model, path)
    return path


def plan_of(dims: int, channels: int = 1) -> TrainingPlan:
    return TrainingPlan(
        dims=dims,
        channels=channels,
        labels=tuple(LABELS),
        spacing=(1.0, 1.0, 1.0),
        intensity=(ChannelIntensity(),) * channels,
        label_voxels=(100, 10, 10),
        patch=(32, 64) if dims == 2 else (16, 16, 64),
        batch=2,
        network_settings={"features": (4, 8), "strides": (2,)},
    )


def network_of(dims: int, channels: int) -> torch.nn.Module:
    """Gives a tiny network with random weights that tells two labels from background."""
    plan = plan_of(dims, channels)
    torch.manual_seed(0)
    return build_network(plan.network, dims, channels, 3, plan.network_settings).eval()


def _torchscript(path: Path, kind: type[InteractiveSegmenter], dims: int, channels: int) -> Path:
    path = path.with_suffix(".ts")
    if not path.exists():
        patch = plan_of(dims).patch
        given = torch.zeros((1, channels, *patch))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.save(torch.jit.trace(network_of(dims, channels), given), path)
        said = {"labels": LABELS, "patch": patch, "spacing": [1.0, 1.0, 1.0]}
        path.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
    return path


def _bundle(path: Path, kind: type[InteractiveSegmenter], dims: int, channels: int) -> Path:
    if path.exists():
        return path
    (path / "configs").mkdir(parents=True)
    (path / "models").mkdir()
    letters = "RAS" if dims == 3 else "AR"
    given = {
        "spatial_dims": dims,
        "in_channels": channels,
        "out_channels": "@labels",
        "channels": [4, 8],
        "strides": [2],
        "norm": "instance",
    }
    torch.manual_seed(0)
    network = UNet(**{**given, "out_channels": 4})
    torch.save(network.state_dict(), path / "models" / "model.pt")
    steps = [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": letters},
        {"_target_": "Spacingd", "keys": "image", "pixdim": [1.1, 1.0, 2.0][:dims]},
        {"_target_": "NormalizeIntensityd", "keys": "image"},
    ]
    patch = list(reversed(plan_of(dims).patch)) if dims == 3 else list(plan_of(dims).patch)
    inference = {
        "labels": 4,
        "network_def": {"_target_": "UNet", **given},
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": steps},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": patch},
    }
    outputs = {"num_channels": 4, "channel_def": {str(n): f"part {n}" for n in range(4)}}
    formats = {"inputs": {"image": {"num_channels": channels}}, "outputs": {"pred": outputs}}
    for name, said in (("inference", inference), ("metadata", {"network_data_format": formats})):
        text = json.dumps(said)
        (path / "configs" / f"{name}.json").write_text(text, encoding="utf-8")
    return path


def _nninteractive(path: Path, kind: type[InteractiveSegmenter], dims: int, channels: int) -> Path:
    return nninteractive_look_alike.model_folder(path)


MAKERS = {"torchscript": _torchscript, "monai-bundle": _bundle, "nninteractive": _nninteractive}
"""How models of other kinds are made, by the engine's name."""

"""Every engine that takes a model refuses bad ones clearly, and runs nothing hidden in them."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import warnings
import zipfile

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ImperfectSegLogic.data import Case, Volume
from ImperfectSegLogic.methods.catalog import INTERACTIVE_SEGMENTERS, interactive_segmenter
from ImperfectSegLogic.training.model_file import KEY, hash_of
from Testing.Contracts import nninteractive_look_alike
from Testing.Contracts.interactive_models import model_for
from Testing.Contracts.interactive_scenes import scene

KINDS = [kind for kind in INTERACTIVE_SEGMENTERS if kind.needs_model]


@pytest.fixture(params=KINDS, ids=lambda k: k.card.name)
def kind(request, monkeypatch):
    if request.param.card.name == "nninteractive":
        nninteractive_look_alike.install(monkeypatch)
    return request.param


def dims_of(kind) -> int:
    """2 where there is a choice: quicker."""
    return kind.card.dims[0]


def weights_of(model):
    """Gives the file of a model that holds the weights."""
    if model.is_file():
        return model
    return next(p for p in model.rglob("*") if p.suffix in (".pt", ".pth"))


class Malicious:
    """A pickle that makes a folder when it is opened."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def refused(kind, model, match=".") -> str:
    with pytest.raises((ValueError, FileNotFoundError), match=match) as caught:
        interactive_segmenter(kind.card.name, model)
    message = str(caught.value)
    assert len(message) > 40, message
    return message


def test_a_good_model_is_taken(kind, tmp_path):
    engine = interactive_segmenter(kind.card.name, model_for(kind, dims_of(kind), tmp_path))
    engine.set_case(scene(dims_of(kind)).case)


def test_a_model_that_is_not_there(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no"):
        interactive_segmenter(kind.card.name, tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_a_truncated_file(kind, tmp_path, share):
    model = model_for(kind, dims_of(kind), tmp_path)
    file = weights_of(model)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert str(file) in refused(kind, model)


@pytest.mark.parametrize("how", ["pickle", "torch.save", "inside the archive"])
def test_a_malicious_pickle_is_refused_before_anything_of_it_is_run(kind, tmp_path, how):
    model, trap = model_for(kind, dims_of(kind), tmp_path), tmp_path / "trap"
    file = weights_of(model)
    if how == "pickle":
        file.write_bytes(pickle.dumps(Malicious(trap)))
    elif how == "torch.save":
        torch.save({"network_weights": Malicious(trap)}, file)
    else:  # An otherwise good file whose pickle was exchanged.
        if not zipfile.is_zipfile(file):
            pytest.skip("no archive")
        exchanged(file, pickle.dumps(Malicious(trap), protocol=2))
    refused(kind, model)
    assert not trap.exists()


def exchanged(file, content: bytes) -> None:
    """Puts another `data.pkl` into a file of torch.save or torch.jit.save."""
    old = io.BytesIO(file.read_bytes())
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            is_data = name.endswith("data.pkl")
            target.writestr(name, content if is_data else source.read(name))


def test_the_malicious_pickle_of_these_tests_does_what_it_says(tmp_path):
    pickle.loads(pickle.dumps(Malicious(tmp_path / "trap")))
    assert (tmp_path / "trap").exists()


def test_weights_of_another_architecture(kind, tmp_path):
    model = model_for(kind, dims_of(kind), tmp_path)
    file = weights_of(model)
    if file.suffix == ".safetensors":
        with safe_open(file, framework="pt") as read:
            said = json.loads(read.metadata()[KEY])
            tensors = {name: read.get_tensor(name) for name in read.keys()}  # noqa: SIM118
        name = sorted(tensors)[0]
        tensors[f"{name}.other"] = tensors.pop(name)
        said["weights_hash"] = hash_of(tensors)
        save_file(tensors, file, {KEY: json.dumps(said)})
        assert "another network" in refused(kind, model)
    elif file.suffix == ".ts":
        save_scripted(torch.nn.Linear(3, 3), torch.zeros(1, 3), file)
        refused(kind, model, "without convolutions")
        save_scripted(torch.nn.Conv2d(3, 5, 3), torch.zeros(1, 3, 9, 9), file)
        refused(kind, model, "one value per label and voxel")
    else:
        torch.save({"conv.weight": torch.zeros(3)}, file)
        refused(kind, model)


def save_scripted(network, given, file) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(network, given), file)


def test_a_model_for_other_channels(kind, tmp_path):
    if kind.card.name == "nninteractive":
        pytest.skip("takes images of one channel only, whatever the model")
    model = model_for(kind, dims_of(kind), tmp_path, channels=2)
    engine = interactive_segmenter(kind.card.name, model)
    with pytest.raises(ValueError, match=r"got 1 channels, allowed are 2"):
        engine.set_case(scene(dims_of(kind)).case)
    one = scene(dims_of(kind)).volume
    both = np.stack([one.array, one.array[..., ::-1]])
    engine.set_case(Case(Volume(both, one.ijk_to_ras, "both")))


def test_a_model_of_another_engine(kind, tmp_path):
    for other in KINDS:
        if other is kind or not set(other.card.dims) & {dims_of(kind)}:
            continue
        model = model_for(other, dims_of(kind), tmp_path)
        refused(kind, model)
        shutil.rmtree(model) if model.is_dir() else model.unlink()

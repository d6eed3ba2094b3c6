import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ImperfectSegLogic.networks.build import build_network
from ImperfectSegLogic.training.model_file import TrainedModel, load_model, save_model
from ImperfectSegLogic.training.preprocessing import ChannelIntensity, Preprocessing

SETTINGS = {"features": (4, 8), "strides": (2,)}
LABELS = {1: "liver", 3: "Milz ä"}


def model(name="unet", settings=SETTINGS, dims=2, **changes) -> TrainedModel:
    torch.manual_seed(0)
    network = build_network(name, dims, 2, 3, settings)
    intensity = (ChannelIntensity("ct", -100, 300, 40.5, 20), ChannelIntensity())
    preprocessing = Preprocessing(dims, (5.0, 1.0, 0.75), intensity)
    card = {"methods": ["sparse-cicek2016"], "scores": {"dice": 0.81}}
    said = {"preprocessing": preprocessing, "patch": (32,) * dims, "labels": LABELS, "card": card}
    return TrainedModel(network, name, settings, **(said | changes))


@pytest.fixture
def path(tmp_path):
    save_model(model(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def said_in(path) -> dict:
    header = path.read_bytes()
    size = int.from_bytes(header[:8], "little")
    return json.loads(json.loads(header[8 : 8 + size])["__metadata__"]["ImperfectSeg"])


def rewrite(path, tensors=None, **changes):
    """Writes the file again, with some things as nobody should write them."""
    tensors = load_file(path) if tensors is None else tensors
    said = said_in(path) | changes
    save_file(tensors, path, {"ImperfectSeg": json.dumps(said)})


@pytest.mark.parametrize("name", ["unet", "dynunet", "segresnet", "vnet"])
def test_all_that_is_needed_to_predict_comes_back(tmp_path, name):
    small = {
        "unet": SETTINGS,
        "dynunet": {"features": (4, 8, 8), "strides": (2, 2), "dropout": 0.2},
        "segresnet": {"features": 4, "blocks": (1, 1)},
        "vnet": {},
    }
    wanted = model(name, small[name])
    save_model(wanted, tmp_path / "m.safetensors")
    got = load_model(tmp_path / "m.safetensors")
    x = torch.randn(1, 2, 32, 32)
    with torch.no_grad():
        assert torch.equal(got.network(x), wanted.network.eval()(x))
    assert not got.network.training
    assert (got.network_name, got.preprocessing) == (name, wanted.preprocessing)
    assert (got.patch, got.labels, got.card) == ((32, 32), LABELS, wanted.card)
    assert got.weights_hash == wanted.weights_hash
    assert got.channels == 2
    again = got.network_settings
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in again.items()} == small[name]


def test_the_hash_tells_weights_apart():
    one, other = model(), model()
    assert one.weights_hash == other.weights_hash
    with torch.no_grad():
        next(other.network.parameters()).view(-1)[0] += 1e-6
    assert one.weights_hash != other.weights_hash


def test_a_file_is_not_replaced_unless_asked(path):
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="is there already"):
        save_model(model(), path)
    save_model(model(), path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failure_leaves_the_earlier_model(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(
        "pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(OSError, match="the disk is full"):
        save_model(model(), path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_card_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(TypeError):
        save_model(model(card={"x": np.zeros(2)}), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 5, 300, -1])
def test_a_truncated_file_is_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"model\.safetensors: got a file that is no safetensors"):
        load_model(path)


def test_a_pickle_is_refused_and_never_run(path, tmp_path):
    class Evil:
        def __reduce__(self):
            return (shutil.rmtree, (str(tmp_path),))

    torch.save({"weights": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"torch\.save or pickle, which can run any program"):
        load_model(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"torch\.save or pickle"):
        load_model(path)
    assert path.exists()


def test_changed_weights_are_refused(path):
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="weights that are not those that were saved"):
        load_model(path)


def test_weights_of_another_network_are_refused(path):
    other = {"name": "unet", "settings": {"features": [8, 16], "strides": [2]}}
    rewrite(path, network=other)
    with pytest.raises(ValueError, match="its weights are of another network than unet with"):
        load_model(path)


def test_a_newer_version_is_refused(path):
    rewrite(path, version=3)
    with pytest.raises(ValueError, match="got version 3 of the model format, allowed are 1 and 2"):
        load_model(path)


def test_another_programs_safetensors_are_refused(path):
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="got None, allowed is 'ImperfectSeg model'"):
        load_model(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"network": {"name": "resnet", "settings": {}}},
        {"network": None},
        {"labels": {"x": "liver", "3": "spleen"}},
        {"labels": {"0": "liver", "3": "spleen"}},
        {"preprocessing": {"dims": 2}},
        {"patch": [33, 32]},
    ],
)
def test_a_damaged_description_is_refused(path, damage):
    rewrite(path, **damage)
    with pytest.raises(ValueError, match=r"model\.safetensors: got a damaged model"):
        load_model(path)


def test_wrong_names_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such model"):
        load_model(tmp_path / "m.safetensors")
    (tmp_path / "m.pt").touch()
    with pytest.raises(ValueError, match=r"got \.pt, allowed are \.safetensors"):
        load_model(tmp_path / "m.pt")
    with pytest.raises(ValueError, match=r"got \.pt, allowed are \.safetensors"):
        save_model(model(), tmp_path / "n.pt")


def test_a_patch_that_the_network_cannot_see_is_refused():
    with pytest.raises(ValueError, match="patch: got 31 x 32, allowed are multiples of 2 x 2"):
        model(patch=(31, 32))

"""Engines around networks that users bring: what they answer, and what prompts change in it."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.data import Box, Case, Geometry, Volume
from ImperfectSegLogic.methods.progress import Progress
from ImperfectSegLogic.methods.scarce.interactive.brought_network import BroughtNetwork
from ImperfectSegLogic.methods.scarce.interactive.monai_bundle import MonaiBundleEngine
from ImperfectSegLogic.methods.scarce.interactive.torchscript import TorchScriptEngine
from ImperfectSegLogic.methods.scarce.interactive.trained_model import TrainedModelEngine
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict
from ImperfectSegLogic.training.model_file import load_model, save_model
from Testing.Contracts.interactive_models import model_for
from Testing.Logic.methods.phantoms import ball, chance, click, grid, picture
from Testing.Logic.prediction.tiny_models import Thresholds, random_model

CUBE = grid((24, 40, 44), spacing=(2.0, 1.0, 1.0))


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def thresholds_engine(volume: Volume, patch=(16, 16, 16)) -> TrainedModelEngine:
    """What is darker than 0.5 is background, up to 1.5 label 1, brighter label 3."""
    engine = TrainedModelEngine.__new__(TrainedModelEngine)
    said = random_model(patch=patch)
    from ImperfectSegLogic.training.preprocessing import ChannelIntensity, Preprocessing

    as_it_is = Preprocessing(3, volume.geometry.spacing, (ChannelIntensity("none"),))
    network = BroughtNetwork(Thresholds(), "thresholds", as_it_is, patch, said.labels, 1)
    super(TrainedModelEngine, engine).__init__(network)
    engine.set_case(Case(volume))
    return engine


def steps(parts, noise=0.02) -> Volume:
    made = picture(CUBE, [(mask, 100 + 50 * value) for mask, value in parts], noise=noise * 50)
    return Volume((made.array - 100) / 50, CUBE.ijk_to_ras, "steps")


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.5, 0.9, 1.0)])
@pytest.mark.parametrize(("dims", "patch"), [(3, (16, 16, 16)), (2, (16, 16))])
def test_without_contradiction_it_says_what_predict_says(tmp_path, dims, patch, spacing):
    geometry = grid((14, 30, 26), spacing=(2.0, 1.0, 1.3), degrees=30.0)
    volume = picture(geometry, [(ball(geometry, (7, 14, 12), 9.0), 160.0)])
    save_model(random_model(dims, patch, spacing=spacing), tmp_path / "m.safetensors")
    engine = TrainedModelEngine(tmp_path / "m.safetensors")
    engine.set_case(Case(volume))
    prompts = [click(geometry, (7, 14, 12)), click(geometry, (2, 3, 4), 3)]
    prepared = engine.prepare(prompts, None, Progress())
    with torch.no_grad():
        found = engine.scores(engine.network, prepared).exp().numpy()
    model = load_model(tmp_path / "m.safetensors")
    expected = predict([model], volume, PredictionSettings(overlap=0.25)).prediction
    region = (slice(None), *prepared.region.slices)
    np.testing.assert_allclose(found, expected.probabilities[region], atol=1e-4)
    assert prepared.inputs.shape[:2] == (1, 1)


def test_scores_can_be_learned_through(tmp_path):
    save_model(random_model(), tmp_path / "m.safetensors")
    engine = TrainedModelEngine(tmp_path / "m.safetensors")
    engine.set_case(Case(picture(CUBE, [(ball(CUBE, (12, 20, 22), 9.0), 160.0)])))
    prepared = engine.prepare([click(CUBE, (12, 20, 22))], None, Progress())
    engine.scores(engine.network, prepared)[1].mean().backward()
    sizes = [float(w.grad.abs().sum()) for w in engine.network.parameters() if w.grad is not None]
    assert max(sizes) > 0


def test_another_network_gets_its_own_answer_and_no_remembered_one():
    engine = thresholds_engine(steps([(ball(CUBE, (12, 20, 22), 9.0), 1)]))
    prepared = engine.prepare([click(CUBE, (12, 20, 22))], None, Progress())
    other = Thresholds()
    with torch.no_grad():
        before = engine.scores(engine.network, prepared)
        other.centers += 5.0
        assert float((engine.scores(other, prepared) - before).abs().max()) > 1
        assert torch.equal(engine.scores(engine.network, prepared), before)


def test_the_network_looks_once_at_an_image():
    engine = thresholds_engine(steps([(ball(CUBE, (12, 20, 22), 9.0), 1)]))
    calls = []
    engine.network.register_forward_hook(lambda *_: calls.append(1))
    engine.respond([click(CUBE, (12, 20, 22))])
    first = len(calls)
    engine.respond([click(CUBE, (12, 20, 22)), click(CUBE, (12, 20, 30), 0)])
    assert len(calls) == first > 0


def test_only_labels_with_prompts_are_answered_and_the_whole_object_of_each():
    big = ball(CUBE, (12, 20, 22), 16.0)
    small = ball(CUBE, (4, 6, 38), 4.0)
    engine = thresholds_engine(steps([(big, 1), (small, 2)]))
    one = engine.respond([click(CUBE, (12, 20, 22))])
    assert one.labels == (0, 1)
    found = one.full_labels() == 1
    assert 2 * (found & big).sum() / (found.sum() + big.sum()) > 0.97
    both = engine.respond([click(CUBE, (12, 20, 22)), click(CUBE, (4, 6, 38), 3)])
    assert both.labels == (0, 1, 3)
    assert ((both.full_labels() == 3) & small).sum() > 0.9 * small.sum()


def test_a_click_corrects_what_is_near_and_alike_and_leaves_the_rest():
    missed, right, apart = (
        ball(CUBE, (12, 12, 11), 8.0),
        ball(CUBE, (12, 28, 32), 8.0),
        ball(CUBE, (12, 33, 8), 4.0),
    )
    # Too dark for the network, all but one.
    engine = thresholds_engine(steps([(missed, 0.4), (right, 1), (apart, 0.4)]))
    start = engine.respond([click(CUBE, (12, 28, 32))]).full_labels() == 1
    assert (start & missed).sum() == 0
    clicks = [click(CUBE, (12, 28, 32)), click(CUBE, (12, 12, 11))]
    fixed = engine.respond(clicks).full_labels() == 1
    assert (fixed & missed).sum() > 0.9 * missed.sum()
    assert (fixed & right).sum() > 0.97 * right.sum()
    assert (fixed & apart).sum() == 0
    assert (fixed & ~missed & ~right).sum() < 0.1 * missed.sum()
    taken = engine.respond([*clicks, click(CUBE, (12, 28, 27), 0)]).full_labels() == 1
    assert (taken & missed).sum() > 0.85 * missed.sum()
    assert not taken[12, 26:31, 25:28].any()
    assert 0.5 * right.sum() < (taken & right).sum() < 0.95 * right.sum()


def test_not_this_segment_is_another_one_where_the_network_says_so():
    engine = thresholds_engine(
        steps([(ball(CUBE, (12, 12, 11), 8.0), 1), (ball(CUBE, (12, 28, 32), 8.0), 2)])
    )
    prompts = [
        click(CUBE, (12, 12, 11), 1),
        click(CUBE, (12, 26, 32), 3),
        click(CUBE, (12, 28, 34), 1, positive=False),
        click(CUBE, (20, 2, 40), 1, positive=False),
    ]
    answer = engine.respond(prompts)
    assert answer.full_labels()[12, 28, 34] == 3
    assert answer.full_labels()[20, 2, 40] == 0


def test_a_box_in_which_the_network_finds_nothing_is_about_its_middle():
    missed = ball(CUBE, (12, 20, 22), 8.0)
    engine = thresholds_engine(steps([(missed, 0.4)]))
    box = Box(center=CUBE.to_ras((12, 20, 22)), size=(20.0, 20.0, 20.0))
    found = engine.respond([box]).full_labels() == 1
    assert (found & missed).sum() > 0.8 * missed.sum()
    assert (found & ~missed).sum() < 0.2 * missed.sum()


def test_a_label_that_the_network_does_not_know_is_refused():
    engine = thresholds_engine(steps([(ball(CUBE, (12, 20, 22), 8.0), 1)]))
    message = r"got label 2, which thresholds was not trained for; .* 1 \(liver\), 3 \(spleen\)"
    with pytest.raises(ValueError, match=message):
        engine.respond([click(CUBE, (12, 20, 22), 1), click(CUBE, (2, 2, 2), 2)])


# TorchScript --------------------------------------------------------------------------------------


class Bright(nn.Module):
    """Says that what is brighter than the mean by one standard deviation is the object."""

    def __init__(self, channels: int = 1, out: int = 2, dims: int = 3):
        super().__init__()
        kind = nn.Conv3d if dims == 3 else nn.Conv2d
        self.conv = kind(channels, out, 1)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.bias.zero_()
            self.conv.weight[-1, 0], self.conv.bias[-1] = 8.0, -8.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def scripted(network: nn.Module, path, said=None, extra=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(network), path, _extra_files=extra or {})
    if said is not None:
        path.with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")
    return path


BALL = ball(CUBE, (12, 20, 22), 9.0)
IMAGE = picture(CUBE, [(BALL, 200.0)])


def answer_of(path, label=1, volume=IMAGE):
    engine = TorchScriptEngine(path)
    engine.set_case(Case(volume))
    return engine.respond([click(CUBE, (12, 20, 22), label)])


def dice(found, truth) -> float:
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


@pytest.mark.parametrize("out", [1, 2])
def test_a_torchscript_file_without_description_is_asked_as_documented(tmp_path, out):
    path = scripted(Bright(out=out), tmp_path / "net.ts")
    engine = TorchScriptEngine(path)
    assert engine.brought.patch == (96, 96, 96)
    assert dict(engine.brought.labels) == {1: "label 1"}
    assert engine.brought.keeps_spacing
    assert dice(answer_of(path).full_labels() == 1, BALL) > 0.95


def test_a_description_beside_the_file_counts_more_than_that_in_it(tmp_path):
    inside = json.dumps({"labels": {"4": "kidney"}, "patch": [16, 16, 16]})
    path = scripted(Bright(), tmp_path / "net.pt", extra={"imperfectseg.json": inside})
    assert TorchScriptEngine(path).brought.labels == {4: "kidney"}
    assert dice(answer_of(path, 4).full_labels() == 4, BALL) > 0.95
    said = {"labels": {"2": "liver"}, "patch": [16, 16, 16], "spacing": [1.0, 1.0, 1.0]}
    scripted(Bright(), path, said, {"imperfectseg.json": inside})
    engine = TorchScriptEngine(path)
    assert engine.brought.labels == {2: "liver"}
    assert engine.brought.preprocessing.spacing == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("normalization", "factor", "shift"),
    [
        ({"scheme": "range", "low": 100, "high": 200}, 16.0, -8.0),
        ("minmax", 16.0, -8.0),
        ("none", 0.1, -15.0),
        ([{"scheme": "range", "low": 0, "high": 400, "clip": False}, "zscore"], 8.0, -8.0),
    ],
)
def test_gray_values_are_normalized_as_described(tmp_path, normalization, factor, shift):
    network = Bright()
    with torch.no_grad():
        network.conv.weight[-1, 0], network.conv.bias[-1] = factor, shift
    said = {"normalization": normalization, "patch": [24, 40, 44]}
    path = scripted(network, tmp_path / "net.ts", said)
    assert dice(answer_of(path).full_labels() == 1, BALL) > 0.95


class Gradient(nn.Module):
    """Says where along the first axis of its input it is, from 0 to 1."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.shape[2]
        place = (torch.arange(n) / float(n)).reshape(1, 1, n, 1, 1)
        return place.expand_as(x).contiguous()


@pytest.mark.parametrize(
    ("axes", "ras"),
    [("SAR", (0, 0, 1)), ("RAS", (1, 0, 0)), ("LPS", (-1, 0, 0)), ("PIR", (0, -1, 0))],
)
def test_axes_run_as_described(tmp_path, axes, ras):
    geometry = Geometry((12, 12, 12), np.diag([-1.0, -1.0, 1.0, 1.0]))
    said = {"axes": axes, "patch": [12, 12, 12], "output": "probabilities"}
    engine = TorchScriptEngine(scripted(Gradient(), tmp_path / "net.ts", said))
    engine.set_case(Case(picture(geometry, [(ball(geometry, (6, 6, 6), 3.0), 150.0)])))
    prepared = engine.prepare([click(geometry, (6, 6, 6))], None, Progress())
    with torch.no_grad():
        p = engine.scores(engine.network, prepared)[1].exp().numpy()
    places = geometry.to_ras(np.indices((12, 12, 12)).reshape(3, -1).T) @ np.array(ras)
    expected = (places - places.min()) / 12
    np.testing.assert_allclose(p.ravel(), expected, atol=1e-3)


def test_labels_that_overlap_do_not_compete_unless_both_are_asked_for(tmp_path):
    said = {"exclusive": False, "labels": {"1": "whole", "2": "core"}, "patch": [24, 40, 44]}
    network = Bright(out=2)
    with torch.no_grad():  # The second is surer than the first.
        network.conv.weight[0, 0], network.conv.bias[0] = 4.0, -4.0
    path = scripted(network, tmp_path / "net.ts", said)
    assert dice(answer_of(path, 1).full_labels() == 1, BALL) > 0.95
    assert dice(answer_of(path, 2).full_labels() == 2, BALL) > 0.95


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"labels": {"1": "a", "2": "b"}}, "tells 1 labels apart from background, but 2"),
        ({"channels": 2}, "cannot work on 2 channels"),
        ({"axes": "RAR"}, "axes: got 'RAR'"),
        ({"patch": [16, 16]}, r"patch: got \[16, 16\]"),
        ({"normalization": "magic"}, "normalization: got 'magic', allowed are none, zscore"),
        ({"normalization": {"scheme": "range"}}, "damaged description"),
        ({"output": "masks"}, "got output 'masks'"),
        ({"lables": {}}, r"got \['lables'\], allowed are labels"),
        ({"labels": "liver"}, "net.ts: "),
        ([1, 2], "got a list, allowed is one JSON object"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path, said, message):
    path = scripted(Bright(), tmp_path / "net.ts", said)
    with pytest.raises(ValueError, match=message):
        TorchScriptEngine(path)


class Writes(nn.Module):
    def __init__(self, place: str):
        super().__init__()
        self.conv, self.place = nn.Conv3d(1, 2, 1), place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.place)
        return self.conv(x)


def test_a_program_that_writes_files_is_refused_before_it_is_opened(tmp_path):
    path = scripted(Writes(str(tmp_path / "trap")), tmp_path / "net.ts", {"patch": [16, 16, 16]})
    with pytest.raises(ValueError, match=r"uses torch\.save .*may harm"):
        TorchScriptEngine(path)
    assert not (tmp_path / "trap").exists()


# MONAI bundles ------------------------------------------------------------------------------------


def bundle(tmp_path, **changes):
    """A bundle with some parts of its inference configuration exchanged."""
    folder = model_for(MonaiBundleEngine, 3, tmp_path)
    path = folder / "configs" / "inference.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, **changes}), encoding="utf-8")
    return folder


def test_a_bundle_is_read_as_monai_means_it(tmp_path):
    engine = MonaiBundleEngine(bundle(tmp_path), device="cpu")
    brought = engine.brought
    assert brought.labels == {1: "part 1", 2: "part 2", 3: "part 3"}
    assert brought.preprocessing.spacing == (2.0, 1.0, 1.1)  # pixdim is R, A, S.
    assert brought.patch == (16, 16, 64)  # roi_size is R, A, S, too.
    image = torch.randn(1, 1, 16, 16, 64)
    with torch.no_grad():
        ours = brought.network(image)
        theirs = brought.network.inner(image.permute(0, 1, 4, 3, 2)).permute(0, 1, 4, 3, 2)
    assert torch.equal(ours, theirs)


def test_a_yaml_bundle_is_read_too(tmp_path):
    yaml = pytest.importorskip("yaml")
    folder = bundle(tmp_path)
    path = folder / "configs" / "inference.json"
    text = yaml.safe_dump(json.loads(path.read_text(encoding="utf-8")))
    path.with_suffix(".yaml").write_text(text, encoding="utf-8")
    path.unlink()
    assert MonaiBundleEngine(folder).brought.patch == (16, 16, 64)


UNET = {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 4}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network_def": {**UNET, "channels": "$[4, 8]", "strides": [2]}}, "would have to be run"),
        ({"network_def": {**UNET, "channels": "@nowhere", "strides": [2]}}, "nothing stands there"),
        (
            {"network_def": {**UNET, "channels": "@a", "strides": [2]}, "a": "@a"},
            "refers to itself",
        ),
        ({"network_def": {"_target_": "os.system", "command": "true"}}, "os.system, allowed are"),
        ({"network_def": {"_target_": "monai.apps.download_url"}}, "allowed are the networks of"),
        ({"network_def": "$import('os').system('true')"}, "allowed are the networks of"),
        ({"network_def": {**UNET, "channels": [4, 8], "strides": 2.5}}, "cannot be made"),
        (
            {"network_def": {**UNET, "channels": [8, 8], "strides": [2]}},
            "weights of another network",
        ),
        (
            {"network_def": {**UNET, "channels": {"_target_": "os.getcwd"}, "strides": [2]}},
            "os.getcwd for .*plain values",
        ),
        (
            {"preprocessing": {"transforms": [{"_target_": "ThresholdIntensityd"}]}},
            "got 'ThresholdIntensityd' in its preprocessing, understood are Orientation",
        ),
    ],
)
def test_what_would_have_to_be_run_or_is_not_understood_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        MonaiBundleEngine(bundle(tmp_path, **changes))


def test_a_bundle_with_torchscript_needs_no_network_def(tmp_path):
    folder = bundle(tmp_path, network_def="$custom()")
    (folder / "models" / "model.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"no models/model\.ts"):
        MonaiBundleEngine(folder)
    scripted(Bright(out=4), folder / "models" / "model.ts")
    engine = MonaiBundleEngine(folder)
    engine.set_case(Case(IMAGE))
    prompt = click(CUBE, (12, 20, 22), 3)
    answer = engine.respond([prompt])
    assert chance(answer, prompt, 3) == 1.0
    assert dice(answer.full_labels() == 3, BALL) > 0.9


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no metadata\.json or metadata\.yaml"):
        MonaiBundleEngine(tmp_path)
    folder = bundle(tmp_path)
    (folder / "configs" / "metadata.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="got no JSON"):
        MonaiBundleEngine(folder)
    (folder / "configs" / "metadata.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="damaged description"):
        MonaiBundleEngine(folder)

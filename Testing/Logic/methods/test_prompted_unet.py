"""The default engine, with weights that nobody trained: what it sees, snaps to, and refuses."""

from __future__ import annotations

import importlib.util
import pickle

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Box, Case, Prediction, Provenance, Region
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.methods.scarce.interactive import prompted_unet
from ImperfectSegLogic.methods.scarce.interactive.default_weights import (
    read_weights,
    weights_path,
    write_weights,
)
from ImperfectSegLogic.methods.scarce.interactive.prompt_channels import ANSWER, CHANNELS
from ImperfectSegLogic.methods.scarce.interactive.prompted_unet import PromptedUNet
from ImperfectSegLogic.metrics.dice import dice
from ImperfectSegLogic.networks.prompted import PromptedNetwork
from Testing.Logic.methods.phantoms import ball, click, grid, picture

FLAT = grid((1, 90, 100))
CUBE = grid((40, 44, 48))
CLOSE = {"atol": 1e-3, "rtol": 1e-3}
OBLIQUE = grid((30, 60, 70), spacing=(2.5, 1.2, 0.9), degrees=37.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights that leave the first answer as it is."""
    folder = tmp_path_factory.mktemp("weights")
    for dims in (2, 3):
        torch.manual_seed(dims)
        network = PromptedNetwork(dims, len(CHANNELS), ANSWER)
        with torch.no_grad():
            for one in network.parameters():
                one.mul_(0.01)
        write_weights(network, weights_path(dims, folder), dims, {"seed": dims})
    return folder


def engine(weights, volume):
    made = PromptedUNet(weights, device="cpu")
    made.set_case(Case(volume))
    return made


def shown(made, prompts, previous=None):
    """Gives what the network sees of the first segment, by name of the channel."""
    prepared = made.prepare(prompts, previous, Progress())
    space = prepared.gray.shape
    return prepared, {
        name: one.reshape(space) for name, one in zip(CHANNELS, prepared.inputs[0], strict=True)
    }


@pytest.mark.parametrize(
    ("geometry", "center", "radius"),
    [(FLAT, (0, 40, 55), 18.0), (CUBE, (20, 22, 24), 11.0), (OBLIQUE, (15, 30, 35), 16.0)],
    ids=["2-D", "3-D", "oblique"],
)
def test_one_click_finds_a_ball(weights, geometry, center, radius):
    truth = ball(geometry, center, radius)
    made = engine(weights, picture(geometry, [(truth, 160.0)]))
    answer = made.respond([click(geometry, center)])
    assert dice(answer.full_labels() == 1, truth) > 0.9
    assert answer.provenance.method == "prompted-unet"
    assert len(answer.provenance.weights_hash) == 64
    assert answer.notes == ()


def test_the_network_is_shown_prompts_boxes_and_the_mask_before(weights):
    truth = ball(FLAT, (0, 40, 55), 12.0)
    made = engine(weights, picture(FLAT, [(truth, 160.0)]))
    yes, no = click(FLAT, (0, 40, 55)), click(FLAT, (0, 40, 80), positive=False)
    center, size = FLAT.to_ras((0, 40, 55)), np.array([30.0, 30.0, 1.0])
    box = Box(center=center, size=size)
    _, alone = shown(made, [yes])
    assert not any(alone[name].any() for name in ("negative", "box", "previous"))
    assert alone["positive"].max() == 1

    mask = np.zeros((2, 1, 20, 20), dtype=np.float32)
    mask[1, 0, :, :10] = 1
    mask[0] = 1 - mask[1]
    region = Region((0, 30, 45), (1, 50, 65))
    before = Prediction(mask, (0, 1), region, FLAT, Provenance("hand"))
    prepared, every = shown(made, [yes, no, box], before)
    start = np.array(prepared.region.start)
    for channel, at in (("positive", (0, 40, 55)), ("negative", (0, 40, 80))):
        peak = np.unravel_index(int(every[channel].argmax()), every[channel].shape)
        np.testing.assert_array_equal(peak + start, at)
    inside = tuple(np.array((0, 40, 55)) - start)
    outside = tuple(np.array((0, 40, 80)) - start)
    assert every["box"][inside] == 1
    assert every["box"][outside] == -1
    assert every["previous"][tuple(np.array((0, 40, 46)) - start)] == 1
    assert every["previous"][tuple(np.array((0, 40, 64)) - start)] == -1
    assert every["previous"][outside] == 0


def test_what_the_network_says_counts_and_gradients_reach_it(weights):
    truth = ball(FLAT, (0, 40, 55), 12.0)
    made = engine(weights, picture(FLAT, [(truth, 160.0)]))
    prepared = made.prepare([click(FLAT, (0, 40, 55))], None, Progress())
    scores = made.scores(made.network, prepared)
    assert scores.shape == (2, *prepared.gray.shape)
    torch.testing.assert_close(scores.exp().sum(dim=0), torch.ones(prepared.gray.shape))
    scores[1].sum().backward()
    assert all(one.grad is not None for one in made.network.parameters())

    class Contrary(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return -8 * torch.ones_like(x[:, :1])

    made.network = Contrary()
    answer = made.respond([click(FLAT, (0, 40, 55))])
    labels = answer.full_labels()
    assert labels[0, 40, 55] == 1
    assert (labels == 1).sum() < truth.sum() / 2


def test_several_segments_are_asked_for_one_by_one_and_compared(weights):
    a, b = ball(FLAT, (0, 40, 40), 10.0), ball(FLAT, (0, 40, 62), 10.0)
    made = engine(weights, picture(FLAT, [(a, 160.0), (b, 40.0)]))
    answer = made.respond([click(FLAT, (0, 40, 40), 1), click(FLAT, (0, 40, 62), 4)])
    assert answer.labels == (0, 1, 4)
    assert dice(answer.full_labels() == 1, a) > 0.9
    assert dice(answer.full_labels() == 4, b) > 0.9
    np.testing.assert_allclose(answer.probabilities.sum(axis=0), 1, atol=1e-4)


def test_large_regions_are_looked_at_more_coarsely(weights, monkeypatch):
    monkeypatch.setitem(prompted_unet.MOST_VOXELS, 3, 9_000)
    truth = ball(CUBE, (20, 22, 24), 13.0)
    made = engine(weights, picture(CUBE, [(truth, 160.0)]))
    prepared = made.prepare([click(CUBE, (20, 22, 24))], None, Progress())
    assert prepared.gray.shape == prepared.region.shape
    assert prepared.inputs[0, 0].numel() <= 9_000
    answer = made.respond([click(CUBE, (20, 22, 24)), click(CUBE, (20, 22, 2), positive=False)])
    assert dice(answer.full_labels() == 1, truth) > 0.85
    assert answer.full_labels()[20, 22, 24] == 1
    assert answer.full_labels()[20, 22, 2] == 0


def test_what_a_coarse_network_changes_lands_where_it_saw_it(weights, monkeypatch):
    monkeypatch.setitem(prompted_unet.MOST_VOXELS, 3, 9_000)
    made = engine(weights, picture(CUBE, [(ball(CUBE, (20, 22, 24), 13.0), 160.0)]))
    prepared = made.prepare([click(CUBE, (20, 22, 24))], None, Progress())
    first = torch.logit(torch.from_numpy(prepared.first[1]).clamp(0.02, 0.98))
    for axis, factor in enumerate(prepared.factor):
        assert factor > 1
        shape = [-1 if a == axis else 1 for a in range(3)]
        seen = prepared.inputs[0, ANSWER]
        centers = torch.arange(seen.shape[axis]) * float(factor) + (factor - 1) / 2
        logits = torch.logit(seen.clamp(0.02, 0.98)) + 0.1 * centers.reshape(shape)
        both = prompted_unet.joined(logits[None], prepared)
        change = (both[1] - both[0] - first).movedim(axis, 0)
        inner = slice(factor, first.shape[axis] - 2 * factor)
        wanted = 0.1 * torch.arange(first.shape[axis])[inner].reshape(-1, 1, 1)
        torch.testing.assert_close(change[inner], wanted.expand_as(change[inner]), **CLOSE)


def test_a_network_that_changes_nothing_leaves_the_likeliest_of_several_labels(weights):
    a, b = ball(FLAT, (0, 40, 40), 10.0), ball(FLAT, (0, 40, 62), 10.0)
    made = engine(weights, picture(FLAT, [(a, 160.0), (b, 155.0)]))
    clicks = [click(FLAT, (0, 40, 40), 1), click(FLAT, (0, 40, 62), 2)]
    clicks.append(click(FLAT, (0, 10, 50), 3))
    prepared = made.prepare(clicks, None, Progress())
    undecided = prepared.first.max(axis=0) < 0.5
    assert undecided.any(), "the picture should have voxels where no label has half of all"
    both = prompted_unet.joined(torch.logit(prepared.inputs[:, ANSWER].clamp(0.02, 0.98)), prepared)
    found, wanted = both.argmax(dim=0).numpy(), prepared.first.argmax(axis=0)
    np.testing.assert_array_equal(found[undecided], wanted[undecided])


def test_cancelling_leaves_the_next_answer_right(weights):
    truth = ball(FLAT, (0, 40, 55), 12.0)
    made = engine(weights, picture(FLAT, [(truth, 160.0)]))
    prompts = [click(FLAT, (0, 40, 55))]
    before = made.respond(prompts)
    said = []
    made.respond(prompts, progress=Progress(lambda fraction, _: said.append(fraction)))
    assert said == sorted(said)
    for number in range(0, len(said) - 1, 3):
        heard = []
        progress = Progress(lambda *_, h=heard: h.append(1))
        patient = progress.report

        def report(fraction, message="", p=progress, h=heard, n=number, r=patient):
            if len(h) > n:
                p.cancel()
            r(fraction, message)

        progress.report = report
        with pytest.raises(CancelledError):
            made.respond(prompts, progress=progress)
    np.testing.assert_array_equal(before.probabilities, made.respond(prompts).probabilities)


def test_it_says_what_is_missing(monkeypatch, tmp_path):
    assert PromptedUNet.missing() == "" or "weights" in PromptedUNet.missing()
    monkeypatch.setattr(prompted_unet, "weights_path", lambda dims: tmp_path / f"{dims}")
    assert str(tmp_path) in PromptedUNet.missing()
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    assert "torch" in PromptedUNet.missing()


def test_without_a_case_it_says_so(weights):
    with pytest.raises(ValueError, match="set_case"):
        PromptedUNet(weights).respond([click(FLAT, (0, 40, 55))])


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_bad_weights_are_refused_and_never_run(weights, tmp_path):
    good = weights_path(2, weights).read_bytes()
    path = tmp_path / "prompted-unet-2d.safetensors"
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(ValueError, match="cut short"):
        read_weights(path, 2)
    path.write_bytes(pickle.dumps(Evil(tmp_path / "written")))
    with pytest.raises(ValueError, match="pickle"):
        read_weights(path, 2)
    assert not (tmp_path / "written").exists()
    damaged = bytearray(good)
    damaged[-10] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(ValueError, match="not those that were saved"):
        read_weights(path, 2)
    path.write_bytes(weights_path(3, weights).read_bytes())
    with pytest.raises(ValueError, match="got"):
        read_weights(path, 2)
    write_weights(PromptedNetwork(2, len(CHANNELS) + 1, ANSWER), path, 2, {})
    with pytest.raises(ValueError, match="another network"):
        read_weights(path, 2)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="Install"):
        read_weights(path, 2)


def test_any_image_size_is_answered():
    torch.manual_seed(0)
    for dims, sizes in ((2, [(1, 5), (17, 200), (81, 81)]), (3, [(1, 2, 3), (9, 40, 41)])):
        network = PromptedNetwork(dims, len(CHANNELS), ANSWER)
        for size in sizes:
            assert network(torch.rand(1, len(CHANNELS), *size)).shape == (1, 1, *size)

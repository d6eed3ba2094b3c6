import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.prediction import member
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict, predict_labels
from ImperfectSegLogic.prediction.running import Runner
from Testing.Logic.prediction.tiny_models import Thresholds, noise, random_model, thresholds

MAPS = ("entropy", "variance", "mutual_information")


def peak(work) -> int:
    """The most bytes of arrays at once."""
    work()
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_number_of_passes():
    model, volume = random_model(2, (16, 16), dropout=0.2), noise((12, 40, 40))

    def work(samples):
        settings = PredictionSettings(mc_samples=samples, uncertainty=MAPS)
        return lambda: predict([model], volume, settings)

    assert peak(work(7)) < 1.05 * peak(work(2))


def test_labels_of_a_large_image_take_a_fraction_of_its_probabilities(monkeypatch):
    labels = {n: str(n) for n in range(1, 12)}
    model, volume = random_model(2, (16, 16), labels=labels), noise((300, 16, 16))
    largest = 0
    zeros = torch.zeros

    def watched(*shape, **said):
        nonlocal largest
        made = zeros(*shape, **said)
        largest = max(largest, made.nbytes)
        return made

    monkeypatch.setattr(member.torch, "zeros", watched)
    probabilities = 4 * 12 * volume.array.size
    settings = PredictionSettings(slab_megabytes=0.25)
    arrays = peak(lambda: predict_labels([model], volume, settings))
    assert arrays + largest < 0.5 * probabilities
    largest = 0
    assert peak(lambda: predict([model], volume)) + largest > probabilities


class Forgetful(Thresholds):
    """Says that memory runs out when it sees more windows at once than it can."""

    def __init__(self, most: int, error: str = "CUDA out of memory. Tried to allocate"):
        super().__init__()
        self.most, self.error, self.seen = most, error, []

    def forward(self, image):
        self.seen.append(len(image))
        if len(image) > self.most:
            raise RuntimeError(self.error)
        return super().forward(image)


def test_where_memory_runs_out_fewer_windows_are_seen_at_once():
    volume = noise((4, 40, 40))
    tight = thresholds(2, (16, 16), network=Forgetful(2))
    roomy = thresholds(2, (16, 16))
    settings = PredictionSettings(windows_at_once=9)
    got = predict([tight], volume, settings, device="cpu")
    wanted = predict([roomy], volume, settings, device="cpu")
    np.testing.assert_allclose(
        got.prediction.probabilities, wanted.prediction.probabilities, atol=1e-6
    )
    assert got.notes == (
        "memory ran out on cpu: 4 windows at once from here on",
        "memory ran out on cpu: 2 windows at once from here on",
    )
    assert wanted.notes == ()
    assert tight.network.seen[:4] == [9, 4, 2, 2]
    assert max(tight.network.seen[3:]) == 2  # It remembers.


def test_where_one_window_is_too_much_it_says_what_to_do():
    with pytest.raises(ValueError, match="memory ran out even for one window on the CPU"):
        predict([thresholds(2, network=Forgetful(0))], noise((2, 16, 16)))


def test_other_errors_of_the_network_come_through():
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        predict([thresholds(2, network=Forgetful(0, "a mistake of ours"))], noise((2, 16, 16)))


class OnlyOnCpu(nn.Module):
    """A network whose device, as far as it goes without a GPU, is out of memory."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.moved = []

    def to(self, device):
        self.moved.append(str(device))
        return self

    def forward(self, image):
        if self.moved[-1] != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return image * self.weight


def test_where_the_gpu_is_too_small_the_cpu_goes_on():
    network = OnlyOnCpu()
    runner = Runner([network], torch.device("meta"), 2)
    with runner.placed():
        runner.device = torch.device("meta")
        got = runner.run(network, torch.ones(3, 1, 2, 2))
    assert got.shape == (3, 1, 2, 2)
    assert network.moved == ["meta", "cpu", "cpu"]
    assert runner.notes[-1] == "memory ran out on meta even for one window: going on on the CPU"


def test_a_network_that_had_to_move_meanwhile_can_still_learn():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    runner = Runner([network], torch.device("cpu"), 2)
    with runner.placed():
        for weight in network.parameters():
            weight.data = weight.data.clone()  # As moving to another device does.
    network(torch.ones(1, 2)).sum().backward()

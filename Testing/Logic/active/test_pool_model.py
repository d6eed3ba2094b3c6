"""What query strategies ask of trained models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ImperfectSegLogic.active.model_gradients import SKETCH, Gradients
from ImperfectSegLogic.active.model_segmenter import ModelSegmenter
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.active.unit_windows import UnitWindows, Windows
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods import catalog
from ImperfectSegLogic.networks.deepest import deepest_layer
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.prediction.settings import PredictionSettings
from Testing.Logic.prediction.tiny_models import LABELS, noise, random_model, thresholds

SHAPE = (3, 20, 24)
LARGE = (3, 40, 37)
UNITS = [Unit("a", 0, 1), Unit("a", 0, 2, (4, 6), (8, 8)), Unit("a")]


def segmenter(*models, **settings) -> ModelSegmenter:
    models = models or (random_model(2, patch=(16, 16), dropout=0.3),)
    return ModelSegmenter(Predictor(models, PredictionSettings(**settings), "cpu"))


def test_it_looks_as_a_predictor_with_the_same_settings_does():
    model = random_model(2, patch=(16, 16), dropout=0.3)
    look = segmenter(model, seed=3).look(noise(SHAPE), ("variance",), 4)
    settings = PredictionSettings(mc_samples=4, uncertainty=("variance",), seed=3)
    wanted = Predictor([model], settings, "cpu").predict(noise(SHAPE))
    np.testing.assert_array_equal(look.probabilities, wanted.prediction.probabilities)
    np.testing.assert_array_equal(look.maps["variance"], wanted.uncertainty["variance"])


def test_it_says_at_once_what_it_cannot_do():
    with pytest.raises(ValueError, match="without dropout"):
        segmenter(random_model(2)).check(("entropy",), 5)
    with pytest.raises(ValueError, match="one pass"):
        segmenter(random_model(2)).check(("variance",), 0)
    segmenter(random_model(2), random_model(2, seed=1)).check(("variance",), 0)


def test_its_identity_changes_with_weights_and_settings_that_matter():
    model, other = random_model(2), random_model(2, seed=1)
    known = {segmenter(model).identity, segmenter(other).identity, segmenter(model, other).identity}
    known |= {segmenter(model, flips=True).identity, segmenter(model, seed=5).identity}
    assert len(known) == 5
    assert segmenter(model, windows_at_once=1).identity == segmenter(model).identity


@pytest.mark.parametrize("matrix", [np.eye(4), np.diag([-1, 1, 1, 1]), np.diag([1, -2, 3, 1])])
def test_windows_show_what_the_unit_shows(matrix):
    """Also where the image is flipped on the way to the network; and all of it."""
    numbers = np.arange(np.prod(LARGE), dtype=np.float32).reshape(LARGE)
    volume = Volume(numbers, matrix)
    model = thresholds(2, patch=(16, 16), spacing=volume.geometry.spacing)
    for unit in UNITS:
        seen = [
            part.seen[:, 0][part.inside].numpy()
            for part in UnitWindows(model, volume).batches(unit, 3)
        ]
        wanted = numbers[unit.slices(LARGE)].ravel()
        np.testing.assert_array_equal(np.unique(np.concatenate(seen)), np.sort(wanted))


def test_windows_of_a_resampled_image_show_the_same_place():
    ramp = np.broadcast_to(np.arange(24, dtype=np.float32), SHAPE)
    model = thresholds(2, patch=(16, 16), spacing=(1, 0.5, 0.5))
    unit = Unit("a", 0, 1, (4, 6), (8, 4))
    parts = list(UnitWindows(model, Volume(ramp, np.eye(4))).batches(unit, 4))
    seen = np.concatenate([p.seen[:, 0][p.inside].numpy() for p in parts])
    assert 5.5 <= seen.min() <= 6.5
    assert 8.5 <= seen.max() <= 9.5


def test_features_are_those_of_the_coarsest_layer():
    model = random_model(2, patch=(16, 16), features=(4, 8, 6), strides=(2, 2))
    found = segmenter(model).latent(noise(SHAPE), UNITS)
    assert found.shape == (3, 6)
    assert not np.allclose(found[0], found[1])
    kept = []
    window = next(UnitWindows(model, noise(SHAPE)).batches(UNITS[1], 1)).seen
    deepest_layer(model.network, window).register_forward_hook(lambda *said: kept.append(said[2]))
    with torch.no_grad():
        model.network.eval()(window)
    np.testing.assert_allclose(found[1], kept[0][0].mean((1, 2)), rtol=1e-5)


def test_a_network_of_one_layer_gives_its_answer_as_features():
    assert segmenter(thresholds(2, patch=(16, 16))).latent(noise(SHAPE), UNITS).shape == (3, 3)
    network = Logits()
    assert deepest_layer(network, torch.zeros(1, 1, 8, 8)) is network


def test_units_have_the_same_features_and_gradients_whatever_else_is_asked():
    one = segmenter()
    for ask in (one.latent, lambda v, u: one.gradients(v, u, 2, True)):
        together = ask(noise(SHAPE), UNITS)
        alone = ask(noise(SHAPE), UNITS[1:2])
        np.testing.assert_allclose(together[1], alone[0], rtol=1e-4, atol=1e-6)


class Logits(torch.nn.Module):
    """The same logits everywhere: the Fisher information is known."""

    def __init__(self):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.tensor([0.3, -0.2, 0.8]))
        self.rest = torch.nn.Linear(2, 2)

    def forward(self, image):
        return self.bias.view(1, 3, 1, 1).expand(len(image), 3, *image.shape[2:])


@pytest.mark.parametrize("voxels", [16, 64])
def test_the_mean_square_of_gradients_is_the_fisher_information_of_a_voxel(voxels):
    """Whatever the size of the unit. By layers, the mean of a layer's gradient is what is left."""
    network = Logits()
    side = int(voxels**0.5)
    window = Windows(torch.zeros(1, 1, side, side), torch.ones(1, side, side, dtype=torch.bool))
    draws = Gradients(network, 800, False, 0).of("a", [window], torch.device("cpu"))
    chances = torch.softmax(network.bias, 0).detach().numpy()
    fisher = np.diag(chances) - np.outer(chances, chances)
    buckets = Gradients(network, 1, False, 0)
    place, sign = buckets._to[:3].numpy(), buckets._factor[:3].numpy()
    shown = (draws**2).mean(axis=0)[place[0]]
    same = place == place[0]
    wanted = (sign[same] @ fisher[np.ix_(same, same)] @ sign[same]).item()
    assert shown == pytest.approx(wanted, rel=0.25)
    assert draws.shape == (800, SKETCH)


def test_gradients_by_layer_are_means_over_weights():
    model = random_model(2, patch=(16, 16))
    found = Gradients(model.network, 1, True, 0)
    layers = {name.rpartition(".")[0] for name, _ in model.network.named_parameters()}
    assert found._length == len(layers)
    sums = torch.zeros(found._length).index_add_(0, found._to, found._factor)
    assert torch.allclose(sums, torch.ones(len(layers)))


def test_a_3d_network_sees_slices_and_volumes():
    made = segmenter(random_model(3, patch=(8, 8, 8)))
    units = [Unit("a", 2, 5), Unit("a")]
    assert made.latent(noise(SHAPE), units).shape == (2, 8)
    found = made.gradients(noise(SHAPE), units, 2, False)
    assert found.shape == (2, 2, SKETCH)
    assert np.abs(found).sum() > 0
    again = made.gradients(noise(SHAPE), units, 2, False)
    np.testing.assert_allclose(found, again, rtol=1e-4, atol=1e-6)


class Images:
    labels = LABELS

    def image(self, case):
        return noise(SHAPE, seed=int(case))

    def stamp(self, case):
        return ""


@pytest.mark.parametrize("kind", catalog.query_strategies(), ids=lambda k: k.card.name)
def test_every_strategy_works_with_a_real_network(kind):
    one = random_model(2, patch=(16, 16), dropout=0.3)
    made = segmenter(one, random_model(2, patch=(16, 16), dropout=0.3, seed=1))
    units = [Unit(str(case), 0, k) for case in range(2) for k in range(3)]
    few = {"passes": 2} if hasattr(kind.settings_type, "passes") else {}
    strategy = catalog.query_strategy(kind.card.name, few)
    found = strategy.rank(Pool(Images(), units), made, 2, np.random.default_rng(0))
    assert len(found.items) == 2


def counted(network) -> list[int]:
    """How many windows went through the whole network, and to its deepest layer."""
    counts = [0, 0]
    layer = deepest_layer(network, torch.zeros(1, 1, 16, 16))

    def note(place):
        def add(module, inputs, output):
            counts[place] += len(output)

        return add

    network.register_forward_hook(note(0))
    layer.register_forward_hook(note(1))
    return counts


@pytest.mark.parametrize("shape", [(3, 16, 16), (3, 12, 10)])
def test_features_are_taken_from_the_prediction_of_the_same_windows(shape):
    """From the second image on; they are those of a segmenter that was not asked to predict."""
    model = random_model(2, patch=(16, 16), dropout=0.3)
    units = [Unit("a", 0, k) for k in range(3)]
    made, alone = segmenter(model), segmenter(model)
    wanted = [alone.latent(noise(shape, seed=n), units) for n in range(2)]
    counts = counted(model.network)
    for n in range(2):
        before = list(counts)
        made.look(noise(shape, seed=n), ("entropy",), 0)
        found = made.latent(noise(shape, seed=n), units)
        if n:
            assert [a - b for a, b in zip(counts, before, strict=True)] == [3, 3]
        np.testing.assert_allclose(found, wanted[n], rtol=1e-4, atol=1e-6)


def test_features_are_never_those_of_another_image_or_of_dropout():
    model = random_model(2, patch=(16, 16), dropout=0.3)
    units = [Unit("a", 0, k) for k in range(3)]
    shape = (3, 16, 16)
    made, alone = segmenter(model), segmenter(model)
    wanted = [alone.latent(noise(shape, seed=n), units) for n in range(2)]
    made.latent(noise(shape), units)
    made.look(noise(shape, seed=1), (), 0)
    np.testing.assert_allclose(made.latent(noise(shape), units), wanted[0], rtol=1e-4, atol=1e-6)
    made.look(noise(shape, seed=1), (), 3)
    found = made.latent(noise(shape, seed=1), units)
    np.testing.assert_allclose(found, wanted[1], rtol=1e-4, atol=1e-6)
    flipped = segmenter(model, flips=True)
    for _ in range(2):
        flipped.look(noise(shape, seed=1), (), 0)
        found = flipped.latent(noise(shape, seed=1), units)
        np.testing.assert_allclose(found, wanted[1], rtol=1e-4, atol=1e-6)


def test_labels_are_drawn_as_often_as_they_are_probable():
    network = Logits()
    window = Windows(torch.zeros(1, 1, 64, 64), torch.ones(1, 64, 64, dtype=torch.bool))
    made = Gradients(network, 40, False, 0)
    found = made.of("a", [window], torch.device("cpu")).mean(axis=0)
    # The mean gradient of the log-likelihood is that of what was drawn less what is probable: 0.
    assert np.abs(found[made._to[:3].numpy()]).max() < 0.5

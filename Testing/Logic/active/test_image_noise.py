"""Networks that tell noise in the image, and the strategy that asks them for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.active.model_segmenter import ModelSegmenter
from ImperfectSegLogic.active.pool import Pool
from ImperfectSegLogic.active.unit import Unit
from ImperfectSegLogic.data import Volume
from ImperfectSegLogic.methods.catalog import query_strategy, training_method
from ImperfectSegLogic.networks.noisy_logits import NoisyLogits, spread_of
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.training.fit import fit
from ImperfectSegLogic.training.model_file import load_model
from ImperfectSegLogic.training.optimizing import Optimizing
from ImperfectSegLogic.training.players import Players
from Testing.Contracts.training_checks import CPU, batch_of, plan_of, players_of
from Testing.Logic.prediction.tiny_models import LABELS, noise, random_model, thresholds
from Testing.Logic.training.phantom_runs import make_dataset, make_run

SHAPE = (3, 20, 24)


class Given(nn.Module):
    """A backbone that answers what it was given, whatever it is shown."""

    def __init__(self, logits, variance):
        super().__init__()
        self.said = nn.Parameter(torch.cat([logits, variance.log()]))

    def forward(self, image):
        shape = (1, -1, *[1] * (image.ndim - 2))
        return self.said.view(shape).expand(len(image), -1, *image.shape[2:])


def drawn_probabilities(logits, variance, count=200_000):
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(count, len(logits), generator=generator) * variance.sqrt() + logits
    return torch.softmax(draws, dim=1)


@pytest.mark.parametrize("logits", [(0.0, 0.0, 0.0), (2.0, -1.0, 0.5), (4.0, 0.0, 0.0)])
def test_the_spread_is_the_variance_of_the_probabilities(logits):
    """For small noise, of one size for all labels or of another for each."""
    logits = torch.tensor(logits)
    for variance in (torch.full((3,), 1e-3), torch.tensor([4e-3, 1e-4, 1e-3])):
        wanted = drawn_probabilities(logits, variance).var(dim=0).sum()
        found = spread_of(logits.view(1, 3, 1), variance.view(1, 3, 1))
        assert float(found) == pytest.approx(float(wanted), rel=0.03)


def test_the_spread_stays_within_what_there_can_be():
    huge = spread_of(torch.zeros(1, 3, 1), torch.full((1, 3, 1), 1e6))
    assert float(huge) == pytest.approx(1 - 1 / 3)
    assert float(spread_of(torch.tensor([[[90.0], [0.0]]]), torch.ones(1, 2, 1))) > 0


def test_in_training_it_answers_the_mean_probability_over_the_noise():
    logits, variance = torch.tensor([1.0, -1.0, 0.0]), torch.tensor([4.0, 1.0, 0.3])
    network = NoisyLogits(Given(logits, variance), draws=4000).train()
    torch.manual_seed(0)
    found = network(torch.zeros(1, 1, 4, 4)).exp().mean(dim=(0, 2, 3))
    wanted = drawn_probabilities(logits, variance).mean(dim=0)
    torch.testing.assert_close(found, wanted, rtol=0.01, atol=0.005)
    network.eval()
    answer = network(torch.zeros(1, 1, 4, 4))
    torch.testing.assert_close(answer[0, :, 0, 0], logits)
    assert torch.equal(answer, network(torch.zeros(1, 1, 4, 4)))


def test_noise_is_learned_where_labels_cannot_be_told():
    """Two halves look alike within; labels of the left one are drawn by lot for each sample."""
    method = training_method("mahapatra2018-noise", {"dice": 0.0})
    players = players_of(method, 2)
    optimizing = Optimizing(players, [method], CPU, print)
    for step in range(150):
        torch.manual_seed(step)
        batch = batch_of(2, ("DenseMask",) * 8, seed=step)
        batch.image[..., 8:] += 4
        batch.target[..., 8:] = 2
        batch.target[..., :8] = torch.randint(2, (8, 1, 1))
        optimizing.step(batch, 1e-2)
    network = players.segmenter.eval()
    with torch.no_grad():
        spread = spread_of(*network.both(batch.image))
    assert float(spread[..., :6].mean()) > 5 * float(spread[..., 10:].mean())


def noisy_model(variance=(0.5, 0.1, 0.2), logits=(1.0, 0.0, -1.0)):
    backbone = Given(torch.tensor(logits), torch.tensor(variance))
    return thresholds(2, patch=(16, 16), network=NoisyLogits(backbone, 2))


def segmenter(*models) -> ModelSegmenter:
    return ModelSegmenter(Predictor(models, device="cpu"))


def test_the_noise_of_an_image_is_that_of_its_voxels():
    made = segmenter(noisy_model())
    wanted = spread_of(
        torch.tensor([[[1.0], [0.0], [-1.0]]]), torch.tensor([[[0.5], [0.1], [0.2]]])
    )
    found = made.noise(noise(SHAPE))
    assert found.shape == SHAPE
    np.testing.assert_allclose(found, float(wanted), rtol=1e-4)
    np.testing.assert_array_equal(made.noise(noise(SHAPE)), found)
    probabilities = made.look(noise(SHAPE), (), 0).probabilities
    assert probabilities.shape == (3, *SHAPE)


def test_an_ensemble_has_noise_if_all_of_its_models_have():
    assert segmenter(random_model(2)).noise(noise(SHAPE)) is None
    assert segmenter(noisy_model(), thresholds(2, patch=(16, 16))).noise(noise(SHAPE)) is None
    one, other = noisy_model(), noisy_model(variance=(0.05, 0.01, 0.02))
    both = segmenter(one, other).noise(noise(SHAPE))
    alone = [segmenter(m).noise(noise(SHAPE)) for m in (one, other)]
    np.testing.assert_allclose(both, np.mean(alone, axis=0), rtol=1e-4)


class Images:
    labels = LABELS

    def image(self, case):
        return noise(SHAPE, seed=int(case))

    def stamp(self, case):
        return ""


def test_the_strategy_takes_the_noise_that_the_model_tells():
    class Known(ModelSegmenter):
        def noise(self, volume):
            assert isinstance(volume, Volume)
            return np.arange(3, dtype=np.float32).reshape(3, 1, 1) * np.ones(SHAPE, np.float32)

    model = random_model(2, patch=(16, 16), dropout=0.3)
    units = [Unit(str(case), 0, k) for case in range(2) for k in range(3)]
    strategy = query_strategy("mahapatra2018", {"passes": 2})
    table, _ = strategy.measured(Pool(Images(), units), Known(Predictor([model], device="cpu")))
    np.testing.assert_allclose(table["aleatoric"], [0, 1, 2] * 2)
    plain, _ = strategy.measured(Pool(Images(), units), segmenter(model))
    np.testing.assert_array_equal(table["epistemic"], plain["epistemic"])
    assert 0 < plain["aleatoric"].max() < 1


def test_a_trained_model_is_read_with_its_noise(tmp_path):
    dataset = make_dataset(tmp_path / "set")
    run = make_run(dataset, methods=(("mahapatra2018-noise", {"draws": 3}),), steps=8)
    model = load_model(fit(run, tmp_path / "run", device="cpu"))
    assert isinstance(model.network, NoisyLogits)
    assert model.network.draws == 3
    found = segmenter(model).noise(dataset.image("case0"))
    assert found.min() > 0
    assert found.std() > 0
    strategy = query_strategy("mahapatra2018", {"passes": 2})
    units = [Unit("case0", 0, k) for k in range(4)]
    table, _ = strategy.measured(Pool(_Of(dataset), units), segmenter(model))
    wanted = [float(found[k].mean()) for k in range(4)]
    np.testing.assert_allclose(table["aleatoric"], wanted, rtol=1e-4)


class _Of:
    def __init__(self, dataset):
        self.labels, self.image = dataset.labels, dataset.image

    def stamp(self, case):
        return ""


def test_another_method_sees_the_same_answer():
    """What composes with it asks the players, who ask the network once a step."""
    method = training_method("mahapatra2018-noise")
    torch.manual_seed(0)
    network = method.segmenter(plan_of(2))
    players = Players({"segmenter": network}, plan_of(2), predict=lambda volume: None)
    batch = batch_of(2)
    assert players.logits(batch) is players.logits(batch)
    assert players.logits(batch).shape == (2, 3, 16, 16)

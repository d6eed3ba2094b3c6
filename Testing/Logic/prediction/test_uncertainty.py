import numpy as np
import pytest
import torch
from torch import nn

from ImperfectSegLogic.prediction.dropout import dropped
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict, predict_labels
from ImperfectSegLogic.prediction.statistics import PassStatistics, entropy
from Testing.Logic.data.grids import ALL
from Testing.Logic.prediction.tiny_models import noise, random_model

MAPS = ("entropy", "variance", "mutual_information")


def random_passes(count: int, shape=(3, 2, 4, 5)):
    drawn = np.random.default_rng(0).random((count, *shape)).astype(np.float32) ** 3
    return drawn / drawn.sum(axis=1, keepdims=True)


def summed(passes, names=MAPS):
    mean = np.zeros(passes.shape[1:], dtype=np.float32)
    maps = {name: np.zeros(passes.shape[2:], dtype=np.float32) for name in names}
    statistics = PassStatistics(mean, maps)
    for one in passes:
        statistics.add(one)
    statistics.finish()
    return mean, maps


def textbook_entropy(p):
    return -(p * np.log(p)).sum(axis=-4) / np.log(p.shape[-4])


@pytest.mark.parametrize("count", [1, 2, 7])
def test_sums_are_what_the_textbook_says(count):
    passes = random_passes(count)
    mean, maps = summed(passes)
    np.testing.assert_allclose(mean, passes.mean(0), atol=1e-6)
    np.testing.assert_allclose(maps["entropy"], textbook_entropy(passes.mean(0)), atol=1e-5)
    np.testing.assert_allclose(maps["variance"], passes.var(0).sum(0), atol=1e-6)
    wanted = textbook_entropy(passes.mean(0)) - textbook_entropy(passes).mean(0)
    np.testing.assert_allclose(maps["mutual_information"], wanted, atol=1e-5)


def test_passes_that_agree_have_no_spread_at_all():
    _, maps = summed(np.repeat(random_passes(1), 9, axis=0))
    assert not maps["variance"].any()
    assert not maps["mutual_information"].any()
    assert maps["entropy"].min() > 0


def test_a_coin_toss_is_as_unsure_as_can_be():
    sure = np.zeros((2, 1, 1, 1), dtype=np.float32)
    sure[0] = 1
    assert entropy(sure).item() == 0
    assert entropy(np.full((4, 1, 1, 1), 0.25, dtype=np.float32)).item() == pytest.approx(1)
    _, maps = summed(np.stack([sure, sure[::-1]]))
    assert maps["mutual_information"].item() == pytest.approx(1)
    assert maps["variance"].item() == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["oblique, flipped", "axes (2, 0, 1) signs (1, -1, 1)"])
def test_maps_of_an_ensemble_lie_on_the_images_own_grid(name):
    volume = noise((6, 9, 8), ALL[name])
    members = [random_model(3, seed=1), random_model(2, seed=2), random_model(3, seed=3)]
    passes = np.stack([predict([m], volume).prediction.probabilities for m in members])
    got = predict(members, volume, PredictionSettings(uncertainty=MAPS))
    _, wanted = summed(passes)
    assert set(got.uncertainty) == set(MAPS)
    for one in MAPS:
        assert got.uncertainty[one].shape == volume.geometry.shape
        assert got.uncertainty[one].dtype == np.float32
        np.testing.assert_allclose(got.uncertainty[one], wanted[one], atol=1e-5)
    np.testing.assert_allclose(got.uncertainty["entropy"], got.prediction.entropy(), atol=1e-5)
    only = predict_labels(members, volume, PredictionSettings(uncertainty=MAPS, slab_megabytes=0))
    for one in MAPS:
        np.testing.assert_allclose(only.uncertainty[one], wanted[one], atol=1e-5)


def test_a_model_twice_disagrees_about_nothing():
    model = random_model()
    got = predict([model, model], noise(), PredictionSettings(uncertainty=MAPS)).uncertainty
    assert not got["mutual_information"].any()
    assert not got["variance"].any()
    assert got["entropy"].any()


def test_the_spread_of_one_pass_is_refused():
    for name in ("variance", "mutual_information"):
        with pytest.raises(ValueError, match=f"{name}: got one pass, allowed are several"):
            predict([random_model()], noise(), PredictionSettings(uncertainty=(name,)))
    predict([random_model()], noise(), PredictionSettings(uncertainty=("entropy",)))


@pytest.mark.parametrize("dims", [2, 3])
def test_dropout_makes_passes_differ_and_a_seed_makes_them_the_same(dims):
    model, volume = random_model(dims, dropout=0.3), noise((8, 9, 10))

    def got(**said):
        settings = PredictionSettings(mc_samples=4, uncertainty=MAPS, **said)
        return predict([model], volume, settings)

    one, again, other = got(), got(slab_megabytes=0), got(seed=1)
    assert one.uncertainty["variance"].max() > 1e-3
    np.testing.assert_allclose(
        one.prediction.probabilities, again.prediction.probabilities, atol=1e-5
    )
    assert np.abs(one.prediction.probabilities - other.prediction.probabilities).max() > 1e-3


def test_without_mc_dropout_nothing_is_dropped():
    model = random_model(dropout=0.5)
    model.network.train()
    first = predict([model], noise()).prediction.probabilities
    np.testing.assert_array_equal(first, predict([model], noise()).prediction.probabilities)


def test_mc_dropout_of_a_network_without_dropout_is_refused():
    with pytest.raises(ValueError, match="MC samples: got unet without dropout"):
        predict([random_model()], noise(), PredictionSettings(mc_samples=3))


@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout2d, nn.Dropout3d])
def test_the_share_of_features_that_is_dropped_and_what_the_others_grow_by(kind):
    network = nn.Sequential(nn.Identity(), kind(0.25)).eval()
    x = torch.ones(3, 400, 4, 4) if kind is not nn.Dropout3d else torch.ones(3, 400, 2, 2, 2)
    with dropped(network, (0, 1)):
        y = network(x)
        assert torch.equal(y, network(x))
    assert torch.equal(network(x), x)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (y == 0).float().mean().item() == pytest.approx(0.25, abs=0.06)
    assert torch.equal(y[0], y[1])  # Samples of a batch are windows of one image.
    whole = (y == 0).flatten(2)
    assert (whole.all(-1) == whole.any(-1)).all().item() is (kind is not nn.Dropout)


def test_every_layer_has_a_mask_of_its_own():
    network = nn.Sequential(nn.Dropout(0.5), nn.Identity(), nn.Dropout(0.5)).eval()
    with dropped(network, (0,)):
        kept = (network(torch.ones(1, 4000, 1)) > 0).float().mean().item()
    assert kept == pytest.approx(0.25, abs=0.04)

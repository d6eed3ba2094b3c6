import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from ImperfectSegLogic.data import Volume, read_probabilities, write_probabilities
from ImperfectSegLogic.methods.progress import CancelledError, Progress
from ImperfectSegLogic.prediction.predict import PredictionSettings, predict, predict_labels
from ImperfectSegLogic.prediction.predictor import Predictor
from ImperfectSegLogic.training.model_file import save_model
from ImperfectSegLogic.training.preprocessing import Preprocessing, canonical_grid
from Testing.Logic.data.grids import ALL
from Testing.Logic.prediction.tiny_models import (
    AS_IT_IS,
    noise,
    random_model,
    steps_image,
    thresholds,
)

each_grid = pytest.mark.parametrize("matrix", ALL.values(), ids=ALL.keys())
each_dims = pytest.mark.parametrize("dims", [2, 3])


def truth(volume: Volume) -> np.ndarray:
    return np.array([0, 1, 3])[volume.array.astype(int)]


@each_grid
@each_dims
def test_the_answer_lies_on_the_images_own_grid(matrix, dims):
    volume = steps_image(matrix=matrix)
    model = thresholds(dims, spacing=canonical_grid(volume.geometry, dims).spacing)
    got = predict([model], volume).prediction
    np.testing.assert_array_equal(got.full_labels(), truth(volume))
    np.testing.assert_allclose(got.probabilities.sum(axis=0), 1, atol=1e-6)
    assert (got.geometry, got.region) == (volume.geometry, volume.geometry.whole)
    assert got.labels == (0, 1, 3)


@each_grid
@each_dims
@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_a_resampled_answer_lies_there_too(matrix, dims, factor):
    volume = steps_image((12, 15, 18), matrix)
    spacing = [factor * n for n in canonical_grid(volume.geometry, dims).spacing]
    found = predict_labels([thresholds(dims, spacing=tuple(spacing))], volume).mask
    assert found.geometry is volume.geometry
    blobs = (slice(1, None, 3),) * 3  # Away from their borders.
    right = found.labels[blobs] == truth(volume)[blobs]
    assert right.mean() > 0.97


@each_dims
@pytest.mark.parametrize("factor", [0.6, 1.0, 1.7])
def test_labels_are_those_of_the_probabilities(dims, factor):
    volume = noise((14, 10, 12), ALL["oblique, flipped"])
    spacing = [factor * n for n in canonical_grid(volume.geometry, dims).spacing]
    model = random_model(dims, spacing=tuple(spacing))
    whole = predict([model], volume).prediction
    # Slabs of the least number of slices.
    small = PredictionSettings(slab_megabytes=0)
    for settings in (PredictionSettings(), small):
        np.testing.assert_array_equal(
            predict_labels([model], volume, settings).mask.labels, whole.full_labels()
        )
    slabs = predict([model], volume, small).prediction
    np.testing.assert_allclose(slabs.probabilities, whole.probabilities, atol=1e-6)


@each_dims
def test_restoring_slab_by_slab_is_restoring_the_whole(dims):
    volume = noise((14, 10, 12), ALL["oblique"])
    spacing = [0.7 * n for n in canonical_grid(volume.geometry, dims).spacing]
    model = random_model(dims, spacing=tuple(spacing))
    slabs = predict([model], volume, PredictionSettings(slab_megabytes=0)).prediction
    # The network on the image prepared beforehand, restored as a whole.
    prepared = model.preprocessing.prepare(volume)[0]
    matrix = np.diag((*model.preprocessing.prepared_spacing(volume.geometry)[::-1], 1))
    as_it_is = Preprocessing(dims, tuple(np.diag(matrix)[2::-1]), AS_IT_IS)
    inner = dataclasses.replace(model, preprocessing=as_it_is)
    answer = predict([inner], Volume(prepared, matrix)).prediction.probabilities
    wanted = model.preprocessing.restore(answer, volume.geometry)
    np.testing.assert_allclose(slabs.probabilities, wanted, atol=1e-5)


def test_all_flips_of_a_network_that_does_not_mind_them_change_nothing():
    for dims in (2, 3):
        model, volume = thresholds(dims), steps_image((21, 20, 35))
        plain = predict([model], volume).prediction.probabilities
        flipped = predict([model], volume, PredictionSettings(flips=True)).prediction
        np.testing.assert_allclose(flipped.probabilities, plain, atol=1e-6)


@each_dims
def test_flips_average_the_network_over_flipped_images(dims):
    model, volume = random_model(dims), noise((8, 8, 8))
    axes = range(3 - dims, 3)
    every = [
        np.flip(
            predict([model], Volume(np.flip(volume.array, f), np.eye(4))).prediction.probabilities,
            [axis + 1 for axis in f],
        )
        for n in range(dims + 1)
        for f in itertools.combinations(axes, n)
    ]
    assert len(every) == 2**dims
    got = predict([model], volume, PredictionSettings(flips=True)).prediction.probabilities
    np.testing.assert_allclose(got, np.mean(every, axis=0), atol=1e-5)
    assert np.abs(got - every[0]).max() > 1e-3


def test_an_ensemble_averages_its_members_whatever_their_preprocessing():
    volume = noise((10, 12, 9), ALL["oblique"])
    spacing = canonical_grid(volume.geometry).spacing
    finer = tuple(0.7 * n for n in spacing)
    flat = canonical_grid(volume.geometry, 2).spacing
    members = [
        random_model(3, seed=1, spacing=spacing),
        random_model(3, seed=2, spacing=finer),
        random_model(2, seed=3, spacing=flat),
    ]
    each = [predict([one], volume).prediction.probabilities for one in members]
    got = predict(members, volume).prediction
    np.testing.assert_allclose(got.probabilities, np.mean(each, axis=0), atol=1e-6)
    assert got.provenance.weights_hash == " + ".join(m.weights_hash for m in members)


def test_an_ensemble_of_2d_and_3d_whose_slices_run_across_each_other():
    matrix = np.diag((1.0, 4.0, 1.0, 1.0))  # The 2-D network sees coronal slices.
    volume = noise((10, 12, 9), matrix)
    members = [random_model(3, spacing=(1, 4, 1)), random_model(2, spacing=(4, 1, 1))]
    each = [predict([one], volume).prediction.probabilities for one in members]
    got = predict(members, volume, PredictionSettings(slab_megabytes=0)).prediction
    np.testing.assert_allclose(got.probabilities, np.mean(each, axis=0), atol=1e-6)


def test_models_with_other_labels_make_no_ensemble():
    with pytest.raises(ValueError, match="allowed are models with the same labels"):
        predict([random_model(), random_model(labels={1: "liver", 2: "spleen"})], noise())
    with pytest.raises(ValueError, match="models: got none"):
        predict([], noise())


def test_an_image_with_other_channels_is_refused():
    with pytest.raises(ValueError, match=r"noise\.nrrd: got 2 channels, allowed are 1"):
        predict([random_model()], noise(channels=2))


def test_the_prediction_tells_where_it_comes_from(tmp_path):
    model = random_model(dropout=0.2)
    settings = PredictionSettings(flips=True, mc_samples=2, uncertainty=("entropy",))
    got = predict([model], noise(), settings).prediction
    assert got.provenance.method == "unet-3d"
    assert got.provenance.weights_hash == model.weights_hash
    assert json.loads(json.dumps(got.provenance.settings))["mc_samples"] == 2
    write_probabilities(got, tmp_path / "p.nrrd")
    assert read_probabilities(tmp_path / "p.nrrd").provenance == got.provenance


def test_a_network_in_training_stays_as_it_was():
    model = random_model(dropout=0.2)
    model.network.train()
    next(model.network.modules()).extra = torch.nn.Dropout()
    frozen = next(m for m in model.network.modules() if isinstance(m, torch.nn.Conv3d))
    frozen.eval()
    before = model.weights_hash
    predict([model], noise(), PredictionSettings(mc_samples=2))
    assert model.network.training
    assert not frozen.training
    assert model.weights_hash == before
    assert not any(m._forward_hooks for m in model.network.modules())
    model.network(torch.zeros(1, 1, 8, 8, 8)).sum().backward()  # Still learns.


def test_progress_rises_to_one():
    told = []
    settings = PredictionSettings(flips=True, slab_megabytes=0, windows_at_once=1)
    volume = noise((20, 8, 12))
    models = [random_model(3), random_model(2)]
    predict_labels(models, volume, settings, Progress(lambda f, t: told.append((f, t))))
    fractions = [f for f, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert told[-1][1] == "predicting noise.nrrd"


def test_it_can_be_cancelled_between_windows():
    progress = Progress()
    calls = []

    def look(module, inputs, output):
        calls.append(len(inputs[0]))
        progress.cancel()

    model = random_model()
    hook = model.network.register_forward_hook(look)
    with pytest.raises(CancelledError):
        predict([model], noise((8, 8, 80)), PredictionSettings(windows_at_once=2), progress)
    assert calls == [2]
    hook.remove()


def test_a_predictor_loads_once_and_predicts_many(tmp_path):
    models = [random_model(seed=1), random_model(seed=2)]
    for n, model in enumerate(models):
        save_model(model, tmp_path / f"{n}.safetensors")
    settings = PredictionSettings(uncertainty=("variance",))
    predictor = Predictor.load([tmp_path / "0.safetensors", tmp_path / "1.safetensors"], settings)
    for seed in (0, 1):
        got, wanted = (
            predictor.predict(noise(seed=seed)),
            predict(models, noise(seed=seed), settings),
        )
        np.testing.assert_array_equal(got.prediction.probabilities, wanted.prediction.probabilities)
        np.testing.assert_array_equal(got.uncertainty["variance"], wanted.uncertainty["variance"])
        labels = predictor.predict_labels(noise(seed=seed))
        np.testing.assert_array_equal(labels.mask.labels, wanted.prediction.full_labels())


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device: got 'tpu'"):
        predict([random_model()], noise(), device="tpu")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"uncertainty": ("doubt",)}, "uncertainty: got doubt, allowed are entropy, variance"),
        ({"mc_samples": -1}, "mc_samples: got -1, allowed is 0 to 10000"),
        ({"overlap": 0.95}, "overlap: got 0.95, allowed is 0 to 0.9"),
        ({"windows_at_once": 0}, "windows_at_once: got 0, allowed is 1 to 4096"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(said, message):
    with pytest.raises(ValueError, match=message):
        PredictionSettings(**said)
